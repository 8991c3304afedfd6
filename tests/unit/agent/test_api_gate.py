"""What the head of a request decides: who may, what there is, in which language."""

from __future__ import annotations

import json

import pytest

from agent.api.auth import client_of
from agent.api.gate import admit
from agent.api.languages import choose
from agent.api.messages import Request, Response
from agent.api.routes import ROUTES, Context, Route
from agent.api.settings import ApiClient, ApiSettings
from agent.domain.text import Text

CLIENTS = (ApiClient("pos", "pos-token-0123456"), ApiClient("screen", "screen-token-01234"))


def say_zh(text: Text) -> str:
    return f"中文:{text.id}"


# --- tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        (b"Bearer pos-token-0123456", "pos"),
        (b"bearer  screen-token-01234", "screen"),
        (b"Bearer pos-token-012345", None),
        (b"Bearer pos-token-01234567", None),
        (b"Basic pos-token-0123456", None),
        (b"pos-token-0123456", None),
        (b"Bearer \xff\xfe", None),
        (b"Bearer ", None),
        (b"", None),
    ],
)
def test_a_client_is_known_by_its_whole_token_only(authorization: bytes, name: str | None) -> None:
    found = client_of(authorization, CLIENTS)
    assert (found and found.name) == name


@pytest.mark.parametrize("authorization", [b"", b"Bearer", b"Bearer "])
def test_an_empty_token_opens_nothing(authorization: bytes) -> None:
    assert client_of(authorization, [ApiClient("careless", "")]) is None


# --- languages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept_language", "name"),
    [
        ("", "en"),
        ("fr", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh_CN"),
        ("en;q=0.3, zh-Hans;q=0.7", "zh_CN"),
        ("zh;q=0.2, en-GB", "en"),
        ("fr, zh;q=0.5", "zh_CN"),
        ("ZH", "zh_CN"),
        (";;;q=x,,", "en"),
    ],
)
def test_the_best_language_that_the_lane_has_is_chosen(accept_language: str, name: str) -> None:
    translations = {"en": Text.english, "zh_CN": say_zh}

    assert choose(accept_language, translations) is translations[name]


# --- the gate ----------------------------------------------------------------------------------


def context(**settings: object) -> Context:
    return Context(
        ApiSettings(client=CLIENTS, **settings),
        lane=None,  # type: ignore[arg-type]  the gate asks the lane nothing
        hub=None,  # type: ignore[arg-type]  nor the events
        translations={"en": Text.english},
    )


def request(
    method: str, path: str, *, is_local: bool = True, token: str = "", length: int = 0
) -> Request:
    headers = {b"content-length": str(length).encode()}
    if token:
        headers[b"authorization"] = b"Bearer " + token.encode()
    return Request(method, path, headers, Text.english, is_local)


def refused(decision: Route | Response) -> tuple[int, str]:
    assert isinstance(decision, Response)
    return decision.status, json.loads(decision.body)["code"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_with_a_token_every_route_is_open_from_everywhere(route: Route) -> None:
    asked = request(route.method, route.path, is_local=False, token=CLIENTS[0].token)

    assert admit(asked, context()) is route


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_without_a_token_nothing_is_open_from_another_machine(route: Route) -> None:
    asked = request(route.method, route.path, is_local=False)

    assert refused(admit(asked, context())) == (401, "token_invalid")


def test_without_a_token_this_machine_sees_no_secret_and_asks_for_the_screens_token_only() -> None:
    seen = {
        route.path
        for route in ROUTES
        if isinstance(admit(request(route.method, route.path), context()), Route)
    }

    assert seen == {"/v1/health", "/openapi.json", "/v1/screen/session"}


def test_a_wrong_token_is_logged_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    admit(request("GET", "/v1/lane", token="guessed"), context())

    assert "wrong token was refused: GET /v1/lane" in caplog.text
    assert "guessed" not in caplog.text


def test_an_unknown_path_and_an_unknown_method_are_told_apart() -> None:
    assert refused(admit(request("GET", "/v1/lanes"), context())) == (404, "not_found")
    wrong = admit(request("DELETE", "/v1/lane"), context())
    assert refused(wrong) == (405, "method_not_allowed")
    assert isinstance(wrong, Response)
    assert ("allow", "GET") in wrong.headers


def test_a_body_declared_too_large_is_refused_unread() -> None:
    asked = request("POST", "/v1/settlements", token=CLIENTS[0].token, length=2049)

    assert refused(admit(asked, context(body_max_bytes=2048))) == (413, "body_too_large")


def test_a_preflight_is_answered_only_where_an_origin_is_configured() -> None:
    asked = request("OPTIONS", "/v1/settlements")

    assert refused(admit(asked, context())) == (405, "method_not_allowed")
    allowed = admit(asked, context(cors_origin="https://pos.example"))
    assert isinstance(allowed, Response)
    assert allowed.status == 204
    assert dict(allowed.headers)["access-control-allow-methods"] == "POST"

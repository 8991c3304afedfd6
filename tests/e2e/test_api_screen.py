"""What the server gives to the lane screen's browser, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from agent.api import pages
from agent.api.settings import Shop
from agent.shop import TillSettings
from tests.api_kit import (
    AUTHORIZED,
    GOOD,
    TOKEN,
    Answered,
    Lane,
    asked,
    get,
    serving,
    usual_server,
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with usual_server() as port:
        yield port


def session(port: int, *headers: str, host: str = "127.0.0.1:8460") -> Answered:
    lines = ["POST /v1/screen/session HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return asked(port, "\r\n".join(lines).encode())


def bearer(port: int) -> str:
    return f"Authorization: Bearer {session(port).json['token']}"


# --- pages ---------------------------------------------------------------------------------------


def test_the_bare_address_leads_to_the_screen(port: int) -> None:
    answer = asked(port, get("/"))

    assert (answer.status, answer.headers["location"]) == (303, "/screen/")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/screen", "text/html; charset=utf-8"),
        ("/screen/", "text/html; charset=utf-8"),
        ("/screen/lane.js", "text/javascript; charset=utf-8"),
        ("/screen/lane.css", "text/css; charset=utf-8"),
        ("/screen/icon.svg", "image/svg+xml"),
    ],
)
def test_a_page_comes_with_its_guards(port: int, path: str, media_type: str) -> None:
    answer = asked(port, get(path))

    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.body


def test_a_page_that_the_browser_has_is_not_sent_again(port: int) -> None:
    first = asked(port, get("/screen/lane.css"))
    again = asked(port, get("/screen/lane.css", f"If-None-Match: {first.headers['etag']}"))
    other = asked(port, get("/screen/lane.css", 'If-None-Match: "other"'))

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (other.status, other.body) == (200, first.body)


@pytest.mark.parametrize(
    "path",
    [
        "/screen/../api/routes.py",
        "/screen/..%2fapi%2froutes.py",
        "/screen//etc/passwd",
        "/screen/README.md",
        "/screen/index.html",
        "/screen/nowhere",
    ],
)
def test_only_the_screens_own_files_are_served(port: int, path: str) -> None:
    assert asked(port, get(path)).status == 404


def test_no_page_loads_anything_from_elsewhere() -> None:
    for file in pages.files().values():
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, file.name
        if file.suffix == ".html":
            assert "<style" not in text
            assert "style=" not in text
            assert "onclick=" not in text


def test_pages_are_told_apart_from_those_of_another_version(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = session(port).json["build"]
    pages.build.cache_clear()
    some = dict(list(pages.files().items())[1:])
    monkeypatch.setattr(pages, "files", lambda: some)

    assert session(port).json["build"] != build
    pages.build.cache_clear()


# --- the token -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8460", "localhost:8460", "[::1]:8460", "LOCALHOST"])
def test_a_page_of_this_machine_gets_a_token(port: int, host: str) -> None:
    own = session(port, f"Origin: http://{host}", "Sec-Fetch-Site: same-origin", host=host)

    assert own.status == 200
    assert len(own.json["token"]) >= 40
    assert own.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("evil.example:8460", []),  # a name that somebody points here
        ("127.0.0.1.evil.example", []),
        ("[", []),
        ("", []),
        ("127.0.0.1:8460", ["Origin: http://evil.example"]),
        ("127.0.0.1:8460", ["Origin: http://127.0.0.1:9999"]),
        ("127.0.0.1:8460", ["Origin: null"]),
        ("127.0.0.1:8460", ["Sec-Fetch-Site: cross-site"]),
        ("127.0.0.1:8460", ["Sec-Fetch-Site: same-site"]),
    ],
)
def test_a_page_from_elsewhere_gets_none(port: int, host: str, headers: list[str]) -> None:
    answer = session(port, *headers, host=host)

    assert (answer.status, answer.json["code"]) == (403, "not_the_screen")


def test_the_screens_token_opens_what_a_screen_needs_and_no_settlement(port: int) -> None:
    token = bearer(port)
    settle = get(
        "/v1/settlements", token, f"Content-Length: {len(GOOD)}", "Connection: close", method="POST"
    )

    assert asked(port, get("/v1/lane", token)).status == 200
    assert asked(port, get("/v1/screen", token)).status == 200
    assert asked(port, settle + GOOD).status == 401


def test_each_run_of_the_server_has_a_token_of_its_own(port: int) -> None:
    with serving(Lane()) as other:
        assert asked(other, get("/v1/lane", bearer(port))).status == 401
        assert asked(other, get("/v1/lane", bearer(other))).status == 200


def test_a_configured_token_never_leaves_in_an_answer(port: int) -> None:
    for path in ("/screen/", "/v1/screen", "/v1/lane"):
        assert TOKEN.encode() not in asked(port, get(path, AUTHORIZED)).body
    assert TOKEN.encode() not in session(port).body


# --- words and formats ---------------------------------------------------------------------------


def test_the_screen_learns_its_words_its_languages_and_how_the_shop_counts() -> None:
    till = TillSettings(enabled=True, tenders=("cash", "card"), notes_minor=(1000, 5000))
    shop = Shop("JPY", 0, "Acme", "lane-7", has_head_office=False, till=till)
    with serving(Lane(), shop=shop) as port:
        answer = asked(port, get("/v1/screen", bearer(port), "Accept-Language: zh-CN")).json
        own = asked(port, get("/v1/screen", bearer(port), "Accept-Language: *")).json

    words = answer.pop("words")
    assert answer == {
        "language": "zh_CN",
        "languages": ["en", "zh_CN"],
        "currency": "JPY",
        "minor_digits": 0,
        "store": "Acme",
        "lane": "lane-7",
        "has_head_office": False,
        "heartbeat_ms": 15000,
        "till": {
            "tenders": ["cash", "card"],
            "smallest_coin_minor": 1,
            "notes_minor": [1000, 5000],
        },
    }
    assert words["items"] == "中文 Items"
    assert (own["language"], own["words"]["items"]) == ("en", "Items")
    assert json.dumps(own["words"]).count("{count}") >= 2

"""What the lane's HTTP server answers, and every way in which a request can be wrong.

The core's side is played by a thread that answers totals; everything before it is real.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from agent.api import connection
from agent.domain.assessment import Finding
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal
from agent.handle import LaneBusy
from tests.api_kit import (
    AUTHORIZED,
    GOOD,
    SETTLED,
    TOKEN,
    Client,
    Lane,
    asked,
    chunked,
    get,
    post,
    send_for_ever,
    serving,
    usual_server,
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with usual_server() as port:
        yield port


# --- settlements -------------------------------------------------------------------------------


def test_a_settlement_is_answered_after_the_core_has_it() -> None:
    lane = Lane()
    with serving(lane) as port:
        answer = asked(port, post(GOOD))

    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "status": "settled",
        "transaction_id": "e-000007",
        "receipt_number": "L1-000007",
        "message": "Settled: L1-000007",
        "missed_count": 0,
        "findings": [],
    }
    assert lane.seen == [CashierTotal("a", "http", 3)]


@pytest.mark.parametrize(("status", "code"), [("settled", 201), ("held", 202), ("duplicate", 200)])
def test_the_status_tells_what_became_of_it(status: Any, code: int) -> None:
    reason = Text("{count} × {item} charged but not scanned", {"count": 1, "item": "Milch"})
    also = (Text("the weight says so too"),)
    finding = Finding("missed_item", 1, "04006381333931", "dairy", 199, reason, also)
    outcome = SettlementOutcome(status, Text("ok"), missed_count=1, findings=(finding,))
    with serving(Lane(lambda total: outcome)) as port:
        answer = asked(port, post(GOOD, "Accept-Language: zh-CN"))

    assert (answer.status, answer.json["status"]) == (code, status)
    assert answer.json["missed_count"] == 1
    assert answer.json["findings"] == [
        {
            "kind": "missed_item",
            "count": 1,
            "gtin": "04006381333931",
            "category": "dairy",
            "value_minor": 199,
            "reason": "中文 1 × Milch charged but not scanned",
            "also": ["中文 the weight says so too"],
        }
    ]


@pytest.mark.parametrize("code", ["no_open_transaction", "total_id_reused", "price_unknown"])
def test_a_conflict_with_the_lane_is_409(code: str) -> None:
    with serving(Lane(lambda total: SettlementOutcome("rejected", Text("No"), code))) as port:
        answer = asked(port, post(GOOD))

    assert answer.status == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json == {
        "code": code,
        "title": "Not possible now",
        "status": 409,
        "detail": "No",
    }


def test_a_bad_total_reaches_the_core_and_all_its_problems_reach_the_client(port: int) -> None:
    body = json.dumps(
        {
            "total_id": "a",
            "item_count": 99999,
            "amount_minor": -5,
            "lines": [{"gtin": "4006381333932", "amount_minor": 1}],
        }
    ).encode()

    answer = asked(port, post(body))

    assert answer.status == 422
    assert answer.json["code"] == "item_count_absurd"
    assert answer.json["path"] == "item_count"
    assert [(p["code"], p["path"]) for p in answer.json["problems"]] == [
        ("item_count_absurd", "item_count"),
        ("amount_negative", "amount_minor"),
        ("gtin_invalid", "lines[0].gtin"),
        ("lines_do_not_match", "lines"),
        ("item_count_does_not_match", "item_count"),
    ]


def test_a_silent_core_is_a_504_that_says_how_to_go_on() -> None:
    lane = Lane(lambda total: None)
    with serving(lane, answer_timeout_ms=100) as port:
        answer = asked(port, post(GOOD))
        lane.unanswered[0](SETTLED)  # too late: no one waits, nothing breaks
        lane.answer = lambda total: SETTLED
        again = asked(port, post(GOOD))

    assert (answer.status, answer.json["code"]) == (504, "lane_silent")
    assert "same total_id" in answer.json["detail"]
    assert again.status == 201


def test_an_answer_after_the_servers_end_harms_nobody() -> None:
    lane = Lane(lambda total: None)
    with serving(lane, answer_timeout_ms=100) as port:
        asked(port, post(GOOD))

    lane.unanswered[0](SETTLED)


def test_a_busy_core_is_a_503_to_be_tried_again() -> None:
    class BusyLane(Lane):
        def submit_total(self, total: CashierTotal, reply: Any) -> None:
            raise LaneBusy

    with serving(BusyLane()) as port:
        answer = asked(port, post(GOOD))

    assert (answer.status, answer.json["code"]) == (503, "lane_busy")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("code", ["internal", "journal_unreadable"])
def test_a_fault_of_the_lane_itself_is_a_503_to_be_tried_again(code: str) -> None:
    with serving(Lane(lambda total: SettlementOutcome("rejected", Text("No"), code))) as port:
        answer = asked(port, post(GOOD))

    assert (answer.status, answer.json["code"]) == (503, code)
    assert answer.headers["retry-after"] == "1"


# --- bodies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"", 400, "json_malformed", "at byte 0"),
        (b'{"total_id":"a",', 400, "json_malformed", "at byte 16"),
        (b'{"total_id":"\xff"}', 400, "json_malformed", "not UTF-8"),
        (b"[1]", 422, "value_invalid", "expected object"),
        (b'{"total_id":"a","item_cuont":3}', 422, "field_unknown", "nearest name is item_count"),
    ],
)
def test_a_body_that_is_no_total_is_refused_with_the_place(
    port: int, body: bytes, status: int, code: str, words: str
) -> None:
    answer = asked(port, post(body))

    assert (answer.status, answer.json["code"]) == (status, code)
    assert words in answer.json["detail"]


def test_a_body_may_come_in_chunks(port: int) -> None:
    assert asked(port, chunked(GOOD, 5)).status == 201


def test_a_body_declared_too_large_is_refused_before_it_comes(port: int) -> None:
    head = get("/v1/settlements", AUTHORIZED, "Content-Length: 4097", method="POST")

    answer = asked(port, head)

    assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"


def test_a_client_that_sends_too_much_still_reads_why(port: int) -> None:
    with Client(port) as client:
        answer = client.ask(post(b" " * 1_000_000))

        assert answer.status == 413
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_closed()


def test_a_client_that_goes_on_sending_is_cut_off(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER_S", 0.1)
    with Client(port) as client:
        assert client.ask(post(b" " * 5_000)).status == 413
        with pytest.raises(ConnectionError):
            send_for_ever(client, b" " * 5_000)


def test_a_chunked_body_is_cut_at_the_limit(port: int) -> None:
    assert asked(port, chunked(b" " * 5000, 1000)).status == 413


def test_a_client_that_asks_first_is_told_to_go_on(port: int) -> None:
    with Client(port) as client:
        client.send(post(GOOD, "Expect: 100-continue")[: -len(GOOD)])
        assert client.read().status == 100
        assert client.ask(GOOD).status == 201


@pytest.mark.parametrize(
    ("token", "length", "status"), [("wrong-token", "9", 401), (TOKEN, "99999", 413)]
)
def test_a_client_that_asks_first_is_told_if_it_need_not(
    port: int, token: str, length: str, status: int
) -> None:
    request = get(
        "/v1/settlements",
        f"Authorization: Bearer {token}",
        f"Content-Length: {length}",
        "Expect: 100-continue",
        method="POST",
    )

    assert asked(port, request).status == status


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["X: y", "Authorization: Bearer pos", "Authorization: Basic x"])
def test_nothing_is_settled_without_the_token(header: str) -> None:
    lane = Lane()
    with serving(lane) as port:
        request = get("/v1/settlements", header, f"Content-Length: {len(GOOD)}", method="POST")
        answer = asked(port, request + GOOD)

    assert (answer.status, answer.json["code"]) == (401, "token_invalid")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert lane.seen == []


def test_health_says_nothing_secret(port: int) -> None:
    answer = asked(port, get("/v1/health"))

    assert answer.json == {"status": "ok"}
    assert set(answer.headers) <= {"cache-control", "content-type", "content-length"}


def test_the_lane_is_shown_to_a_client_with_a_token(port: int) -> None:
    assert asked(port, get("/v1/lane")).status == 401
    answer = asked(port, get("/v1/lane?now", AUTHORIZED, "Accept-Language: zh"))

    assert answer.json == {
        "transaction_id": "e-000008",
        "lines": [
            {
                "line_no": 1,
                "gtin": "04006381333931",
                "description": "Milch 牛奶",
                "category": "dairy",
                "quantity_milli": 1000,
                "weight_g": None,
                "price_minor": 199,
                "sold_by": "each",
                "amount_minor": None,
            }
        ],
        "item_count": 1,
        "amount_minor": 199,
        "alert": "中文 1 item not scanned",
        "suspicion": None,
        "devices": [
            {
                "role": "scale",
                "kind": "scale",
                "state": "lost",
                "reason": "unplugged",
                "name": "中文 Scale",
                "text": "中文 Not reachable: check its cable and power",
                "is_well": False,
            }
        ],
        "live_weights": [],
        "journal_seq": 12,
        "acknowledged_seq": 10,
        "degraded": False,
    }


def test_refusals_are_in_the_language_of_the_client(port: int) -> None:
    answer = asked(port, get("/v1/lane", "Accept-Language: zh-CN,en;q=0.5"))

    assert answer.json["title"] == "中文 No valid token"


def test_pages_of_other_origins_may_only_if_configured(port: int) -> None:
    origin = "https://pos.example"
    with serving(Lane(), cors_origin=origin) as open_port:
        preflight = asked(open_port, get("/v1/settlements", method="OPTIONS"))
        answer = asked(open_port, post(GOOD))

    assert preflight.status == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert asked(port, get("/v1/settlements", method="OPTIONS")).status == 405
    assert "access-control-allow-origin" not in asked(port, post(GOOD)).headers

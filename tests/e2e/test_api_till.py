"""A till over HTTP, from the request to the journal: server, core and SQLite are real."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.domain.facts import TransactionSettled
from agent.domain.shop import ShopRules
from agent.shop import TillSettings
from tests.core_kit import durable_facts
from tests.screen_kit import BREAD, MILK, TOKEN, ScreenLane

CASH = [{"tender_type": "cash", "amount_minor": 2000}]


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path, ShopRules(), TillSettings(enabled=True))
    with lane.running(), lane.served():
        yield lane


def ask(lane: ScreenLane, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    client = http.client.HTTPConnection("127.0.0.1", lane.port, timeout=5)
    client.request(method, path, json.dumps(body), {"Authorization": f"Bearer {TOKEN}"})
    with client.getresponse() as response:
        answer = response.status, json.loads(response.read())
    client.close()
    return answer


def post(lane: ScreenLane, what: str, **body: Any) -> tuple[int, Any]:
    return ask(lane, "POST", f"/v1/till/{what}", body)


def scanned(lane: ScreenLane, *labels: str) -> dict[str, Any]:
    lane.scan(*labels)
    while (now := ask(lane, "GET", "/v1/lane")[1])["item_count"] < len(labels):
        pass
    return now


def test_a_basket_is_paid_once_however_often_it_is_asked_for(lane: ScreenLane) -> None:
    scanned(lane, MILK)

    first = post(lane, "settle", total_id="P1", amount_minor=1250, tenders=CASH, operator="07")
    again = post(lane, "settle", total_id="P1", amount_minor=1250, tenders=CASH, operator="07")

    assert first == again
    status, answer = first
    assert status == 200
    assert answer["payment"] == {"amount_minor": 1250, "change_minor": 750, "rounding_minor": 0}
    sales = [f for f in durable_facts(lane.journal.path) if isinstance(f, TransactionSettled)]
    assert [(sale.receipt_number, sale.operator) for sale in sales] == [
        (answer["receipt_number"], "07")
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount_minor": 1250, "tenders": []}, 409, "underpaid"),
        ({"amount_minor": 1, "tenders": CASH}, 409, "amount_changed"),
        (
            {"amount_minor": 1250, "tenders": [{"tender_type": "iou", "amount_minor": 1250}]},
            400,
            "tender_wrong",
        ),
        ({"amount_minor": "much"}, 400, "value_invalid"),
    ],
)
def test_what_is_no_payment_is_refused_by_code(
    lane: ScreenLane, body: dict[str, Any], status: int, code: str
) -> None:
    scanned(lane, MILK)

    got, answer = post(lane, "settle", total_id="P1", **body)

    assert (got, answer["code"]) == (status, code)


def test_a_basket_is_put_aside_listed_and_taken_up(lane: ScreenLane) -> None:
    first = scanned(lane, MILK, BREAD)["transaction_id"]

    assert post(lane, "suspend", transaction_id=first)[0] == 200
    assert post(lane, "suspend", transaction_id=first)[0] == 200
    _, listed = ask(lane, "GET", "/v1/till/suspended")
    [basket] = listed["suspended"]
    assert basket.pop("age_s") >= 0
    assert basket == {
        "number": 1,
        "transaction_id": first,
        "item_count": 2,
        "amount_minor": 2130,
        "operator": "",
    }
    assert post(lane, "retrieve", number=2)[1]["code"] == "no_such_basket"
    assert post(lane, "retrieve", number=1)[0] == 200
    assert ask(lane, "GET", "/v1/lane")[1]["transaction_id"] == first
    assert ask(lane, "GET", "/v1/till/suspended")[1] == {"suspended": []}


def test_who_may_not_give_a_basket_up_is_told_who_may(lane: ScreenLane) -> None:
    scanned(lane, MILK)
    post(lane, "suspend")

    status, answer = post(lane, "discard", number=1, reason="gone")
    assert (status, answer["code"]) == (403, "supervisor_needed")
    assert post(lane, "discard", number=1, reason="gone", pin="2468")[0] == 200
    assert post(lane, "discard", number=1, pin="2468")[0] == 404

"""Goods that come back, over HTTP: once for each id, never more than was sold, across restarts and
rebuilds. Server, core and journal are real."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.domain.facts import ReturnRecorded
from agent.domain.shop import ReturnLimit, ShopRules
from agent.journal import Journal
from tests.core_kit import durable_facts
from tests.screen_kit import BREAD, MILK, STRANGE, TEA, TOKEN, ScreenLane

PIN = "2468"
LIMITS = ("cashier", ReturnLimit(amount_minor=1000)), ("supervisor", ReturnLimit())


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path, ShopRules(return_limits=LIMITS))
    with lane.running(), lane.served():
        yield lane


@pytest.fixture
def sale(lane: ScreenLane) -> str:
    """Two of milk and one of bread, of which a card paid 20.00."""
    lane.scan(MILK, MILK, BREAD)
    while lane.core.snapshot().item_count < 3:
        pass
    tenders = [
        {"tender_type": "card", "amount_minor": 2000},
        {"tender_type": "cash", "amount_minor": 1380},
    ]
    settled = lane.settle(item_count=3, amount_minor=3380, tenders=tenders)
    return str(settled["transaction_id"])


def body(return_id: str = "r1", *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"return_id": return_id, "lines": lines or [{"line_no": 1}], "pin": PIN, **more}


def loose(**more: Any) -> dict[str, Any]:
    goods = {"return_id": "r1", "receipt_number": "L9-ab-1", "lines": [{"label": TEA}]}
    return {**goods, "pin": PIN, **more}


def recorded(lane: ScreenLane) -> list[Any]:
    return [f for f in durable_facts(lane.journal.path) if isinstance(f, ReturnRecorded)]


def test_goods_come_back_once_however_often_and_at_the_same_time(
    lane: ScreenLane, sale: str
) -> None:
    path = f"/v1/transactions/{sale}/return"
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: lane.ask("POST", path, body()), range(8)))
    assert {status for status, _ in told} <= {200, 503}
    answers = [answer for status, answer in told if status == 200]
    assert answers == [answers[0]] * len(answers)
    refund = {"tender_type": "card", "amount_minor": 1250}
    assert answers[0]["refund"] == {"amount_minor": 1250, "rounding_minor": 0, "tenders": [refund]}
    assert answers[0]["receipt_number"] == f"L1-{lane.journal.epoch[:4]}-R000001"
    assert len(recorded(lane)) == 1
    again = lane.ask("POST", path, body("r1", {"line_no": 2}))
    assert (again[0], again[1]["code"]) == (409, "id_reused")


def test_two_at_the_same_time_never_bring_back_more_than_was_sold(
    lane: ScreenLane, sale: str
) -> None:
    path = f"/v1/transactions/{sale}/return"
    with ThreadPoolExecutor(4) as pool:
        ask = [body(f"r{number}", {"line_no": 3}) for number in range(8)]
        told = list(pool.map(lambda one: lane.ask("POST", path, one), ask))
    assert sorted(status for status, _ in told if status != 503).count(200) == 1
    assert len(recorded(lane)) == 1


def test_a_sale_tells_what_of_it_can_still_come_back(
    lane: ScreenLane, sale: str, tmp_path: Path
) -> None:
    path = f"/v1/transactions/{sale}"
    lines = {"line_no": 1, "condition": "damaged"}, {"line_no": 3}
    status, answer = lane.ask("POST", f"{path}/return", body("r1", *lines, reason="stale"))
    assert (status, answer["message"][:10]) == (200, "Taken back")
    file = lane.ask("GET", path)[1]
    left = {line["line_no"]: (line["left"], line["worth_minor"]) for line in file["returnable"]}
    assert left == {1: (0, None), 2: (1000, 1250), 3: (0, None)}
    (told,) = file["returns"]
    assert (told["amount_minor"], told["reason"], told["approver"]) == (2130, "stale", "Li")
    assert [line["condition"] for line in told["lines"]] == ["damaged", "resaleable"]
    for tender, code in (("card", "tender_exceeded"), ("wechat", "tender_exceeded")):
        ask = body("r2", {"line_no": 2}, tender_type=tender)
        assert lane.ask("POST", f"{path}/return", ask)[1]["code"] == code
    copy = tmp_path / "copy" / "journal.db"
    copy.parent.mkdir()
    with sqlite3.connect(copy) as target:
        lane.journal._db.backup(target)
    with Journal(copy) as journal:
        before = list(journal.projections())
        journal.rebuild()
        assert list(journal.projections()) == before
        assert [row.job_id for row in journal.unprinted_jobs(5)] == [f"{sale}-receipt", "r1-return"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"pin": ""}, (403, "supervisor_needed")),
        ({"lines": []}, (400, "value_absurd")),
        ({"lines": [{"line_no": 9}]}, (409, "no_such_line")),
        ({"lines": [{"line_no": 1, "quantity": 2}]}, (409, "too_much")),
        ({"lines": [{"line_no": 1, "quantity": -1}]}, (400, "value_absurd")),
        ({"lines": [{"line_no": 1, "amount_minor": 1}]}, (409, "amount_changed")),
        ({"lines": [{"line_no": 1, "condition": "lost"}]}, (400, "value_invalid")),
        ({"lines": [{"line_no": 1, "colour": "red"}]}, (400, "value_invalid")),
        ({"lines": [{"line_no": 1}] * 201}, (400, "value_invalid")),
        ({"lines": "all"}, (400, "value_invalid")),
        ({"tender_type": "No Such"}, (400, "value_absurd")),
        ({"return_id": ""}, (400, "value_absurd")),
        ({"return_id": None}, (400, "value_invalid")),
    ],
)
def test_what_cannot_come_back_is_refused(
    lane: ScreenLane, sale: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    status, answer = lane.ask("POST", f"/v1/transactions/{sale}/return", body() | change)
    assert (status, answer["code"]) == expected
    assert recorded(lane) == []


def test_a_sale_that_is_not_here_brings_nothing_back(lane: ScreenLane) -> None:
    assert lane.ask("POST", "/v1/transactions/nobody/return", body())[0] == 404


def test_up_to_the_limit_a_cashier_needs_nobody(lane: ScreenLane, sale: str) -> None:
    path = f"/v1/transactions/{sale}/return"
    assert lane.ask("POST", path, body("r1", {"line_no": 3}, pin=""))[0] == 200
    status, answer = lane.ask("POST", path, body("r2", {"line_no": 1}, pin=""))
    assert (status, answer["code"]) == (403, "supervisor_needed")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (200, None)),
        ({"pin": ""}, (403, "supervisor_needed")),
        ({"receipt_number": ""}, (409, "return_refused")),
        ({"lines": [{"label": "123"}]}, (400, "label_invalid")),
        ({"lines": [{"label": STRANGE}]}, (400, "amount_needed")),
        ({"lines": []}, (400, "value_absurd")),
        ({"sold_on": "last week"}, (400, "value_absurd")),
        ({"tender_type": "card"}, (409, "tender_exceeded")),
        ({"lines": [{}]}, (400, "value_invalid")),
    ],
)
def test_a_receipt_from_elsewhere_needs_a_supervisor(
    lane: ScreenLane, change: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    status, answer = lane.ask("POST", "/v1/returns", loose(**change))
    assert (status, answer.get("code")) == expected
    assert len(recorded(lane)) == (status == 200)


def test_a_receipt_of_this_lane_is_no_receipt_from_elsewhere(lane: ScreenLane, sale: str) -> None:
    number = lane.ask("GET", f"/v1/transactions/{sale}")[1]["sale"]["receipt_number"]
    ask = loose(receipt_number=number, lines=[{"label": f"]E0{TEA}"}])
    assert lane.ask("POST", "/v1/returns", ask)[1]["code"] == "sale_is_here"


def test_an_added_item_that_came_back_is_not_taken_back_besides(
    lane: ScreenLane, sale: str
) -> None:
    path = f"/v1/transactions/{sale}"
    paid = {"way": "paid", "label": TEA, "tender_type": "cash", "pin": PIN}
    assert lane.ask("POST", f"{path}/backfill", {"backfill_id": "b1", **paid})[0] == 200
    line = lane.ask("GET", path)[1]["returnable"][-1]
    assert (line["backfill_id"], line["worth_minor"]) == ("b1", 450)
    goods = {"line_no": line["line_no"], "backfill_id": "b1"}
    assert lane.ask("POST", f"{path}/return", body("r1", goods))[0] == 200
    back = {"reversal_id": "v1", "backfill_id": "b1", "pin": PIN}
    assert lane.ask("POST", f"{path}/reverse", back)[1]["code"] == "returned_since"


def test_the_description_of_the_api_tells_of_returns(lane: ScreenLane) -> None:
    document = lane.ask("GET", "/openapi.json")[1]
    assert {"/v1/returns", "/v1/transactions/{transaction_id}/return"} <= document["paths"].keys()
    assert {"ReturnBody", "LooseReturnBody"} <= document["components"]["schemas"].keys()


CONFIG = """
[store]
org = "acme"
id = "s1"
name = "Shop"
[lane]
id = "L1"
data_dir = "{folder}"
[api]
port = {port}
[[api.client]]
name = "desk"
token = "{token}"
"""


def test_from_the_shell(
    lane: ScreenLane,
    sale: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    config = tmp_path / "lane.toml"
    config.write_text(CONFIG.format(folder=tmp_path, port=lane.port, token=TOKEN))

    def told(*words: str) -> tuple[int, str]:
        code = main(["returns", *words, "--config", str(config)])
        said = capsys.readouterr()
        return code, said.out + said.err

    code, said = told("goods", sale, "1", "3:1")
    assert (code, said) == (1, "A supervisor is asked for this: let one key the PIN\n")
    monkeypatch.setenv("LANETALLY_PIN", PIN)
    code, said = told("goods", sale, "1", "3:1", "--damaged", "--id", "r1")
    assert (code, said.splitlines()[1:]) == (0, ["  card 2000", "  cash 130"])
    code, said = told("show", sale)
    assert code == 0
    assert "1 × 0" + MILK in said
    assert "- r1" in said
    assert told("goods", sale, "2:x")[0] == 1
    code, said = told("loose", f"{TEA}:2", "--receipt", "L9-1", "--amount-minor", "900")
    assert (code, said.splitlines()[1:]) == (0, ["  cash 900"])
    assert told("loose", TEA, BREAD, "--amount-minor", "900")[0] == 1
    assert [fact.amount_minor for fact in recorded(lane)] == [2130, 900]

"""Settled sales over HTTP and from the shell: found, amended once, taken back, closed; across
restarts. Server, core and journal are real."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from agent.api.sale_answers import masked
from agent.aside import Aside
from agent.cli import main
from agent.domain.facts import BackfillReversed, ItemBackfilled
from agent.journal import Journal
from agent.journal.sales import JournalSales
from drivers.base import DeviceEvent, ScanData
from tests.broker_kit import wait_for
from tests.core_kit import durable_facts
from tests.screen_kit import BREAD, MILK, TEA, TOKEN, ScreenLane

CHARGED = {"item_count": 3, "amount_minor": 1250 + 880 + 450, "customer": "13812345678"}
PIN = "2468"


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path)
    with lane.running(), lane.served():
        yield lane


@pytest.fixture
def sale(lane: ScreenLane) -> str:
    lane.scan(MILK, BREAD)
    while lane.core.snapshot().item_count < 2:
        pass
    return str(lane.settle(**CHARGED)["transaction_id"])


def found(lane: ScreenLane, query: str) -> list[str]:
    status, answer = lane.ask("GET", f"/v1/transactions?{query}")
    assert status == 200, answer
    return [one["transaction_id"] for one in answer["transactions"]]


def body(act_id: str = "b1", **more: Any) -> dict[str, Any]:
    return {"backfill_id": act_id, "way": "charged", "label": TEA, "pin": PIN, **more}


def journaled(lane: ScreenLane, kind: type) -> list[Any]:
    return [fact for fact in durable_facts(lane.journal.path) if isinstance(fact, kind)]


@pytest.mark.parametrize(
    "query",
    ["", "receipt=1", "receipt=t1", "phone=5678", "phone=138%201234%205678", "amount_minor=2580",
     "from=2020-01-01&to=2100-01-01", "from=2020-01-01T08:00", "receipt=1&amount_minor=2580"],
)  # fmt: skip
def test_a_sale_is_found_by_what_is_known_of_it(lane: ScreenLane, sale: str, query: str) -> None:
    assert found(lane, query) == [sale]


@pytest.mark.parametrize(
    "query", ["receipt=2", "phone=9999", "amount_minor=1", "to=2020-01-01", "from=2100-01-01"]
)
def test_a_sale_is_not_found_by_what_is_not_so(lane: ScreenLane, sale: str, query: str) -> None:
    assert found(lane, query) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("phone=78", "at least 4 digits"),
        ("amount_minor=x", "amount_minor is x; what is meant looks like 1250"),
        ("amount_minor=" + "9" * 30, "amount_minor is 9999"),
        ("from=yesterday", "from is yesterday; what is meant looks like 2026-11-22T09:30"),
        ("to=9999-12-31", "to is 9999-12-31; what is meant looks like 2026-11-22"),
        ("colour=red", "colour is not known here"),
        ("receipt=%ff", "The question cannot be read"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused_in_words(
    lane: ScreenLane, query: str, said: str
) -> None:
    status, answer = lane.ask("GET", f"/v1/transactions?{query}")
    assert (status, answer["code"]) == (400, "query_invalid")
    assert said in answer["detail"]


def test_a_retry_adds_once_however_often_and_at_the_same_time(lane: ScreenLane, sale: str) -> None:
    path = f"/v1/transactions/{sale}/backfill"
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: lane.ask("POST", path, body())[0], range(8)))
    assert set(statuses) <= {200, 503} and 200 in statuses  # noqa: PT018  one figure
    assert len(journaled(lane, ItemBackfilled)) == 1
    assert lane.ask("POST", path, body(way="gone"))[1]["code"] == "id_reused"


def test_what_is_open_is_the_same_after_a_restart_and_a_rebuild(
    lane: ScreenLane, sale: str, tmp_path: Path
) -> None:
    (open_,) = lane.ask("GET", "/v1/suspicions")[1]["open"]
    assert (open_["kind"], open_["transaction_id"], open_["owed"]) == ("suspicion", sale, 1)
    copy = tmp_path / "copy" / "journal.db"
    copy.parent.mkdir()
    with sqlite3.connect(copy) as target:
        lane.journal._db.backup(target)
    with Journal(copy) as journal:
        before = list(journal.projections())
        journal.rebuild()
        assert list(journal.projections()) == before
    assert [m.transaction_id for m in JournalSales(copy).todo()] == [sale]


def test_a_backfill_closes_what_was_open_and_taken_back_it_is_open_again(
    lane: ScreenLane, sale: str
) -> None:
    path = f"/v1/transactions/{sale}"
    status, answer = lane.ask("POST", f"{path}/backfill", body(label=f"]E0{TEA}"))
    assert (status, answer["message"][:8]) == (200, "Added to")
    assert lane.ask("GET", "/v1/suspicions")[1]["open"] == []
    file = lane.ask("GET", path)[1]
    assert (file["suspicion"]["is_open"], file["sale"]["customer"]) == (False, "*******5678")

    back = {"reversal_id": "r1", "backfill_id": "b1", "pin": PIN}
    for _ in range(2):
        assert lane.ask("POST", f"{path}/reverse", back)[0] == 200
    assert len(journaled(lane, BackfillReversed)) == 1
    assert lane.ask("GET", path)[1]["backfills"][0]["is_reversed"]
    assert len(lane.ask("GET", "/v1/suspicions")[1]["open"]) == 1


@pytest.mark.parametrize(
    ("path", "change", "expected"),
    [
        ("nobody/backfill", {}, (404, "no_such_sale")),
        ("{sale}/backfill", {"pin": ""}, (403, "supervisor_needed")),
        ("{sale}/backfill", {"label": "123"}, (400, "label_invalid")),
        ("{sale}/backfill", {"way": "lost"}, (400, "value_invalid")),
        ("{sale}/backfill", {"way": "paid"}, (400, "tender_needed")),
    ],
)
def test_what_cannot_be_added_is_refused(
    lane: ScreenLane, sale: str, path: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    where = f"/v1/transactions/{path.format(sale=sale)}"
    status, answer = lane.ask("POST", where, body() | change)
    assert (status, answer["code"]) == expected
    assert journaled(lane, ItemBackfilled) == []


def test_a_sale_that_is_not_there_is_not_shown(lane: ScreenLane) -> None:
    assert lane.ask("GET", "/v1/transactions/nobody")[0] == 404


@pytest.mark.parametrize(
    ("number", "shown"), [("", ""), ("1234", "****"), ("13812345678", "*******5678")]
)
def test_a_customers_number_shows_its_end_only(number: str, shown: str) -> None:
    assert masked(number) == shown


# --- the next scan -------------------------------------------------------------------------------


def test_while_a_basket_is_open_its_scans_are_its_own(lane: ScreenLane) -> None:
    lane.scan(MILK)
    while lane.core.snapshot().transaction_id is None:
        pass
    assert lane.ask("POST", "/v1/scans/next", {})[1]["code"] == "basket_open"
    assert lane.ask("POST", "/v1/scans/next", {"stop": True}) == (200, {"gtin": None})


@pytest.mark.parametrize(
    ("label", "gtin", "detail"), [(TEA, f"0{TEA}", ""), ("123", None, "cut short")]
)
def test_a_scan_is_heard_from_the_moment_on_that_the_lane_says_so(
    lane: ScreenLane, label: str, gtin: str | None, detail: str
) -> None:
    with closing(HTTPConnection("127.0.0.1", lane.port, timeout=5)) as page:
        page.request("POST", "/v1/scans/next", "{}", {"Authorization": f"Bearer {TOKEN}"})
        response = page.getresponse()
        assert (response.status, response.read(1)) == (200, b" ")
        lane.scan(label)
        answer = json.loads(response.read())
    assert answer["gtin"] == gtin
    assert detail in answer.get("detail", "")
    assert lane.core.snapshot().transaction_id is None, "the basket did not get it"


def test_who_hangs_up_leaves_the_scans_to_the_basket(lane: ScreenLane) -> None:
    with closing(HTTPConnection("127.0.0.1", lane.port, timeout=5)) as page:
        page.request("POST", "/v1/scans/next", "{}", {"Authorization": f"Bearer {TOKEN}"})
        with page.getresponse() as response:
            assert response.read(1) == b" "
    wait_for(lambda: lane.aside._heard is None, "the lane has noticed")
    lane.scan(TEA)
    wait_for(lambda: lane.core.snapshot().item_count == 1, "the basket has it")


def test_one_scan_goes_aside_and_the_next_to_the_basket() -> None:
    basket: list[DeviceEvent] = []
    aside = Aside()
    emit = aside.before(basket.append)
    heard: list[Any] = []
    give_up = aside.next_scan(heard.append)
    event = ScanData("scanner", TEA.encode(), "]E0", False, 0)
    emit(event)
    emit(event)
    assert ([label.scan_data for label in heard], basket) == ([TEA.encode()], [event])
    give_up()
    aside.next_scan(heard.append)()
    emit(event)
    assert len(basket) == 2


# --- from the shell ------------------------------------------------------------------------------


@pytest.fixture
def shell(
    lane: ScreenLane, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> Any:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    file = tmp_path / "lane.toml"
    file.write_text(
        f'[store]\norg = "acme"\nid = "s1"\nname = "Shop"\n[lane]\nid = "lane-1"\n'
        f'data_dir = "{tmp_path}"\n[api]\nport = {lane.port}\n'
        f'[[api.client]]\nname = "pos"\ntoken = "{TOKEN}"\n'
    )

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([*words, "--config", str(file)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_a_technician_finds_adds_and_takes_back(
    lane: ScreenLane, sale: str, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = shell("todo", "--json")
    assert (code, json.loads(said)["open"][0]["transaction_id"]) == (0, sale)
    assert "1 item not scanned" in shell("todo")[1]
    assert shell("backfill", "find", "--phone", "5678")[1].startswith(f"! {sale}")

    add = ("backfill", "add", sale, TEA, "--way", "charged", "--id", "b1")
    assert shell(*add)[0] == 1, "nobody approved it"
    monkeypatch.setenv("LANETALLY_PIN", PIN)
    code, said = shell(*add, "--reason", "seen on video", "--json")
    assert (code, json.loads(said)["transaction_id"]) == (0, sale)
    assert f"+ b1  charged  0{TEA}" in shell("backfill", "show", sale)[1]
    assert shell("todo")[1].strip() == "Nothing is open"

    assert shell("backfill", "reverse", sale, "b1")[0] == 0
    assert f"- b1  charged  0{TEA}" in shell("backfill", "show", sale)[1]
    assert shell("backfill", "close", "--sale", sale, "--reason", "a bag")[0] == 0
    assert shell("backfill", "close", "--sale", sale)[0] == 1

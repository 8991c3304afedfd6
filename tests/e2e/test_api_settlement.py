"""From the POS's HTTP request to the journal and back: server, core, domain and SQLite are real."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.api.server import serve
from agent.api.settings import ApiClient, ApiSettings
from agent.core import Core
from agent.domain import facts
from agent.domain.facts import MissedScanSuspected, TransactionSettled
from agent.domain.items import Item
from agent.domain.text import Text
from agent.domain.transaction import StoreRules
from agent.inbox import Inbox
from agent.inputs import CoreInput
from agent.intake import emit_into
from agent.journal import Journal
from agent.totals.keypad import read_keyed
from drivers.base import ScanData
from tests.core_kit import durable_facts
from tests.silent import SilentOutlets

TOKEN = "pos-token-0123456"
MILK, SOAP = "4006381333931", "96385074"


class Lane:
    """A running core with its server, and a POS that talks to it."""

    def __init__(self, journal: Journal, inbox: Inbox[CoreInput], port: int) -> None:
        self._journal = journal
        self._emit = emit_into(inbox)
        self._port = port

    def scan(self, *labels: str) -> None:
        for label in labels:
            self._emit(ScanData("scanner", label.encode(), "", False, 0))

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        pos = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        pos.request(method, path, None if body is None else json.dumps(body), headers)
        with pos.getresponse() as response:
            answer = response.status, json.loads(response.read())
        pos.close()
        return answer

    def settle(self, total_id: str, **total: Any) -> tuple[int, Any]:
        return self.ask("POST", "/v1/settlements", {"total_id": total_id, **total})

    def journaled(self, kind: type) -> list[Any]:
        return [fact for fact in durable_facts(self._journal.path) if isinstance(fact, kind)]


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    journal = Journal(tmp_path / "journal.db")
    items = [
        Item(f"{MILK:>014}", "Milch 牛奶", "dairy", 199),
        Item(f"{SOAP:>014}", "Seife 肥皂", "care", 350),
    ]
    journal.load_items(items, "digest")
    inbox: Inbox[CoreInput] = Inbox()
    rules = StoreRules("L1", journal.epoch, "TWD", 500)
    core = Core(journal, inbox, rules, SilentOutlets(), read_keyed)
    core.start("boot", "0")
    stop = threading.Event()
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    settings = ApiSettings(port=0, client=(ApiClient("pos", TOKEN),))
    says = {"en": Text.english}
    threads = [
        threading.Thread(target=core.run, args=(stop,)),
        threading.Thread(target=serve, args=(settings, core, says, stop, ports.put)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield Lane(journal, inbox, ports.get(timeout=5))
    finally:
        stop.set()
        inbox.close()
        for thread in threads:
            thread.join(5)
        journal.close()
        assert not any(thread.is_alive() for thread in threads)


def test_a_basket_is_scanned_settled_and_in_the_journal_before_the_answer(lane: Lane) -> None:
    lane.scan(MILK, SOAP)
    status, answer = lane.settle("t1", item_count=2, amount_minor=549)

    assert (status, answer["status"], answer["missed_count"]) == (201, "settled", 0)
    (settled,) = lane.journaled(TransactionSettled)
    assert (settled.total_id, settled.amount_minor, settled.item_count) == ("t1", 549, 2)
    assert settled.receipt_number == answer["receipt_number"]


def test_a_missed_scan_is_named_in_the_answer(lane: Lane) -> None:
    lane.scan(MILK)
    lines = [
        {"gtin": MILK, "amount_minor": 199},
        {"gtin": SOAP, "amount_minor": 700, "quantity_milli": 2000},
    ]
    status, answer = lane.settle("t1", lines=lines)

    assert (status, answer["missed_count"]) == (201, 2)
    (finding,) = answer["findings"]
    assert (finding["gtin"], finding["category"], finding["count"]) == (f"{SOAP:>014}", "care", 2)
    assert [f.missed_count for f in lane.journaled(MissedScanSuspected)] == [2]


def test_the_lane_shows_what_was_scanned(lane: Lane) -> None:
    lane.scan(MILK)
    while not (answer := lane.ask("GET", "/v1/lane")[1])["lines"]:
        pass

    assert (answer["item_count"], answer["amount_minor"]) == (1, 199)


def test_a_settlement_sent_twice_is_answered_the_same_and_settled_once(lane: Lane) -> None:
    lane.scan(MILK)
    first = lane.settle("t1", item_count=1)
    lane.scan(SOAP)
    again = lane.settle("t1", item_count=1)

    assert (first[0], again[0]) == (201, 200)
    assert again[1] == first[1] | {"status": "duplicate"}
    assert len(lane.journaled(TransactionSettled)) == 1


def test_one_id_for_two_totals_is_refused(lane: Lane) -> None:
    lane.scan(MILK)
    lane.settle("t1", item_count=1)
    lane.scan(SOAP)
    status, answer = lane.settle("t1", item_count=2)

    assert (status, answer["code"]) == (409, "total_id_reused")


def test_a_settlement_of_nothing_is_refused_and_kept(lane: Lane) -> None:
    status, answer = lane.settle("t1", item_count=1)

    assert (status, answer["code"]) == (409, "no_open_transaction")
    (rejected,) = lane.journaled(facts.CashierTotalRejected)
    assert (rejected.code, rejected.total.total_id) == ("no_open_transaction", "t1")


@pytest.mark.parametrize(
    ("total", "code"),
    [
        ({"item_count": 1, "amount_minor": -199}, "amount_negative"),
        ({"item_count": 1, "amount_minor": 2**53 - 1}, "amount_absurd"),
        ({"item_count": -1}, "item_count_absurd"),
        ({}, "nothing_given"),
        ({"item_count": 1, "operator": "a\x00b"}, "not_printable"),
        ({"item_count": 1, "lines": [{"gtin": "1", "amount_minor": 1}]}, "gtin_invalid"),
    ],
)
def test_an_absurd_total_is_refused_kept_and_the_sale_goes_on(
    lane: Lane, total: dict[str, Any], code: str
) -> None:
    lane.scan(MILK)
    status, answer = lane.settle("t1", **total)

    assert (status, answer["code"]) == (422, code)
    assert answer["problems"]
    assert [fact.code for fact in lane.journaled(facts.CashierTotalRejected)] == [code]
    assert lane.settle("t2", item_count=1, amount_minor=199)[0] == 201

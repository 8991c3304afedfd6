"""What is done by hand at the lane, from the request to the journal: server, core and SQLite are
real."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.api.acts import TRIES_MAX
from agent.api.server import serve
from agent.api.settings import ApiClient, ApiSettings
from agent.core import Core
from agent.domain import facts
from agent.domain.shop import ShopRules
from agent.domain.text import Text
from agent.domain.transaction import StoreRules
from agent.inbox import Inbox
from agent.inputs import CoreInput
from agent.intake import emit_into
from agent.journal import Journal
from agent.shop import Approver, hashed
from agent.totals.keypad import read_keyed
from drivers.base import KeyedNumber, ScanData
from tests.core_kit import durable_facts
from tests.lane_kit import BREAD, ITEMS, MILK, TEA
from tests.silent import SilentOutlets

POS, OFFICE = "pos-token-0123456", "office-token-01234"
CLIENTS = (ApiClient("pos", POS), ApiClient("office", OFFICE, "manager"))
LINES = "/v1/transactions/current/lines"
WRONG_PIN = {"pin": "9999"}


class Lane:
    def __init__(self, path: Path, inbox: Inbox[CoreInput], port: int) -> None:
        self._path, self._port = path, port
        self._emit = emit_into(inbox)

    def scan(self, *gtins: str) -> None:
        for gtin in gtins:
            self._emit(ScanData("scanner", gtin.encode(), "]E0", False, 0))
        self.wait_for(lambda lane: lane["item_count"] >= len(gtins))

    def key(self, digits: str) -> None:
        self._emit(KeyedNumber("keypad", digits, 0))
        self.wait_for(lambda lane: lane["alert"])

    def wait_for(self, what: Any) -> None:
        while not what(self.ask("GET", "/v1/lane")[1]):
            pass

    def ask(self, method: str, path: str, body: object = None, token: str = POS) -> tuple[int, Any]:
        pos = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        pos.request(method, path, data, {"Authorization": f"Bearer {token}"})
        with pos.getresponse() as response:
            answer = response.status, json.loads(response.read())
        pos.close()
        return answer

    def post(self, path: str, body: object = None, token: str = POS) -> tuple[int, Any]:
        return self.ask("POST", path, body, token)

    def journaled(self, kind: type) -> list[Any]:
        return [fact for fact in durable_facts(self._path) if isinstance(fact, kind)]


@pytest.fixture(scope="module")
def approvers() -> tuple[Approver, ...]:
    return (
        Approver("Lin", hashed("4711", b"s" * 16)),
        Approver("Mei", hashed("2002", b"t" * 16), "manager"),
    )


@pytest.fixture
def lane(tmp_path: Path, approvers: tuple[Approver, ...]) -> Iterator[Lane]:
    journal = Journal(tmp_path / "journal.db")
    journal.load_items(ITEMS.values(), "digest")
    inbox: Inbox[CoreInput] = Inbox()
    rules = StoreRules("L1", journal.epoch, "CNY", 500, shop=ShopRules(dismiss_role="supervisor"))
    core = Core(journal, inbox, rules, SilentOutlets(), read_keyed)
    core.start("boot", "0")
    stop = threading.Event()
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    settings = ApiSettings(port=0, client=CLIENTS)
    threads = [
        threading.Thread(target=core.run, args=(stop,)),
        threading.Thread(
            target=serve,
            args=(settings, core, {"en": Text.english}, stop, ports.put),
            kwargs={"approvers": approvers},
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        yield Lane(tmp_path / "journal.db", inbox, ports.get(timeout=5))
    finally:
        stop.set()
        inbox.close()
        for thread in threads:
            thread.join(5)
        journal.close()
        assert not any(thread.is_alive() for thread in threads)


def test_a_line_is_taken_back_before_the_answer(lane: Lane) -> None:
    lane.scan(MILK.gtin, BREAD.gtin)

    status, answer = lane.post(f"{LINES}/2/void", {"operator": "07"})

    assert (status, answer["message"]) == (200, "Taken back: Bread")
    [voided] = lane.journaled(facts.LineItemVoided)
    assert (voided.line_no, voided.operator, voided.approver) == (2, "07", "")
    assert [line["line_no"] for line in lane.ask("GET", "/v1/lane")[1]["lines"]] == [1]


@pytest.mark.parametrize("line_no", ["9", "0", "-1", "two", "123456789"])
def test_what_is_no_line_cannot_be_taken_back(lane: Lane, line_no: str) -> None:
    lane.scan(MILK.gtin)

    status, answer = lane.post(f"{LINES}/{line_no}/void")

    assert (status, answer["code"]) == (409, "no_such_line")


def test_a_price_is_set_by_whoever_has_a_supervisors_pin(lane: Lane) -> None:
    lane.scan(MILK.gtin)
    body = {"price_minor": 900, "operator": "07"}

    assert lane.post(f"{LINES}/1/override", body)[1]["code"] == "supervisor_needed"
    assert lane.post(f"{LINES}/1/override", body | WRONG_PIN)[1]["code"] == "pin_wrong"
    assert lane.post(f"{LINES}/1/override", body | {"pin": "4711"})[0] == 200
    [overridden] = lane.journaled(facts.LineItemOverridden)
    assert (overridden.price_minor, overridden.operator, overridden.approver) == (900, "07", "Lin")


def test_a_clients_own_role_needs_no_pin(lane: Lane) -> None:
    lane.scan(MILK.gtin)

    assert lane.post(f"{LINES}/1/override", {"price_minor": 900}, OFFICE)[0] == 200
    [overridden] = lane.journaled(facts.LineItemOverridden)
    assert overridden.approver == ""


def test_a_held_count_is_settled_once_a_supervisor_lets_it_go_on(lane: Lane) -> None:
    lane.scan(MILK.gtin)
    lane.key("2")

    assert lane.post("/v1/suspicion/continue", {"operator": "07"})[0] == 403
    status, answer = lane.post("/v1/suspicion/continue", {"operator": "07", "pin": "2002"})

    assert (status, answer["receipt_number"]) == (
        200,
        lane.journaled(facts.TransactionSettled)[0].receipt_number,
    )
    [dismissed] = lane.journaled(facts.MissedScanDismissed)
    assert (dismissed.operator, dismissed.approver) == ("07", "Mei")
    assert lane.ask("GET", "/v1/lane")[1]["alert"] is None


def test_whoever_scans_what_is_missing_says_so_first(lane: Lane) -> None:
    lane.scan(MILK.gtin)
    lane.key("2")
    [suspected] = lane.journaled(facts.MissedScanSuspected)

    about = {"transaction_id": suspected.transaction_id, "operator": "07"}
    assert lane.post("/v1/suspicion/scan", about)[0] == 200
    assert lane.post("/v1/suspicion/scan", about)[1]["code"] == "no_suspicion"

    lane.scan(TEA.gtin)
    assert lane.post("/v1/settlements", {"total_id": "T", "item_count": 2})[1]["missed_count"] == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{LINES}/1/void", b"{"),
        (f"{LINES}/1/void", {"operater": "07"}),
        (f"{LINES}/1/void", {"operator": 7}),
        (f"{LINES}/1/override", None),
        (f"{LINES}/1/override", {"price_minor": "9"}),
        (f"{LINES}/1/override", {"price_minor": -1, "pin": "4711"}),
        ("/v1/suspicion/scan", {"operator": "x" * 65}),
    ],
)
def test_what_cannot_be_meant_is_refused(lane: Lane, path: str, body: object) -> None:
    lane.scan(MILK.gtin)

    assert lane.post(path, body)[0] == 400
    assert lane.journaled(facts.LineItemVoided) == []


def test_wrong_pins_in_a_row_shut_the_lock_for_the_right_one_too(lane: Lane) -> None:
    lane.scan(MILK.gtin)
    answers = [lane.post(f"{LINES}/1/void", WRONG_PIN) for _ in range(TRIES_MAX)]

    assert {answer["code"] for _, answer in answers} == {"pin_wrong"}
    status, answer = lane.post(f"{LINES}/1/void", {"pin": "4711"})
    assert (status, answer["code"]) == (429, "pin_locked")
    assert lane.post(f"{LINES}/1/void")[0] == 200  # what needs no PIN goes on


def test_the_document_names_the_line_in_the_path(lane: Lane) -> None:
    paths = lane.ask("GET", "/openapi.json")[1]["paths"]

    [line_no] = paths[f"{LINES}/{{line_no}}/void"]["post"]["parameters"]
    assert (line_no["name"], line_no["in"], line_no["required"]) == ("line_no", "path", True)
    assert lane.post(f"{LINES}//void")[0] == 404

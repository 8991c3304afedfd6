"""What may be missing, asked over HTTP of a server with a real journal behind it."""

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
from agent.domain.text import Text
from agent.domain.transaction import StoreRules
from agent.i18n import translator
from agent.inbox import Inbox
from agent.inputs import CoreInput
from agent.intake import emit_into
from agent.journal import Journal
from agent.suggestions import Suggestions
from agent.totals.keypad import read_keyed
from drivers.base import ScanData
from tests.lane_kit import BREAD, ITEMS, MILK, TEA, append, sale
from tests.silent import SilentOutlets

TOKEN = "pos-token-0123456"
PATH = "/v1/suggestions"
CUSTOMER = "13812345678"


class Lane:
    def __init__(self, port: int, inbox: Inbox[CoreInput], sold: str, milk: str) -> None:
        self._port, self._emit = port, emit_into(inbox)
        self.sold = sold  #: a transaction that was settled: milk, bread and tea
        self.milk = milk  #: and one of milk alone, of the same customer

    def scan(self, gtin: str) -> None:
        self._emit(ScanData("scanner", gtin.encode(), "]E0", False, 0))
        while not self.ask("GET", "/v1/lane")[1]["lines"]:
            pass

    def ask(
        self, method: str, path: str, body: object = None, language: str = "en"
    ) -> tuple[int, Any]:
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Language": language}
        client.request(method, path, data, headers)
        with client.getresponse() as response:
            answer = response.status, json.loads(response.read())
        client.close()
        return answer

    def suggested(self, body: object = None, method: str = "POST") -> list[str]:
        status, answer = self.ask(method, PATH, body)
        assert status == 200
        return [one["gtin"] for one in answer["suggestions"]]


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    yield from served(tmp_path, learns=True)


@pytest.fixture
def blank_lane(tmp_path: Path) -> Iterator[Lane]:
    yield from served(tmp_path, learns=False)


def served(folder: Path, *, learns: bool) -> Iterator[Lane]:
    journal = Journal(folder / "journal.db")
    journal.load_items(ITEMS.values(), "digest")
    step = sale(charges=(MILK, BREAD, TEA), scans=(MILK, BREAD, TEA), customer=CUSTOMER)
    append(journal, step.facts)
    again = sale("T2", step.state, customer=CUSTOMER)
    append(journal, again.facts)
    [sold, milk] = [
        fact.transaction_id
        for fact in (*step.facts, *again.facts)
        if isinstance(fact, facts.TransactionSettled)
    ]
    known = Suggestions(journal.path)
    known.catch_up()
    inbox: Inbox[CoreInput] = Inbox()
    core = Core(
        journal, inbox, StoreRules("L1", journal.epoch, "CNY", 500), SilentOutlets(), read_keyed
    )
    core.start("boot", "0")
    stop = threading.Event()
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    settings = ApiSettings(port=0, client=(ApiClient("pos", TOKEN),))
    says = {"en": Text.english, "zh_CN": translator("zh_CN")}
    threads = [
        threading.Thread(target=core.run, args=(stop,)),
        threading.Thread(
            target=serve,
            args=(settings, core, says, stop, ports.put),
            kwargs={"suggester": known} if learns else {},
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        yield Lane(ports.get(timeout=5), inbox, sold, milk)
    finally:
        stop.set()
        inbox.close()
        for thread in threads:
            thread.join(5)
        journal.close()
        assert not any(thread.is_alive() for thread in threads)


def test_the_open_basket_is_asked_where_nothing_is_named(lane: Lane) -> None:
    lane.scan(MILK.gtin)

    assert set(lane.suggested(method="GET")) == {BREAD.gtin, TEA.gtin}
    assert lane.suggested() == lane.suggested({}) == lane.suggested(method="GET")


def test_a_suggestion_says_what_it_is_how_likely_and_why(lane: Lane) -> None:
    status, answer = lane.ask("POST", PATH, {"amount_minor": 800})

    assert status == 200
    bread = answer["suggestions"][0]
    assert (bread["gtin"], bread["description"], bread["category"]) == (
        BREAD.gtin,
        "Bread",
        "bakery",
    )
    assert bread["price_minor"] == 800
    assert 300_000 < bread["probability_ppm"] <= 1_000_000
    assert bread["reasons"][0] == "costs what was charged above the scans"


def test_reasons_are_in_the_language_of_the_one_who_asked(lane: Lane) -> None:
    _, answer = lane.ask("POST", PATH, {"amount_minor": 800}, "zh-CN")

    assert answer["suggestions"][0]["reasons"][0] == "价格与多收的金额一致"


def test_a_settled_sale_and_named_items_are_asked_alike(lane: Lane) -> None:
    assert lane.suggested({"transaction_id": lane.sold}) == []
    assert lane.suggested({"gtins": [MILK.gtin, TEA.gtin[6:]]}) == [BREAD.gtin]
    assert len(lane.suggested({"gtins": [], "limit": 2})) == 2


def test_a_sale_is_asked_with_the_customer_whose_it_was(lane: Lane) -> None:
    def reasons(**body: object) -> list[str]:
        status, answer = lane.ask("POST", PATH, body)
        assert status == 200
        return [reason for one in answer["suggestions"] for reason in one["reasons"]]

    habit = "this customer has bought it before"
    assert habit in reasons(transaction_id=lane.milk)
    assert habit in reasons(gtins=[MILK.gtin], customer=CUSTOMER)
    assert habit not in reasons(gtins=[MILK.gtin])
    assert habit not in reasons(transaction_id=lane.milk, customer="13987654321")


def test_a_sale_that_nobody_knows_is_not_found(lane: Lane) -> None:
    status, answer = lane.ask("POST", PATH, {"transaction_id": "T404"})

    assert (status, answer["code"]) == (404, "transaction_unknown")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        {"gtins": ["12"]},
        {"gtins": ["6901234567892x"]},
        {"weight_g": -1},
        {"weight_g": 1.5},
        {"limit": 0},
        {"limit": 51},
        {"basket": []},
    ],
)
def test_what_cannot_be_read_is_refused(lane: Lane, body: object) -> None:
    status, answer = lane.ask("POST", PATH, body)

    assert (status, answer["code"]) == (400, "value_invalid")


def test_a_lane_that_learns_nothing_suggests_nothing(blank_lane: Lane) -> None:
    assert blank_lane.suggested({"gtins": [MILK.gtin]}) == []
    assert blank_lane.ask("POST", PATH, {"transaction_id": "T1"})[0] == 404

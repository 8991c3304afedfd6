"""Goods that come back, through a real lane, broker and bridge: money, tax, stock and its cost come
back in the books, once for each id, whatever was restarted, and each has its paper once."""

from __future__ import annotations

import http.client
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.domain.facts import ReceiptPrinted, ReturnRecorded
from cloud_bridge.cli import main
from cloud_bridge.config import load
from cloud_bridge.ledger.sqlite import SqliteLedger
from drivers.hid.sim import FifoOutput
from drivers.printer.sim import VirtualPrinter, tcp_printer
from drivers.scanner.sim import Wedge
from tests.broker_kit import MOSQUITTO, Mosquitto, free_port, listens, wait_for
from tests.core_kit import durable_facts
from tests.site_kit import Process

ROOT = Path(__file__).parents[2]
TOKEN = "boss-token-012345"
MILK, BREAD = "06901234567892", "04006381333931"
pytestmark = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)

LANE = """
[store]
org = "acme"
id = "s1"
name = "Shop"
tax_rate_bp = 1300
[lane]
id = "lane-1"
data_dir = "{folder}/data"
[items]
file = "{folder}/items.csv"
[mqtt]
port = {broker}
[api]
port = {api}
[[api.client]]
name = "office"
token = "boss-token-012345"
role = "manager"
[[device]]
role = "scanner"
kind = "scanner"
model = "hid-wedge"
path = "{folder}/scanner"
[[device]]
role = "printer"
kind = "printer"
model = "escpos"
transport = "tcp"
host = "127.0.0.1"
port = {printer}
"""
BRIDGE = """
[bridge]
org = "acme"
[mqtt]
port = {broker}
[ledger]
path = "{folder}/ledger.db"
"""


class Site:
    def __init__(self, folder: Path, printer: int) -> None:
        self.folder = folder
        self.scanner = FifoOutput(str(folder / "scanner"))
        self.broker = Mosquitto(folder)
        self.api = free_port()
        ports = {"broker": self.broker.port, "api": self.api, "printer": printer}
        words = {"folder": folder, **ports}
        head = "gtin,description,category,price_minor"
        (folder / "items.csv").write_text(f"{head}\n{MILK},Milk,dairy,1250\n{BREAD},Bread,b,800\n")
        costs = f"gtin,unit_cost_minor,cost_per\n{MILK},700,each\n{BREAD},333,each\n"
        (folder / "costs.csv").write_text(costs)
        self.lane_file, self.bridge_file = folder / "lane.toml", folder / "bridge.toml"
        self.lane_file.write_text(LANE.format(**words))
        self.bridge_file.write_text(BRIDGE.format(**words))
        costs_file = str(folder / "costs.csv")
        assert main(["costs", "import", costs_file, "--config", str(self.bridge_file)]) == 0
        self.bridge = Process("cloud_bridge.cli", "run", "--config", self.bridge_file)
        self.lane = Process("agent.cli", "run", "--config", self.lane_file)
        wait_for(lambda: listens(self.api), "the lane answers")

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        desk = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        content = None if body is None else json.dumps(body)
        desk.request(method, path, content, {"Authorization": f"Bearer {TOKEN}"})
        with desk.getresponse() as response:
            answer = response.status, json.loads(response.read())
        desk.close()
        return answer

    def returned(self, path: str, **body: Any) -> dict[str, Any]:
        status, answer = self.ask("POST", path, body)
        assert status in (200, 201), answer
        return answer

    def recorded(self) -> list[Any]:
        facts = durable_facts(self.folder / "data" / "journal.db")
        return [fact for fact in facts if isinstance(fact, ReturnRecorded)]

    def printed(self) -> int:
        facts = durable_facts(self.folder / "data" / "journal.db")
        return sum(isinstance(fact, ReceiptPrinted) for fact in facts)

    def balances(self) -> dict[str, int]:
        config = load(self.bridge_file)
        with closing(SqliteLedger(config.ledger_path, config.books)) as ledger:
            return {b.account: b.balance_minor for b in ledger.trial_balance() if b.balance_minor}

    def stock(self) -> Counter[str]:
        config = load(self.bridge_file)
        with closing(SqliteLedger(config.ledger_path, config.books)) as ledger:
            moved = ledger._db.rows("SELECT gtin, quantity_milli FROM stock_movement")
            counted: Counter[str] = Counter()
            for gtin, quantity_milli in moved:
                counted[gtin] += quantity_milli
        return counted

    def sell(self, *gtins: str) -> str:
        """Scanned, and charged with a fifth off: the transaction's id."""
        for count, gtin in enumerate(gtins, 1):
            self.scanner.send(Wedge().reports(gtin[1:].encode(), "]E0"))
            wait_for(lambda: self.ask("GET", "/v1/lane")[1]["item_count"] == count, "a scan")  # noqa: B023  used at once
        whole = sum({MILK: 1250, BREAD: 800}[gtin] for gtin in gtins)
        charged = {"total_id": "T1", "item_count": len(gtins), "amount_minor": whole * 4 // 5}
        return str(self.returned("/v1/settlements", **charged)["transaction_id"])

    def close(self) -> None:
        self.scanner.close()
        for process in (self.lane, self.bridge):
            assert process.end() == 0
        self.broker.stop()


@pytest.fixture
def printer() -> VirtualPrinter:
    return VirtualPrinter()


@pytest.fixture
def site(tmp_path: Path, printer: VirtualPrinter) -> Iterator[Site]:
    with tcp_printer(printer) as (_, port):
        site = Site(tmp_path, port)
        yield site
        site.close()


def books(site: Site, expected: dict[str, int]) -> None:
    wait_for(lambda: site.balances() == expected, f"the books say {expected}")


def test_stock_and_vouchers_follow_what_comes_back(site: Site, printer: VirtualPrinter) -> None:
    sale = site.sell(MILK, MILK, BREAD)
    amount = 2640  # 33.00 less a fifth
    sold = {"1001": amount, "5001": -2336, "222102": -304, "5401": 1733, "1405": -1733}
    books(site, sold)
    path = f"/v1/transactions/{sale}/return"

    milk = {"return_id": "r1", "lines": [{"line_no": 1}], "reason": "sour"}
    for _ in range(2):  # a client that did not hear the answer asks again
        told = site.returned(path, **milk)
        assert told["refund"]["tenders"] == [{"tender_type": "cash", "amount_minor": 1000}]
    money = {"1001": amount - 1000, "5001": -2336, "500102": 885, "222102": -304 + 115}
    books(site, money | {"5401": 1733 - 700, "1405": -1733 + 700})
    assert site.stock() == {MILK: -1000, BREAD: -1000}

    wait_for(lambda: site.printed() == 2, "the papers of both are journaled")
    assert site.lane.end() == 0  # what comes back after a restart knows what came back before it
    site.lane.start()
    wait_for(lambda: listens(site.api), "the lane answers")
    assert site.ask("POST", path, {**milk, "return_id": "r2"})[1]["code"] == "too_much"
    rest = [{"line_no": 2}, {"line_no": 3, "condition": "damaged"}]
    assert site.returned(path, return_id="r2", lines=rest)["refund"]["amount_minor"] == 1640
    books(site, {"5001": -2336, "500102": 2336, "571101": 333, "1405": -333})
    assert site.stock() == {MILK: 0, BREAD: -1000}

    loose = {"receipt_number": "L9-ab-1", "lines": [{"label": BREAD}]}
    site.returned("/v1/returns", return_id="r3", **loose)
    found = {"1001": -800, "222102": 92, "5401": -333, "571101": 333}
    books(site, {"5001": -2336, "500102": 2336 + 708, **found})
    assert [fact.return_id for fact in site.recorded()] == ["r1", "r2", "r3"]

    wait_for(lambda: len(printer.receipts) >= 4, "each has its paper")
    papers = ["\n".join(receipt.lines) for receipt in printer.receipts]
    for fact in site.recorded():
        (paper,) = [text for text in papers if fact.return_number in text]
        assert "RETURN" in paper
        assert "REPRINT" not in paper
    assert main(["verify", "--config", str(site.bridge_file)]) == 0

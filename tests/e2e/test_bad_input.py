"""Bad input at a whole, running lane: a clear word where the person stands, a fact where it
matters, and nothing else lost or stopped. Every test ends with a good sale."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.cli.demo.baskets import item_figures, sample
from agent.cli.demo.store import Shop, opened
from drivers.hid import keycodes as k
from drivers.hid.sim import NO_KEYS, report
from drivers.keypad import sim as keypad
from drivers.scanner.sim import Wedge

BASKETS = sample()
FIGURES = item_figures(BASKETS)
PIECES = [f for f in FIGURES.values() if not f.weighed and len(f.gtin) == 13]
WEIGHED = next(f for f in FIGURES.values() if f.weighed)
UNKNOWN = "4006381333931"  # a valid GTIN-13 that this shop does not sell


@dataclass
class Lane:
    """The running shop, and what a test asks of it."""

    shop: Shop
    sales: int = 0

    def scan(self, label: bytes, symbology: str = "]E0") -> None:
        self.shop.devices.scanner.send(Wedge().reports(label, symbology))

    def wait(self, true: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            time.sleep(0.02)

    def facts(self, type_: str) -> list[dict[str, Any]]:
        with sqlite3.connect(f"file:{self.shop.journal}?mode=ro", uri=True) as db:
            rows = db.execute("SELECT body FROM fact WHERE type = ? ORDER BY seq", (type_,))
            return [json.loads(row[0]) for row in rows]

    def said(self) -> str:
        """Everything that the console showed."""
        return (self.shop.folder / "lane.log").read_text()

    def count(self) -> int:
        return int(self.shop.pos.lane()["item_count"])

    def settle(self, **total: Any) -> tuple[int, dict[str, Any]]:
        self.sales += 1
        return self.shop.pos.settle({"total_id": f"pos-{self.sales}", **total})

    def sell_one_more(self) -> None:
        """The lane still works, from the scan to the ledger's acknowledgement."""
        before = self.count()
        price = PIECES[0].price_minor
        self.scan(PIECES[0].gtin.encode())
        self.wait(lambda: self.count() == before + 1, "the lane counts a good scan")
        tenders = [{"tender_type": "cash", "amount_minor": price}]
        status, answer = self.settle(item_count=before + 1, amount_minor=price, tenders=tenders)
        assert status == 201, answer
        self.wait(lambda: self.printed(answer["transaction_id"]), "the receipt is printed")
        self.wait(self._all_acknowledged, "everything is acknowledged")

    def printed(self, transaction_id: str) -> bool:
        return any(f["transaction_id"] == transaction_id for f in self.facts("ReceiptPrinted"))

    def _all_acknowledged(self) -> bool:
        journaled, acknowledged = self.shop.cursors()
        return journaled == acknowledged


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("shop")
    with opened(folder, FIGURES, "en", lambda text: text.english()) as running:
        yield running
        running.close()


@pytest.fixture
def lane(shop: Shop, request: pytest.FixtureRequest) -> Lane:
    running = Lane(shop)
    running.sales = zlib.crc32(request.node.name.encode()) * 1000  # ids of its own in one shop
    return running


def test_a_misread_check_digit_is_said_journaled_and_not_counted(lane):
    wrong = PIECES[0].gtin[:-1] + str((int(PIECES[0].gtin[-1]) + 1) % 10)

    lane.scan(wrong.encode())

    lane.wait(lambda: "Misread (check digit): scan again" in lane.said(), "the cashier is told")
    assert lane.facts("ScanRejected")[-1]["reason"] == "check_digit"
    lane.sell_one_more()


def test_a_truncated_scan_is_said_and_does_not_spoil_the_next_one(lane):
    lane.scan(PIECES[0].gtin[:9].encode())

    lane.wait(lambda: "Code cut short" in lane.said(), "the cashier is told")
    assert lane.facts("ScanRejected")[-1]["reason"] == "length"
    lane.sell_one_more()


def test_a_garbled_scan_with_an_unknown_key_is_lossy_and_never_a_wrong_article(lane):
    reports = Wedge().reports(PIECES[0].gtin.encode(), "]E0")
    half = len(reports) // 2
    no_character = [report(k.KEY_LEFTCTRL, k.KEY_F8), NO_KEYS]

    lane.shop.devices.scanner.send([*reports[:half], *no_character, *reports[half:]])

    lane.wait(lambda: "Scan not clear" in lane.said(), "the cashier is told")
    assert lane.facts("ScanRejected")[-1]["reason"] == "lossy"
    lane.sell_one_more()


def test_an_unknown_article_is_counted_and_said(lane):
    lane.scan(UNKNOWN.encode())

    lane.wait(lambda: "is not in the item master" in lane.said(), "the cashier is told")
    assert lane.facts("LineItemAdded")[-1]["known"] is False
    lane.sell_one_more()


def test_a_total_for_no_open_transaction_is_refused_and_kept_whole(lane):
    status, answer = lane.settle(item_count=3, amount_minor=12_300)

    assert (status, answer["code"]) == (409, "no_open_transaction")
    assert lane.facts("CashierTotalRejected")[-1]["total"]["amount_minor"] == 12_300
    lane.sell_one_more()


def test_a_count_keyed_for_no_open_transaction_is_refused_and_said(lane):
    lane.shop.devices.keypad.send(keypad.reports("3"))

    lane.wait(lambda: "Nothing was scanned at this lane" in lane.said(), "the cashier is told")
    assert lane.facts("CashierTotalRejected")[-1]["code"] == "no_open_transaction"
    lane.sell_one_more()


def test_the_same_total_twice_settles_once_and_is_answered_alike(lane):
    lane.scan(PIECES[1].gtin.encode())
    lane.wait(lambda: lane.count() == 1, "the scan is shown")
    total = {"total_id": f"twice-{lane.sales}", "item_count": 1, "amount_minor": 5_000}

    first = lane.shop.pos.settle(total)
    again = lane.shop.pos.settle(total)
    other = lane.shop.pos.settle(total | {"amount_minor": 6_000})

    assert (first[0], again[0]) == (201, 200)
    assert again[1]["receipt_number"] == first[1]["receipt_number"]
    assert (other[0], other[1]["code"]) == (409, "total_id_reused")
    settled = [f for f in lane.facts("TransactionSettled") if f["total_id"] == total["total_id"]]
    assert len(settled) == 1
    lane.sell_one_more()


@pytest.mark.parametrize(
    "total",
    [
        {"item_count": -1, "amount_minor": 100},
        {"item_count": 1, "amount_minor": -100},
        {"item_count": 1, "amount_minor": 10**15},
        {"item_count": 1_000_000, "amount_minor": 100},
    ],
)
def test_negative_and_absurd_totals_are_refused_with_a_fact(lane, total):
    lane.scan(PIECES[1].gtin.encode())
    lane.wait(lambda: lane.count() >= 1, "the scan is shown")

    status, answer = lane.settle(**total)

    assert status == 422, answer
    assert answer["code"]
    assert answer["detail"]
    assert lane.facts("CashierTotalRejected")[-1]["code"] == answer["code"]
    lane.sell_one_more()


def ask(shop: Shop, body: bytes, token: str | None = None) -> tuple[int, dict[str, Any]]:
    port = shop.pos._connection.port
    headers = dict(shop.pos._headers)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    url = f"http://127.0.0.1:{port}/v1/settlements"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as r:
            return r.status, json.loads(r.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_malformed_json_is_refused_with_its_place(lane):
    status, answer = ask(lane.shop, b'{"total_id": "x", "item_count": ')

    assert (status, answer["code"]) == (400, "json_malformed")
    lane.sell_one_more()


def test_an_oversized_body_is_refused(lane):
    status, answer = ask(lane.shop, b'{"operator": "' + b"x" * 300_000 + b'"}')

    assert status == 413, answer
    lane.sell_one_more()


def test_a_wrong_token_is_refused_and_changes_nothing(lane):
    before = lane.facts("CashierTotalRejected")

    status, _ = ask(lane.shop, b'{"total_id": "x", "item_count": 1}', token="not-the-token")

    assert status == 401
    assert lane.facts("CashierTotalRejected") == before
    lane.sell_one_more()


def test_a_scale_that_answers_garbage_is_said_and_the_weight_still_comes(lane):
    lane.shop.devices.scale.fail("garbage", answers=5)
    lane.scan(WEIGHED.gtin.encode())
    lane.wait(lambda: "answers are not understood" in lane.said(), "the cashier is told")

    lane.shop.devices.scale.place(735)

    lane.wait(
        lambda: [f["weight_g"] for f in lane.facts("LineItemWeighed")][-1:] == [735],
        "the weight after the garbage counts",
    )
    lane.shop.devices.scale.remove()
    lane.sell_one_more()


def test_a_printer_out_of_paper_is_said_and_the_receipt_follows_once(lane):
    printer = lane.shop.printer
    receipts = len(printer.receipts)
    printer.faults.paper_out = True
    lane.scan(PIECES[2].gtin.encode())
    lane.wait(lambda: lane.count() == 1, "the scan is shown")
    status, answer = lane.settle(item_count=1, amount_minor=4_200)
    assert status == 201, answer
    lane.wait(lambda: "Printer out of paper" in lane.said(), "the cashier is told")
    lane.wait(
        lambda: (
            bool(lane.facts("ReceiptUnprinted")[-1:])
            and lane.facts("ReceiptUnprinted")[-1]["transaction_id"] == answer["transaction_id"]
        ),
        "the journal knows",
    )

    printer.faults.paper_out = False

    lane.wait(lambda: lane.printed(answer["transaction_id"]), "the receipt follows")
    with_number = [
        r for r in printer.receipts[receipts:] if answer["receipt_number"] in "\n".join(r.lines)
    ]
    assert len(with_number) == 1
    lane.sell_one_more()


def test_a_silent_printer_delays_no_sale_and_its_receipts_follow(lane):
    printer = lane.shop.printer
    printer.faults.silent = True
    for _ in range(2):
        lane.scan(PIECES[3].gtin.encode())
        lane.wait(lambda: lane.count() == 1, "the scan is shown")
        began = time.monotonic()
        status, answer = lane.settle(item_count=1, amount_minor=4_200)
        assert status == 201, answer
        assert time.monotonic() - began < 5, "the sale waited for the printer"
    lane.wait(lambda: "Printer does not answer" in lane.said(), "the cashier is told", 40)

    printer.faults.silent = False

    lane.sell_one_more()
    unprinted = {f["transaction_id"] for f in lane.facts("ReceiptUnprinted")}
    lane.wait(
        lambda: unprinted <= {f["transaction_id"] for f in lane.facts("ReceiptPrinted")},
        "each receipt follows",
        40,
    )

"""The demo's last word: a true journal, ledger and paper pass; each doctored one fails by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent import wire
from agent.cli.demo.cashier import Played
from agent.cli.demo.check import Report, evidence, report
from agent.domain.facts import (
    FactBody,
    LaneStarted,
    LineItemAdded,
    MissedScanSuspected,
    ReceiptPrinted,
    SoldLine,
    TransactionOpened,
    TransactionSettled,
)
from agent.domain.totals import TaxAmount, Tender
from agent.journal import Journal, JournalReader
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ledger.port import Arrivals, Delivery
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books
from cloud_bridge.voucher import Stream
from drivers.printer.sim_press import Receipt

GTIN = "04710199010372"


def sale(number: int) -> list[FactBody]:
    tid = f"t{number}"
    line = LineItemAdded(
        tid, 1, GTIN, "GTIN-13", GTIN[1:], "]E0", 1000, True, "Tea", "tea", 10500, "each", 500, "s"
    )
    sold = SoldLine(1, GTIN, 1000, None, 10500, "Tea", "tea", 500)
    settled = TransactionSettled(
        transaction_id=tid,
        receipt_number=f"R{number}",
        business_date="2000-11-01",
        currency="TWD",
        total_id=f"pos-{number}",
        item_count=1,
        amount_minor=10500,
        change_minor=0,
        rounding_minor=0,
        lines=(sold,),
        tenders=(Tender("cash", 10500),),
        taxes=(TaxAmount(500, 10000, 500),),
        missed_count=0,
    )
    printed = ReceiptPrinted(tid, f"{tid}-receipt", reprint=False)
    return [TransactionOpened(tid, number, "2000-11-01"), line, settled, printed]


@dataclass
class Demo:
    """Two baskets, played to the end; what the tests then doctor."""

    folder: Path
    played: Played = field(default_factory=lambda: Played(2, 2, [GTIN[1:]] * 2, 21000))
    facts: list[FactBody] = field(
        default_factory=lambda: [LaneStarted("b", "0.1"), *sale(1), *sale(2)]
    )
    paper: list[Receipt] = field(
        default_factory=lambda: [Receipt(qr_codes=["R1"]), Receipt(qr_codes=["R2"])]
    )
    acknowledged: int = 9

    def write(self) -> None:
        path = self.folder / "journal.db"
        with Journal(path) as journal:
            journal.append(self.facts, wall_ms=1, mono_ms=1)
            epoch = journal.epoch
        reader = JournalReader(path)
        rows = reader.rows_after(0, 100)
        reader.close()
        batch = wire.decode_batch(wire.encode_batch(epoch, wire.GENESIS, rows))
        books = Books(load_chart("ifrs"), "TWD")
        ledger = SqliteLedger(self.folder / "ledger.db", books)
        ledger.add_costs([CostRow(GTIN, UnitCost(8000, "each"))], 1)
        stream = Stream("o", "s", "l", epoch)
        ledger.apply(Arrivals((Delivery(stream, batch.prev, batch.facts),)), 2)
        ledger.close()

    def doctor(self, file: str, *statements: str) -> None:
        """Change what the databases protect, as a bug or a hand might."""
        db = sqlite3.connect(self.folder / file)
        triggers = db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert db.execute(statement).rowcount > 0, "the statement changed nothing"
        db.commit()
        db.close()

    def report(self) -> Report:
        found = evidence(self.folder / "journal.db", self.folder / "ledger.db", self.paper)
        return report(found, self.played, self.acknowledged, "REPRINT")

    @property
    def failed(self) -> set[str]:
        return {invariant.name for invariant in self.report().invariants if not invariant.held}


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(tmp_path)


def test_what_truly_arrived_holds(demo: Demo):
    demo.write()
    result = demo.report()
    assert demo.failed == set()
    assert result.held
    assert result.figures == {
        "baskets": 2,
        "line_items": 2,
        "scans": 2,
        "missed_injected": 0,
        "missed_alerted": 0,
        "false_alerts": 0,
        "receipts_printed": 2,
        "receipts_reprinted": 0,
        "facts_journaled": 9,
        "facts_acknowledged": 9,
        "vouchers_posted": 4,
        "amount_minor": 21000,
        "ledger_sum_minor": 0,
        "duplicates_posted": 0,
        "quarantined": 0,
    }


LEDGER_CASES: dict[str, tuple[str, set[str]]] = {
    "an amount changed": (
        "UPDATE entry_line SET amount_minor = amount_minor + 1 WHERE role = 'clearing.cash'",
        {"ledger_balances", "vouchers_balance"},
    ),
    "revenue moved to rounding": (
        "UPDATE entry_line SET role = 'rounding' WHERE role LIKE 'revenue%' AND seq < 6",
        {"revenue_matches"},
    ),
    "a sale voucher gone": (
        "DELETE FROM voucher WHERE kind = 'sale' AND transaction_id = 't2'",
        {"sales_posted"},
    ),
    "a cost voucher gone": (
        "DELETE FROM voucher WHERE kind = 'cost' AND transaction_id = 't2'",
        {"costs_posted"},
    ),
    "a sale posted under another": (
        "UPDATE voucher SET transaction_id = 't1'",
        {"no_duplicates"},
    ),
    "a fact that did not arrive": ("DELETE FROM inbox WHERE seq = 9", {"all_acknowledged"}),
    "a fact that was changed": (
        "UPDATE inbox SET hash = 'other' WHERE seq = 9",
        {"facts_unchanged"},
    ),
    "a case in quarantine": (
        (
            "INSERT INTO quarantine "
            "VALUES (1,'o','s','l','e',1,'x','account','',x'00',1,1,1,1,NULL,'')"
        ),
        {"quarantine_empty"},
    ),
}


@pytest.mark.parametrize("case", LEDGER_CASES)
def test_a_doctored_ledger_fails(demo: Demo, case: str):
    statement, names = LEDGER_CASES[case]
    demo.write()
    demo.doctor("ledger.db", statement)
    assert names <= demo.failed
    assert not demo.report().held


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fact SET body = CAST(replace(body, 'Tea', 'Gin') AS BLOB) WHERE seq IN (3, 7)",
        "UPDATE fact SET wall_ms = 2 WHERE seq = 3",
        "DELETE FROM fact WHERE seq = 1",
    ],
)
def test_a_doctored_journal_breaks_the_chain(demo: Demo, statement: str):
    demo.write()
    demo.doctor("journal.db", statement)
    assert "chain_verified" in demo.failed


def test_a_basket_that_was_played_and_not_settled_fails(demo: Demo):
    demo.facts = demo.facts[:-2]
    demo.paper.pop()
    demo.acknowledged = 7
    demo.write()
    assert demo.failed == {"all_settled", "revenue_matches"}


def test_a_scan_that_is_not_in_the_journal_fails(demo: Demo):
    demo.played.scanned.append("4006381333931")
    demo.write()
    assert demo.failed == {"all_scanned"}


def test_a_label_that_was_read_as_another_fails(demo: Demo):
    demo.played.scanned[1] = "4006381333931"
    demo.write()
    assert demo.failed == {"all_scanned"}


def test_another_amount_than_the_customers_paid_fails(demo: Demo):
    demo.played.amount_minor -= 1
    demo.write()
    assert demo.failed == {"revenue_matches"}


def test_a_fact_without_acknowledgement_fails(demo: Demo):
    demo.acknowledged = 8
    demo.write()
    assert demo.failed == {"all_acknowledged"}


@pytest.mark.parametrize(
    ("missed", "suspected", "failed"),
    [
        (["t1"], ["t1"], set()),
        (["t1"], [], {"missed_alerted"}),
        ([], ["t1"], {"no_false_alerts"}),
        (["t1"], ["t2"], {"missed_alerted", "no_false_alerts"}),
    ],
)
def test_alerts_are_compared_with_what_was_missed(
    demo: Demo, missed: list[str], suspected: list[str], failed: set[str]
):
    demo.played.missed = missed
    demo.facts += [MissedScanSuspected(tid, "pos", 1, ()) for tid in suspected]
    demo.acknowledged = len(demo.facts)
    demo.write()
    assert demo.failed == failed


def copy(number: int, *lines: str) -> Receipt:
    return Receipt(lines=list(lines), qr_codes=[f"R{number}"])


PAPER: dict[str, tuple[Callable[[list[Receipt]], list[Receipt]], bool]] = {
    "a second copy that says so": (lambda paper: [*paper, copy(1, "  REPRINT  ")], True),
    "only a copy that says so": (lambda paper: [paper[0], copy(2, "REPRINT")], True),
    "a second copy that does not say so": (lambda paper: [*paper, copy(1)], False),
    "a receipt that is missing": (lambda paper: paper[1:], False),
    "a receipt of no sale": (lambda paper: [*paper, copy(3)], False),
}


@pytest.mark.parametrize("case", PAPER)
def test_the_paper_is_counted(demo: Demo, case: str):
    change, held = PAPER[case]
    demo.paper = change(demo.paper)
    demo.write()
    assert demo.failed == (set() if held else {"receipts_once"})


def test_a_receipt_that_the_journal_does_not_know_fails(demo: Demo):
    demo.facts = [
        replace(f, transaction_id="t1") if isinstance(f, ReceiptPrinted) else f for f in demo.facts
    ]
    demo.write()
    assert demo.failed == {"receipts_once"}

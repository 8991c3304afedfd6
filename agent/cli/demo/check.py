"""Did all of it arrive? The journal, the ledger and the paper are read and compared; nothing of the
agent's own bookkeeping is believed, and nothing is written.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from agent import wire
from agent.cli.demo.cashier import Played
from agent.domain.facts import (
    FactBody,
    LineItemAdded,
    MissedScanSuspected,
    ReceiptPrinted,
    TransactionSettled,
)
from agent.domain.text import Text
from agent.wire import FactRow
from drivers.printer.sim_press import Receipt

_F = TypeVar("_F")

#: One number each.
LEDGER_SQL: Mapping[str, str] = {
    "inbox": "SELECT COUNT(*) FROM inbox",
    "vouchers": "SELECT COUNT(*) FROM voucher",
    "sum_minor": "SELECT COALESCE(SUM(amount_minor), 0) FROM entry_line",
    "unbalanced": "SELECT COUNT(*) FROM (SELECT 1 FROM entry_line"
    " GROUP BY tenant, store, lane, epoch, seq, kind HAVING SUM(amount_minor) <> 0)",
    "taken_minor": "SELECT -COALESCE(SUM(amount_minor), 0) FROM entry_line"
    " WHERE role LIKE 'revenue%' OR role LIKE 'output-tax%'",
    "duplicates": "SELECT COUNT(*) FROM voucher"
    " WHERE (epoch, seq) NOT IN (SELECT epoch, MIN(seq) FROM voucher GROUP BY transaction_id)",
    "sales": "SELECT COUNT(*) FROM voucher WHERE kind = 'sale'",
    "costs": "SELECT COUNT(*) FROM voucher WHERE kind = 'cost'",
    # sales of which some cost is known: these have a cost voucher
    "costed": "SELECT COUNT(*) FROM (SELECT 1 FROM stock_movement"
    " GROUP BY tenant, store, lane, epoch, seq HAVING SUM(cost_minor) <> 0)",
    "quarantined": "SELECT COUNT(*) FROM quarantine WHERE resolved_ms IS NULL",
}


@dataclass(frozen=True, slots=True)
class Invariant:
    name: str
    text: Text
    held: bool
    found: str  #: the figures that were compared


@dataclass(frozen=True, slots=True)
class Report:
    figures: dict[str, int]
    invariants: tuple[Invariant, ...]

    @property
    def held(self) -> bool:
        return all(invariant.held for invariant in self.invariants)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is there after the last basket."""

    epoch: str
    rows: list[FactRow]
    facts: list[FactBody]
    inbox_hashes: list[str]
    ledger: Mapping[str, int]
    paper: Sequence[Receipt]

    def of(self, cls: type[_F]) -> list[_F]:
        return [fact for fact in self.facts if isinstance(fact, cls)]


def evidence(journal: Path, ledger: Path, paper: Sequence[Receipt]) -> Evidence:
    """Read the two databases, read-only."""
    with closing(read_only(journal)) as db:
        epoch = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
        columns = "seq, type, version, wall_ms, mono_ms, hash, body"
        rows = [FactRow(*row) for row in db.execute(f"SELECT {columns} FROM fact ORDER BY seq")]  # noqa: S608  a constant
    decoded = (wire.decode_body(row.type, row.version, row.body) for row in rows)
    with closing(read_only(ledger)) as db:
        hashes = [row[0] for row in db.execute("SELECT hash FROM inbox ORDER BY epoch, seq")]
        figures = {name: int(db.execute(sql).fetchone()[0]) for name, sql in LEDGER_SQL.items()}
    facts = [fact for fact in decoded if fact is not None]
    return Evidence(epoch, rows, facts, hashes, figures, paper)


def report(found: Evidence, played: Played, acknowledged: int, reprint: str) -> Report:
    """Compare what was found with what was done; `reprint` marks a receipt's second copy."""
    settled = found.of(TransactionSettled)
    missed = frozenset(played.missed)
    suspected = [fact.transaction_id for fact in found.of(MissedScanSuspected)]
    figures = {
        "baskets": played.baskets,
        "line_items": played.line_items,
        "scans": len(played.scanned),
        "missed_injected": len(missed),
        "missed_alerted": len(missed.intersection(suspected)),
        "false_alerts": sum(transaction not in missed for transaction in suspected),
        "receipts_printed": len(found.of(ReceiptPrinted)),
        "receipts_reprinted": sum(fact.reprint for fact in found.of(ReceiptPrinted)),
        "facts_journaled": len(found.rows),
        "facts_acknowledged": acknowledged,
        "vouchers_posted": found.ledger["vouchers"],
        "amount_minor": sum(sale.amount_minor for sale in settled),
        "ledger_sum_minor": found.ledger["sum_minor"],
        "duplicates_posted": found.ledger["duplicates"],
        "quarantined": found.ledger["quarantined"],
    }
    return Report(figures, tuple(_invariants(found, played, figures, settled, reprint)))


def _invariants(
    found: Evidence,
    played: Played,
    figures: Mapping[str, int],
    settled: Sequence[TransactionSettled],
    reprint: str,
) -> Iterator[Invariant]:
    ledger = found.ledger
    yield _equal(
        "all_settled",
        Text("Every basket is settled, once"),
        played.baskets,
        len(settled),
        len({sale.transaction_id for sale in settled}),
    )
    yield scanned(found, played)
    yield _equal(
        "missed_alerted",
        Text("Every missed scan raised an alert"),
        figures["missed_injected"],
        figures["missed_alerted"],
    )
    yield _none("no_false_alerts", Text("No alert without a missed scan"), figures["false_alerts"])
    yield _printed(found, settled, reprint)
    yield chained(found)
    yield _equal(
        "all_acknowledged",
        Text("Every fact is acknowledged and in the bridge's inbox"),
        figures["facts_journaled"],
        figures["facts_acknowledged"],
        ledger["inbox"],
    )
    yield Invariant(
        "facts_unchanged",
        Text("The facts in the inbox are those of the journal"),
        found.inbox_hashes == [row.hash for row in found.rows],
        str(ledger["inbox"]),
    )
    yield _none("ledger_balances", Text("The ledger sums to 0"), ledger["sum_minor"])
    yield _none("vouchers_balance", Text("Every voucher sums to 0"), ledger["unbalanced"])
    yield _equal(
        "sales_posted", Text("Every sale has a sale voucher"), len(settled), ledger["sales"]
    )
    yield _equal(
        "costs_posted",
        Text("Every sale with known costs has a cost voucher"),
        ledger["costed"],
        ledger["costs"],
    )
    yield _equal(
        "revenue_matches",
        Text("Revenue and tax are what the customers paid"),
        played.amount_minor,
        figures["amount_minor"],
        ledger["taken_minor"],
    )
    yield _none("no_duplicates", Text("Nothing is posted twice"), ledger["duplicates"])
    yield _none("quarantine_empty", Text("Nothing is in quarantine"), ledger["quarantined"])


def _equal(name: str, text: Text, *counts: int) -> Invariant:
    return Invariant(name, text, len(set(counts)) == 1, " = ".join(map(str, counts)))


def _none(name: str, text: Text, count: int) -> Invariant:
    return Invariant(name, text, count == 0, str(count))


def scanned(found: Evidence, played: Played) -> Invariant:
    """By GTIN: a label read as another one is no scan of it."""
    done = Counter(gtin.zfill(14) for gtin in played.scanned)
    known = Counter(item.gtin for item in found.of(LineItemAdded))
    text = Text("Every scan is a line item in the journal")
    return Invariant("all_scanned", text, done == known, f"{done.total()} = {known.total()}")


def _printed(found: Evidence, settled: Collection[TransactionSettled], reprint: str) -> Invariant:
    """On paper once, in a second copy only if that says so; and the journal knows it."""
    copies: defaultdict[str, list[bool]] = defaultdict(list)
    for receipt in found.paper:
        is_copy = any(reprint in line for line in receipt.lines)
        copies["/".join(receipt.qr_codes)].append(is_copy)
    in_journal = Counter(fact.transaction_id for fact in found.of(ReceiptPrinted))
    held = copies.keys() == {sale.receipt_number for sale in settled} and all(
        in_journal[sale.transaction_id] == 1 and copies[sale.receipt_number].count(False) <= 1
        for sale in settled
    )
    originals = sum(of_sale.count(False) for of_sale in copies.values())
    marked = sum(of_sale.count(True) for of_sale in copies.values())
    text = Text("Every receipt is printed once; a second copy says so")
    return Invariant("receipts_once", text, held, f"{originals} + {marked}")


def chained(found: Evidence) -> Invariant:
    """Each hash follows from the one before."""
    prev, held = wire.GENESIS, True
    for number, row in enumerate(found.rows, 1):
        prev = wire.chain_hash(
            prev, found.epoch, number, row.type, row.version, row.wall_ms, row.mono_ms, row.body
        )
        held = held and row.seq == number and row.hash == prev
    return Invariant("chain_verified", Text("The journal's hash chain is whole"), held, prev[:12])


def read_only(path: Path) -> sqlite3.Connection:
    """A database that others write."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)

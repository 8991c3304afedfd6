"""Projections by which sales are found again, and what is still open in them: see `projections`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from agent.domain import facts
from agent.domain.backfill import owed_pieces

Statement: TypeAlias = tuple[str, tuple[Any, ...]]

_SALE = """
    INSERT INTO sale VALUES (?, ?, ?, ?, ?, ?, ?,
        coalesce((SELECT customer FROM settlement WHERE total_id = ?), ''))
"""
_SUSPECTED = "INSERT OR REPLACE INTO suspicion VALUES (?, ?, ?, ?, 0, 'open')"
_ADDED = "UPDATE suspicion SET added = added + ? WHERE transaction_id = ?"


def settled(seq: int, fact: facts.TransactionSettled, wall_ms: int) -> Iterable[Statement]:
    what = fact.transaction_id, fact.receipt_number, fact.total_id, fact.business_date
    yield _SALE, (seq, *what, wall_ms, fact.amount_minor, fact.total_id)
    yield "DELETE FROM unsettled WHERE total_id = ?", (fact.total_id,)


def _received(_seq: int, fact: facts.CashierTotalReceived) -> Iterable[Statement]:
    """Judged anew: what was suspected of the basket before holds no more."""
    yield "DELETE FROM suspicion WHERE transaction_id = ?", (fact.transaction_id,)


def _suspected(seq: int, fact: facts.MissedScanSuspected) -> Iterable[Statement]:
    yield _SUSPECTED, (fact.transaction_id, seq, fact.total_id, owed_pieces(fact))


def _dismissed(_seq: int, fact: facts.MissedScanDismissed) -> Iterable[Statement]:
    closed = "UPDATE suspicion SET state = 'dismissed' WHERE transaction_id = ? AND total_id = ?"
    yield closed, (fact.transaction_id, fact.total_id)
    yield "DELETE FROM unsettled WHERE total_id = ?", (fact.total_id,)


def _confirmed(_seq: int, fact: facts.MissedScanConfirmed) -> Iterable[Statement]:
    agreed = "UPDATE suspicion SET state = 'confirmed' WHERE transaction_id = ?"
    yield agreed, (fact.transaction_id,)


def _backfilled(seq: int, fact: facts.ItemBackfilled) -> Iterable[Statement]:
    here = "INSERT OR IGNORE INTO backfill VALUES (?, ?, ?, NULL, NULL)"
    yield here, (fact.backfill_id, fact.transaction_id, seq)
    yield _ADDED, (fact.pieces, fact.transaction_id)


def _reversed(seq: int, fact: facts.BackfillReversed) -> Iterable[Statement]:
    back = "UPDATE backfill SET reversal_id = ?, reversal_seq = ? WHERE backfill_id = ?"
    yield back, (fact.reversal_id, seq, fact.backfilled.backfill_id)
    yield _ADDED, (-fact.backfilled.pieces, fact.backfilled.transaction_id)


def _rejected(seq: int, fact: facts.CashierTotalRejected) -> Iterable[Statement]:
    """Money was taken, says the POS, for what the lane has no sale of."""
    if fact.total.tenders:
        yield "INSERT INTO unsettled VALUES (?, ?)", (seq, fact.total.total_id)


PROJECTED: dict[type, Callable[[int, Any], Iterable[Statement]]] = {
    facts.CashierTotalReceived: _received,
    facts.MissedScanSuspected: _suspected,
    facts.MissedScanDismissed: _dismissed,
    facts.MissedScanConfirmed: _confirmed,
    facts.ItemBackfilled: _backfilled,
    facts.BackfillReversed: _reversed,
    facts.CashierTotalRejected: _rejected,
}

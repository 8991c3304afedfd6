"""A settled sale with all that stands beside it, put together from projections and facts."""

from __future__ import annotations

import sqlite3
from typing import Protocol, TypeVar

from agent.domain.events import SaleFile
from agent.domain.facts import (
    BackfillReversed,
    FactBody,
    ItemBackfilled,
    MissedScanSuspected,
    ReturnRecorded,
    TransactionSettled,
)
from agent.journal.archive import LIFE_BITS, position_of
from agent.journal.file import meta_of

_F = TypeVar("_F", bound=FactBody)


class FactAt(Protocol):
    """The fact at a position, which is of this class."""

    def __call__(self, seq: int, cls: type[_F], /) -> _F: ...


def sale_file(db: sqlite3.Connection, fact_at: FactAt, transaction_id: str) -> SaleFile | None:
    """None if there is no such sale."""
    row = db.execute("SELECT seq FROM sale WHERE transaction_id = ?", (transaction_id,)).fetchone()
    if row is None:
        return None
    sql = "SELECT seq, state, owed, added FROM suspicion WHERE transaction_id = ?"
    told = db.execute(sql, (transaction_id,)).fetchone()
    suspicion = None if told is None else fact_at(told[0], MissedScanSuspected)
    is_open = told is not None and told[1] != "dismissed" and told[3] < told[2]
    sql = "SELECT seq, reversal_seq FROM backfill WHERE transaction_id = ? ORDER BY seq"
    backfills = tuple(
        (fact_at(seq, ItemBackfilled), *_origin(db, seq), back is not None)
        for seq, back in db.execute(sql, (transaction_id,)).fetchall()
    )
    sql = "SELECT seq FROM returned WHERE transaction_id = ? ORDER BY seq"
    returns = tuple(
        fact_at(seq, ReturnRecorded) for (seq,) in db.execute(sql, (transaction_id,)).fetchall()
    )
    sale = fact_at(row[0], TransactionSettled)
    return SaleFile(sale, suspicion, is_open, backfills, *_origin(db, row[0]), returns)


def settled_as(db: sqlite3.Connection, fact_at: FactAt, receipt: str) -> TransactionSettled | None:
    """By receipt number or transaction's id: both end in the running number."""
    transaction_id = receipt if "-" in receipt else ""
    sql = "SELECT settled_seq FROM settlement WHERE settled_seq IS NOT NULL AND transaction_id"
    found = db.execute(f"{sql} = ?", (transaction_id,)).fetchone()
    if found is not None:
        return fact_at(found[0], TransactionSettled)
    ending = f"%{receipt.rpartition('-')[2]}"
    for (seq,) in db.execute(f"{sql} LIKE ?", (ending,)).fetchall():
        settled = fact_at(seq, TransactionSettled)
        if settled.receipt_number == receipt:
            return settled
    return None


def amended_by(
    db: sqlite3.Connection, fact_at: FactAt, act_id: str
) -> ItemBackfilled | BackfillReversed | ReturnRecorded | None:
    sql = "SELECT seq FROM backfill WHERE backfill_id = ?"
    row = db.execute(sql, (act_id,)).fetchone()
    if row is not None:
        return fact_at(row[0], ItemBackfilled)
    sql = "SELECT reversal_seq FROM backfill WHERE reversal_id = ?"
    row = db.execute(sql, (act_id,)).fetchone()
    if row is not None:
        return fact_at(row[0], BackfillReversed)
    row = db.execute("SELECT seq FROM returned WHERE return_id = ?", (act_id,)).fetchone()
    return None if row is None else fact_at(row[0], ReturnRecorded)


def _origin(db: sqlite3.Connection, position: int) -> tuple[str, int]:
    """Epoch and seq of the fact at a position."""
    if position > 0:
        return meta_of(db, "epoch"), position
    ago = (-position >> LIFE_BITS) + 1
    row = db.execute("SELECT epoch FROM former WHERE ago = ?", (ago,)).fetchone()
    return (row[0] if row else ""), position - position_of(0, ago)

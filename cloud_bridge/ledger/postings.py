"""Vouchers, stock movements and cost gaps as rows. Runs inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from agent.wire import WireFact
from cloud_bridge.mapping import Posting
from cloud_bridge.voucher import FactKey

Row: TypeAlias = tuple[Any, ...]

_INSERT_LINE = "INSERT INTO entry_line VALUES (?,?,?,?,?,?,?,?,?,?)"
_INSERT_VOUCHER = "INSERT INTO voucher VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_MOVEMENT = "INSERT INTO stock_movement VALUES (?,?,?,?,?,?,?,?,?,?)"
_INSERT_GAP = "INSERT INTO cost_gap VALUES (?,?,?,?,?,?,?,?)"
_POSTED = """
SELECT voucher_id, digest FROM voucher
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq = ?"""


@dataclass(frozen=True, slots=True)
class Due:
    """A posting that is to be written, and the fact that it follows from."""

    key: FactKey
    fact: WireFact
    posting: Posting


class Refused(NamedTuple):
    """A posting that the database itself did not take."""

    due: Due
    reason: str


def post(db: sqlite3.Connection, dues: Sequence[Due]) -> list[Refused]:
    """Write all at once; if the database refuses, one by one, to find what it does not take."""
    if _write(db, dues) is None:
        return []
    errors = ((due, _write(db, [due])) for due in dues)
    return [
        Refused(due, str(error))
        for due, error in errors
        if error is not None and not _posted_already(db, due)
    ]


def _write(db: sqlite3.Connection, dues: Sequence[Due]) -> sqlite3.IntegrityError | None:
    """None if all of it is written, else nothing of it is."""
    db.execute("SAVEPOINT posting")
    try:
        db.executemany(_INSERT_LINE, _line_rows(dues))  # before the vouchers, which seal them
        db.executemany(_INSERT_VOUCHER, _voucher_rows(dues))
        db.executemany(_INSERT_MOVEMENT, _movement_rows(dues))
        db.executemany(_INSERT_GAP, _gap_rows(dues))
    except sqlite3.IntegrityError as error:
        db.execute("ROLLBACK TO posting")
        return error
    db.execute("RELEASE posting")
    return None


def _posted_already(db: sqlite3.Connection, due: Due) -> bool:
    """Whether the ledger has exactly these vouchers: same ids, same digests."""
    posted = set(db.execute(_POSTED, due.key).fetchall())
    return posted == {(voucher.voucher_id, voucher.digest) for voucher in due.posting.vouchers}


def _line_rows(dues: Sequence[Due]) -> Iterator[Row]:
    for due in dues:
        for voucher in due.posting.vouchers:
            kind = voucher.content.kind
            for line_no, line in enumerate(voucher.content.lines, 1):
                yield *due.key, kind, line_no, line.role, line.account, line.amount_minor


def _voucher_rows(dues: Sequence[Due]) -> Iterator[Row]:
    for due in dues:
        for voucher in due.posting.vouchers:
            content = voucher.content
            yield (
                *due.key,
                content.kind,
                content.version,
                voucher.voucher_id,
                voucher.digest,
                content.business_date,
                content.currency,
                content.transaction_id,
                content.receipt_number,
            )


def _movement_rows(dues: Sequence[Due]) -> Iterator[Row]:
    for due in dues:
        for m in due.posting.movements:
            yield *due.key, m.line_no, m.gtin, m.quantity_milli, m.weight_g, m.cost_minor


def _gap_rows(dues: Sequence[Due]) -> Iterator[Row]:
    for due in dues:
        for gap in due.posting.gaps:
            yield *due.key, gap.line_no, gap.gtin, gap.reason

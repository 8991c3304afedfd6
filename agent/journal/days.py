"""What each trading day sold, for its close.

A sale may be settled long after its day: a basket that was put aside, a clock that was set back.
The day is then closed again, with all that it sold, also where most of that lies in archives.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec

from agent.domain.facts import DayClosed, TransactionSettled
from agent.journal import archive

_DUE = """
SELECT business_date, first_seq, last_seq FROM day
WHERE business_date < ? AND sales != closed_sales ORDER BY business_date"""
_LATEST = "SELECT max(business_date) FROM day WHERE business_date < ?"
_SALES = """
SELECT seq, hash, body FROM fact
WHERE seq BETWEEN ? AND ? AND type = 'TransactionSettled' ORDER BY seq"""
_ARCHIVED = "SELECT 1 FROM archive WHERE first <= ? AND last >= ?"


class _Sale(msgspec.Struct):
    business_date: str
    amount_minor: int


#: A lane that was off for longer tells only of the last of these days that it sold nothing.
EMPTY_DAYS_MAX = 31

_sale_decoder = msgspec.json.Decoder(_Sale)


def due(db: sqlite3.Connection, folder: Path, today: str) -> list[DayClosed]:
    """The close of each day before `today` that has sales which no close has told of, and of those
    without any since the last day that is known of. `folder`: where archives lie.

    Raises ArchiveUnreadable.
    """
    closes = [_closed(db, folder, *row) for row in db.execute(_DUE, (today,)).fetchall()]
    return [*closes, *(_closed(db, folder, empty, 0, 0) for empty in _empty(db, today))]


def _empty(db: sqlite3.Connection, today: str) -> Iterator[str]:
    """None before the lane's first sale."""
    latest: str | None = db.execute(_LATEST, (today,)).fetchone()[0]
    if latest is None:
        return
    last = date.fromisoformat(today)
    days = min((last - date.fromisoformat(latest)).days - 1, EMPTY_DAYS_MAX)
    for ago in range(days, 0, -1):
        yield (last - timedelta(days=ago)).isoformat()


def _closed(
    db: sqlite3.Connection, folder: Path, business_date: str, first: int, last: int
) -> DayClosed:
    digest, sales, sum_minor = hashlib.sha256(), 0, 0
    for seq, hash_, body in _sales(db, folder, first, last):
        sale = _sale_decoder.decode(body)
        if sale.business_date == business_date:
            digest.update(f"{seq} {hash_}\n".encode())
            sales, sum_minor = sales + 1, sum_minor + sale.amount_minor
    return DayClosed(business_date, sales, sum_minor, digest.hexdigest(), first, last)


def _sales(
    db: sqlite3.Connection, folder: Path, first: int, last: int
) -> Iterator[tuple[int, str, bytes]]:
    if db.execute(_ARCHIVED, (last, first)).fetchone() is None:
        yield from db.execute(_SALES, (first, last))
        return
    db.execute("BEGIN")  # one moment of the journal: meanwhile more may be archived
    try:
        for row in archive.history(db, folder, first, last):
            if row.type == TransactionSettled.type:
                yield row.seq, row.hash, row.body
    finally:
        db.execute("ROLLBACK")

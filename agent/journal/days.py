"""What each trading day sold and took back, for its close.

A sale may be settled long after its day: a basket that was put aside, a clock that was set back.
The day is then closed again, with all that it sold, also where most of that lies in archives.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec

from agent.domain.facts import DayClosed, ReturnRecorded, TransactionSettled
from agent.journal import archive

_DUE = """
SELECT business_date, first_seq, last_seq FROM day
WHERE business_date < ? AND (sales != closed_sales OR returns != closed_returns)
ORDER BY business_date"""
_LATEST = "SELECT max(business_date) FROM day WHERE business_date < ?"
_DEEDS = """
SELECT seq, type, hash, body FROM fact
WHERE seq BETWEEN ? AND ? AND type IN ('TransactionSettled', 'ReturnRecorded') ORDER BY seq"""
_ARCHIVED = "SELECT 1 FROM archive WHERE first <= ? AND last >= ?"


class _Deed(msgspec.Struct):
    """A sale or a return."""

    business_date: str
    amount_minor: int


#: A lane that was off for longer tells only of the last of these days that it sold nothing.
EMPTY_DAYS_MAX = 31

_deed_decoder = msgspec.json.Decoder(_Deed)


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
    digest, amounts = hashlib.sha256(), defaultdict[str, list[int]](list)
    for seq, type_, hash_, body in _deeds(db, folder, first, last):
        deed = _deed_decoder.decode(body)
        if deed.business_date == business_date:
            digest.update(f"{seq} {hash_}\n".encode())
            amounts[type_].append(deed.amount_minor)
    sold, returned = amounts[TransactionSettled.type], amounts[ReturnRecorded.type]
    return DayClosed(
        business_date,
        len(sold),
        sum(sold),
        digest.hexdigest(),
        first,
        last,
        len(returned),
        sum(returned),
    )


def _deeds(
    db: sqlite3.Connection, folder: Path, first: int, last: int
) -> Iterator[tuple[int, str, str, bytes]]:
    if db.execute(_ARCHIVED, (last, first)).fetchone() is None:
        yield from db.execute(_DEEDS, (first, last))
        return
    db.execute("BEGIN")  # one moment of the journal: meanwhile more may be archived
    try:
        for row in archive.history(db, folder, first, last):
            if row.type in (TransactionSettled.type, ReturnRecorded.type):
                yield row.seq, row.type, row.hash, row.body
    finally:
        db.execute("ROLLBACK")

"""Facts as they came, and how far each stream has come. Runs inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from agent.wire import WireFact
from cloud_bridge.ledger.port import Cursor, Delivery
from cloud_bridge.voucher import Stream

_INSERT = "INSERT INTO inbox VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_KNOWN = """
SELECT seq, type, version, wall_ms, mono_ms, hash, body FROM inbox
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq BETWEEN ? AND ?"""
_LATER = """
SELECT seq FROM inbox
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq > ? ORDER BY seq"""
_CURSOR = """
SELECT hw, last_seq FROM lane_cursor WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ?"""
_TAKE_HOME = "INSERT INTO epoch_home VALUES (?,?,?,?) ON CONFLICT DO NOTHING"
_HOME = "SELECT store, lane FROM epoch_home WHERE tenant = ? AND epoch = ?"
_NEWEST_MS = "SELECT COALESCE(MAX(received_ms), 0) FROM lane_cursor"
_SAVE_CURSOR = """
INSERT INTO lane_cursor VALUES (?,?,?,?,?,?,?)
ON CONFLICT DO UPDATE SET hw = excluded.hw, last_seq = excluded.last_seq,
                          received_ms = MAX(received_ms, excluded.received_ms)"""


def sift(
    db: sqlite3.Connection, delivery: Delivery, cursor: Cursor
) -> tuple[Sequence[WireFact], Sequence[WireFact], int]:
    """(new facts, facts that contradict a stored one, number of facts stored before)."""
    facts = delivery.facts
    if facts[0].seq > cursor.last_seq:
        return facts, (), 0
    stretch = (*delivery.stream, facts[0].seq, facts[-1].seq)
    known = {row[0]: row for row in db.execute(_KNOWN, stretch)}
    new = [fact for fact in facts if fact.seq not in known]
    contradicting = [fact for fact in facts if known.get(fact.seq, _row(fact)) != _row(fact)]
    return new, contradicting, len(known)


def store(
    db: sqlite3.Connection, stream: Stream, facts: Iterable[WireFact], received_ms: int
) -> None:
    db.executemany(
        _INSERT,
        [(*stream, *_row(fact), received_ms) for fact in facts],
    )


def _row(fact: WireFact) -> tuple[int, str, int, int, int, str, bytes]:
    return fact.seq, fact.type, fact.v, fact.ts, fact.mono, fact.hash, bytes(fact.body)


def cursor_of(db: sqlite3.Connection, stream: Stream) -> Cursor:
    """Where a stream stands; at nought if nothing of it has come."""
    row = db.execute(_CURSOR, stream).fetchone()
    return Cursor(*row) if row else Cursor()


def home_of(db: sqlite3.Connection, stream: Stream) -> tuple[str, str]:
    """(store, lane) under which the stream's epoch came first: its own, if it is new."""
    db.execute(_TAKE_HOME, (stream.tenant, stream.epoch, stream.store, stream.lane))
    store, lane = db.execute(_HOME, (stream.tenant, stream.epoch)).fetchone()
    return store, lane


def newest_ms(db: sqlite3.Connection) -> int:
    """When the latest of all facts was received; 0 if none was."""
    newest: int = db.execute(_NEWEST_MS).fetchone()[0]
    return newest


def advance(db: sqlite3.Connection, delivery: Delivery, cursor: Cursor) -> Cursor:
    """The cursor after the facts of a delivery have been stored."""
    first, last = delivery.facts[0].seq, delivery.facts[-1].seq
    hw = cursor.hw
    if first <= hw + 1 and last > hw:
        hw = last
        if cursor.last_seq > hw:
            hw = _contiguous_from(db, delivery.stream, hw)
    return Cursor(hw, max(cursor.last_seq, last))


def _contiguous_from(db: sqlite3.Connection, stream: Stream, hw: int) -> int:
    """The last seq of the unbroken run after `hw`: facts that came early count now."""
    for (seq,) in db.execute(_LATER, (*stream, hw)):
        if seq != hw + 1:
            break
        hw = seq
    return hw


def save_cursors(
    db: sqlite3.Connection, cursors: Mapping[Stream, Cursor], received_ms: int
) -> None:
    db.executemany(
        _SAVE_CURSOR, [(*stream, c.hw, c.last_seq, received_ms) for stream, c in cursors.items()]
    )

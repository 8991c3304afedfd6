"""Facts as they came, and how far each stream has come. Runs inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent.wire import WireFact
from cloud_bridge.ledger.port import Cursor, Delivery, Received
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
_MOVE_HOME = "UPDATE epoch_home SET store = ?, lane = ? WHERE tenant = ? AND epoch = ?"
_KNOWN_ELSEWHERE = """
SELECT 1 FROM inbox
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq = ?"""
_NEXT = """
SELECT MIN(seq) FROM inbox
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq > ?"""
_POSTED = """
EXISTS (SELECT 1 FROM voucher AS v WHERE v.tenant = i.tenant AND v.store = i.store
        AND v.lane = i.lane AND v.epoch = i.epoch AND v.seq = i.seq)
OR NOT EXISTS (SELECT 1 FROM quarantine AS q WHERE q.tenant = i.tenant AND q.store = i.store
        AND q.lane = i.lane AND q.epoch = i.epoch AND q.seq = i.seq)"""
_DAY_CLOSES = f"""
SELECT tenant, store, lane, epoch, seq, hash, body, {_POSTED} FROM inbox AS i
WHERE type = 'DayClosed' ORDER BY tenant, store, lane, epoch, seq"""  # noqa: S608  a constant
_SETTLED = f"""
SELECT tenant, store, lane, epoch, seq, hash, body, {_POSTED} FROM inbox AS i
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq BETWEEN ? AND ?
  AND type = 'TransactionSettled' ORDER BY seq"""  # noqa: S608  a constant
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


def move_home(db: sqlite3.Connection, stream: Stream, seq: int) -> bool:
    """Let a journal live where this fact of it came. False if the fact came to its home as well."""
    home = home_of(db, stream)
    known = (stream.tenant, *home, stream.epoch, seq)
    if home != (stream.store, stream.lane) and db.execute(_KNOWN_ELSEWHERE, known).fetchone():
        return False
    db.execute(_MOVE_HOME, (stream.store, stream.lane, stream.tenant, stream.epoch))
    return True


def hole(db: sqlite3.Connection, stream: Stream) -> tuple[int, int] | None:
    """The first run of missing facts."""
    hw = cursor_of(db, stream).hw
    (later,) = db.execute(_NEXT, (*stream, hw)).fetchone()
    return None if later is None else (hw + 1, later - 1)


def day_closes(db: sqlite3.Connection) -> list[Received]:
    return [_received(row) for row in db.execute(_DAY_CLOSES)]


def settled(db: sqlite3.Connection, stream: Stream, first: int, last: int) -> list[Received]:
    return [_received(row) for row in db.execute(_SETTLED, (*stream, first, last))]


def _received(row: tuple[Any, ...]) -> Received:
    *stream, seq, digest, body, posted = row
    return Received(Stream(*stream), seq, digest, body, bool(posted))


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

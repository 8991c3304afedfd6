"""Facts as they came, and how far each stream has come. Runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from agent.wire import WireFact
from cloud_bridge.ledger.database import MINE, Database, Row, places
from cloud_bridge.ledger.port import INT64_MAX, Cursor, Received
from cloud_bridge.voucher import FactKey, Stream

_KNOWN = """
SELECT seq, type, version, wall_ms, mono_ms, hash, body FROM inbox
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq BETWEEN ? AND ?"""
_LATER = """
SELECT seq FROM inbox
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq > ? ORDER BY seq"""
_CURSORS = """
SELECT tenant, store, lane, epoch, hw, last_seq,
  (SELECT hash FROM inbox AS i WHERE i.tenant = c.tenant AND i.store = c.store
          AND i.lane = c.lane AND i.epoch = c.epoch AND i.seq = c.last_seq),
  EXISTS (SELECT 1 FROM quarantine AS q WHERE q.reason = 'fork' AND q.resolved_ms IS NULL
          AND q.tenant = c.tenant AND q.store = c.store AND q.lane = c.lane AND q.epoch = c.epoch)
FROM lane_cursor AS c WHERE (tenant, store, lane, epoch) IN (VALUES {})"""
_HOMES = """
SELECT tenant, epoch, store, lane FROM epoch_home WHERE (tenant, epoch) IN (VALUES {})"""
_MOVE_HOME = "UPDATE epoch_home SET store = ?, lane = ? WHERE tenant = ? AND epoch = ?"
_NEXT = """
SELECT MIN(seq) FROM inbox
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq > ?"""
_POSTED = """
EXISTS (SELECT 1 FROM voucher AS v WHERE v.tenant = i.tenant AND v.store = i.store
        AND v.lane = i.lane AND v.epoch = i.epoch AND v.seq = i.seq)
OR NOT EXISTS (SELECT 1 FROM quarantine AS q WHERE q.tenant = i.tenant AND q.store = i.store
        AND q.lane = i.lane AND q.epoch = i.epoch AND q.seq = i.seq AND q.reason <> 'fork')"""
_DAY_CLOSES = f"""
SELECT tenant, store, lane, epoch, seq, type, hash, body, {_POSTED} FROM inbox AS i
WHERE type = 'DayClosed' AND {MINE}
ORDER BY tenant, store, lane, epoch, seq"""  # noqa: S608  constants
_SETTLED = f"""
SELECT tenant, store, lane, epoch, seq, type, hash, body, {_POSTED} FROM inbox AS i
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq BETWEEN ? AND ?
  AND type IN ('TransactionSettled', 'ReturnRecorded') ORDER BY seq"""  # noqa: S608  a constant
_WHEN_POSTED = f"""
SELECT received_ms FROM inbox AS i
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq = ? AND ({_POSTED})"""  # noqa: S608  a constant
_NEWEST_MS = "SELECT COALESCE(MAX(received_ms), 0) FROM lane_cursor"
_SAVE_CURSOR = """
INSERT INTO lane_cursor VALUES (?,?,?,?,?,?,?)
ON CONFLICT (tenant, store, lane, epoch) DO UPDATE SET
  hw = excluded.hw, last_seq = excluded.last_seq,
  received_ms = CASE WHEN excluded.received_ms > lane_cursor.received_ms
                     THEN excluded.received_ms ELSE lane_cursor.received_ms END"""
_ALL = f"""
SELECT tenant, store, lane, epoch, seq, type, version, wall_ms, mono_ms, hash, body, received_ms
FROM inbox WHERE {MINE} ORDER BY tenant, store, lane, epoch, seq"""  # noqa: S608  a constant


HASH = 5  #: where a row of `row_of` has its hash


@dataclass(frozen=True, slots=True)
class Kept:
    """A fact of the inbox, whole."""

    key: FactKey
    fact: WireFact
    received_ms: int


def row_of(fact: WireFact) -> Row:
    """(seq, type, version, wall_ms, mono_ms, hash, body). Types and hashes have no NUL in any true
    journal, and not every database can hold one."""
    type_, hash_ = (text.replace("\0", "\N{SYMBOL FOR NULL}") for text in (fact.type, fact.hash))
    return fact.seq, type_, fact.v, fact.ts, fact.mono, hash_, bytes(fact.body)


def fact_of(row: Row) -> WireFact:
    """The other way round."""
    seq, type_, version, wall_ms, mono_ms, hash_, body = row
    return WireFact(seq, type_, version, wall_ms, mono_ms, hash_, msgspec.Raw(body))


def known(db: Database, stream: Stream, first: int, last: int) -> dict[FactKey, Row]:
    """The facts of a stretch that are here."""
    rows = db.rows(_KNOWN, (*stream, first, last))
    return {FactKey(*stream, row[0]): tuple(row) for row in rows}


def cursors(db: Database, streams: Collection[Stream]) -> dict[Stream, Cursor]:
    """Where each stream stands; at nought if nothing of it has come."""
    found = {stream: Cursor() for stream in streams}
    if streams:
        values = [part for stream in streams for part in stream]
        for row in db.rows(_CURSORS.format(places(len(streams), 4)), values):
            hw, last_seq, last_hash, is_forked = row[4:]
            found[Stream(*row[:4])] = Cursor(hw, last_seq, last_hash or "", bool(is_forked))
    return found


def homes(db: Database, streams: Collection[Stream]) -> dict[tuple[str, str], tuple[str, str]]:
    """(tenant, epoch) -> (store, lane) under which the epoch came first: its own, if it is new."""
    if not streams:
        return {}
    epochs = [part for stream in streams for part in (stream.tenant, stream.epoch)]
    rows = db.rows(_HOMES.format(places(len(streams), 2)), epochs)
    found = {(tenant, epoch): (store, lane) for tenant, epoch, store, lane in rows}
    new: dict[tuple[str, str], tuple[str, str]] = {}
    for stream in streams:
        epoch = (stream.tenant, stream.epoch)
        if epoch not in found:
            new.setdefault(epoch, (stream.store, stream.lane))
    db.insert("epoch_home", sorted((*epoch, *home) for epoch, home in new.items()))
    return found | new


def move_home(db: Database, key: FactKey) -> bool:
    """Let a journal live where this fact of it came. False if the fact came to its home as well."""
    stream = Stream(*key[:4])
    home = homes(db, [stream])[stream.tenant, stream.epoch]
    first = Stream(stream.tenant, *home, stream.epoch)
    if first != stream and known(db, first, key.seq, key.seq):
        return False
    db.many(_MOVE_HOME, [(stream.store, stream.lane, stream.tenant, stream.epoch)])
    return True


def hole(db: Database, stream: Stream) -> tuple[int, int] | None:
    """The first run of missing facts."""
    hw = cursors(db, [stream])[stream].hw
    ((later,),) = db.rows(_NEXT, (*stream, hw))
    return None if later is None else (hw + 1, later - 1)


def day_closes(db: Database, tenant: str) -> list[Received]:
    return [_received(row) for row in db.rows(_DAY_CLOSES, (tenant,))]


def settled(db: Database, stream: Stream, first: int, last: int) -> list[Received]:
    return [_received(row) for row in db.rows(_SETTLED, (*stream, first, last))]


def received_ms(db: Database, key: FactKey) -> int | None:
    """When a fact came of which nothing is held back. What names it came from outside, and may be
    what no database has a word for."""
    if "\0" in key.epoch or not 0 < key.seq <= INT64_MAX:
        return None
    for (received,) in db.rows(_WHEN_POSTED, key):
        return int(received)
    return None


def _received(row: Row) -> Received:
    *stream, seq, type_, digest, body, posted = row
    return Received(Stream(*stream), seq, type_, digest, body, bool(posted))


def newest_ms(db: Database) -> int:
    """When the latest of all facts was received; 0 if none was."""
    ((newest,),) = db.rows(_NEWEST_MS)
    return int(newest)


def advanced(
    db: Database, stream: Stream, cursor: Cursor, stored: Iterable[tuple[int, int]]
) -> Cursor:
    """The cursor after facts from `first` to `last` each are in the inbox."""
    hw, last_seq = cursor.hw, cursor.last_seq
    for first, last in sorted(stored):
        if first <= hw + 1:
            hw = max(hw, last)
        last_seq = max(last_seq, last)
    if cursor.hw < hw < last_seq:
        hw = _contiguous_from(db, stream, hw)
    return Cursor(hw, last_seq)


def _contiguous_from(db: Database, stream: Stream, hw: int) -> int:
    """The last seq of the unbroken run after `hw`: facts that came early count now."""
    for (seq,) in db.rows(_LATER, (*stream, hw)):
        if seq != hw + 1:
            break
        hw = seq
    return hw


def save_cursors(db: Database, cursors: Mapping[Stream, Cursor], received_ms: int) -> None:
    """Written even where nothing moved: see `Database.mark`."""
    db.many(_SAVE_CURSOR, [(*s, c.hw, c.last_seq, received_ms) for s, c in sorted(cursors.items())])


def everything(db: Database, tenant: str) -> Iterator[Kept]:
    """All facts, by key."""
    for row in db.stream(_ALL, (tenant,)):
        yield Kept(FactKey(*row[:5]), fact_of(row[4:11]), row[11])

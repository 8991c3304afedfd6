"""Facts of a former epoch, which a recovered or restored journal brought along, to head office.

Under their own epoch and seq, so that the bridge, which may have had some of them already, takes
each once. A connection of its own, one batch at a time: this is rare, nobody waits for it, and the
sales of today go on beside it (`agent.sync`). In the place of each lost fact goes a `FactLost`, for
the bridge acknowledges only what has no gap. The fact after a gap cannot be told to be true any
more: the bridge puts it into quarantine, for a person to judge.

Of a disk that was set back, head office may have other facts under the same numbers: how far it
has come says nothing of these. Each is sent until the bridge says that it got it: to keep it, to
find it there already, or to put it into quarantine.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from msgspec import UnsetType

from agent import wire
from agent.domain.facts import FactLost
from agent.journal import Former, JournalReader
from agent.journal.chain import follows
from agent.journal.file import beside
from agent.mqtt import Incoming, MqttLink
from agent.mqtt_settings import MqttSettings
from agent.wire import GENESIS, Ack, FactRow, LaneAddress, chain_hash

log = logging.getLogger("lanetally.former")

TURN_S = 1.0
AGAIN_S = 1.0  #: after an answer that moved nothing: a damaged fact is believed at its second sight
STALL_S = 10.0  #: after no answer at all
SAVE_S = 5.0  #: the cursor is saved so often: its loss costs a resend
PROBED_FACTS = 500  #: so far back a sure fact is looked for
_LOST = wire.encode_body(FactLost())


def unsent(path: Path) -> list[Former]:
    """The former epochs of which head office may lack something, oldest first."""
    with closing(JournalReader(path)) as reader:
        return [former for former in reader.formers() if is_unsent(former)]


def is_unsent(former: Former) -> bool:
    """An epoch that nobody knows any more cannot be sent: its facts stay where they are."""
    return former.acked_seq < former.last_seq and not former.epoch.startswith("unknown-")


@dataclass(slots=True)
class _Stream:
    """How far one epoch has come."""

    former: Former
    acked: int
    is_set_back: bool = False  #: are its numbers used twice?
    answered: bool = False  #: has the bridge said how much of it it has?
    due_s: float = 0.0  #: when to send, next or again
    saved_s: float = 0.0
    hash_sent: tuple[int, str] = (0, GENESIS)


class FormerSync:
    """Belongs to one thread."""

    def __init__(self, settings: MqttSettings, address: LaneAddress, path: Path) -> None:
        self._settings = settings
        self._address = address
        self._path = path
        self._stream: _Stream | None = None

    def run(self, stop: threading.Event) -> None:
        """Send what is not sent. Returns when all is acknowledged, or when `stop` is set."""
        address = self._address
        client_id = f"lanetally-{address.org}-{address.store}-{address.lane}-former"
        with closing(JournalReader(self._path)) as reader:
            link = MqttLink(self._settings, client_id, on_up=self._up, on_message=self._message)
            self._link, self._reader = link, reader
            try:
                set_back = reader.epochs_set_back()
                for former in unsent(self._path):
                    twice = former.epoch in set_back
                    stream = _Stream(former, former.acked_seq, twice, answered=twice)
                    self._send(stream, reader, stop)
            finally:
                link.close()

    def _send(self, stream: _Stream, reader: JournalReader, stop: threading.Event) -> None:
        self._stream = stream
        former = stream.former
        log.info("epoch %s: facts after %d go to head office", former.epoch, stream.acked)
        while stream.acked < former.last_seq and not stop.is_set():
            wait_s = stream.due_s - time.monotonic() if self._link.up else TURN_S
            self._link.turn(max(0.0, min(TURN_S, wait_s)))
            is_due = stream.acked < former.last_seq and time.monotonic() >= stream.due_s
            if self._link.up and is_due:
                rows = [] if stream.answered else _probe(reader, stream)
                self._publish(stream, rows or _next_batch(reader, stream))
            self._save(stream, every_s=SAVE_S)
        self._save(stream, every_s=0.0)
        if stream.acked >= former.last_seq:
            log.info("epoch %s: all %d facts are at head office", former.epoch, former.last_seq)

    def _publish(self, stream: _Stream, rows: list[tuple[str, FactRow]]) -> None:
        prev = rows[0][0]
        payload = wire.encode_batch(stream.former.epoch, prev, [row for _, row in rows])
        self._link.publish(self._address.topic("tx"), payload)
        stream.due_s = time.monotonic() + STALL_S

    def _up(self) -> None:
        self._link.subscribe(self._address.topic("ack"))
        if self._stream is not None:
            self._stream.due_s = 0.0

    def _message(self, message: Incoming) -> None:
        self._link.confirm(message)
        ack, stream = wire.decode_ack(message.payload), self._stream
        if ack is None or stream is None or ack.epoch != stream.former.epoch:
            return
        stream.is_set_back = stream.is_set_back or _names_another(ack, stream, self._reader)
        reached = _reached(ack, stream, self._reader)
        moved = reached != stream.acked or not stream.answered
        stream.acked = reached
        stream.answered = True
        stream.due_s = time.monotonic() + (0.0 if moved else AGAIN_S)

    def _save(self, stream: _Stream, every_s: float) -> None:
        now = time.monotonic()
        if now - stream.saved_s < every_s:
            return
        stream.saved_s = now
        values = (stream.acked, stream.former.ago)
        try:
            with beside(self._path) as db:
                sql = "UPDATE former SET acked_seq = ? WHERE ago = ? AND acked_seq != ?"
                db.execute(sql, (*values, stream.acked))
        except sqlite3.Error as error:
            log.warning("cursor of a former epoch not saved: %s", error)


def _names_another(ack: Ack, stream: _Stream, reader: JournalReader) -> bool:
    """Whether the bridge has another fact where ours is sound, or more than we know of: the disk
    was set back, and perhaps damaged before anybody has seen it."""
    former = stream.former
    if ack.hw > former.last_seq or any(seq > former.last_seq for seq, _ in ack.named()):
        return True
    own = ((_sound(reader, former, seq), digest) for seq, digest in ack.named())
    return any(row is not None and row.hash != digest for row, digest in own)


def _reached(ack: Ack, stream: _Stream, reader: JournalReader) -> int:
    """How far the bridge has come; where numbers may be used twice, as far as each sound fact was
    taken as it was sent now, and each other one is there."""
    last = stream.former.last_seq
    if not stream.is_set_back or isinstance(ack.got, UnsetType):
        return min(ack.hw, last)
    seq = stream.acked
    while seq < last:
        taken = [end for first, end in ack.got if first <= seq + 1 <= end]
        if taken:
            seq = min(max(taken), last)
        elif seq < ack.hw and _sound(reader, stream.former, seq + 1) is None:
            seq += 1
        else:
            break
    return seq


def _sound(reader: JournalReader, former: Former, seq: int) -> FactRow | None:
    """A fact that is there, and follows from the one before."""
    rows = {row.seq: row for row in reader.former_rows(former, max(1, seq - 1), seq)}
    prev = GENESIS if seq == 1 else rows[seq - 1].hash if seq - 1 in rows else ""
    is_sound = seq in rows and bool(prev) and follows(prev, former.epoch, rows[seq])
    return rows[seq] if is_sound else None


def _probe(reader: JournalReader, stream: _Stream) -> list[tuple[str, FactRow]]:
    """A single sure fact: its acknowledgement says what the bridge has of this epoch, before it is
    told of facts that are lost here and may be known there. None if there is none."""
    former, found = stream.former, list[tuple[str, FactRow]]()
    first = max(1, stream.acked - PROBED_FACTS)
    prev, expected = (GENESIS if first == 1 else ""), first
    for row in reader.former_rows(former, first):
        if prev and row.seq == expected and follows(prev, former.epoch, row):
            found = [(prev, row)]
            if row.seq > stream.acked:
                break
        prev, expected = row.hash, row.seq + 1
    return found


def _next_batch(reader: JournalReader, stream: _Stream) -> list[tuple[str, FactRow]]:
    """(hash before it, fact) of the next facts, lost ones replaced."""
    first, last = stream.acked + 1, min(stream.acked + wire.BATCH_FACTS_MAX, stream.former.last_seq)
    there = {row.seq: row for row in reader.former_rows(stream.former, first, last)}
    prev = _hash_before(reader, stream, first)
    batch: list[tuple[str, FactRow]] = []
    size = 0
    for seq in range(first, last + 1):
        row = there.get(seq) or _lost(stream.former.epoch, seq, prev)
        size += len(row.body)
        if batch and size > wire.BATCH_BYTES_MAX:
            break
        batch.append((prev, row))
        prev = row.hash
    stream.hash_sent = batch[-1][1].seq, prev
    return batch


def _hash_before(reader: JournalReader, stream: _Stream, seq: int) -> str:
    """The hash of the fact before; of a lost one that of what was or will be sent in its place."""
    if stream.hash_sent[0] == seq - 1:
        return stream.hash_sent[1]
    for first in (seq - 1, 1):
        last_row = deque(reader.former_rows(stream.former, max(1, first), seq - 1), maxlen=1)
        if last_row:
            break
    at, prev = (last_row[0].seq, last_row[0].hash) if last_row else (0, GENESIS)
    while at < seq - 1:
        at, prev = at + 1, _lost(stream.former.epoch, at + 1, prev).hash
    return prev


def _lost(epoch: str, seq: int, prev: str) -> FactRow:
    """What stands in a lost fact's place, the same each time that it is sent."""
    head = (seq, FactLost.type, FactLost.version, 0, 0)
    return FactRow(*head, chain_hash(prev, epoch, *head, _LOST), _LOST)

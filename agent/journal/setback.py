"""A disk that was set back: an older image was put on it, a snapshot taken up again, a copy of it
runs elsewhere. Head office then has other facts under numbers of this epoch than the journal has.

The epoch cannot go on: whatever it numbers next has that number at head office already, and would
be taken for acknowledged without being there. The next start begins a new epoch. What this journal
had from its past stays under the old one, where head office takes each fact for the one it has.
What the run wrote that found itself set back was never sent: it is written again, under the new.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import msgspec

from agent.domain.facts import BackfillReversed, DayClosed, FactBody, LaneStarted
from agent.journal.file import SELECT_FACT, meta_of, sync_folder, whole_file
from agent.journal.writer import Journal
from agent.wire import FactRow, UndecodableFact, decode_body

_LAST_START = f"SELECT coalesce(max(seq), 0) FROM fact WHERE type = '{LaneStarted.type}'"  # noqa: S608  a constant


@dataclass(frozen=True, slots=True)
class SetBack:
    """What was seen. `sent_seq`: the last that this run has sent before it saw it."""

    epoch: str
    head_office_seq: int
    sent_seq: int


_decoder = msgspec.json.Decoder(SetBack)


def mark(path: Path, seen: SetBack) -> None:
    """Note it for the next start. Raises OSError."""
    with whole_file(_mark(path)) as stream:
        stream.write(msgspec.json.encode(seen))


def marked(path: Path) -> SetBack | None:
    try:
        return _decoder.decode(_mark(path).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def unmark(path: Path) -> None:
    with suppress(FileNotFoundError):
        _mark(path).unlink()
        sync_folder(path.parent)


def _mark(path: Path) -> Path:
    return path.with_suffix(".set-back")


def unsent_since(db: sqlite3.Connection, seen: SetBack) -> list[FactRow] | None:
    """The facts of the run that found itself set back, but for those it had sent by then. None if
    the journal is not of that epoch any more."""
    if meta_of(db, "epoch") != seen.epoch:
        return None
    first = max(db.execute(_LAST_START).fetchone()[0], seen.sent_seq + 1)
    return [FactRow(*row) for row in db.execute(f"{SELECT_FACT} WHERE seq >= ?", (first,))]


def write_again(journal: Journal, former_epoch: str, rows: list[FactRow]) -> None:
    """The same facts under new numbers, in the commits that they had."""
    renumbered: dict[int, int] = {}
    for (wall_ms, mono_ms), commit in groupby(rows, lambda row: (row.wall_ms, row.mono_ms)):
        bodies: list[FactBody] = []
        for row in commit:
            for body in _again(row, former_epoch, journal.epoch, renumbered):
                bodies.append(body)
                renumbered[row.seq] = journal.last_seq + len(bodies)
        if bodies:
            journal.append(bodies, wall_ms=wall_ms, mono_ms=mono_ms)


def _again(
    row: FactRow, former_epoch: str, epoch: str, renumbered: dict[int, int]
) -> Iterator[FactBody]:
    """None of a day's close: its day is closed again, with the numbers that its sales have now."""
    with suppress(UndecodableFact):  # damaged: it stays in the file that is put aside
        fact = decode_body(row.type, row.version, row.body)
        if isinstance(fact, BackfillReversed) and fact.epoch == former_epoch:
            seq = renumbered.get(fact.seq, 0)
            yield replace(fact, epoch=epoch, seq=seq) if seq else fact
        elif fact is not None and not isinstance(fact, DayClosed):
            yield fact

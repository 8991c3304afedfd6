"""Facts that left the journal's file: compressed lines in `DATA_DIR/archive`, one file a stretch.

A file is written whole, synced, read back and compared with what it was made from. Only then does
the journal note it, and only what is noted may be deleted (`agent.schema`). Names say epoch, first
and last seq, so that a folder of them can be put in order by eye and by a recovery.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.journal.file import JournalUnsafe, rows_of, whole_file
from agent.journal.lines import decode_line, encode_lines
from agent.wire import FactRow, UndecodableFact

LIFE_BITS = 40  #: a fact of `ago` lives back stands at seq - (ago << LIFE_BITS)
_NAME = re.compile(r"([0-9a-f]{32})-(\d+)-(\d+)\.jsonl\.gz")
_COLUMNS = "first, last, epoch, last_hash, file, sha256"


class ArchiveUnreadable(JournalUnsafe):
    """A file of archived facts is not there, or is not what was written."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A stretch of facts in a file. `first` and `last` are positions, as in the table `fact`."""

    first: int
    last: int
    epoch: str
    last_hash: str
    file: str
    sha256: str

    @property
    def ago(self) -> int:
        return lives_ago(self.first)


def lives_ago(position: int) -> int:
    """Of which life a fact is: 0 for the present one."""
    return -((position - 1) >> LIFE_BITS)


def position_of(seq: int, ago: int) -> int:
    return seq - (ago << LIFE_BITS)


def folder_of(journal: Path) -> Path:
    return journal.parent / "archive"


def moved(rows: Iterable[FactRow], by: int) -> Iterator[FactRow]:
    """The same facts under other numbers."""
    if not by:
        yield from rows
        return
    for row in rows:
        yield FactRow(
            row.seq + by, row.type, row.version, row.wall_ms, row.mono_ms, row.hash, row.body
        )


def write(folder: Path, epoch: str, ago: int, rows: Sequence[FactRow]) -> Archive:
    """Make a file of rows (at their own seq) and make sure of it. Raises OSError, JournalUnsafe."""
    folder.mkdir(exist_ok=True)
    first, last = rows[0].seq, rows[-1].seq
    name = f"{epoch}-{first:010d}-{last:010d}.jsonl.gz"
    # no time in the header: the same facts make the same bytes
    packed = gzip.compress(b"".join(encode_lines(epoch, rows)), compresslevel=6, mtime=0)
    with whole_file(folder / name) as stream:
        stream.write(packed)
    digest = hashlib.sha256(packed).hexdigest()
    ends = position_of(first, ago), position_of(last, ago)
    written = Archive(*ends, epoch, rows[-1].hash, name, digest)
    if list(read(folder, written)) != list(rows):
        raise ArchiveUnreadable(f"{folder / name}: is not what was written")
    return written


def read(folder: Path, archive: Archive) -> Iterator[FactRow]:
    """The facts of a file at their own seq. Raises ArchiveUnreadable."""
    path = folder / archive.file
    try:
        packed = path.read_bytes()
        if hashlib.sha256(packed).hexdigest() != archive.sha256:
            raise ArchiveUnreadable(f"{path}: is not what was written")
        for line in gzip.decompress(packed).splitlines():
            yield decode_line(line)[1]
    except (OSError, EOFError, zlib.error, UndecodableFact) as error:
        raise ArchiveUnreadable(f"{path}: {error}") from error


def found(folder: Path, epochs: dict[str, int]) -> Iterator[Archive]:
    """The archives that lie in a folder, of these epochs (each with how many lives ago it was), for
    a journal that has lost its own list of them. What cannot be read is not among them."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        named = _NAME.fullmatch(path.name)
        if named is None or named[1] not in epochs:
            continue
        ago = epochs[named[1]]
        ends = position_of(int(named[2]), ago), position_of(int(named[3]), ago)
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            archive = Archive(*ends, named[1], "", path.name, digest)
            rows = list(read(folder, archive))
        except (OSError, ArchiveUnreadable):
            continue
        if rows and (rows[0].seq, rows[-1].seq) == (int(named[2]), int(named[3])):
            yield replace(archive, last_hash=rows[-1].hash)


# --- the journal's list of them ------------------------------------------------------------------


def listed(db: sqlite3.Connection) -> list[Archive]:
    """All that were noted, oldest facts first."""
    sql = f"SELECT {_COLUMNS} FROM archive ORDER BY first"  # noqa: S608  names from a constant
    return [Archive(*row) for row in db.execute(sql)]


def holding(db: sqlite3.Connection, position: int) -> Archive | None:
    """The archive that has the fact at a position."""
    sql = f"SELECT {_COLUMNS} FROM archive WHERE first <= ? ORDER BY first DESC LIMIT 1"  # noqa: S608  names from a constant
    row = db.execute(sql, (position,)).fetchone()
    return Archive(*row) if row and row[1] >= position else None


def note(db: sqlite3.Connection, archive: Archive) -> None:
    """Refused by the file itself for facts that head office has not acknowledged."""
    db.execute(
        f"INSERT INTO archive({_COLUMNS}) VALUES (?,?,?,?,?,?)",  # noqa: S608  names from a constant
        (
            *(archive.first, archive.last, archive.epoch),
            *(archive.last_hash, archive.file, archive.sha256),
        ),
    )


def fact_at(db: sqlite3.Connection, folder: Path, position: int) -> FactRow:
    """An archived fact, at its position. Raises ArchiveUnreadable if no archive has it."""
    archive = holding(db, position)
    if archive is not None:
        for row in moved(read(folder, archive), -archive.ago << LIFE_BITS):
            if row.seq == position:
                return row
    raise ArchiveUnreadable(f"{folder}: no archive has the fact at {position}")


def history(db: sqlite3.Connection, folder: Path, first: int, last: int) -> Iterator[FactRow]:
    """All facts from position to position in order, archived or not, each once.

    Raises ArchiveUnreadable. To be read in one moment of the journal, if somebody writes it.
    """
    for archive in listed(db):
        if first <= archive.last and archive.first <= last:
            yield from rows_of(db, first, archive.first - 1)
            for row in moved(read(folder, archive), -archive.ago << LIFE_BITS):
                if first <= row.seq <= last:
                    yield row
            first = archive.last + 1
    yield from rows_of(db, first, last)

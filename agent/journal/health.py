"""Is the file sound? A short look before each start, the rest in the quiet of the night.

The short one costs the same for a day's facts and for ten years': SQLite's own check of the small
tables, and the chain of the last facts, which are the ones that a cut of the power may have met.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.journal import archive
from agent.journal.archive import Archive
from agent.journal.chain import BrokenChain, faults, follows
from agent.journal.file import SEQ_MAX, JournalDamaged, meta_of, rows_of, unsafe
from agent.journal.reader import JournalReader
from agent.journal.salvage import Fact, Found, mapped, salvaged_log
from agent.wire import GENESIS, FactRow, UndecodableFact, decode_body, is_word

TAIL_FACTS = 4000  #: about two busy days; 40 ms
WHOLE_BYTES = 4 * 1024 * 1024  #: a file up to here is checked whole: 20 ms
SLICE_FACTS = 2000
LAST_FRAMES = 64  #: of the log: enough to see whether it ends where SQLite thinks; 20 ms
_SMALL_TABLES = ("meta", "sync_cursor", "lane_state", "former", "archive")


@dataclass(frozen=True, slots=True)
class Look:
    damage: str = ""  #: why the file must not be written any more; "" if it may
    blank: bool = False  #: there is nothing at all, neither here nor in the log
    changed_seq: int = 0  #: the first fact found that is not the one that was written; 0: none


def mark_damaged(path: Path, reason: str) -> None:
    """Note for the next start what was found while the lane sold: it is to look at everything."""
    path.with_suffix(".damaged").write_text(reason, encoding="utf-8")


def is_marked_damaged(path: Path) -> bool:
    return path.with_suffix(".damaged").exists()


def unmark_damaged(path: Path) -> None:
    path.with_suffix(".damaged").unlink(missing_ok=True)


def short_look(path: Path, *, whole: bool = False) -> Look:
    """What is wrong with a file that nobody writes now. `whole`: all of it, however long it takes.

    Raises JournalUnsafe for what says nothing about the file: no rights, no room, a failing disk.
    """
    beside = path.with_name(f"{path.name}-wal")
    if not any(file.exists() and file.stat().st_size for file in (path, beside)):
        return Look(blank=True)
    try:
        # read-only: closing this must not move a damaged log into the file
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            db.text_factory = partial(str, encoding="utf-8", errors="replace")
            look = _look(db, whole=whole or path.stat().st_size <= WHOLE_BYTES)
            if look.damage or look.blank:
                return look
            hidden = _hidden(db, path, beside)
            return Look(hidden) if hidden else look
    except (OSError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            return Look()  # cut while it was made: SQLite sets it right when it is opened to write
        problem = unsafe(path, error)
        if isinstance(problem, JournalDamaged):
            return Look(str(error))
        raise problem from error


def _look(db: sqlite3.Connection, *, whole: bool) -> Look:
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "fact" not in tables:
        return Look("it has no facts") if tables - {"_sqlite_migrations"} else Look(blank=True)
    checks = ["PRAGMA quick_check(1)"] if whole else []
    checks += [f"PRAGMA quick_check({name})" for name in _SMALL_TABLES if name in tables]
    for check in checks:
        word = db.execute(check).fetchone()[0]
        if word != "ok":
            return Look(word)
    newest = archive.listed(db)[-1:] if "archive" in tables else []
    found = _faults(db, newest, SEQ_MAX if whole else TAIL_FACTS)
    return _judged(found, lambda seq: next(rows_of(db, seq, seq)))


def _hidden(db: sqlite3.Connection, path: Path, log: Path) -> str:
    """What is wrong if the log has facts that SQLite does not show, for a frame before them is
    damaged and it reads no further. Nothing, if all are of one commit: a cut of the power may have
    torn the last before it was promised."""
    row = db.execute(
        "SELECT seq, hash FROM fact WHERE seq > 0 ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    last, prev = row or (0, GENESIS)
    with mapped(path) as file, mapped(log) as written_ahead:
        newest = _facts_after(last, salvaged_log(file, written_ahead, LAST_FRAMES))
        rows = _facts_after(last, salvaged_log(file, written_ahead)) if newest else {}
    epoch, seq = meta_of(db, "epoch"), last
    commits = set()
    while (found := rows.get(seq + 1)) is not None and follows(prev, epoch, found):
        commits.add((found.wall_ms, found.mono_ms))  # the same for all facts of a commit
        seq, prev = found.seq, found.hash
    return f"{seq - last} facts of its log cannot be reached any more" if len(commits) > 1 else ""


def _facts_after(seq: int, found: Iterable[Found]) -> dict[int, FactRow]:
    return {one.row.seq: one.row for one in found if isinstance(one, Fact) and one.row.seq > seq}


def _judged(faults: Iterable[BrokenChain], row_at: Callable[[int], FactRow]) -> Look:
    """A fact that is missing would stop head office for ever, one that cannot be read the lane; one
    that was changed is put by."""
    changed_seq = 0
    for fault in faults:
        if fault.missing:
            return Look(f"the fact at seq {fault.seq} is missing")
        if not _is_readable(row_at(fault.seq)):
            return Look(f"the fact at seq {fault.seq} cannot be read")
        changed_seq = changed_seq or fault.seq
    return Look(changed_seq=changed_seq)


def _is_readable(row: FactRow) -> bool:
    try:
        decode_body(row.type, row.version, row.body)
    except UndecodableFact:
        return False
    return is_word(row.type) and is_word(row.hash)


def _faults(db: sqlite3.Connection, newest: list[Archive], most: int) -> Iterator[BrokenChain]:
    """Among the last facts, so many at most."""
    last = db.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()[0]
    first = max(1, last - most + 1, *(one.last + 1 for one in newest))
    known = {0: GENESIS} | {one.last: one.last_hash for one in newest}
    known |= {row.seq: row.hash for row in rows_of(db, first - 1, first - 1)}
    if first - 1 not in known:
        yield BrokenChain(first - 1, missing=True)
    yield from faults(rows_of(db, first, last), meta_of(db, "epoch"), first, known.get(first - 1))


def long_look(reader: JournalReader, go_on: Callable[[], bool]) -> Iterator[Look]:
    """Everything that is in the file, a slice at each step; what is wrong there.

    Raises Interrupted once `go_on` says no.
    """
    yield Look(reader.damage(go_on))
    epoch = reader.epoch
    seq = max(0, *(one.last for one in reader.archives()), 0)
    while rows := reader.rows_after(seq, SLICE_FACTS):
        there = {row.seq: row for row in rows}
        yield _judged(faults(rows, epoch, seq + 1, reader.hash_at(seq)), there.__getitem__)
        seq = rows[-1].seq

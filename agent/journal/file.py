"""The journal's file: how it is opened, locked, made sure of, and read row by row."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from agent.domain.text import Text
from agent.errors import TechnicianError
from agent.projections import TABLES
from agent.wire import FactRow

Connect: TypeAlias = Callable[[Path], sqlite3.Connection]

INSERT_FACT = (
    "INSERT INTO fact(seq, type, version, wall_ms, mono_ms, hash, body) VALUES (?,?,?,?,?,?,?)"
)
SELECT_FACT = "SELECT seq, type, version, wall_ms, mono_ms, hash, body FROM fact"
SEQ_MAX = 2**63 - 1
SEQ_MIN = -SEQ_MAX
BUSY_MS = 5000
LOOK_S = 0.2


class JournalUnsafe(TechnicianError):
    """The storage does not give what the journal promises. Says what the technician must change."""

    def __init__(self, what: str | Text) -> None:
        super().__init__(what.english() if isinstance(what, Text) else what)
        self._what = what

    def told(self, say: Callable[[Text], str]) -> str:
        return say(self._what) if isinstance(self._what, Text) else self._what


class JournalDamaged(JournalUnsafe):
    """The file is not what was written: what can be read of it goes into a new one."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that begins no transaction by itself."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def new_epoch() -> str:
    return uuid.uuid4().hex


def opened(path: Path, connect: Connect) -> sqlite3.Connection:
    """A connection that keeps what it commits, its tables up to date.

    Raises JournalUnsafe, JournalDamaged among them.
    """
    from agent.schema import migrate

    try:
        with ExitStack() as undo:
            db = connect(path)
            undo.callback(db.close)
            db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file alone
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            db.execute("PRAGMA synchronous = FULL")
            safety = db.execute("PRAGMA synchronous").fetchone()[0]
            if mode != "wal" or safety != 2:
                raise JournalUnsafe(f"{path}: needs WAL and synchronous=FULL, got {mode}/{safety}")
            migrate(db)
            undo.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise unsafe(path, error) from error
    return db


def unsafe(path: Path, error: OSError | sqlite3.Error) -> JournalUnsafe:
    """JournalDamaged for what SQLite calls corrupt or no database, else JournalUnsafe.

    Only then may another file take this one's place: a full disk and a lock pass.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary result code
    damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    if damaged:
        return JournalDamaged(f"{path}: {error}")
    reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
    number = getattr(error, "errno", 0)
    told: dict[str, str | int] = {"path": str(path), "reason": reason}
    return JournalUnsafe(Text(_REFUSED_TEXTS.get(number, _REFUSED_TEXTS[0]), told))


#: By the number of the system's error; 0: any other.
_REFUSED_TEXTS: dict[int, str] = {
    errno.EACCES: "{path}: this user may not write here. Run as the lane's own user, or give it"
    " the folder",
    errno.EPERM: "{path}: this user may not write here. Run as the lane's own user, or give it"
    " the folder",
    errno.EROFS: "{path}: the disk can only be read. Mount it for writing, or replace it",
    errno.ENOSPC: "{path}: the disk is full. Make room, then start again",
    errno.ENOTDIR: "{path}: a file stands where a folder is needed. Set another data_dir",
    errno.EEXIST: "{path}: a file stands where a folder is needed. Set another data_dir",
    0: "{path}: {reason}. Check the folder and the disk",
}


def locked(path: Path) -> BinaryIO:
    """An open file whose lock the kernel takes back when this process ends, however it ends.

    Two writers would number their facts alike, and each would refuse the other's for ever. Not the
    journal itself: closing a second descriptor of it would drop SQLite's own locks
    (https://www.sqlite.org/howtocorrupt.html §2.2). Raises JournalUnsafe.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("a+b")
    except OSError as error:
        raise unsafe(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if isinstance(error, BlockingIOError):
            text = Text(
                "{path}: another process runs this lane. Stop that one first", {"path": str(path)}
            )
            raise JournalUnsafe(text) from error
        raise unsafe(path, error) from error
    return lock


def remembered_epoch(lock: BinaryIO) -> str:
    """The epoch that was last noted beside the journal; "" if none was."""
    lock.seek(0)
    word = lock.read(64).decode("ascii", "replace").strip()
    return word if len(word) == 32 and word.isalnum() else ""


def remember_epoch(lock: BinaryIO, epoch: str) -> None:
    """Note the epoch beside the journal: without it, what is salvaged of a file that has lost the
    page with its epoch could not be told head office."""
    if remembered_epoch(lock) != epoch:
        with contextlib.suppress(OSError):  # a second copy only: its lack must stop no lane
            lock.truncate(0)
            lock.write(epoch.encode())
            lock.flush()
            os.fsync(lock.fileno())


@contextmanager
def one_commit(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, whatever goes wrong inside."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


class Interrupted(Exception):
    """The lane stops: what takes long is not finished."""


@contextmanager
def interruptible(db: sqlite3.Connection, go_on: Callable[[], bool]) -> Iterator[None]:
    """Whatever the connection does inside ends soon after `go_on` says no, by raising Interrupted.

    SQLite checks a file in one call that takes as long as the file is large.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_S):
            if not go_on():
                db.interrupt()

    watcher = threading.Thread(target=watch, name="interrupt", daemon=True)
    watcher.start()
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            raise Interrupted from error
        raise
    finally:
        done.set()
        watcher.join()


@contextmanager
def beside(path: Path, connect: Connect = connect) -> Iterator[sqlite3.Connection]:
    """A second writing connection for a chore in the process that holds the lock. Short commits:
    the core waits for each."""
    db = connect(path)
    try:
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA synchronous = FULL")
        yield db
    finally:
        db.close()


def rows_of(db: sqlite3.Connection, first: int, last: int = SEQ_MAX) -> Iterator[FactRow]:
    sql = f"{SELECT_FACT} WHERE seq BETWEEN ? AND ? ORDER BY seq"
    for row in db.execute(sql, (first, last)):
        yield FactRow(*row)


def projections_of(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Every row of every projection, its table's name first, in an order of their own."""
    for table in TABLES:
        sql = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608  names from a constant
        for row in db.execute(sql):
            yield table, *row


def meta_of(db: sqlite3.Connection, key: str) -> str:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row else ""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is there once all of it, and its name, is on the disk."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Names in a folder become durable by a sync of the folder itself (fsync(2))."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

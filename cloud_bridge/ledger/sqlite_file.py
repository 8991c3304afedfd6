"""A SQLite file that keeps what it has confirmed: opened, checked, and its errors sorted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_bridge.ledger.port import LedgerUnavailable, LedgerUnsafe
from cloud_bridge.ledger.sqlite_schema import MIGRATIONS, statements

BUSY_TIMEOUT_MS = 1000  #: short: while it waits, the MQTT connection is not served

#: A sale's fact has about 2 kB, and what exceeds a quarter of a page goes to a page of its own
#: (tables without rowid; https://www.sqlite.org/fileformat2.html, "Cell Payload Overflow Pages").
#: Against the default of 4096, measured: a third less on the disk, a fifth faster.
PAGE_BYTES = 8192

#: Primary result codes that may go away by themselves or by a technician's hand.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}

#: What the ledger relies on: pragma -> the value that must be read back.
_PROMISES = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}


def open_file(path: Path) -> sqlite3.Connection:
    """Open or create the ledger's file. Raises LedgerUnsafe or LedgerUnavailable."""
    with sorted_errors(path):
        db = sqlite3.connect(path, isolation_level=None)
        try:
            _hold_to_promises(db, path)
            _migrate(db, path)
        except BaseException:
            db.close()
            raise
    return db


def _hold_to_promises(db: sqlite3.Connection, path: Path) -> None:
    db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # takes effect when the file is made
    for pragma, wanted in _PROMISES.items():
        db.execute(f"PRAGMA {pragma} = {wanted}")
        (got,) = db.execute(f"PRAGMA {pragma}").fetchone()
        if got != wanted:
            raise LedgerUnsafe(f"{path}: {pragma} must be {wanted}, but is {got}")


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    if _version(db) == len(MIGRATIONS):
        return
    with transaction(db, "BEGIN IMMEDIATE"):
        version = _version(db)  # again: another process may have been faster
        if version > len(MIGRATIONS):
            raise LedgerUnsafe(f"{path}: was written by a later release, as version {version}")
        for script in MIGRATIONS[version:]:
            for statement in statements(script):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


@contextmanager
def transaction(db: sqlite3.Connection, begin: str) -> Iterator[None]:
    """All or nothing, durable on return. Raises LedgerUnavailable where a retry may help."""
    with sorted_errors():
        try:
            db.execute(begin)
            yield
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


@contextmanager
def sorted_errors(opening: Path | None = None) -> Iterator[None]:
    """Turn what may pass into LedgerUnavailable, and a file that is no ledger into LedgerUnsafe."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _PASSING:
            raise LedgerUnavailable(f"{opening}: {error}" if opening else str(error)) from error
        if opening:
            raise LedgerUnsafe(f"{opening}: {error}") from error
        raise

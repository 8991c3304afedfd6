"""apsw's connection where the journal expects the one of `sqlite3`, as far as it needs it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from tests.durability.disk import DiskVFS


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    """apsw's errors under the names that the journal knows."""
    try:
        yield
    except apsw.ConstraintError as error:
        raise sqlite3.IntegrityError(str(error)) from error
    except apsw.Error as error:
        raise sqlite3.OperationalError(str(error)) from error


class Cursor:
    """Reads all rows at once: a statement that is not read to its end would hold back a commit."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._rows: Iterator[Any] = iter(())
        self.description: Any = None
        self.lastrowid = 0

    def execute(self, sql: str, values: Any = ()) -> Cursor:
        described: list[Any] = []

        def look(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
            described.append(cursor.get_description())
            return True

        with _as_sqlite3():
            cursor = self._db.cursor()
            cursor.exec_trace = look
            self._rows = iter(cursor.execute(sql, values).fetchall())
        self.description = described[-1] or None
        self.lastrowid = self._db.last_insert_rowid()
        return self

    def executemany(self, sql: str, rows: Iterable[Any]) -> Cursor:
        with _as_sqlite3():
            self._db.cursor().executemany(sql, rows)
        return self

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


class Connection:
    """`replaced`: statements that are exchanged for others, to show what they are good for."""

    isolation_level = None

    def __init__(self, path: Path, checkpoint_pages: int, replaced: Mapping[str, str]) -> None:
        self._replaced = replaced
        self.used: set[str] = set()
        with _as_sqlite3():
            self._db = apsw.Connection(str(path), vfs=DiskVFS.NAME)
        # without this a log needs memory to share, which a VFS written in Python has not
        self.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")

    @property
    def in_transaction(self) -> bool:
        return bool(self._db.in_transaction)

    def cursor(self) -> Cursor:
        return Cursor(self._db)

    def execute(self, sql: str, values: Any = ()) -> Cursor:
        if sql in self._replaced:
            self.used.add(sql)
        return self.cursor().execute(self._replaced.get(sql, sql), values)

    def executemany(self, sql: str, rows: Iterable[Any]) -> Cursor:
        return self.cursor().executemany(sql, rows)

    def close(self) -> None:
        """As `sqlite3`: whatever the disk says."""
        with suppress(apsw.Error):
            self._db.close()

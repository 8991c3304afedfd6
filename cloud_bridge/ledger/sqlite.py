"""The sub-ledger in one SQLite file: the whole ledger of a shop, or of a chain of modest size.

WAL and `synchronous=FULL`: a commit that returned survives a power cut. One process posts; others
may read, import costs or replay the quarantine at the same time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cloud_bridge.ledger.database import PostingRows, Row
from cloud_bridge.ledger.sqlite_file import open_file, transaction
from cloud_bridge.ledger.store import SqlLedger
from cloud_bridge.mapping import Books
from cloud_bridge.voucher import Stream


class SqliteLedger(SqlLedger):
    """`cloud_bridge.ledger.port.Ledger` in SQLite."""

    def __init__(
        self, path: Path, books: Books, tenant: str = "", followers: Sequence[str] = ()
    ) -> None:
        """Open or create. Raises LedgerUnsafe or LedgerUnavailable."""
        super().__init__(SqliteDatabase(path), books, tenant, followers)


class SqliteDatabase:
    """`cloud_bridge.ledger.database.Database` in one file. A writer has the file for itself."""

    def __init__(self, path: Path) -> None:
        self.connection = open_file(path)

    def transaction(self, *, alone: bool = False) -> AbstractContextManager[None]:  # noqa: ARG002  it always is
        return transaction(self.connection, "BEGIN IMMEDIATE")

    def reading(self) -> AbstractContextManager[None]:
        return transaction(self.connection, "BEGIN")

    def rows(self, sql: str, params: Sequence[Any] = ()) -> Iterable[Row]:
        return self.connection.execute(sql, params)

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        return self.connection.execute(sql, params)

    def many(self, sql: str, rows: Iterable[Row]) -> None:
        self.connection.executemany(sql, rows)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            places = ",".join("?" * len(rows[0]))
            sql = f"INSERT INTO {table} VALUES ({places})"  # noqa: S608  constants of this package
            self.connection.executemany(sql, rows)

    def hold(self, streams: Iterable[Stream]) -> None:
        """The transaction has them already."""

    def mark(self) -> None:
        """What can be read is durable already."""

    def post(self, batch: PostingRows) -> str | None:
        """Lines before their vouchers, which seal them."""
        self.connection.execute("SAVEPOINT posting")
        try:
            self.insert("entry_line", batch.lines)
            self.insert("voucher", [row[:-1] for row in batch.vouchers])
            self.insert("stock_movement", batch.movements)
            self.insert("cost_gap", batch.gaps)
            self.insert("outbox", batch.outbox)
        except sqlite3.IntegrityError as error:
            self.connection.execute("ROLLBACK TO posting")
            return str(error)
        self.connection.execute("RELEASE posting")
        return None

    def close(self) -> None:
        self.connection.close()

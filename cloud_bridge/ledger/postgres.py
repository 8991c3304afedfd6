"""The sub-ledger in PostgreSQL: any number of bridges on one database.

Writers meet in a few places only, each guarded by advisory locks that end with the transaction: the
epochs they work on, in order, and the terms (costs, period locks), shared by all who post and held
alone by who changes them. READ COMMITTED is enough with them: each statement after a lock sees all
that its last holder has committed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import psycopg
from psycopg import sql as words

from cloud_bridge.ledger.database import PostingRows, Row
from cloud_bridge.ledger.port import LedgerRefuses, LedgerUnavailable
from cloud_bridge.ledger.postgres_server import Connection, connect, sorted_errors
from cloud_bridge.ledger.store import SqlLedger
from cloud_bridge.mapping import Books
from cloud_bridge.voucher import Stream

_TERMS_LOCK = 0x6C74_0002
_STREAM_ROWS = 2000  #: at a time, of results of any size

#: In one statement, so that the triggers of both tables see both.
_POST = """
WITH posted AS (INSERT INTO voucher SELECT * FROM unnest(
  %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::int[], %b::text[],
  %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
  %b::text[], %b::text[], %b::int[], %b::int[]))
INSERT INTO entry_line SELECT * FROM unnest(
  %b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::int[], %b::text[],
  %b::text[], %b::bigint[])"""


class PostgresLedger(SqlLedger):
    """`cloud_bridge.ledger.port.Ledger` in PostgreSQL."""

    def __init__(
        self, dsn: str, books: Books, tenant: str = "", followers: Sequence[str] = ()
    ) -> None:
        """Connect to a ledger that `postgres_server.migrate` has made. Raises LedgerUnsafe or
        LedgerUnavailable."""
        super().__init__(PostgresDatabase(dsn), books, tenant, followers)


class PostgresDatabase:
    """`cloud_bridge.ledger.database.Database`. A connection that is lost is made again by the next
    transaction; with several hosts in the DSN, to the one that takes writes by then."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._db = self._connected()
        self._doubts: list[str] = []

    @contextmanager
    def transaction(self, *, alone: bool = False) -> Iterator[None]:
        with self._begun("BEGIN"):
            lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
            self._db.execute(f"SELECT {lock}({_TERMS_LOCK})")
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            yield

    def rows(self, sql: str, params: Sequence[Any] = ()) -> Iterable[Row]:
        return self._db.execute(_dialect(sql), params).fetchall()

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        with self._db.cursor(f"stream_{id(sql)}") as cursor:
            cursor.itersize = _STREAM_ROWS
            yield from cursor.execute(_dialect(sql), params)

    def many(self, sql: str, rows: Iterable[Row]) -> None:
        listed = list(rows)
        if listed:
            with self._db.cursor() as cursor:
                cursor.executemany(_dialect(sql), listed)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        into = words.SQL("COPY {} FROM STDIN").format(words.Identifier(table))
        with self._db.cursor() as cursor, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)

    def hold(self, streams: Iterable[Stream]) -> None:
        locks = sorted({_lock_of(stream.tenant, stream.epoch) for stream in streams})
        sql = "SELECT pg_advisory_xact_lock(lock) FROM unnest(%s::bigint[]) AS lock"
        self._db.execute(sql, (locks,))

    def mark(self) -> None:
        """A commit that writes nothing waits for nobody."""
        self._db.execute("SELECT pg_logical_emit_message(true, 'lanetally', '')")

    def post(self, batch: PostingRows) -> str | None:
        try:
            with self._db.transaction():
                self._db.execute(_POST, [*_columns(batch.vouchers, 20), *_columns(batch.lines, 10)])
                self.insert("stock_movement", batch.movements)
                self.insert("cost_gap", batch.gaps)
                self.insert("outbox", batch.outbox)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            return error.diag.message_primary or str(error)
        return None

    def close(self) -> None:
        self._db.close()

    # --- the connection --------------------------------------------------------------------------

    def _connected(self) -> Connection:
        db = connect(self._dsn)
        db.add_notice_handler(self._noticed)
        return db

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        """A warning at a commit means that the standby may not have it: somebody cancelled the
        wait. It is committed here all the same; to be sure, it is taken once more."""
        if notice.severity_nonlocalized == "WARNING":
            self._doubts.append(notice.message_primary or "a warning")

    @contextmanager
    def _begun(self, begin: str) -> Iterator[None]:
        with sorted_errors():
            if self._db.closed:
                self._db = self._connected()
            self._doubts.clear()
            try:
                self._db.execute(begin)
                yield
                self._db.execute("COMMIT")
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                self._give_up()
                raise LedgerRefuses(str(error)) from error
            except BaseException:
                self._give_up()
                raise
        if self._doubts:
            raise LedgerUnavailable(self._doubts[0])

    def _give_up(self) -> None:
        with suppress(psycopg.Error):
            self._db.execute("ROLLBACK")
            return
        self._db.close()


@cache
def _dialect(sql: str) -> Any:
    return sql.replace("?", "%s")


def _lock_of(tenant: str, epoch: str) -> int:
    """64 bits; where two epochs share them, their writers wait for each other without need."""
    digest = hashlib.blake2b(f"{tenant}/{epoch}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _columns(rows: Sequence[Row], count: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * count

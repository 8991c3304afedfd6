"""The journal's tables, as migrations: each is applied once, in order, and never edited again."""

from __future__ import annotations

import sqlite3
import sys

# sqlite-utils loads numpy where it is installed, to name the types of arrays; the lane has none to
# store, and pays 14 MB of resident memory for it. A None entry makes that import fail politely.
_numpy = sys.modules.get("numpy")
if _numpy is None:
    sys.modules["numpy"] = None  # type: ignore[assignment]  # documented meaning: "not importable"
from sqlite_utils import Database, Migrations  # noqa: E402  behind the entry that it must find

if _numpy is None:
    del sys.modules["numpy"]

_migrations = Migrations("lanetally.journal")


def migrate(db: sqlite3.Connection) -> None:
    """Bring a journal's tables up to date."""
    _migrations.apply(Database(db))


@_migrations()
def first_tables(db: Database) -> None:
    # fact: append-only by trigger, whoever holds the file
    db.executescript(
        """
        CREATE TABLE fact(
            seq INTEGER PRIMARY KEY, type TEXT NOT NULL, version INTEGER NOT NULL,
            wall_ms INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
            hash TEXT NOT NULL, body BLOB NOT NULL
        ) STRICT;
        CREATE TRIGGER fact_is_never_changed BEFORE UPDATE ON fact
            BEGIN SELECT RAISE(ABORT, 'facts are never changed'); END;
        CREATE TRIGGER fact_is_never_deleted BEFORE DELETE ON fact
            BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;
        CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE sync_cursor(acked_seq INTEGER NOT NULL) STRICT;
        INSERT INTO sync_cursor VALUES (0);
        CREATE TABLE lane_state(
            id INTEGER PRIMARY KEY CHECK (id = 1), last_number INTEGER NOT NULL, open_seq INTEGER
        ) STRICT;
        CREATE TABLE settlement(
            total_id TEXT PRIMARY KEY, digest TEXT NOT NULL, transaction_id TEXT NOT NULL,
            settled_seq INTEGER, suspected_seq INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE print_job(
            job_id TEXT PRIMARY KEY, settled_seq INTEGER NOT NULL, state TEXT NOT NULL,
            tries INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX print_job_open ON print_job(settled_seq) WHERE state != 'printed';
        CREATE TABLE item(
            gtin TEXT PRIMARY KEY, description TEXT NOT NULL, category TEXT NOT NULL,
            price_minor INTEGER, sold_by TEXT NOT NULL, tax_rate_bp INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX item_price ON item(price_minor);
        """
    )

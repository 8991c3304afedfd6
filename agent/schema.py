"""The journal's tables, as migrations: each is applied once, in order, and never edited again."""

from __future__ import annotations

import sqlite3
import sys
from functools import partial
from typing import Any

_SET = "lanetally.journal"

_MIGRATIONS = {
    # fact: append-only by trigger, whoever holds the file
    "first_tables": """
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
    """,
    # what an assessment knows of items: as facts have described them, and as they were weighed
    "evidence_tables": """
        ALTER TABLE item ADD COLUMN weight_low_g INTEGER;
        ALTER TABLE item ADD COLUMN weight_high_g INTEGER;
        ALTER TABLE item ADD COLUMN tagged_permille INTEGER;
        CREATE TABLE described_item(
            gtin TEXT PRIMARY KEY, description TEXT NOT NULL, category TEXT NOT NULL,
            price_minor INTEGER, sold_by TEXT NOT NULL, weight_low_g INTEGER,
            weight_high_g INTEGER, tagged_permille INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE weighed_piece(
            seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, gtin TEXT NOT NULL,
            weight_g INTEGER NOT NULL, description TEXT NOT NULL, category TEXT NOT NULL,
            price_minor INTEGER
        ) STRICT;
        CREATE INDEX weighed_piece_gtin ON weighed_piece(gtin);
    """,
    # former: the epochs before this one, `ago` lives back; their facts stand at seq - (ago << 40).
    # archive: stretches of facts that are in a file, compared with it; they alone may be deleted.
    "archive_and_former": """
        CREATE TABLE former(
            ago INTEGER PRIMARY KEY CHECK (ago > 0), epoch TEXT NOT NULL UNIQUE,
            last_seq INTEGER NOT NULL, acked_seq INTEGER NOT NULL, breaks INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE archive(
            first INTEGER PRIMARY KEY, last INTEGER NOT NULL CHECK (last >= first),
            epoch TEXT NOT NULL, last_hash TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER archive_is_of_acknowledged_facts BEFORE INSERT ON archive
            WHEN NEW.last > coalesce(
                (SELECT acked_seq - (ago << 40) FROM former WHERE epoch = NEW.epoch),
                (SELECT max(acked_seq) FROM sync_cursor
                    WHERE NEW.epoch = (SELECT value FROM meta WHERE key = 'epoch')),
                -9223372036854775807)
            BEGIN SELECT RAISE(ABORT, 'facts are archived once they are acknowledged'); END;
        CREATE TRIGGER archive_is_never_changed BEFORE UPDATE ON archive
            BEGIN SELECT RAISE(ABORT, 'archives are never changed'); END;
        CREATE TRIGGER archive_is_never_deleted BEFORE DELETE ON archive
            BEGIN SELECT RAISE(ABORT, 'archives are never forgotten'); END;
        DROP TRIGGER fact_is_never_deleted;
        CREATE TRIGGER fact_is_never_deleted BEFORE DELETE ON fact
            WHEN NOT EXISTS (SELECT 1 FROM archive WHERE OLD.seq BETWEEN first AND last)
            BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;
    """,
    # command: what head office asked for, once for each id. day: the sales of a trading day, and
    # of how many a DayClosed has told
    "head_office": """
        CREATE TABLE command(command_id TEXT PRIMARY KEY, seq INTEGER NOT NULL)
            STRICT, WITHOUT ROWID;
        CREATE TABLE day(
            business_date TEXT PRIMARY KEY, sales INTEGER NOT NULL, closed_sales INTEGER NOT NULL,
            first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO day SELECT json_extract(CAST(body AS TEXT), '$.business_date') AS business_date,
                count(*), 0, min(seq), max(seq)
            FROM fact WHERE type = 'TransactionSettled' GROUP BY business_date;
    """,
    # sale: by what a settled sale is found again. suspicion: the last of each transaction, how many
    # items it owes and how many were added since. backfill: by the id of who asked. unsettled:
    # totals that were rejected after money was taken
    "sales_to_be_amended": """
        ALTER TABLE settlement ADD COLUMN customer TEXT NOT NULL DEFAULT '';
        CREATE TABLE sale(
            seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL UNIQUE,
            receipt_number TEXT NOT NULL, total_id TEXT NOT NULL, business_date TEXT NOT NULL,
            wall_ms INTEGER NOT NULL, amount_minor INTEGER NOT NULL, customer TEXT NOT NULL
        ) STRICT;
        CREATE INDEX sale_wall_ms ON sale(wall_ms);
        CREATE TABLE suspicion(
            transaction_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, total_id TEXT NOT NULL,
            owed INTEGER NOT NULL, added INTEGER NOT NULL, state TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE backfill(
            backfill_id TEXT PRIMARY KEY, transaction_id TEXT NOT NULL, seq INTEGER NOT NULL,
            reversal_id TEXT, reversal_seq INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX backfill_transaction ON backfill(transaction_id);
        CREATE TABLE unsettled(seq INTEGER PRIMARY KEY, total_id TEXT NOT NULL) STRICT;
        INSERT INTO sale SELECT seq, body ->> '$.transaction_id', body ->> '$.receipt_number',
                body ->> '$.total_id', body ->> '$.business_date', wall_ms,
                body ->> '$.amount_minor', ''
            FROM (SELECT seq, wall_ms, CAST(body AS TEXT) AS body FROM fact
                WHERE type = 'TransactionSettled') ORDER BY seq;
        INSERT OR REPLACE INTO suspicion
            SELECT transaction_id, suspected_seq, total_id,
                max(1, body ->> '$.missed_count', (
                    SELECT coalesce(sum(value ->> '$.count'), 0)
                    FROM json_each(body, '$.findings')
                    WHERE value ->> '$.kind' IN (
                        'missed_item', 'scanned_not_charged', 'swap', 'voided_kept'))),
                0, 'open'
            FROM (SELECT settlement.*, CAST(body AS TEXT) AS body FROM settlement
                JOIN fact ON fact.seq = suspected_seq)
            WHERE settled_seq IS NOT NULL OR transaction_id NOT IN (
                SELECT transaction_id FROM settlement WHERE settled_seq IS NOT NULL)
            ORDER BY suspected_seq;
        UPDATE suspicion SET state = (
                SELECT iif(type = 'MissedScanDismissed', 'dismissed', 'confirmed') FROM fact
                WHERE type IN ('MissedScanDismissed', 'MissedScanConfirmed')
                AND fact.seq > suspicion.seq
                AND CAST(body AS TEXT) ->> '$.transaction_id' = transaction_id
                ORDER BY fact.seq DESC LIMIT 1)
            WHERE transaction_id IN (
                SELECT CAST(body AS TEXT) ->> '$.transaction_id' FROM fact
                WHERE type IN ('MissedScanDismissed', 'MissedScanConfirmed')
                AND fact.seq > suspicion.seq);
        INSERT INTO unsettled SELECT seq, body ->> '$.total.total_id'
            FROM (SELECT seq, CAST(body AS TEXT) AS body FROM fact
                WHERE type = 'CashierTotalRejected') AS rejected
            WHERE json_array_length(body, '$.total.tenders') > 0 AND NOT EXISTS (
                SELECT 1 FROM settlement WHERE settlement.settled_seq > rejected.seq
                AND settlement.total_id = body ->> '$.total.total_id');
    """,
    # suspended: baskets that are put aside, and where each was opened. sold_open_seq: where the
    # basket that was settled last was opened, perhaps before others
    "baskets_put_aside": """
        CREATE TABLE suspended(
            transaction_id TEXT PRIMARY KEY, number INTEGER NOT NULL, seq INTEGER NOT NULL,
            open_seq INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE lane_state ADD COLUMN sold_open_seq INTEGER;
    """,
    # returned: goods that came back, by the id of who asked; print_job.settled_seq may point to one
    "goods_returned": """
        CREATE TABLE returned(
            return_id TEXT PRIMARY KEY, transaction_id TEXT NOT NULL, seq INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX returned_transaction ON returned(transaction_id);
        ALTER TABLE day ADD COLUMN returns INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE day ADD COLUMN closed_returns INTEGER NOT NULL DEFAULT 0;
    """,
}


def migrate(db: sqlite3.Connection) -> None:
    """Bring a journal's tables up to date, with sqlite-utils, loaded only if there is work.

    Loading it takes a quarter of the lane's start, and most starts have nothing to migrate.
    """
    if _applied(db).issuperset(_MIGRATIONS):
        return
    sqlite_utils = _sqlite_utils()
    migrations = sqlite_utils.Migrations(_SET)
    for name, sql in _MIGRATIONS.items():
        migrations(name=name)(partial(_run, sql))
    migrations.apply(sqlite_utils.Database(db))


def _applied(db: sqlite3.Connection) -> set[str]:
    """The names that sqlite-utils has recorded in its own table."""
    known = "SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'"
    if db.execute(known).fetchone() is None:
        return set()
    names = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
    return {row[0] for row in db.execute(names, (_SET,))}


def _run(sql: str, db: Any) -> None:
    db.executescript(sql)


def _sqlite_utils() -> Any:
    """sqlite-utils without numpy.

    It loads numpy where that is installed, to name the types of arrays. The lane has none to store,
    and would pay 14 MB of resident memory for it. A None entry makes that import fail politely.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None:
        sys.modules["numpy"] = None  # type: ignore[assignment]  # documented: "not importable"
    import sqlite_utils

    if numpy is None:
        del sys.modules["numpy"]
    return sqlite_utils

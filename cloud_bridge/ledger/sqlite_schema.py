"""The SQLite sub-ledger's tables and their rules, in plain SQL, version by version.

Every key begins with tenant and store, so that the data can be spread by them later. Everything a
fact led to hangs on the fact's own key, so that nothing can be derived from it twice. `voucher_id`
follows from the voucher's key, which keeps it unique: an index of its own, in random order, would
cost a third of the throughput at a million vouchers (measured).

Plain SQL and `PRAGMA user_version`, not sqlite-utils as on the lane: nearly all of this is triggers
and constraints, which it does not write, and importing it costs the bridge more than the rest does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

#: Tables that only ever grow. What is wrong in them is corrected by new rows.
APPEND_ONLY = ("inbox", "voucher", "entry_line", "stock_movement", "cost_gap", "item_cost")

_TABLES = """
CREATE TABLE inbox (
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (seq > 0),
  type TEXT NOT NULL, version INTEGER NOT NULL, wall_ms INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
  hash TEXT NOT NULL, body BLOB NOT NULL, received_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, store, lane, epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE lane_cursor (
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  hw INTEGER NOT NULL, last_seq INTEGER NOT NULL CHECK (last_seq >= hw),
  received_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, store, lane, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE voucher (
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  seq INTEGER NOT NULL, kind TEXT NOT NULL,
  version INTEGER NOT NULL, voucher_id TEXT NOT NULL, digest TEXT NOT NULL,
  business_date TEXT NOT NULL, currency TEXT NOT NULL,
  transaction_id TEXT NOT NULL, receipt_number TEXT NOT NULL,
  PRIMARY KEY (tenant, store, lane, epoch, seq, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry_line (
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  seq INTEGER NOT NULL, kind TEXT NOT NULL, line_no INTEGER NOT NULL,
  role TEXT NOT NULL, account TEXT NOT NULL,
  amount_minor INTEGER NOT NULL CHECK (amount_minor <> 0),
  PRIMARY KEY (tenant, store, lane, epoch, seq, kind, line_no),
  FOREIGN KEY (tenant, store, lane, epoch, seq, kind) REFERENCES voucher
    DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE stock_movement (
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  seq INTEGER NOT NULL, line_no INTEGER NOT NULL,
  gtin TEXT NOT NULL, quantity_milli INTEGER NOT NULL, weight_g INTEGER, cost_minor INTEGER,
  PRIMARY KEY (tenant, store, lane, epoch, seq, line_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE cost_gap (
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  seq INTEGER NOT NULL, line_no INTEGER NOT NULL, gtin TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (tenant, store, lane, epoch, seq, line_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE item_cost (
  tenant TEXT NOT NULL, gtin TEXT NOT NULL, valid_from_ms INTEGER NOT NULL,
  unit_cost_minor INTEGER NOT NULL CHECK (unit_cost_minor >= 0),
  cost_per TEXT NOT NULL CHECK (cost_per IN ('each', 'kg')),
  PRIMARY KEY (tenant, gtin, valid_from_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  case_id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  seq INTEGER NOT NULL, raw_sha256 TEXT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL, amount_minor INTEGER,
  first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL, tries INTEGER NOT NULL,
  resolved_ms INTEGER,
  UNIQUE (tenant, store, lane, epoch, seq, raw_sha256)
) STRICT;
"""

_SAME_VOUCHER = """tenant = NEW.tenant AND store = NEW.store AND lane = NEW.lane
    AND epoch = NEW.epoch AND seq = NEW.seq AND kind = NEW.kind"""

# Lines first, then their voucher, which seals them: a voucher without its lines, or with lines that
# do not sum to nought, cannot come into being, and no line can be added once it is there.
_BALANCE = f"""
CREATE TRIGGER voucher_seals BEFORE INSERT ON voucher BEGIN
  SELECT RAISE(ABORT, 'voucher is posted already')
    WHERE EXISTS (SELECT 1 FROM voucher WHERE {_SAME_VOUCHER});
  SELECT CASE
      WHEN COUNT(*) < 2 THEN RAISE(ABORT, 'voucher has fewer than two lines')
      WHEN SUM(amount_minor) <> 0 THEN RAISE(ABORT, 'voucher does not balance')
    END FROM entry_line WHERE {_SAME_VOUCHER};
END;

CREATE TRIGGER entry_line_sealed BEFORE INSERT ON entry_line
WHEN EXISTS (SELECT 1 FROM voucher WHERE {_SAME_VOUCHER}) BEGIN
  SELECT RAISE(ABORT, 'voucher is sealed');
END;
"""  # noqa: S608  both parts are constants of this file

# The address under which an epoch came first. Of a ledger from before, the one that is longer out
# of use: its lane has gone to the other.
_HOME = """
CREATE TABLE epoch_home (
  tenant TEXT NOT NULL, epoch TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL,
  PRIMARY KEY (tenant, epoch)
) STRICT, WITHOUT ROWID;

INSERT INTO epoch_home SELECT tenant, epoch, store, lane FROM lane_cursor WHERE true
ORDER BY received_ms, store, lane ON CONFLICT DO NOTHING;
"""

# What people decided about cases, and the facts by which lanes closed their days.
_DECISIONS = """
CREATE TABLE quarantine_decision (
  case_id INTEGER NOT NULL REFERENCES quarantine, action TEXT NOT NULL,
  made_by TEXT NOT NULL, reason TEXT NOT NULL, made_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_of_case ON quarantine_decision (case_id);
CREATE INDEX inbox_day_closed ON inbox (tenant, store, lane, epoch, seq) WHERE type = 'DayClosed';
"""


# What vouchers have learned to say since, the period lock, the outbox, and what waits for a sale.
_TERMS = """
ALTER TABLE voucher ADD COLUMN posting_date TEXT NOT NULL DEFAULT '';
ALTER TABLE voucher ADD COLUMN journal TEXT NOT NULL DEFAULT '';
ALTER TABLE voucher ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE voucher ADD COLUMN approver TEXT NOT NULL DEFAULT '';
ALTER TABLE voucher ADD COLUMN reverses TEXT NOT NULL DEFAULT '';
ALTER TABLE voucher ADD COLUMN red INTEGER NOT NULL DEFAULT 0 CHECK (red IN (0, 1));
ALTER TABLE quarantine ADD COLUMN waits_for TEXT NOT NULL DEFAULT '';

CREATE TABLE period_lock (
  tenant TEXT NOT NULL, valid_from_ms INTEGER NOT NULL, locked_until TEXT NOT NULL,
  PRIMARY KEY (tenant, valid_from_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  follower TEXT NOT NULL,
  tenant TEXT NOT NULL, store TEXT NOT NULL, lane TEXT NOT NULL, epoch TEXT NOT NULL,
  seq INTEGER NOT NULL, kind TEXT NOT NULL, delivered_ms INTEGER,
  PRIMARY KEY (follower, tenant, store, lane, epoch, seq, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_due ON outbox (follower, tenant, store, lane, epoch, seq, kind)
  WHERE delivered_ms IS NULL;
CREATE INDEX sale_by_transaction ON voucher (tenant, transaction_id) WHERE kind = 'sale';
CREATE INDEX quarantine_open ON quarantine (reason) WHERE resolved_ms IS NULL;
CREATE INDEX item_cost_by_time ON item_cost (tenant, valid_from_ms);
"""


def _append_only(table: str) -> str:
    return "".join(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN"
        f" SELECT RAISE(ABORT, '{table} is append-only'); END;\n"
        for verb in ("UPDATE", "DELETE")
    )


#: Script n brings a ledger of version n - 1 to version n. Never edited, only added to.
MIGRATIONS = (
    _TABLES + _BALANCE + "".join(map(_append_only, APPEND_ONLY)),
    _HOME,
    _DECISIONS + _append_only("quarantine_decision"),
    _TERMS + _append_only("period_lock"),
)


def statements(script: str) -> Iterator[str]:
    """One by one, because `executescript` commits first and could leave half a schema behind."""
    begun = ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""

"""The PostgreSQL sub-ledger's tables, rules and grants, in plain SQL, version by version.

The same tables and columns as in SQLite, so that reports, exports and checks are the same. Text of
keys is compared byte by byte (COLLATE "C"), as everywhere else in Lanetally, and faster than words.
"""

from __future__ import annotations

#: What a bridge's login is granted: it may add, and change only cursors, cases and the outbox.
WORKER = "lanetally_worker"

#: Tables that only ever grow. What is wrong in them is corrected by new rows.
APPEND_ONLY = (
    "inbox",
    "voucher",
    "entry_line",
    "stock_movement",
    "cost_gap",
    "item_cost",
    "period_lock",
    "quarantine_decision",
)
CHANGING = ("lane_cursor", "epoch_home", "quarantine", "outbox")

_STREAM = """tenant TEXT COLLATE "C" NOT NULL, store TEXT COLLATE "C" NOT NULL,
  lane TEXT COLLATE "C" NOT NULL, epoch TEXT COLLATE "C" NOT NULL"""
_KIND = 'kind TEXT COLLATE "C" NOT NULL'

_TABLES = f"""
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (0);

CREATE TABLE inbox (
  {_STREAM},
  seq BIGINT NOT NULL CHECK (seq > 0),
  type TEXT NOT NULL, version BIGINT NOT NULL, wall_ms BIGINT NOT NULL, mono_ms BIGINT NOT NULL,
  hash TEXT NOT NULL, body BYTEA NOT NULL, received_ms BIGINT NOT NULL,
  PRIMARY KEY (tenant, store, lane, epoch, seq)
);

CREATE TABLE lane_cursor (
  {_STREAM},
  hw BIGINT NOT NULL, last_seq BIGINT NOT NULL CHECK (last_seq >= hw),
  received_ms BIGINT NOT NULL,
  PRIMARY KEY (tenant, store, lane, epoch)
) WITH (fillfactor = 50);

CREATE TABLE epoch_home (
  tenant TEXT COLLATE "C" NOT NULL, epoch TEXT COLLATE "C" NOT NULL,
  store TEXT COLLATE "C" NOT NULL, lane TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, epoch)
);

CREATE TABLE voucher (
  {_STREAM}, seq BIGINT NOT NULL, {_KIND},
  version INTEGER NOT NULL, voucher_id TEXT NOT NULL, digest TEXT NOT NULL,
  business_date TEXT COLLATE "C" NOT NULL, currency TEXT NOT NULL,
  transaction_id TEXT COLLATE "C" NOT NULL, receipt_number TEXT NOT NULL,
  posting_date TEXT COLLATE "C" NOT NULL, journal TEXT NOT NULL, note TEXT NOT NULL,
  approver TEXT NOT NULL, reverses TEXT NOT NULL, red INTEGER NOT NULL CHECK (red IN (0, 1)),
  line_count INTEGER NOT NULL CHECK (line_count > 1),
  PRIMARY KEY (tenant, store, lane, epoch, seq, kind)
);
CREATE INDEX sale_by_transaction ON voucher (tenant, transaction_id) WHERE kind = 'sale';

CREATE TABLE entry_line (
  {_STREAM}, seq BIGINT NOT NULL, {_KIND}, line_no INTEGER NOT NULL,
  role TEXT NOT NULL, account TEXT COLLATE "C" NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
  PRIMARY KEY (tenant, store, lane, epoch, seq, kind, line_no)
);

CREATE TABLE stock_movement (
  {_STREAM}, seq BIGINT NOT NULL, line_no INTEGER NOT NULL,
  gtin TEXT NOT NULL, quantity_milli BIGINT NOT NULL, weight_g BIGINT, cost_minor BIGINT,
  PRIMARY KEY (tenant, store, lane, epoch, seq, line_no)
);

CREATE TABLE cost_gap (
  {_STREAM}, seq BIGINT NOT NULL, line_no INTEGER NOT NULL,
  gtin TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (tenant, store, lane, epoch, seq, line_no)
);

CREATE TABLE item_cost (
  tenant TEXT COLLATE "C" NOT NULL, gtin TEXT COLLATE "C" NOT NULL, valid_from_ms BIGINT NOT NULL,
  unit_cost_minor BIGINT NOT NULL CHECK (unit_cost_minor >= 0),
  cost_per TEXT NOT NULL CHECK (cost_per IN ('each', 'kg')),
  PRIMARY KEY (tenant, gtin, valid_from_ms)
);
CREATE INDEX item_cost_by_time ON item_cost (tenant, valid_from_ms);

CREATE TABLE period_lock (
  tenant TEXT COLLATE "C" NOT NULL, valid_from_ms BIGINT NOT NULL,
  locked_until TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, valid_from_ms)
);

CREATE TABLE outbox (
  follower TEXT COLLATE "C" NOT NULL, {_STREAM}, seq BIGINT NOT NULL, {_KIND},
  delivered_ms BIGINT,
  PRIMARY KEY (follower, tenant, store, lane, epoch, seq, kind)
);
CREATE INDEX outbox_due ON outbox (follower, tenant, store, lane, epoch, seq, kind)
  WHERE delivered_ms IS NULL;

CREATE TABLE quarantine (
  case_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  {_STREAM}, seq BIGINT NOT NULL, raw_sha256 TEXT COLLATE "C" NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, raw BYTEA NOT NULL, amount_minor BIGINT,
  first_seen_ms BIGINT NOT NULL, last_seen_ms BIGINT NOT NULL, tries INTEGER NOT NULL,
  resolved_ms BIGINT, waits_for TEXT COLLATE "C" NOT NULL DEFAULT '',
  UNIQUE (tenant, store, lane, epoch, seq, raw_sha256)
);
CREATE TABLE quarantine_decision (
  case_id BIGINT NOT NULL REFERENCES quarantine, action TEXT NOT NULL,
  made_by TEXT NOT NULL, reason TEXT NOT NULL, made_ms BIGINT NOT NULL
);
CREATE INDEX decision_of_case ON quarantine_decision (case_id);
CREATE INDEX inbox_day_closed ON inbox (tenant, store, lane, epoch, seq) WHERE type = 'DayClosed';
CREATE INDEX quarantine_open ON quarantine (reason) WHERE resolved_ms IS NULL;
"""  # noqa: S608  all parts are constants of this file

# A voucher and its lines come in one statement; at its end both are held against each other. Lines
# are numbered from 1 to the voucher's own count of them, so no line can follow later: its number
# would be taken, or beyond the count. Each is looked up by its key: a plan made while the tables
# are small would go on to read them whole when they have grown (measured: four times slower).
_BY_KEY = "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"
_BALANCE = f"""
CREATE FUNCTION entry_lines_balance() RETURNS trigger LANGUAGE plpgsql {_BY_KEY} AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (
      SELECT tenant, store, lane, epoch, seq, kind, SUM(amount_minor) AS total,
             COUNT(*) AS lines, MIN(line_no) AS first, MAX(line_no) AS last
      FROM new_lines GROUP BY tenant, store, lane, epoch, seq, kind
    ) AS sums LEFT JOIN voucher USING (tenant, store, lane, epoch, seq, kind)
    WHERE total <> 0 OR first <> 1 OR last <> lines OR lines IS DISTINCT FROM line_count
  ) THEN
    RAISE EXCEPTION 'voucher does not balance' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION vouchers_have_lines() RETURNS trigger LANGUAGE plpgsql {_BY_KEY} AS $$
BEGIN
  IF EXISTS (
    SELECT FROM new_vouchers AS v WHERE NOT EXISTS (
      SELECT FROM entry_line AS l WHERE l.tenant = v.tenant AND l.store = v.store
        AND l.lane = v.lane AND l.epoch = v.epoch AND l.seq = v.seq AND l.kind = v.kind
        AND l.line_no = 1)
  ) THEN
    RAISE EXCEPTION 'voucher has no lines' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER balance AFTER INSERT ON entry_line REFERENCING NEW TABLE AS new_lines
  FOR EACH STATEMENT EXECUTE FUNCTION entry_lines_balance();
CREATE TRIGGER lines AFTER INSERT ON voucher REFERENCING NEW TABLE AS new_vouchers
  FOR EACH STATEMENT EXECUTE FUNCTION vouchers_have_lines();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""  # noqa: S608  all parts are constants of this file


def _append_only(table: str) -> str:
    """Grants keep the bridge from changing it; this keeps its owner from doing so by mistake."""
    return f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON {table} TO {WORKER};"""


_GRANTS = f"""
GRANT SELECT ON schema_version TO {WORKER};
GRANT SELECT, INSERT, UPDATE ON {", ".join(CHANGING)} TO {WORKER};
"""

#: Script n brings a ledger of version n - 1 to version n. Never edited, only added to.
MIGRATIONS = (_TABLES + _BALANCE + "".join(map(_append_only, APPEND_ONLY)) + _GRANTS,)

#: Roles belong to the whole server: another database of it may have made this one already.
MAKE_WORKER = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{WORKER}') THEN
    CREATE ROLE {WORKER} NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$"""

"""Figures out of the sub-ledger. Reads only."""

from __future__ import annotations

from cloud_bridge.ledger.database import Database
from cloud_bridge.ledger.port import Balance, Cursor, LaneStatus, Status, Undeducted
from cloud_bridge.voucher import Stream

_FIGURES = """
SELECT
  (SELECT COUNT(*) FROM inbox),
  (SELECT COUNT(*) FROM voucher),
  (SELECT COALESCE(SUM(amount_minor), 0) FROM entry_line),
  (SELECT COUNT(*) FROM voucher WHERE kind = 'sale') - (SELECT COUNT(*) FROM
    (SELECT DISTINCT epoch, transaction_id FROM voucher WHERE kind = 'sale') AS transactions),
  (SELECT COUNT(*) FROM cost_gap),
  (SELECT COUNT(*) FROM quarantine WHERE resolved_ms IS NULL),
  (SELECT COALESCE(SUM(amount_minor), 0) FROM quarantine WHERE resolved_ms IS NULL)"""
_LANES = """
SELECT tenant, store, lane, epoch, hw, last_seq, received_ms FROM lane_cursor
ORDER BY tenant, store, lane, received_ms, epoch"""
# A line in red is one of its own side with the opposite sign: 红字冲销.
_BALANCES = """
SELECT account,
       SUM(CASE WHEN (amount_minor > 0) = (red = 0) THEN amount_minor ELSE 0 END),
       SUM(CASE WHEN (amount_minor < 0) = (red = 0) THEN -amount_minor ELSE 0 END)
FROM entry_line JOIN voucher USING (tenant, store, lane, epoch, seq, kind)
GROUP BY account ORDER BY account"""


_HELD_BACK = """
SELECT tenant, store, lane, epoch, seq, 'quarantined', reason, amount_minor
FROM quarantine JOIN inbox USING (tenant, store, lane, epoch, seq)
WHERE resolved_ms IS NULL AND type = 'TransactionSettled'
  AND quarantine.reason NOT IN ('conflict', 'address', 'fork')"""
_WITHOUT_COST = """
SELECT g.tenant, g.store, g.lane, g.epoch, g.seq, 'no_cost', g.gtin, NULL
FROM cost_gap AS g JOIN inbox AS i USING (tenant, store, lane, epoch, seq)
WHERE i.type = 'TransactionSettled'
  AND EXISTS (SELECT 1 FROM item_cost WHERE tenant = ?)
  AND NOT EXISTS (SELECT 1 FROM item_cost AS c WHERE c.tenant = ? AND c.gtin = g.gtin)"""


def undeducted(db: Database, tenant: str) -> list[Undeducted]:
    rows = [*db.rows(_HELD_BACK), *db.rows(_WITHOUT_COST, (tenant, tenant))]
    return sorted(
        (Undeducted(Stream(*row[:4]), *row[4:]) for row in rows),
        key=lambda one: (one.stream, one.seq, one.reason, one.detail),
    )


def status(db: Database) -> Status:
    lanes = tuple(
        LaneStatus(Stream(*row[:4]), Cursor(*row[4:6]), row[6]) for row in db.rows(_LANES)
    )
    (figures,) = db.rows(_FIGURES)
    facts, vouchers, total, duplicates, gaps, cases, in_cases = map(int, figures)
    return Status(facts, vouchers, total, duplicates, gaps, cases, in_cases, lanes)


def trial_balance(db: Database) -> list[Balance]:
    return [Balance(row[0], int(row[1]), int(row[2])) for row in db.rows(_BALANCES)]

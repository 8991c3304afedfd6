"""Figures out of the SQLite sub-ledger. Reads only."""

from __future__ import annotations

import sqlite3

from cloud_bridge.ledger.port import Balance, Cursor, LaneStatus, Status
from cloud_bridge.voucher import Stream

_FIGURES = """
SELECT
  (SELECT COUNT(*) FROM inbox),
  (SELECT COUNT(*) FROM voucher),
  (SELECT COALESCE(SUM(amount_minor), 0) FROM entry_line),
  (SELECT COUNT(*) FROM voucher WHERE kind = 'sale') - (SELECT COUNT(*) FROM
    (SELECT DISTINCT epoch, transaction_id FROM voucher WHERE kind = 'sale')),
  (SELECT COUNT(*) FROM cost_gap),
  (SELECT COUNT(*) FROM quarantine WHERE resolved_ms IS NULL),
  (SELECT COALESCE(SUM(amount_minor), 0) FROM quarantine WHERE resolved_ms IS NULL)"""
_LANES = """
SELECT tenant, store, lane, epoch, hw, last_seq, received_ms FROM lane_cursor
ORDER BY tenant, store, lane, received_ms, epoch"""
_BALANCES = """
SELECT account, SUM(MAX(amount_minor, 0)), SUM(MAX(-amount_minor, 0))
FROM entry_line GROUP BY account ORDER BY account"""


def status(db: sqlite3.Connection) -> Status:
    lanes = tuple(
        LaneStatus(Stream(*row[:4]), Cursor(*row[4:6]), row[6]) for row in db.execute(_LANES)
    )
    facts, vouchers, total, duplicates, gaps, cases, in_cases = db.execute(_FIGURES).fetchone()
    return Status(facts, vouchers, total, duplicates, gaps, cases, in_cases, lanes)


def trial_balance(db: sqlite3.Connection) -> list[Balance]:
    return [Balance(*row) for row in db.execute(_BALANCES)]

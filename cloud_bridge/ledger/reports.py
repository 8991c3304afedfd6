"""Figures out of the sub-ledger. Reads only."""

from __future__ import annotations

from cloud_bridge.ledger.database import MINE, Database
from cloud_bridge.ledger.port import Balance, Cursor, LaneStatus, Status, Undeducted
from cloud_bridge.ledger.quarantine import MINE_OR_NOBODYS
from cloud_bridge.voucher import Stream

_OPEN = f"FROM quarantine WHERE resolved_ms IS NULL AND {MINE_OR_NOBODYS}"
_SALES = f"FROM voucher WHERE kind = 'sale' AND {MINE}"
#: The tenant, as often as this asks for it.
_FIGURES = f"""
SELECT
  (SELECT COUNT(*) FROM inbox WHERE {MINE}),
  (SELECT COUNT(*) FROM voucher WHERE {MINE}),
  (SELECT COALESCE(SUM(amount_minor), 0) FROM entry_line WHERE {MINE}),
  (SELECT COUNT(*) {_SALES}) - (SELECT COUNT(*) FROM
    (SELECT DISTINCT tenant, epoch, transaction_id {_SALES}) AS transactions),
  (SELECT COUNT(*) FROM cost_gap WHERE {MINE}),
  (SELECT COUNT(*) {_OPEN}),
  (SELECT COALESCE(SUM(amount_minor), 0) {_OPEN})"""  # noqa: S608  constants of this package
_LANES = f"""
SELECT tenant, store, lane, epoch, hw, last_seq, received_ms FROM lane_cursor WHERE {MINE}
ORDER BY tenant, store, lane, received_ms, epoch"""  # noqa: S608  a constant
# A line in red is one of its own side with the opposite sign: 红字冲销.
_BALANCES = f"""
SELECT account,
       SUM(CASE WHEN (amount_minor > 0) = (red = 0) THEN amount_minor ELSE 0 END),
       SUM(CASE WHEN (amount_minor < 0) = (red = 0) THEN -amount_minor ELSE 0 END)
FROM entry_line JOIN voucher USING (tenant, store, lane, epoch, seq, kind) WHERE {MINE}
GROUP BY account ORDER BY account"""  # noqa: S608  a constant


_HELD_BACK = f"""
SELECT tenant, store, lane, epoch, seq, 'quarantined', reason, amount_minor
FROM quarantine JOIN inbox USING (tenant, store, lane, epoch, seq)
WHERE resolved_ms IS NULL AND type = 'TransactionSettled'
  AND quarantine.reason NOT IN ('conflict', 'address', 'fork') AND {MINE}"""  # noqa: S608  a constant
_WITHOUT_COST = f"""
SELECT g.tenant, g.store, g.lane, g.epoch, g.seq, 'no_cost', g.gtin, NULL
FROM cost_gap AS g JOIN inbox AS i USING (tenant, store, lane, epoch, seq)
WHERE i.type = 'TransactionSettled' AND {MINE}
  AND EXISTS (SELECT 1 FROM item_cost WHERE tenant = ?)
  AND NOT EXISTS (SELECT 1 FROM item_cost AS c WHERE c.tenant = ? AND c.gtin = g.gtin)"""  # noqa: S608  a constant


def undeducted(db: Database, tenant: str) -> list[Undeducted]:
    rows = [*db.rows(_HELD_BACK, (tenant,)), *db.rows(_WITHOUT_COST, (tenant,) * 3)]
    return sorted(
        (Undeducted(Stream(*row[:4]), *row[4:]) for row in rows),
        key=lambda one: (one.stream, one.seq, one.reason, one.detail),
    )


def status(db: Database, tenant: str) -> Status:
    lanes = tuple(
        LaneStatus(Stream(*row[:4]), Cursor(*row[4:6]), row[6])
        for row in db.rows(_LANES, (tenant,))
    )
    (figures,) = db.rows(_FIGURES, (tenant,) * _FIGURES.count("?"))
    facts, vouchers, total, duplicates, gaps, cases, in_cases = map(int, figures)
    return Status(facts, vouchers, total, duplicates, gaps, cases, in_cases, lanes)


def trial_balance(db: Database, tenant: str) -> list[Balance]:
    return [Balance(row[0], int(row[1]), int(row[2])) for row in db.rows(_BALANCES, (tenant,))]

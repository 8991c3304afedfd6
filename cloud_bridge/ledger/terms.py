"""Item costs as rows that only grow. Runs inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from cloud_bridge.costs import CostHistory, CostRow, DatedCost, UnitCost

_ALL = """
SELECT gtin, valid_from_ms, unit_cost_minor, cost_per FROM item_cost WHERE tenant = ?"""
_LAST_MS = """
SELECT MAX(COALESCE((SELECT MAX(received_ms) FROM lane_cursor), 0),
           COALESCE((SELECT MAX(valid_from_ms) FROM item_cost WHERE tenant = ?), 0))"""
_INSERT = "INSERT INTO item_cost VALUES (?,?,?,?,?)"


def history(db: sqlite3.Connection, tenant: str) -> CostHistory:
    return CostHistory(
        DatedCost(gtin, valid_from_ms, UnitCost(unit_cost_minor, cost_per))
        for gtin, valid_from_ms, unit_cost_minor, cost_per in db.execute(_ALL, (tenant,))
    )


def add(db: sqlite3.Connection, tenant: str, rows: Iterable[CostRow], now_ms: int) -> int:
    """The costs that differ from those known, dated after all that was ever received: the cost of
    what is posted stays what it was, even if the clock was set back."""
    known = history(db, tenant)
    (last_ms,) = db.execute(_LAST_MS, (tenant,)).fetchone()
    from_ms = max(now_ms, last_ms + 1)
    changed = [row for row in rows if known.at(row.gtin, from_ms) != row.cost]
    db.executemany(
        _INSERT,
        [(tenant, r.gtin, from_ms, r.cost.unit_cost_minor, r.cost.cost_per) for r in changed],
    )
    return len(changed)


def version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection has committed: cheap to ask, cheaper than to read all."""
    number: int = db.execute("PRAGMA data_version").fetchone()[0]
    return number

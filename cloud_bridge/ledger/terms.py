"""What holds at a time: item costs and the period lock, as rows that only grow. What is posted
under them stays what it was. Runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable

from cloud_bridge.costs import CostHistory, CostRow, DatedCost, UnitCost
from cloud_bridge.ledger.database import Database, Row
from cloud_bridge.mapping import TermsHistory

_COSTS = """
SELECT gtin, valid_from_ms, unit_cost_minor, cost_per FROM item_cost WHERE tenant = ?"""
_LOCKS = """
SELECT valid_from_ms, locked_until FROM period_lock WHERE tenant = ? ORDER BY valid_from_ms"""
_VERSION = """
SELECT (SELECT MAX(valid_from_ms) FROM item_cost WHERE tenant = ?),
       (SELECT MAX(valid_from_ms) FROM period_lock WHERE tenant = ?)"""
_RECEIVED_MS = "SELECT MAX(received_ms) FROM lane_cursor"


def history(db: Database, tenant: str) -> TermsHistory:
    costs = CostHistory(
        DatedCost(gtin, valid_from_ms, UnitCost(unit_cost_minor, cost_per))
        for gtin, valid_from_ms, unit_cost_minor, cost_per in db.rows(_COSTS, (tenant,))
    )
    return TermsHistory(costs, tuple((ms, until) for ms, until in db.rows(_LOCKS, (tenant,))))


def version(db: Database, tenant: str) -> Row:
    """Changes whenever the terms do: cheaper to ask than to read them all."""
    (row,) = db.rows(_VERSION, (tenant, tenant))
    return tuple(row)


def add_costs(db: Database, tenant: str, rows: Iterable[CostRow], now_ms: int) -> int:
    """The costs that differ from those known; how many."""
    from_ms = _from_ms(db, tenant, now_ms)
    known = history(db, tenant).costs
    last = {row.gtin: row for row in rows}
    changed = [row for row in last.values() if known.at(row.gtin, from_ms) != row.cost]
    costs = [(r.gtin, from_ms, r.cost.unit_cost_minor, r.cost.cost_per) for r in changed]
    db.insert("item_cost", sorted((tenant, *cost) for cost in costs))
    return len(changed)


def lock(db: Database, tenant: str, until: str, now_ms: int) -> None:
    """From now on, what is dated up to `until` is posted on the day after."""
    db.insert("period_lock", [(tenant, _from_ms(db, tenant, now_ms), until)])


def _from_ms(db: Database, tenant: str, now_ms: int) -> int:
    """After all that was ever received, and after all terms before, even if the clock was set back:
    what is posted stays what it was."""
    ((received_ms,),) = db.rows(_RECEIVED_MS)
    known = (ms for ms in (received_ms, *version(db, tenant)) if ms is not None)
    return max([now_ms, *(int(ms) + 1 for ms in known)])

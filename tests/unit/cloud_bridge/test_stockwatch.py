"""Sales that are paid and not out of stock: which the books know of, and what is told of them."""

from __future__ import annotations

import json

import pytest

from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ledger.port import Arrivals, Decision, Undeducted
from cloud_bridge.stockwatch import IDLE_S, LOOK_S, StockWatch
from cloud_bridge.voucher import Stream

NOW_MS = 1_800_000_000_000
TEA, APPLES = "04710199010372", "00000020000015"
LANE = "acme", "harbour", "lane-1"
ORDER = Undeducted(Stream(*LANE, "e"), 7, "quarantined", "account", 900)


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


# --- what the books know ----------------------------------------------------------------------


def told(ledger):
    return [(one.seq, one.reason, one.detail) for one in ledger.undeducted()]


def test_a_sale_that_is_held_back_is_not_deducted_until_somebody_decided(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2, currency="USD"))
    ledger.apply(Arrivals((lane.delivery(),)), NOW_MS)
    assert told(ledger) == [(2, "quarantined", "currency")]
    (case,) = ledger.cases()
    ledger.discard(case.case_id, Decision("discard", "li", "a test", NOW_MS))
    assert told(ledger) == []


def test_goods_without_a_cost_are_out_but_their_value_is_not(ledger, new_lane, sale):
    ledger.apply(Arrivals((new_lane().append(sale()).delivery(),)), NOW_MS)
    assert told(ledger) == [], "no costs are kept at all"
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], NOW_MS + 1)
    assert told(ledger) == [(1, "no_cost", APPLES)]
    ledger.add_costs([CostRow(APPLES, UnitCost(1500, "kg"))], NOW_MS + 2)
    assert told(ledger) == []


# --- what is told ------------------------------------------------------------------------------


def test_a_lane_s_open_orders_are_retained_and_cleared_once_mended():
    watch = StockWatch()
    assert watch.is_new
    (first,) = watch.messages([LANE], [ORDER])
    assert (first.lane, first.leaf, first.retain) == (LANE, "undeducted", True)
    state = json.loads(first.payload)
    assert (state["kind"], state["count"]) == ("stock_not_deducted", 1)
    assert state["orders"][0]["seq"] == 7
    assert watch.messages([], [ORDER]) == []
    (cleared,) = watch.messages([], [])
    assert (cleared.payload, cleared.retain) == (b"", True)


def test_an_order_that_is_new_is_told_once_and_those_from_before_are_not():
    watch = StockWatch()
    watch.messages([LANE], [])
    state, alert = watch.messages([], [ORDER])
    assert (state.leaf, alert.leaf, alert.retain) == ("undeducted", "alert", False)
    assert json.loads(alert.payload)["body"]["reason"] == "quarantined"
    assert watch.messages([], [ORDER]) == []


def test_what_was_retained_by_an_earlier_run_is_cleared():
    (cleared,) = StockWatch().messages([LANE], [])
    assert (cleared.leaf, cleared.payload) == ("undeducted", b"")


def test_it_looks_soon_after_facts_came_and_seldom_else():
    watch = StockWatch()
    assert watch.is_due(100.0)
    assert not watch.is_due(100.0 + LOOK_S)
    watch.stir()
    assert not watch.is_due(99.9 + LOOK_S)
    assert watch.is_due(100.0 + LOOK_S)
    assert watch.is_due(200.0 + IDLE_S)

"""Items that were missed and are added to a settled sale, and such additions taken back (T10, T11,
T15): on each store, with the costs of their own time."""

from dataclasses import replace

import pytest

from agent.domain.facts import BackfillReversed, ItemBackfilled, SoldLine
from agent.domain.totals import TaxAmount, Tender
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ledger.port import Arrivals

NOW_MS = 1_800_000_000_000
TEA = "04710199010372"
LINE = SoldLine(1, TEA, 1000, None, 10000, "Tea", "110411", 1300)
PAID = {"tenders": (Tender("wechat", 10000),), "taxes": (TaxAmount(1300, 8850, 1150),)}


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


def backfill(way, **more):
    who = {"reason": "seen by the camera", "operator": "wang", "approver": "li"}
    return ItemBackfilled(
        "b1", "t1", "R1", "2000-11-01", "CNY", way, (LINE,), **(who | more)
    )  # fmt: skip


def taken_back(lane, seq, fact):
    return BackfillReversed("r1", lane.epoch, seq, fact, "it was scanned", "wang", "li")


def apply(ledger, *deliveries, now_ms=NOW_MS):
    return ledger.apply(Arrivals(deliveries), now_ms)


def balances(ledger):
    return {b.account: b.balance_minor for b in ledger.trial_balance() if b.balance_minor}


@pytest.fixture
def costed(ledger):
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    return ledger


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (backfill("charged"), {"5401": 6000, "1405": -6000}),
        (
            backfill("paid", **PAID),
            {"101202": 10000, "5001": -8850, "222102": -1150, "5401": 6000, "1405": -6000},
        ),
        (backfill("gone"), {"571101": 6000, "1405": -6000}),
    ],
)
def test_a_missed_item_is_booked_by_what_became_of_it(costed, new_lane, fact, expected):
    apply(costed, new_lane().append(fact).delivery())
    assert balances(costed) == expected
    for posted in costed.vouchers():
        says = posted.voucher.content
        assert (says.journal, says.approver, says.transaction_id) == ("backfill", "li", "t1")
        assert says.note == f"{fact.way}: seen by the camera"
    assert costed.findings() == []
    assert costed.status().duplicates == 0


def test_what_was_paid_passes_through_unidentified_receipts_and_leaves_nothing_there(
    costed, new_lane
):
    apply(costed, new_lane().append(backfill("paid", **PAID)).delivery())
    (passed,) = (b for b in costed.trial_balance() if b.account == "224101")
    assert (passed.debit_minor, passed.credit_minor, passed.balance_minor) == (10000, 10000, 0)


@pytest.mark.parametrize("fact", [backfill("charged"), backfill("paid", **PAID), backfill("gone")])
@pytest.mark.parametrize("together", [True, False])
def test_taken_back_it_leaves_nothing_whatever_the_cost_is_by_then(
    costed, new_lane, fact, together
):
    lane = new_lane()
    lane.append(fact, taken_back(lane, 1, fact))
    if together:
        apply(costed, lane.delivery())
    else:
        apply(costed, lane.delivery(1, 1))
        costed.add_costs([CostRow(TEA, UnitCost(7000, "each"))], NOW_MS + 1)
        apply(costed, lane.delivery(2, 2), now_ms=costed.newest_ms())
    assert balances(costed) == {}
    first, back = [[p for p in costed.vouchers() if p.key.seq == seq] for seq in (1, 2)]
    assert {p.voucher.content.reverses for p in back} == {p.voucher.voucher_id for p in first}
    assert {p.voucher.content.note for p in back} == {"it was scanned"}
    assert costed.findings() == []


def test_what_is_taken_back_before_it_came_waits_for_it(costed, new_lane):
    fact, lane = backfill("gone"), new_lane()
    lane.append(fact, taken_back(lane, 1, fact))
    assert apply(costed, lane.delivery(2, 2)).vouchers == 0
    assert [(case.reason, case.seq) for case in costed.cases()] == [("waits", 2)]
    apply(costed, lane.delivery(1, 1))
    assert (costed.cases(), balances(costed)) == ([], {})


def test_what_is_taken_back_in_a_locked_period_counts_after_it(costed, new_lane):
    fact, lane = backfill("gone"), new_lane()
    lane.append(fact, taken_back(lane, 1, fact))
    apply(costed, lane.delivery(1, 1))
    costed.lock_period("2000-11-30", NOW_MS)
    apply(costed, lane.delivery(2, 2), now_ms=costed.newest_ms())
    assert {p.voucher.content.booked_on for p in costed.vouchers() if p.key.seq == 2} == {
        "2000-12-01"
    }
    assert costed.findings() == []


def test_a_backfill_that_led_to_nothing_cannot_be_taken_back(costed, new_lane):
    fact, lane = replace(backfill("paid", **PAID), currency="USD"), new_lane()
    lane.append(fact, taken_back(lane, 1, fact))
    apply(costed, lane.delivery())
    assert [(case.reason, case.seq) for case in costed.cases()] == [("currency", 1), ("waits", 2)]


@pytest.mark.parametrize(("red", "turnover"), [(False, (6000, 6000)), (True, (0, 0))])
def test_in_red_no_side_s_turnover_grows(store, books, new_lane, red, turnover):
    ledger = store.open(replace(books, red=red))
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    fact, lane = backfill("charged"), new_lane()
    lane.append(fact, taken_back(lane, 1, fact))
    apply(ledger, lane.delivery())
    assert {(b.debit_minor, b.credit_minor) for b in ledger.trial_balance()} == {turnover}
    ledger.close()

"""Goods that come back (T3, T4) on each store: at the costs at which they went, after their sale,
and counted by the day on which they came."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from agent.domain.facts import DayClosed, ReturnedLine, ReturnRecorded, SoldLine, SoldPart
from agent.domain.totals import TaxAmount, Tender
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.days import compared
from cloud_bridge.ledger.port import Arrivals, Decision, Replayed

NOW_MS = 1_800_000_000_000
TEA = "04710199010372"
OTHER = "00000096385074"


def returned(lane, sale, seq=1, of=None, **more):
    """The whole of a sale of 113.00 that stands at a seq of this lane's journal."""
    sold = sale(seq) if of is None else of
    lines = tuple(
        ReturnedLine(
            line,
            "resaleable",
            SoldPart(lane.epoch, seq, "", line.quantity_milli, line.weight_g, 0),
        )
        for line in sold.lines
    )
    fields = {
        "return_id": "r1",
        "return_number": "L1-ep-R000001",
        "transaction_id": sold.transaction_id,
        "receipt_number": sold.receipt_number,
        "business_date": "2000-11-03",
        "currency": "CNY",
        "lines": lines,
        "tenders": (Tender("cash", sold.amount_minor),),
        "taxes": sold.taxes,
        "amount_minor": sold.amount_minor,
        "rounding_minor": 0,
        "reason": "too small",
        "operator": "wang",
        "approver": "li",
    }
    return ReturnRecorded(**(fields | more))


def apply(ledger, *deliveries, now_ms=NOW_MS):
    return ledger.apply(Arrivals(deliveries), now_ms)


def balances(ledger):
    return {b.account: b.balance_minor for b in ledger.trial_balance() if b.balance_minor}


def quarantined(ledger):
    return [(case.reason, case.seq) for case in ledger.cases()]


@pytest.fixture
def costed(ledger):
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    return ledger


@pytest.mark.parametrize("together", [True, False])
def test_what_comes_back_undoes_its_sale_at_the_cost_of_its_own_time(
    costed, new_lane, sale, together
):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale))
    if together:
        apply(costed, lane.delivery())
    else:
        apply(costed, lane.delivery(1, 1))
        costed.add_costs([CostRow(TEA, UnitCost(7000, "each"))], NOW_MS + 1)
        apply(costed, lane.delivery(2, 2), now_ms=costed.newest_ms())
    assert balances(costed) == {"5001": -10000, "500102": 10000}
    back = [p.voucher.content for p in costed.vouchers() if p.key.seq == 2]
    assert [says.kind for says in back] == ["refund", "returned-goods"]
    assert {says.booked_on for says in back} == {"2000-11-03"}
    assert {(says.transaction_id, says.receipt_number) for says in back} == {
        ("t1", "L1-ep-R000001")
    }
    assert {(says.approver, says.note) for says in back} == {("li", "too small")}
    assert costed.findings() == []
    assert costed.status().duplicates == 0


def test_what_comes_back_before_its_sale_came_waits_for_it(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale))
    assert apply(costed, lane.delivery(2, 2)).vouchers == 0
    assert quarantined(costed) == [("waits", 2)]
    apply(costed, lane.delivery(1, 1))
    assert quarantined(costed) == []
    assert balances(costed) == {"5001": -10000, "500102": 10000}
    assert costed.findings() == []


def spoilt(back, **part):
    """A return as no lane writes it: something is wrong with which line it is a part of."""
    lines = tuple(replace(line, part=replace(line.part, **part)) for line in back.lines)
    return replace(back, lines=lines)


def test_a_waiting_return_that_meets_a_bug_holds_up_nothing_else(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(spoilt(returned(lane, sale), quantity_milli=0), sale(3))
    apply(costed, lane.delivery(2, 2))
    assert quarantined(costed) == [("waits", 2)]
    assert apply(costed, lane.delivery(1, 1)).vouchers == 2
    assert apply(costed, lane.delivery(3, 3)).vouchers == 2
    assert quarantined(costed) == [("internal", 2)]
    retry = Decision("retry", "li", "hoping", NOW_MS)
    assert costed.retry(costed.cases()[0].case_id, retry) == Replayed(0, 1)
    assert costed.replay(NOW_MS) == Replayed(0, 1)
    assert costed.findings() == []


@pytest.mark.parametrize("part", [{"epoch": "a\0b"}, {"seq": 2**70}, {"seq": -1}])
def test_a_return_of_what_no_ledger_can_hold_waits_for_it(costed, new_lane, sale, part):
    lane = new_lane().append(sale(1))
    lane.append(spoilt(returned(lane, sale), **part))
    assert apply(costed, lane.delivery()).vouchers == 2
    assert quarantined(costed) == [("waits", 2)]
    assert costed.replay(NOW_MS) == Replayed(0, 1)


def test_a_return_that_waits_on_is_not_written_of_in_each_commit(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale), sale(3), sale(4))
    apply(costed, lane.delivery(2, 2))
    (case,) = costed.cases()
    apply(costed, lane.delivery(3, 3))
    apply(costed, lane.delivery(4, 4))
    assert costed.cases() == [case]


def test_what_waits_costs_other_lanes_nothing(costed, new_lane, sale, monkeypatch):
    lane, busy = new_lane().append(sale(1)), new_lane("lane-2", "f" * 32).append(sale(2))
    lane.append(returned(lane, sale), sale(3))
    apply(costed, lane.delivery(2, 2))
    tried = []
    ask = costed._tried
    monkeypatch.setattr(costed, "_tried", lambda case: tried.append(case) or ask(case))
    apply(costed, busy.delivery())
    assert tried == []
    apply(costed, lane.delivery(3, 3))
    assert [case.key.seq for case in tried] == [2]


def test_a_return_that_is_sent_again_is_posted_once(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale))
    apply(costed, lane.delivery())
    before = balances(costed)
    assert apply(costed, lane.delivery()).repeated == 2
    assert balances(costed) == before


def test_what_is_damaged_is_a_loss_and_never_reaches_the_shelf(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    fact = returned(lane, sale)
    lines = tuple(replace(line, condition="damaged") for line in fact.lines)
    lane.append(replace(fact, lines=lines))
    apply(costed, lane.delivery())
    found = balances(costed)
    assert (found["571101"], found["1405"], found.get("5401", 0)) == (6000, -6000, 0)
    assert costed.findings() == []


def test_goods_from_elsewhere_come_back_at_the_cost_of_today(costed, new_lane):
    goods = SoldLine(1, TEA, 2000, None, 20000, "Tea", "110411", 1300)
    unknown = SoldLine(2, OTHER, 1000, None, 2600, "", "", 1300)
    apples = SoldLine(3, TEA, 1000, 350, 0, "", "", 1300)
    fact = returned(
        new_lane(),
        lambda _: None,
        of=Sold((goods, unknown, apples)),
        transaction_id="",
        taxes=(TaxAmount(1300, 20000, 2600),),
        tenders=(Tender("cash", 22600),),
        amount_minor=22600,
    )
    loose = tuple(replace(line, part=None) for line in fact.lines)
    apply(costed, new_lane().append(replace(fact, lines=loose)).delivery())
    assert balances(costed) == {
        "1001": -22600, "500102": 20000, "222102": 2600, "1405": 12000, "5401": -12000
    }  # fmt: skip
    assert costed.status().cost_gaps == 2
    assert costed.undeducted() == []
    assert {p.voucher.content.transaction_id for p in costed.vouchers()} == {"L1-ep-R000001"}
    assert costed.findings() == []


class Sold:
    """As much of a sale as `returned` looks at."""

    transaction_id = receipt_number = ""
    amount_minor = 0
    taxes = ()

    def __init__(self, lines):
        self.lines = lines


def test_parts_of_a_weighed_line_bring_back_what_the_whole_line_cost(ledger, new_lane, sale):
    ledger.add_costs([CostRow(TEA, UnitCost(1000, "kg"))], 1)
    line = SoldLine(1, TEA, 1000, 333, 11300, "Tea", "110411", 1300)
    lane = new_lane().append(sale(1, lines=(line,)))
    for number, (before, grams) in enumerate(((0, 100), (100, 100), (200, 133))):
        part = replace(line, weight_g=grams, quantity_milli=333 + (number == 2), amount_minor=0)
        back = ReturnedLine(part, "resaleable", SoldPart(lane.epoch, 1, "", 1000, 333, before))
        lane.append(
            returned(
                lane, sale, lines=(back,), return_id=f"r{number}", tenders=(), taxes=(),
                amount_minor=0,
            )
        )  # fmt: skip
    apply(ledger, lane.delivery())
    assert {k: v for k, v in balances(ledger).items() if k in ("1405", "5401")} == {}
    assert ledger.findings() == []


def test_a_return_that_contradicts_itself_is_not_posted(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale, tenders=(Tender("cash", 1),)))
    apply(costed, lane.delivery())
    assert quarantined(costed) == [("sums", 2)]


# --- days ----------------------------------------------------------------------------------------


def closed(lane, seqs, **changes):
    told = "".join(f"{seq} {lane.hash_at(seq)}\n" for seq in seqs)
    fields = {
        "business_date": "2000-11-01",
        "sales": 1,
        "sum_minor": 11300,
        "hash": hashlib.sha256(told.encode()).hexdigest(),
        "first_seq": min(seqs),
        "last_seq": max(seqs),
        "returns": 1,
        "returned_minor": 11300,
    }
    return DayClosed(**(fields | changes))


def missing(ledger):
    found = compared(ledger.day_closes(), ledger.settled)
    return [tuple(text.english() for text in day.missing) for day in found]


def test_a_day_is_complete_with_its_returns(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale, business_date="2000-11-01"))
    lane.append(closed(lane, (1, 2)))
    apply(costed, lane.delivery(1, 1), lane.delivery(3, 3))
    assert missing(costed) == [("1 returns have not come",)]
    apply(costed, lane.delivery(2, 2))
    assert missing(costed) == [()]
    (day,) = compared(costed.day_closes(), costed.settled)
    assert (day.posted_returns, day.posted_returned_minor) == (1, 11300)


def test_a_return_in_quarantine_is_named_by_its_number(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale, business_date="2000-11-01", tenders=(Tender("cash", 1),)))
    lane.append(closed(lane, (1, 2)))
    apply(costed, lane.delivery())
    assert missing(costed) == [("L1-ep-R000001 (seq 2) is in quarantine",)]


def test_a_return_of_another_sum_leaves_its_day_incomplete(costed, new_lane, sale):
    lane = new_lane().append(sale(1))
    lane.append(returned(lane, sale, business_date="2000-11-01"))
    lane.append(closed(lane, (1, 2), returned_minor=1))
    apply(costed, lane.delivery())
    assert missing(costed) == [("the sum of returns is 11300, the lane closed with 1",)]

"""Two organisations in one database, each with its own bridge, chart and costs: neither sees the
other's books, and neither posts anything of the other's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.facts import BackfillReversed, DayClosed, ItemBackfilled
from agent.domain.totals import Tender
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ledger.port import Arrivals, Decision, Replayed, Unreadable
from cloud_bridge.mapping import Books

NOW_MS = 1_800_000_000_000
TEA = "04710199010372"
RETRY = Decision("retry", "li", "hoping", NOW_MS)
DISCARD = Decision("discard", "li", "not mine", NOW_MS)
ASBE = Books(load_chart("cn_asbe"), "CNY")


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def other(store, ledger):
    """The other organisation's."""
    other = store.open(ASBE, "globex", ("erp",))
    other.add_costs([CostRow(TEA, UnitCost(5000, "each"))], 1)
    yield other
    other.close()


@pytest.fixture
def own(store, ledger, books):
    own = store.open(books, "acme", ("erp",))
    own.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    yield own
    own.close()


def of_globex(lane):
    """The same lane's deliveries, of the other organisation."""
    delivery = lane.delivery()
    return replace(delivery, stream=delivery.stream._replace(tenant="globex"))


def take(ledger, *deliveries, **more):
    return ledger.apply(Arrivals(deliveries, **more), NOW_MS)


def told(ledger):
    """All that is told of a ledger."""
    return {
        "status": ledger.status(),
        "balance": ledger.trial_balance(),
        "vouchers": list(ledger.vouchers()),
        "cases": ledger.cases(),
        "days": ledger.day_closes(),
        "undeducted": ledger.undeducted(),
        "outgoing": ledger.outgoing("erp", 99),
        "findings": ledger.findings(),
    }


@pytest.fixture
def busy(new_lane, sale):
    """A sale, one that cannot be posted, and the close of their day."""
    lane = new_lane().append(sale(1), sale(2, tenders=(Tender("bitcoin", 12000),)))
    return lane.append(DayClosed("2000-11-01", 2, 22600, "0" * 64, 1, 2))


def test_what_is_told_of_one_does_not_change_by_the_other(own, other, busy):
    take(own, busy.delivery())
    before = told(own)
    assert [len(before[name]) for name in ("vouchers", "cases", "days", "outgoing")] == [2, 1, 1, 2]
    assert before["findings"] == []
    empty = told(other)
    assert [bool(empty[name]) for name in empty if name != "status"] == [False] * 7
    assert (empty["status"].facts, empty["status"].quarantined, empty["status"].lanes) == (0, 0, ())
    take(other, of_globex(busy))
    assert told(own) == before
    assert other.findings() == []
    assert {b.account for b in other.trial_balance()} != {b.account for b in own.trial_balance()}


def test_a_bridge_of_all_sees_both(ledger, own, other, busy):
    take(own, busy.delivery())
    take(other, of_globex(busy))
    status = ledger.status()
    assert (status.facts, status.vouchers, status.duplicates, len(status.lanes)) == (6, 4, 0, 2)
    assert len(ledger.cases()) == len(ledger.day_closes()) == 2


def test_nobody_decides_about_the_cases_of_the_other(own, other, busy):
    take(own, busy.delivery())
    (case,) = own.cases()
    assert other.case_file(case.case_id) is None
    assert other.retry(case.case_id, RETRY) == other.replay(NOW_MS) == Replayed(0, 0)
    assert not other.discard(case.case_id, DISCARD)
    assert own.cases() == [case]


def test_what_waits_is_posted_by_its_own_bridge_alone(own, other, new_lane, sale):
    lane, line = new_lane(), sale(1).lines[:1]
    backfill = ItemBackfilled(
        "b1", "t1", "R1", "2000-11-01", "CNY", "gone", line, reason="x", operator="w"
    )
    lane.append(backfill, BackfillReversed("v1", lane.epoch, 1, backfill, "no", "wang", "li"))
    missed, back = of_globex(lane).singly()
    take(other, poison=(missed,))
    take(other, back)
    held, waiting = other.cases()
    assert (held.reason, waiting.reason) == ("internal", "waits")
    assert other.retry(held.case_id, RETRY) == Replayed(1, 0)

    take(own, new_lane("lane-2", "f" * 32).append(sale(1)).delivery())
    assert other.cases() == [waiting]
    take(other, of_globex(new_lane("lane-1", "d" * 32).append(sale(1))))
    assert other.cases() == []
    assert other.findings() == own.findings() == []


def test_what_no_topic_brought_is_shown_to_each(own, other):
    take(own, unreadable=(Unreadable(("", "", ""), "address", "no lane", b"x"),))
    (case,) = own.cases()
    assert other.cases() == [case]
    assert other.discard(case.case_id, DISCARD)
    assert own.cases() == []

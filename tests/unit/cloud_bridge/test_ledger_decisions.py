"""What people decide about quarantined facts, what is missing of a stream, what a day sold."""

import sqlite3

import psycopg
import pytest

from agent.domain.facts import DayClosed
from agent.domain.totals import Tender
from cloud_bridge.ledger.port import Arrivals, Decision, Replayed, Unreadable

NOW_MS = 1_800_000_000_000
RETRY = Decision("retry", "li", "chart mended", NOW_MS)
ACCEPT = Decision("accept", "li", "the lane was renamed", NOW_MS)
DISCARD = Decision("discard", "wang", "a test sale", NOW_MS)
BITCOIN = (Tender("bitcoin", 12000),)


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


def take(ledger, *deliveries, **more):
    return ledger.apply(Arrivals(deliveries, **more), NOW_MS)


def test_poison_is_kept_and_posted_by_a_retry(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2))
    applied = take(ledger, poison=(lane.delivery(1, 1),))
    assert (applied.stored, applied.vouchers, applied.quarantined) == (1, 0, 1)
    assert applied.cursors[lane.stream].hw == 1
    (case,) = ledger.cases()
    assert case.reason == "internal"
    assert ledger.retry(case.case_id, RETRY) == Replayed(1, 0)
    assert (ledger.status().vouchers, ledger.cases()) == (1, [])


def test_a_retry_that_fails_is_remembered_with_who_and_why(ledger, new_lane, sale):
    take(ledger, new_lane().append(sale(1, tenders=BITCOIN)).delivery())
    (case,) = ledger.cases()
    assert ledger.retry(case.case_id, RETRY) == Replayed(0, 1)
    found = ledger.case_file(case.case_id)
    assert (found.resolved_ms, found.decisions, found.case.tries) == (None, (RETRY,), 2)


def test_what_is_discarded_keeps_its_content_and_comes_back_by_no_replay(ledger, new_lane, sale):
    take(ledger, new_lane().append(sale(1, tenders=BITCOIN)).delivery())
    (case,) = ledger.cases()
    assert ledger.discard(case.case_id, DISCARD)
    assert not ledger.discard(case.case_id, DISCARD)
    assert ledger.cases() == []
    assert ledger.replay(NOW_MS) == Replayed(0, 0)
    assert ledger.retry(case.case_id, RETRY) == Replayed(0, 0)
    found = ledger.case_file(case.case_id)
    assert (found.resolved_ms, found.decisions) == (NOW_MS, (DISCARD,))
    assert b"bitcoin" in found.raw


def test_a_message_can_be_discarded_but_not_retried(ledger):
    take(ledger, unreadable=(Unreadable(("acme", "s", "l"), "message", "no JSON", b"\xff"),))
    (case,) = ledger.cases()
    assert ledger.retry(case.case_id, RETRY) == Replayed(0, 0)
    assert ledger.discard(case.case_id, DISCARD)
    assert ledger.case_file(case.case_id).raw == b"\xff"
    assert ledger.case_file(case.case_id + 1) is None
    assert not ledger.discard(case.case_id + 1, DISCARD)


@pytest.mark.parametrize("decision", [RETRY, ACCEPT])
def test_what_is_damaged_is_never_posted_by_a_retry(ledger, new_lane, sale, decision):
    lane = new_lane().append(sale(1)).damage(1)
    for _ in range(2):
        take(ledger, damaged=(lane_delivery(lane),))
    (case,) = ledger.cases()
    assert ledger.retry(case.case_id, decision) == Replayed(0, 1)
    assert ledger.status().vouchers == 0


def lane_delivery(lane):
    from agent import wire
    from cloud_bridge.ledger.port import Delivery

    batch = wire.parse_batch(lane.payload())
    return Delivery(lane.stream, batch.prev, batch.facts)


def test_decisions_are_append_only(ledger, sql):
    take(ledger, unreadable=(Unreadable(("acme", "s", "l"), "message", "no JSON", b"\xff"),))
    ledger.discard(1, DISCARD)
    for statement in (
        "DELETE FROM quarantine_decision",
        "UPDATE quarantine_decision SET reason=''",
    ):
        with pytest.raises((sqlite3.IntegrityError, psycopg.Error), match="append-only"):
            sql.execute(statement)


# --- a lane that was renamed ---------------------------------------------------------------------


def test_facts_of_a_renamed_lane_are_posted_once_they_are_accepted(ledger, new_lane, sale):
    old = new_lane("lane-1").append(sale(1))
    take(ledger, old.delivery())
    new = new_lane("till-1")
    new.rows = old.rows
    new.append(sale(2), sale(3))
    take(ledger, new.delivery())
    first, second, third = ledger.cases()
    assert {case.reason for case in (first, second, third)} == {"address"}
    assert ledger.retry(second.case_id, RETRY) == Replayed(0, 1), "nobody has said that it moved"
    assert ledger.retry(second.case_id, ACCEPT) == Replayed(1, 0)
    assert ledger.retry(third.case_id, ACCEPT) == Replayed(1, 0)
    assert ledger.status().vouchers == 3
    take(ledger, new.append(sale(4)).delivery(4))
    assert ledger.status().vouchers == 4, "it lives there now"


def test_what_its_first_address_has_posted_is_not_posted_again(ledger, new_lane, sale):
    old, new = new_lane("lane-1").append(sale(1)), new_lane("till-1").append(sale(1))
    take(ledger, old.delivery())
    take(ledger, new.delivery())
    (case,) = ledger.cases()
    assert ledger.retry(case.case_id, ACCEPT) == Replayed(0, 1)
    assert ledger.status().vouchers == 1
    assert ledger.case_file(case.case_id).decisions == ()


# --- holes and days ------------------------------------------------------------------------------


def test_the_first_hole_of_a_stream(ledger, new_lane, sale):
    lane = new_lane().append(*(sale(n) for n in range(1, 10)))
    assert ledger.hole(lane.stream) is None
    take(ledger, lane.delivery(4, 5), lane.delivery(8, 8))
    assert ledger.hole(lane.stream) == (1, 3)
    take(ledger, lane.delivery(1, 3))
    assert ledger.hole(lane.stream) == (6, 7)
    take(ledger, lane.delivery(6, 7))
    assert ledger.hole(lane.stream) is None


def test_sales_and_closes_are_found_with_whether_they_are_posted(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2, tenders=BITCOIN), sale(3))
    lane.append(DayClosed("2000-11-01", 3, 33900, "h", 1, 3))
    take(ledger, lane.delivery())
    found = ledger.settled(lane.stream, 1, 2)
    assert [(sold.seq, sold.hash, sold.posted) for sold in found] == [
        (1, lane.hash_at(1), True),
        (2, lane.hash_at(2), False),
    ]
    (close,) = ledger.day_closes()
    assert (close.stream, close.seq, close.posted) == (lane.stream, 4, True)
    ledger.discard(ledger.cases()[0].case_id, DISCARD)
    assert not ledger.settled(lane.stream, 2, 2)[0].posted, "discarded is not posted"

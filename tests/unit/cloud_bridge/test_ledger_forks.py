"""A disk was set back, and messages of both its lives come: the chain must hold where they join."""

import json

import pytest

from agent import wire
from cloud_bridge.ledger.port import Arrivals, Decision, Replayed

NOW_MS = 1_800_000_000_000


@pytest.fixture(params=["sqlite_store", "postgres_store"])
def store(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def lives(new_lane, sale):
    """The life before and the one after, which have the first two facts in common."""
    before = new_lane().append(*map(sale, range(1, 7)))
    after = new_lane().append(*map(sale, (1, 2, 13, 14, 15, 16)))
    assert before.hash_at(2) == after.hash_at(2)
    return before, after


def take(ledger, *deliveries):
    return ledger.apply(Arrivals(deliveries), NOW_MS)


def forks(ledger):
    return [case.seq for case in ledger.cases() if case.reason == "fork"]


def test_facts_of_one_life_join_in_whatever_order_they_come(ledger, lives):
    lane, _ = lives
    for first, last in ((5, 5), (2, 3), (1, 1), (6, 6), (4, 4)):
        cursor = take(ledger, lane.delivery(first, last)).cursors[lane.stream]
        assert cursor.forks == ()
    assert (cursor.hw, forks(ledger), ledger.findings()) == (6, [], [])


@pytest.mark.parametrize("at_once", [False, True])
def test_a_message_of_the_life_before_that_fills_a_gap_is_told_to_the_lane(ledger, lives, at_once):
    before, after = lives
    parts = after.delivery(1, 3), after.delivery(5, 6), before.delivery(4, 4)
    if at_once:
        cursor = take(ledger, *parts).cursors[after.stream]
    else:
        cursor = [take(ledger, part).cursors[after.stream] for part in parts][-1]

    assert cursor.hw == 6
    assert cursor.hash == after.hash_at(6), "which alone the lane would take for its own"
    seen = dict(cursor.forks)
    assert seen == {3: after.hash_at(3), 4: before.hash_at(4), 5: after.hash_at(5)}
    assert forks(ledger) == [4, 5]
    assert ledger.status().vouchers == 6, "each of them was a sale"
    assert ledger.findings() == []


def test_facts_that_follow_what_the_life_before_has_left_are_a_fork(ledger, lives):
    before, after = lives
    take(ledger, before.delivery(1, 4))
    cursor = take(ledger, after.delivery(3)).cursors[after.stream]
    assert [case.reason for case in ledger.cases()] == ["conflict", "conflict", "fork"]
    assert cursor.forks == ((4, before.hash_at(4)), (5, after.hash_at(5)))


def test_a_fork_is_told_until_a_person_has_looked(ledger, lives):
    before, after = lives
    take(ledger, after.delivery(1, 3), before.delivery(4, 4))
    told = ledger.apply(Arrivals(births=(after.stream,)), NOW_MS).cursors[after.stream]
    assert len(told.forks) == 2
    (case,) = ledger.cases()
    content = json.loads(ledger.case_file(case.case_id).raw)
    assert content == {"seq": 4, "does_not_follow_from": 3}
    looked = Decision("discard", "Li", "the image of last week", NOW_MS)

    assert ledger.replay(NOW_MS) == Replayed(0, 0), "both are posted already"
    assert ledger.retry(case.case_id, looked) == Replayed(0, 1)
    assert ledger.discard(case.case_id, looked)

    told = ledger.apply(Arrivals(births=(after.stream,)), NOW_MS).cursors[after.stream]
    assert told.forks == ()


def test_what_is_behind_a_fork_counts_as_posted(ledger, lives):
    before, after = lives
    take(ledger, after.delivery(1, 3), before.delivery(4, 4))
    assert [fact.posted for fact in ledger.settled(after.stream, 1, 4)] == [True] * 4
    assert ledger.undeducted() == []


def test_an_acknowledgement_says_where_the_facts_fork():
    ack = wire.Ack("e", 5, False, (), "f" * 64, ((4, "a" * 64), (5, "b" * 64)))
    assert wire.decode_ack(wire.encode_ack(ack)) == ack
    assert b"forks" not in wire.encode_ack(wire.Ack("e", 5))

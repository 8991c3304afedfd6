"""The queue before the core: it waits rather than drops, and keeps the latest of each state."""

from __future__ import annotations

import threading

import pytest

from agent.inbox import Inbox


def in_thread(call, *args):
    thread = threading.Thread(target=call, args=args, daemon=True)
    thread.start()
    return thread


def test_items_come_out_in_the_order_in_which_they_went_in():
    inbox = Inbox()
    for number in range(5):
        inbox.put(number)

    assert inbox.take(0, 3) == [0, 1, 2]
    assert inbox.take(0, 3) == [3, 4]
    assert inbox.take(0, 3) == []


def test_an_empty_inbox_wakes_at_the_time_out_with_nothing():
    assert Inbox().take(0.01, 10) == []


def test_only_the_latest_of_each_key_is_kept_behind_all_items():
    inbox = Inbox()
    inbox.put_latest("a", "a1")
    inbox.put("first")
    inbox.put_latest("b", "b1")
    inbox.put_latest("a", "a2")
    inbox.put("second")

    assert inbox.take(0, 10) == ["first", "second", "a2", "b1"]
    assert inbox.take(0, 10) == []


def test_the_latest_come_even_where_more_items_wait_than_are_taken():
    inbox = Inbox()
    for number in range(5):
        inbox.put(number)
    inbox.put_latest("a", "a1")

    assert inbox.take(0, 2) == [0, 1, "a1"]
    assert inbox.take(0, 9) == [2, 3, 4]


def test_a_sender_waits_while_the_queue_is_full_and_goes_on_when_there_is_room(caplog):
    inbox = Inbox(capacity=2)
    inbox.put(0)
    inbox.put(1)

    sender = in_thread(inbox.put, 2)
    sender.join(0.05)
    assert sender.is_alive()
    assert "the lane is behind: 2 events wait" in caplog.text

    assert inbox.take(0, 1) == [0]
    sender.join(5)
    assert not sender.is_alive()
    assert inbox.take(0, 9) == [1, 2]


def test_being_behind_is_said_once_until_the_lane_has_caught_up(caplog):
    inbox = Inbox(capacity=1)
    inbox.put(0)
    senders = [in_thread(inbox.put, n) for n in (1, 2, 3)]
    taken = []
    while len(taken) < 4:
        taken += inbox.take(1, 1)
    for sender in senders:
        sender.join(5)
    assert sorted(taken) == [0, 1, 2, 3]
    first = caplog.text.count("the lane is behind")
    assert first >= 1

    inbox.put(4)
    late = in_thread(inbox.put, 5)
    late.join(0.05)
    inbox.take(1, 1)
    late.join(5)
    assert caplog.text.count("the lane is behind") == first + 1


def test_whoever_need_not_wait_is_told_that_the_queue_is_full():
    inbox = Inbox(capacity=1)

    assert inbox.try_put("one")
    assert not inbox.try_put("two")
    assert inbox.take(0, 9) == ["one"]
    assert inbox.try_put("three")


def test_states_are_taken_however_full_the_queue_is():
    inbox = Inbox(capacity=1)
    inbox.put("one")
    inbox.put_latest("cursor", 7)

    assert inbox.take(0, 9) == ["one", 7]


@pytest.mark.parametrize("put", [lambda i: i.put(1), lambda i: i.put_latest("k", 1)])
def test_a_taker_that_waits_is_woken_by_what_comes(put):
    inbox, taken = Inbox(), []
    taker = in_thread(lambda: taken.extend(inbox.take(30, 9)))
    put(inbox)
    taker.join(5)

    assert taken == [1]


def test_closing_wakes_the_taker_and_every_sender_and_loses_nothing():
    inbox, taken = Inbox(capacity=1), []
    inbox.put(0)
    senders = [in_thread(inbox.put, n) for n in (1, 2)]
    for sender in senders:
        sender.join(0.02)

    inbox.close()
    for sender in senders:
        sender.join(5)
        assert not sender.is_alive()
    assert sorted(inbox.take(30, 9)) == [0, 1, 2]
    taker = in_thread(lambda: taken.append(inbox.take(30, 9)))
    taker.join(5)
    assert taken == [[]]


def test_many_senders_at_once_lose_nothing_and_keep_their_own_order():
    inbox, count = Inbox(capacity=3), 200
    senders = [
        in_thread(lambda me=me: [inbox.put((me, number)) for number in range(count)])
        for me in "abcd"
    ]
    taken = []
    while len(taken) < 4 * count:
        taken += inbox.take(1, 7)
    for sender in senders:
        sender.join(5)

    for me in "abcd":
        assert [number for who, number in taken if who == me] == list(range(count))

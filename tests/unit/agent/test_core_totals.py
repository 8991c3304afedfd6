"""Totals at the core: settled once, answered alike, guessed from prices, keyed and held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain import facts
from agent.domain.facts import TransactionSettled
from agent.handle import LaneBusy
from agent.inbox import Inbox
from agent.inputs import CountKeyed
from tests.core_kit import Lane, scan
from tests.lane_kit import (
    BREAD,
    MILK,
    TEA,
    charged,
    none_of,
    only,
    posted,
)


@pytest.fixture
def lane(tmp_path):
    built = Lane(tmp_path / "journal.db")
    yield built
    built.close()


def clean(total_id="T1", *items):
    return posted(total_id, None, lines=tuple(map(charged, items or (MILK,))))


def test_the_same_total_twice_in_one_turn_settles_once(lane):
    lane.turn(scan(MILK.gtin))

    new = lane.turn(lane.post(clean()), lane.post(clean()), lane.post(clean()))

    only(TransactionSettled, new)
    assert [r.status for r in lane.replies] == ["settled", "duplicate", "duplicate"]
    assert len({r.receipt_number for r in lane.replies}) == 1
    assert len(lane.outlets.all("print")) == 1


def test_the_same_id_for_another_total_in_one_turn_is_rejected(lane):
    lane.turn(scan(MILK.gtin))

    lane.turn(lane.post(clean()), lane.post(replace(clean(), operator="other")))

    assert [r.code for r in lane.replies] == ["", "total_id_reused"]


def test_a_total_repeated_later_and_after_a_restart_gets_the_same_answer(lane):
    lane.turn(scan(MILK.gtin))
    lane.turn(lane.post(clean("T1", MILK, TEA)))
    lane.turn(scan(TEA.gtin), lane.post(clean("T1", MILK, TEA)))
    lane.restart()
    lane.turn(lane.post(clean("T1", MILK, TEA)))

    first, *again = lane.replies
    assert first.missed_count == 1
    assert again == [replace(first, status="duplicate")] * 2
    assert lane.core.snapshot().item_count == 1


def test_a_total_before_any_scan_is_rejected_with_a_fact(lane):
    (fact,) = lane.turn(lane.post(clean()))

    assert fact == facts.CashierTotalRejected(None, "no_open_transaction", clean())
    assert lane.replies[0].code == "no_open_transaction"


def test_a_rejected_total_may_be_sent_again_under_its_id_once_it_is_right(lane):
    lane.turn(lane.post(clean()))
    lane.turn(scan(MILK.gtin))
    lane.turn(lane.post(clean()))

    assert [r.status for r in lane.replies] == ["rejected", "settled"]


def test_a_missed_item_by_count_is_guessed_from_the_price_gap(lane):
    lane.turn(scan(MILK.gtin), scan(BREAD.gtin))

    lane.turn(lane.post(posted("T1", 3, amount_minor=1250 + 800 + 1000)))

    assert lane.core.snapshot().alert.english() == "1 item not scanned — drinks?"
    ((suspected, text),) = lane.outlets.all("alert")
    assert (suspected.missed_count, text) == (1, lane.core.snapshot().alert)
    notice = lane.notices[lane.kinds().index("missed_scan_suspected")]
    assert notice.data["findings"][0]["category"] == "drinks"
    assert notice.data["findings"][0]["reason"] == "the cashier counted 3, the scanner 2"


@pytest.mark.parametrize(
    ("total", "category"),
    [
        (posted("T1", 4, amount_minor=3050), None),  # two are missing: no single price fits
        (posted("T1", 3, amount_minor=2050), None),  # nothing was charged for it
        (posted("T1", 3, amount_minor=2051), None),  # no item costs 1
        (posted("T1", 3), None),  # no amount
    ],
)
def test_no_sort_is_guessed_where_no_single_item_explains_the_gap(lane, total, category):
    lane.turn(scan(MILK.gtin), scan(BREAD.gtin))

    lane.turn(lane.post(total))

    assert lane.replies[0].findings[0].category == category


def test_a_full_queue_tells_the_pos_to_try_again(tmp_path):
    lane = Lane(tmp_path / "journal.db")
    full = Inbox(capacity=1)
    lane.core._inbox = full
    lane.core.submit_total(clean(), lane.replies.append)

    with pytest.raises(LaneBusy):
        lane.core.submit_total(clean(), lane.replies.append)
    assert len(full.take(0, 9)) == 1
    lane.close()


def test_an_alert_leaves_the_screen_with_the_next_transaction(lane):
    lane.turn(scan(MILK.gtin), lane.post(clean("T1", MILK, TEA)))
    assert lane.core.snapshot().alert is not None

    lane.turn(scan(TEA.gtin))

    assert lane.core.snapshot().alert is None


def test_an_alert_of_this_turn_stays_after_one_that_was_settled_clean(lane):
    lane.turn(scan(MILK.gtin), lane.post(clean("T1")))
    assert lane.core.snapshot().alert is None

    lane.turn(scan(MILK.gtin), lane.post(clean("T2")), scan(TEA.gtin), lane.post(clean("T3")))

    assert lane.core.snapshot().alert is not None


def test_a_held_count_that_turns_out_right_takes_its_alert_back(lane):
    lane.turn(scan(MILK.gtin), CountKeyed("2", "keypad"))
    assert lane.core.snapshot().alert is not None

    lane.turn(scan(TEA.gtin), CountKeyed("2", "keypad"))

    assert lane.core.snapshot().alert is None


# --- the keypad --------------------------------------------------------------------------------


def test_a_keyed_count_is_held_scanned_for_and_keyed_again(lane):
    lane.turn(scan(MILK.gtin), CountKeyed("2", "keypad"))
    held = lane.core.snapshot()
    lane.turn(scan(TEA.gtin))
    new = lane.turn(CountKeyed("2", "keypad"))

    assert held.transaction_id is not None
    assert held.alert.english() == "1 item not scanned"
    settled = only(TransactionSettled, new)
    assert (settled.missed_count, settled.amount_minor) == (0, 2250)
    assert settled.total_id == f"{held.transaction_id}-keyed-2"


def test_the_same_count_keyed_twice_in_one_turn_is_two_tries(lane):
    lane.turn(scan(MILK.gtin))

    new = lane.turn(CountKeyed("2", "keypad"), CountKeyed("2", "keypad"))

    assert only(TransactionSettled, new).missed_count == 1


def test_a_held_count_is_remembered_across_a_restart(lane):
    lane.turn(scan(MILK.gtin), CountKeyed("2", "keypad"))
    lane.restart()

    assert only(TransactionSettled, lane.turn(CountKeyed("2", "keypad"))).missed_count == 1


def test_what_is_no_count_is_said_and_beeped_and_is_no_fact(lane):
    assert lane.turn(CountKeyed("", "keypad")) == []
    assert lane.kinds() == ["total_rejected"]
    assert lane.outlets.all("beep") == ["bad"]


def test_a_count_keyed_at_an_idle_lane_is_rejected_each_time(lane):
    new = lane.turn(CountKeyed("3", "keypad")) + lane.turn(CountKeyed("3", "keypad"))

    assert [fact.code for fact in new] == ["no_open_transaction"] * 2


def test_a_pos_settles_beside_a_held_keyed_count_of_the_same_id(lane):
    lane.turn(scan(MILK.gtin), CountKeyed("2", "keypad"))
    keyed_id = f"{lane.core.snapshot().transaction_id}-keyed-1"

    new = lane.turn(lane.post(clean(keyed_id)))

    assert lane.replies[0].status == "settled"
    assert none_of(facts.MissedScanSuspected, new)

"""What sensors tell between baskets and beyond all measure; the last words of bagging scales."""

from __future__ import annotations

import pytest

from agent.domain import facts
from agent.domain.bags import last_words
from agent.domain.events import BagMoves, BagRests, DeviceChanged
from agent.domain.evidence import ScaleEvidence
from agent.domain.evidence_seen import INCREMENTS_MAX, camera, scale, tags
from agent.domain.seen import SEEN_MAX, WAITING_MAX, seen_after, waiting_after
from agent.domain.shop import Person, ShopRules
from agent.domain.transaction import LaneState, evolve
from tests.lane_kit import MILK, basket, played, scanned

ROLE = "bag_scale"


def plate(delta_g, total_g=None, role=ROLE, **more):
    return facts.BagWeightChanged(None, delta_g, total_g, role, **more)


def tag(serial, *, present=True):
    return facts.TagObserved(None, "", MILK.gtin, serial, present, None, 0, "rfid")


def waiting(*told):
    kept = ()
    for fact in told:
        kept = waiting_after(kept, fact)
    return kept


CROSSED = facts.CrossingObserved(None, 1, 98, "camera")


def test_a_plate_that_is_empty_again_begins_anew():
    empty = plate(-900, 3)

    assert waiting(plate(100, 100), CROSSED, plate(803, 903), empty) == (CROSSED, empty)


def test_a_tag_that_left_or_a_sensor_that_was_lost_has_told_nothing():
    other = plate(50, 50, "other")

    assert waiting(tag("1"), tag("2"), tag("1", present=False)) == (tag("2"),)
    assert waiting(plate(100), other, facts.DeviceLost(ROLE, "gone")) == (other,)
    assert waiting(CROSSED, facts.DeviceReturned(ROLE)) == (CROSSED,)


def test_what_waits_is_bounded_and_the_oldest_give_way():
    kept = waiting(*(plate(n) for n in range(WAITING_MAX + 3)))

    assert (len(kept), kept[0].delta_g) == (WAITING_MAX, 3)


def test_sensors_that_tell_without_end_are_not_believed_and_cost_no_memory():
    seen = ()
    for _ in range(SEEN_MAX + 5):
        seen = seen_after(seen, CROSSED)

    assert len(seen) == SEEN_MAX + 1
    assert camera(seen) is None
    assert camera(seen[:-1]).crossed == SEEN_MAX


def test_a_plate_that_never_rests_tells_nothing():
    moves = tuple(plate(20) for _ in range(INCREMENTS_MAX))

    assert scale(moves).total_g == 20 * INCREMENTS_MAX
    assert scale((*moves, plate(20))) is None


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([plate(500, 1700), plate(-1200, 500)], ScaleEvidence((500,), 500)),
        ([plate(500, 1700), plate(-700, 1000), plate(-500, 500)], ScaleEvidence((500, -500), 0)),
        ([plate(500, 1700), plate(-2000, -300)], ScaleEvidence((500, -2000), -1500)),
        ([plate(500, 500), plate(-300, 200)], ScaleEvidence((500, -300), 200)),
        ([plate(500, 500), plate(0, None, steady=False)], None),
        ([plate(500, 500), plate(0, 0, "other", steady=False)], None),
        ([plate(500, 500), facts.DeviceLost(ROLE, "gone")], None),
        ([plate(500, 500), facts.DeviceReturned("other")], ScaleEvidence((500,), 500)),
    ],
    ids=[
        *("the last customer's bag", "it, and one's own taken back", "more than lay there"),
        *("nothing lay there", "not at rest", "another not at rest", "lost", "another came back"),
    ],
)
def test_what_is_taken_off_is_the_last_customers_as_far_as_theirs_lay_there(changes, found):
    assert scale(tuple(changes)) == found


def test_tags_of_a_reader_that_was_away_tell_nothing():
    assert tags((tag("1"), facts.DeviceReturned("rfid"))) is None


# --- from rest to rest ---------------------------------------------------------------------------


def weights(state_or_step):
    return [(fact.delta_g, fact.total_g) for fact in state_or_step.facts]


def test_rests_become_steps_and_drift_adds_up():
    step = played(*(BagRests(ROLE, grams) for grams in (0, 3, 4, 6, 536, 536, 30)))

    assert weights(step) == [(0, 0), (6, 6), (530, 536), (-506, 30)]


def test_a_scale_that_nobody_heard_yet_is_as_before_nowhere():
    step = played(BagMoves(ROLE), BagRests(ROLE, None))

    assert step.facts == ()
    assert step.state == LaneState()


def said(*events):
    state = played(*events, state=basket(MILK.gtin)).state
    return [(w.role, w.delta_g, w.total_g, w.steady) for w in last_words(state, state.transaction)]


def test_a_scale_says_in_the_end_what_it_has_not_said():
    watching = played(BagRests(ROLE, 0), scanned(MILK.gtin)).state

    assert said(BagRests(ROLE, 700)) == []
    assert said(BagRests(ROLE, 700), BagMoves(ROLE)) == [(ROLE, 0, None, False)]
    assert said(BagRests(ROLE, 700), BagMoves(ROLE), BagRests(ROLE, None)) == []
    assert said(BagRests(ROLE, 700), DeviceChanged(ROLE, up=False, reason="gone")) == []
    settled = evolve(
        facts.TransactionSettled("t", "", "", "", "", 0, 0, 0, 0, (), (), (), 0), watching
    )
    second = played(scanned(MILK.gtin), state=settled).state
    [word] = last_words(second, second.transaction)
    assert (word.transaction_id, word.delta_g, word.total_g) == (
        second.transaction.transaction_id,
        0,
        0,
    )


def test_a_word_that_moves_is_taken_back_once_the_plate_rests():
    moving = played(BagRests(ROLE, 700), BagMoves(ROLE), state=basket(MILK.gtin)).state
    [word] = last_words(moving, moving.transaction)
    still = played(BagRests(ROLE, None), state=evolve(word, moving)).state

    [back] = last_words(still, still.transaction)
    assert (back.delta_g, back.total_g, back.steady) == (0, 700, True)


def test_after_a_start_the_scales_say_again_what_lies_there():
    state = played(BagRests(ROLE, 700)).state
    state = evolve(facts.LaneStarted("boot", "0"), state)

    assert weights(played(BagRests(ROLE, 710), state=state)) == [(0, 710)]


def test_a_suspicion_without_a_basket_changes_nothing():
    suspected = facts.MissedScanSuspected("t", "T", 1, ())

    assert evolve(suspected, LaneState()) == LaneState()


# --- who may what --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "value_minor", "role"),
    [
        (ShopRules(), 999_999, "cashier"),
        (ShopRules(supervisor_from_minor=1000), 999, "cashier"),
        (ShopRules(supervisor_from_minor=1000), 1000, "supervisor"),
        (ShopRules("manager", 1000), 5000, "manager"),
        (ShopRules("supervisor"), 0, "supervisor"),
    ],
)
def test_what_is_worth_more_asks_for_more(rules, value_minor, role):
    assert rules.dismisser(value_minor) == role


def test_each_role_may_what_those_below_may():
    supervisor = Person("7", "supervisor")

    assert supervisor.may("cashier")
    assert supervisor.may("supervisor")
    assert not supervisor.may("manager")

"""What RFID reader and camera see becomes a fact of the open transaction, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.events import BagMoves, BagRests, Observed, PlateChanged, Weighed
from agent.domain.facts import CrossingObserved, LabelObserved, TagObserved
from agent.domain.lane import step
from agent.inputs import ScaleSays
from agent.intake import translated
from drivers.base import (
    DeviceEvent,
    ItemsCrossed,
    LabelSeen,
    ScaleState,
    StableWeight,
    TagPresence,
)
from tests.lane_kit import DAY, MILK, RULES, basket

EPC = "3034257BF7194E4000001A85"
GTIN = "80614141123458"


def test_a_tag_is_kept_with_what_its_epc_says():
    event = TagPresence("rfid", EPC, GTIN, "6789", True, -55, 1, 7)

    [(key, item)] = translated(event)

    assert key is None
    assert item == Observed(TagObserved(None, EPC, GTIN, "6789", True, -55, 1, "rfid"))


def test_a_label_that_the_camera_read_is_kept_as_its_gtin():
    [(_, item)] = translated(LabelSeen("camera", b"4006381333931", "]E0", 3, 7))

    assert item == Observed(LabelObserved(None, "04006381333931", 3, "camera"))


def test_a_label_without_an_article_is_left_to_the_next_frames():
    assert translated(LabelSeen("camera", b"hello", "]Q1", 2, 7)) == []


def test_items_that_crossed_are_kept_with_their_confidence():
    [(_, item)] = translated(ItemsCrossed("camera", 2, 80, 7))

    assert item == Observed(CrossingObserved(None, 2, 80, "camera"))


def test_an_observation_belongs_to_the_open_transaction_and_changes_nothing_else():
    state = basket(MILK.gtin)
    assert state.transaction is not None
    observed = Observed(CrossingObserved(None, 1, 90, "camera"))

    after = step(state, observed, RULES, DAY)

    transaction_id = state.transaction.transaction_id
    assert after.facts == (CrossingObserved(transaction_id, 1, 90, "camera"),)
    assert after.effects == ()
    assert after.state == replace(state, transaction=replace(state.transaction, seen=after.facts))


# --- a scale on which the goods stay -------------------------------------------------------------

BAGGING = frozenset({"bag_scale"})


def bagged(event: DeviceEvent) -> list[object]:
    return [item for _, item in translated(event, bagging=BAGGING)]


def test_a_bagging_scale_tells_its_rests_and_weighs_no_line():
    weight = StableWeight("bag_scale", 530, False, b"", 7)

    assert bagged(weight) == [BagRests("bag_scale", 530), ScaleSays("bag_scale", 530, "stable")]
    assert Weighed(530, False, b"", "bag_scale") in [item for _, item in translated(weight)]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("zero", BagRests("bag_scale", 0)),
        ("under_zero", BagRests("bag_scale", 0)),
        ("steady", BagRests("bag_scale", None)),
        ("motion", BagMoves("bag_scale")),
        ("garbled", BagMoves("bag_scale")),
        ("over_capacity", BagMoves("bag_scale")),
    ],
)
def test_what_keeps_a_bagging_scale_from_telling_is_no_rest(condition, told):
    state = ScaleState("bag_scale", condition, b"", 7)

    first, *_ = bagged(state)

    assert first == told
    assert PlateChanged() not in bagged(state)


def test_another_scale_weighs_as_ever():
    weight = StableWeight("scale", 530, False, b"", 7)

    assert Weighed(530, False, b"", "scale") in bagged(weight)

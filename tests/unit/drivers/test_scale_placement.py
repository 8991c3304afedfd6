"""One stable weight per placement, whatever the scale speaks."""

import pytest

from drivers.base import ScaleState, StableWeight
from drivers.line.placement import Placement, Status, Weight

RAW = b"frame"


def apples(weight_g=1235, *, net=False):
    return Weight(weight_g, net)


def said(events) -> list:
    """Events without role, bytes and time."""
    return [e.condition if isinstance(e, ScaleState) else e.weight_g for e in events]


class Plate:
    def __init__(self, division_g=5) -> None:
        self.placement = Placement("scale", division_g=division_g)

    def hear(self, reading) -> list:
        return said(self.placement.hear(reading, RAW, 7))

    def tell(self, condition) -> list:
        return said(self.placement.tell(condition, b"", 7))


def test_one_placement_is_one_stable_weight_with_its_frame():
    placement = Placement("counter scale", division_g=5)
    event = StableWeight("counter scale", 1235, False, b"\x0201.235\r", 17)
    assert placement.hear(apples(), b"\x0201.235\r", 17) == [event]
    assert placement.hear(apples(), b"\x0201.235\r", 18) == []


def test_a_state_carries_its_frame_too():
    placement = Placement("scale", division_g=5)
    assert placement.hear(Status("motion"), b"?", 9) == [ScaleState("scale", "motion", b"?", 9)]


def test_a_net_weight_is_marked_net():
    [event] = Placement("scale", division_g=5).hear(apples(net=True), RAW, 0)
    assert event.net


@pytest.mark.parametrize(
    "between", [apples(0), apples(-5), Status("motion"), Status("under_zero"), Status("zero")]
)
def test_the_same_weight_again_counts_after_zero_under_zero_or_motion(between):
    plate = Plate()
    assert plate.hear(apples()) == [1235]
    plate.hear(between)
    assert plate.hear(apples()) == [1235]


@pytest.mark.parametrize("between", ["garbled", "not_ready", "over_capacity"])
def test_the_same_weight_after_anything_else_is_steady_and_no_other_item(between):
    plate = Plate()
    assert plate.hear(apples()) == [1235]
    assert plate.tell(between) == [between]
    assert plate.hear(apples()) == ["steady"]
    assert plate.hear(apples()) == []
    assert plate.tell(between) == [between]
    assert plate.hear(apples()) == ["steady"]
    assert plate.hear(apples(1300)) == [1300]
    assert plate.hear(apples(1300)) == []


def test_another_weight_after_a_silence_is_another_item():
    plate = Plate()
    assert plate.hear(apples()) == [1235]
    plate.tell("not_ready")
    assert plate.hear(apples(1300)) == [1300]


def test_a_silence_within_motion_does_not_take_the_item_away():
    plate = Plate()
    plate.hear(apples())
    plate.hear(Status("motion"))
    plate.tell("garbled")
    assert plate.hear(apples()) == [1235]


def test_an_item_added_between_two_readings_is_a_new_weight_though_no_motion_was_seen():
    plate = Plate()
    assert [plate.hear(apples(g)) for g in (1235, 1840, 1235)] == [[1235], [1840], [1235]]


def test_a_weight_that_flickers_by_one_division_is_the_same_placement():
    plate = Plate(division_g=5)
    assert [plate.hear(apples(g)) for g in (1235, 1240, 1235)] == [[1235], [], []]


def test_zero_and_below_are_states_and_never_a_weight():
    plate = Plate()
    assert plate.hear(apples(0)) == ["zero"]
    assert plate.hear(apples(0, net=True)) == []
    assert plate.hear(apples(-1)) == ["under_zero"]


def test_a_state_is_told_on_change_only():
    plate = Plate()
    told = ["zero", "zero", "motion", "motion", "over_capacity", "under_zero", "motion"]
    heard = [plate.hear(Status(condition)) for condition in told]
    assert heard == [["zero"], [], ["motion"], [], ["over_capacity"], ["under_zero"], ["motion"]]


def test_a_status_without_a_reason_means_not_ready():
    assert Plate().hear(Status(None)) == ["not_ready"]

"""Who is who from frame to frame, and what crossed the line."""

import pytest

from drivers.camera.tracks import Blob, Crossing, Tracker

ZONE_PX = 300 * 200
FREE = 95  # per cent: nothing speaks against it


def tracker(age_min=3) -> Tracker:
    """A zone of 300 x 200 with the line at 150 ± 10."""
    return Tracker(150, 10, ZONE_PX, age_min)


def blob(x, y=100, length=40, width=40, *, whole=True) -> Blob:
    return Blob(x, y, length, width, length * width, whole)


def crossings(frames, age_min=3) -> list[Crossing]:
    t = tracker(age_min)
    return [crossing for frame in frames for crossing in t.step(frame)]


def ride(xs, **more):
    return [[blob(x, **more)] for x in xs]


def test_an_item_that_comes_over_the_line_counts_once():
    assert crossings(ride(range(20, 280, 8))) == [Crossing(1, FREE)]


def test_an_item_that_is_taken_back_counts_backwards():
    there_and_back = [*range(20, 200, 8), *range(200, 20, -8)]
    assert [c.count for c in crossings(ride(there_and_back))] == [1, -1]


def test_an_item_that_trembles_on_the_line_counts_once_at_most():
    tremble = [*range(20, 150, 8), *([148, 155, 146, 154] * 30)]
    assert crossings(ride(tremble)) == []
    assert len(crossings(ride([*tremble, *range(154, 280, 8)]))) == 1


def test_a_flicker_is_no_item():
    assert crossings([[blob(130)], [blob(170)], []]) == []
    assert len(crossings([[blob(130)], [blob(150)], [blob(170)]], age_min=2)) == 1


def test_what_appears_on_the_line_has_not_come_over_it():
    assert crossings(ride(range(152, 280, 8))) == []


def test_two_items_side_by_side_count_two():
    frames = [[blob(x, y=50), blob(x - 4, y=150)] for x in range(20, 280, 8)]
    assert [c.count for c in crossings(frames)] == [1, 1]


def test_an_item_that_is_hidden_for_some_frames_is_still_the_same():
    frames = ride(range(20, 280, 8))
    frames[12:16] = [[]] * 4
    assert crossings(frames) == [Crossing(1, FREE)]


def test_an_item_that_is_gone_for_long_is_gone():
    frames = [*ride(range(20, 120, 8)), *([[]] * 10), *ride(range(170, 280, 8))]
    assert crossings(frames) == []


def test_two_items_that_join_in_view_count_two_with_less_confidence():
    apart = [[blob(x), blob(x + 60)] for x in range(20, 80, 6)]
    joined = [[blob(x + 30, length=100)] for x in range(80, 240, 6)]
    [crossing] = crossings([*apart, *joined])
    assert crossing.count == 2
    assert crossing.confidence_pct < FREE


def test_parts_of_one_item_that_comes_into_view_count_one():
    parts = [[blob(x, y=85, width=20), blob(x, y=115, width=20)] for x in range(20, 50, 6)]
    frames = [*parts, *ride(range(50, 280, 6))]
    assert [c.count for c in crossings(frames)] == [1]


def test_items_that_join_and_part_again_keep_their_number():
    apart = [[blob(x), blob(x + 60)] for x in range(20, 90, 6)]
    joined = [[blob(x + 30, length=100)] for x in range(90, 102, 6)]
    again = [[blob(x), blob(x + 60)] for x in range(102, 240, 6)]
    assert sum(c.count for c in crossings([*apart, *joined, *again])) == 2


def test_a_much_larger_item_than_usual_is_doubted_once_the_usual_is_known():
    t = tracker()
    small = ride(range(20, 280, 8), length=20, width=20)
    large = ride(range(20, 280, 8), length=50, width=50)
    empty = [[]] * 10
    frames = [*(small + empty) * 5, *large]
    counted = [crossing for frame in frames for crossing in t.step(frame)]
    assert [c.count for c in counted] == [1] * 6
    assert {c.confidence_pct for c in counted[:5]} == {FREE}
    assert counted[5].confidence_pct < FREE


def test_an_item_with_a_notch_is_doubted():
    [crossing] = crossings(ride(range(20, 280, 8), whole=False))
    assert crossing.confidence_pct < FREE


@pytest.mark.parametrize("others", [0, 2, 4])
def test_confidence_falls_with_the_crowd(others):
    crowd = [blob(40 + 70 * n, y=20, length=60, width=100) for n in range(others)]
    moved = [[blob(x, y=160), *crowd] for x in range(20, 280, 8)]
    [crossing] = [c for c in crossings(moved) if c.count]
    covered_pct = (others * 6000 + 1600) * 100 // ZONE_PX
    assert crossing.confidence_pct == FREE - max(covered_pct - 25, 0)

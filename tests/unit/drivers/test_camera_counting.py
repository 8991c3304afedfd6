"""Counting on belts that the simulator loads, and on real people who walk by."""

import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera.counting import WIDTH_PX_MAX, ItemCounter, LineSettings, Zone
from drivers.camera.sim_belt import BELT_GREY, HEIGHT_PX, WIDTH_PX, items, ride

PEOPLE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


def count(frames, zone=None, **settings) -> int:
    counter = ItemCounter(zone or Zone(), LineSettings(**settings))
    return sum(crossing.count for frame in frames for crossing in counter.step(frame))


def belt(number, density_pct, seed="belt"):
    dice = random.Random(seed)
    return list(ride(items(number, density_pct, dice), dice))


@pytest.fixture(scope="module")
def few():
    return belt(6, 40)


def test_every_item_on_an_orderly_belt_is_counted(few):
    assert count(few) == 6


def test_an_empty_belt_brings_nothing():
    dice = random.Random(1)
    assert count(list(ride([], dice))[:150]) == 0


@pytest.mark.parametrize(
    ("direction", "turn"),
    [
        ("left", cv2.ROTATE_180),
        ("down", cv2.ROTATE_90_CLOCKWISE),
        ("up", cv2.ROTATE_90_COUNTERCLOCKWISE),
    ],
)
def test_items_may_come_from_any_side(few, direction, turn):
    assert count((cv2.rotate(frame, turn) for frame in few), direction=direction) == 6


def test_a_belt_that_runs_backwards_takes_its_items_back(few):
    assert count([*few, *reversed(few)]) == 0


def test_goods_that_stand_before_the_line_for_long_are_still_goods(few):
    dice = np.random.default_rng(1)
    stop = next(n for n in range(len(few)) if count(few[:n]) == 0 and n == 60)
    held = few[stop].astype(int)
    standing = [np.clip(held + dice.normal(0, 2, held.shape), 0, 255).astype(np.uint8)] * 300
    assert count([*few[:stop], *standing, *few[stop:]]) == 6


def test_only_what_lies_in_the_zone_counts(few):
    upper = count(few, Zone(bottom_pct=50))
    lower = count(few, Zone(top_pct=50))
    assert upper + lower == 6
    assert upper
    assert lower


def test_what_is_smaller_than_the_smallest_item_does_not_count(few):
    assert count(few, smallest_pm=300) == 0


def test_a_hand_that_reaches_in_and_out_leaves_the_count_alone():
    dice = np.random.default_rng(3)

    def frame(reach_px):
        shown = np.full((HEIGHT_PX, WIDTH_PX, 3), BELT_GREY, np.uint8)
        cv2.rectangle(shown, (0, 150), (reach_px, 210), (140, 160, 200), -1)
        return np.clip(shown + dice.normal(0, 3, shown.shape), 0, 255).astype(np.uint8)

    reach = [0] * 30 + [*range(0, 600, 15), *range(600, 0, -15)] + [0] * 20
    assert count(map(frame, reach)) == 0


def test_large_pictures_are_made_small_first():
    counter = ItemCounter(Zone(), LineSettings())
    for shape in ((1080, 1920), (720, 1280), (576, 768), (100, 90)):
        small = counter._small(np.zeros((*shape, 3), np.uint8))
        assert max(small.shape) <= WIDTH_PX_MAX
        assert max(small.shape) > WIDTH_PX_MAX // 2 or max(shape) <= WIDTH_PX_MAX


def test_crowds_are_counted_with_less_confidence():
    def mean_pct(number, density_pct):
        counter = ItemCounter(Zone(), LineSettings())
        sure = [c.confidence_pct for f in belt(number, density_pct) for c in counter.step(f)]
        return sum(sure) / len(sure)

    assert mean_pct(12, 80) < mean_pct(5, 40)


@pytest.mark.skipif(not PEOPLE.exists(), reason="needs Debian's opencv-doc: vtest.avi")
def test_people_who_walk_one_by_one_are_counted():
    """Who walks over the middle alone, by eye: about when, and which way."""
    left = (159, 181, 221, 257, 279, 290, 491, 566)
    right = (313, 465, 594)
    video = cv2.VideoCapture(str(PEOPLE))
    counter = ItemCounter(Zone(), LineSettings(smallest_pm=1, gap_pm=20))
    seen = []
    for n in range(610):
        _, frame = video.read()
        seen += [(n, crossing.count) for crossing in counter.step(frame)]
    found = {at: sum(count for n, count in seen if abs(n - at - 2) <= 4) for at in left + right}
    assert {at for at, count in found.items() if count < 0} == set(left)
    assert {at for at, count in found.items() if count > 0} == set(right)
    assert sum(map(abs, found.values())) <= len(found) + 1

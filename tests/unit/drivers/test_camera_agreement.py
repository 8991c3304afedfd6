"""When a label that was read may be told."""

import pytest

from drivers.camera.agreement import Agreed, Agreement
from drivers.camera.watch import PictureWatch

MS = 1_000_000
GTIN = b"4006381333931"


class Sight:
    def __init__(self, data=GTIN, symbology="]E0", x=100, y=100, votes=1):
        self.scan_data, self.symbology, self.votes = data, symbology, votes
        self.x_px, self.y_px, self.reach_px = x, y, 50


def seen(*frames, every_ms=100, agreement=None, frames_min=2):
    """What is told of frames of sightings, each with the number of its frame."""
    agreement = agreement or Agreement(frames_min, forget_ns=1500 * MS)
    return [
        (n, told.scan_data)
        for n, sights in enumerate(frames)
        for told in agreement.see(sights, n * every_ms * MS)
    ]


def test_a_label_is_told_once_when_a_second_frame_agrees():
    assert seen([Sight()], [], [Sight()], [Sight()], [Sight()]) == [(2, GTIN)]


def test_one_frame_is_never_enough_however_many_libraries_agree():
    assert seen([Sight(votes=9)], [], []) == []


def test_as_many_frames_are_awaited_as_are_asked_for():
    assert seen([Sight()], [Sight()], [Sight()], [Sight()], frames_min=4) == [(3, GTIN)]


def test_an_ean_8_needs_one_frame_more():
    sight = Sight(b"96385074", "]E4")
    assert seen([sight], [sight], [sight]) == [(2, b"96385074")]


def test_the_frames_that_agree_are_told():
    agreement = Agreement(2, 1500 * MS)
    assert agreement.see([Sight()], 0) == []
    assert agreement.see([Sight()], MS) == [Agreed(GTIN, "]E0", 2)]


def test_two_frames_too_far_apart_do_not_agree():
    assert seen([Sight()], [Sight()], every_ms=1100) == []


def test_a_label_is_told_again_after_it_was_away():
    away = [[]] * 20
    assert seen([Sight()], [Sight()], *away, [Sight()], [Sight()]) == [(1, GTIN), (23, GTIN)]
    short = [[]] * 10
    assert seen([Sight()], [Sight()], *short, [Sight()], [Sight()]) == [(1, GTIN)]


def test_a_misread_in_the_same_place_is_outvoted_even_if_it_comes_twice():
    wrong = Sight(b"4006331333936", x=120)
    right = Sight(votes=3)
    assert seen([wrong, right], [wrong, right], [wrong]) == [(1, GTIN)]


def test_while_two_readings_of_one_place_are_even_neither_is_told():
    other = Sight(b"4006331333936")
    assert seen([Sight(), other], [Sight(), other], [Sight(), other]) == []


def test_two_labels_side_by_side_are_both_told():
    other = Sight(b"4006331333936", x=300)
    assert seen([Sight(), other], [Sight(), other]) == [(1, GTIN), (1, other.scan_data)]


def test_a_still_scene_keeps_its_labels_told():
    agreement = Agreement(2, 1500 * MS)
    assert seen([Sight()], [Sight()], agreement=agreement) == [(1, GTIN)]
    for ms in range(200, 10_000, 200):
        agreement.still(ms * MS)
    assert agreement.see([Sight()], 10_000 * MS) == []
    assert agreement.see([Sight()], 10_050 * MS) == []


def test_nothing_is_still_where_nothing_was_seen():
    agreement = Agreement(2, 1500 * MS)
    agreement.still(0)
    assert agreement.see([], 1) == []


# --- whether pictures come and change ---


@pytest.mark.parametrize(
    ("pictures", "asked_ms", "trouble"),
    [
        ([(0, 1), (500, 2), (1000, 3)], 2000, ""),
        ([(0, 1), (500, 2), (1000, 3)], 2501, "no picture comes"),
        ([(n, 7) for n in range(0, 1600, 100)], 1501, "frozen: the picture stands still"),
        ([(0, 7), (700, 8), (1400, 7)], 1600, ""),
        ([], 1501, "no picture comes"),
    ],
)
def test_a_camera_without_new_pictures_is_in_trouble(pictures, asked_ms, trouble):
    watch = PictureWatch(1500 * MS, 0)
    for ms, digest in pictures:
        watch.saw(digest, ms * MS)
    assert watch.trouble(asked_ms * MS) == trouble

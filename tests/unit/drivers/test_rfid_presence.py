"""Who is at the lane: arrivals, departures, weak tags and the neighbour's."""

import pytest

from drivers.rfid.conversation import Sighting
from drivers.rfid.presence import Presence, Rules

MS = 1_000_000
EPC = bytes.fromhex("3034257BF7194E4000001A85")
OTHER = b"\xe2\x80\x11\x60"


class Lane:
    """A presence, its clock in milliseconds, and edges as short words."""

    def __init__(self, **changes) -> None:
        rules = {"min_reads": 2, "window_ms": 1_000, "departs_ms": 2_000, "strength_min": -70}
        self.presence = Presence("gate", Rules(**(rules | changes)))

    def see(self, ms, strength=-55, antenna=1, epc=EPC, **more) -> list[str]:
        sighting = Sighting(epc, antenna, strength, **more)
        return [self._word(edge) for edge in self.presence.see(sighting, ms * MS)]

    def wait(self, ms) -> list[str]:
        return [self._word(edge) for edge in self.presence.expire(ms * MS)]

    def _word(self, edge) -> str:
        assert edge.role == "gate"
        return ("+" if edge.present else "-") + edge.epc[:4]


def test_a_tag_arrives_once_and_departs_once():
    lane = Lane()
    assert [lane.see(ms) for ms in (0, 100, 200, 300)] == [[], ["+3034"], [], []]
    assert lane.wait(2_299) == []
    assert lane.wait(2_300) == ["-3034"]
    assert lane.wait(9_999) == []


def test_the_edge_names_item_strongest_sighting_and_time():
    presence = Presence("gate", Rules(2, 1_000, 2_000, -70))
    presence.see(Sighting(EPC, 2, -60), 1 * MS)
    [edge] = presence.see(Sighting(EPC, 1, -65), 2 * MS)
    assert (edge.gtin, edge.serial) == ("80614141123458", "6789")
    assert (edge.epc, edge.present) == ("3034257BF7194E4000001A85", True)
    assert (edge.rssi_dbm, edge.antenna, edge.mono_ns) == (-60, 2, 2 * MS)
    presence.see(Sighting(EPC, 3, -50), 3 * MS)
    [gone] = presence.expire(5_000 * MS)
    assert (gone.rssi_dbm, gone.antenna, gone.present) == (-50, 3, False)


def test_steps_that_are_no_dbm_are_not_told_as_dbm():
    presence = Presence("gate", Rules(1, 1_000, 2_000, 50))
    assert presence.see(Sighting(OTHER, 1, 40, in_dbm=False), 0) == []
    [edge] = presence.see(Sighting(OTHER, 1, 60, in_dbm=False), 0)
    assert (edge.rssi_dbm, edge.gtin, edge.serial) == (None, None, None)


def test_sightings_too_far_apart_are_no_arrival():
    lane = Lane()
    assert [lane.see(ms) for ms in (0, 1_001, 2_002)] == [[], [], []]
    assert lane.see(2_500) == ["+3034"]


def test_a_tag_that_is_seen_once_comes_and_goes_unnoticed():
    lane = Lane()
    lane.see(0)
    assert lane.wait(2_000) == []
    assert lane.see(2_100) == []
    assert lane.presence.wake_ns == 4_100 * MS


def test_with_no_tag_there_is_nothing_to_wake_for():
    assert Lane().presence.wake_ns is None


def test_after_a_departure_it_arrives_anew():
    lane = Lane()
    lane.see(0), lane.see(100)
    assert lane.wait(2_100) == ["-3034"]
    assert [lane.see(3_000), lane.see(3_050)] == [[], ["+3034"]]


def test_one_tag_seen_does_not_keep_another():
    lane = Lane(min_reads=1)
    assert lane.see(0) == ["+3034"]
    assert lane.see(10, epc=OTHER) == ["+E280"]
    lane.see(1_000)
    assert lane.wait(2_010) == ["-E280"]
    assert lane.wait(3_000) == ["-3034"]


def test_weak_sightings_count_for_nothing():
    lane = Lane()
    assert [lane.see(ms, strength=-71) for ms in range(0, 1_000, 100)] == [[]] * 10
    assert [lane.see(1_000, strength=-70), lane.see(1_001, strength=-70)] == [[], ["+3034"]]


def test_a_tag_that_fades_to_weak_sightings_departs():
    lane = Lane()
    lane.see(0), lane.see(100)
    edges = [lane.see(ms, strength=-90) for ms in range(200, 2_200, 100)]
    assert edges == [[]] * 19 + [["-3034"]]


def test_each_antenna_has_its_own_limit_and_the_rest_the_common_one():
    lane = Lane(min_reads=1, strength_min_by_antenna=(-50, -80))
    assert lane.see(0, strength=-60, antenna=1) == []
    assert lane.see(0, strength=-75, antenna=2) == ["+3034"]
    assert lane.see(0, strength=-75, antenna=3, epc=OTHER) == []
    assert lane.see(0, strength=-70, antenna=3, epc=OTHER) == ["+E280"]
    assert lane.see(0, strength=-69, antenna=0, epc=b"\1\2") == ["+0102"]


def test_without_a_strength_no_limit_holds():
    lane = Lane(min_reads=1)
    assert lane.see(0, strength=None) == ["+3034"]


@pytest.mark.parametrize(
    ("ours", "theirs", "arrives"),
    [(-60, -61, True), (-60, -60, False), (-60, -50, False), (None, -90, False), (-60, None, True)],
)
def test_a_tag_belongs_to_the_lane_whose_antenna_sees_it_best(ours, theirs, arrives):
    lane = Lane(neighbours=frozenset({2}))
    assert lane.see(0, strength=theirs, antenna=2) == []
    lane.see(1, strength=ours)
    assert lane.see(2, strength=ours) == (["+3034"] if arrives else [])


def test_a_tag_that_moves_to_the_next_lane_departs_though_it_is_still_seen():
    lane = Lane(neighbours=frozenset({2}))
    lane.see(0), lane.see(100)
    edges = []
    for ms in range(200, 3_000, 100):
        edges += lane.see(ms, strength=-40, antenna=2) + lane.see(ms, strength=-65)
    assert edges == ["-3034"]


def test_a_neighbours_look_is_forgotten_after_the_window():
    lane = Lane(neighbours=frozenset({2}))
    lane.see(0, strength=-30, antenna=2)
    assert [lane.see(500), lane.see(1_001), lane.see(1_100)] == [[], [], ["+3034"]]


def test_a_reader_that_was_away_loses_no_tag_that_stayed():
    lane = Lane()
    lane.see(0), lane.see(100), lane.see(100, epc=OTHER)
    lane.presence.resume(60_000 * MS)
    assert lane.wait(61_999) == []
    assert lane.see(61_999) == []
    assert lane.see(61_999, epc=OTHER) == []  # it was never here
    assert lane.wait(63_999) == ["-3034"]


def test_a_tag_that_left_while_the_reader_was_away_departs_after_it():
    lane = Lane()
    lane.see(0), lane.see(100)
    lane.presence.resume(60_000 * MS)
    assert lane.wait(62_000) == ["-3034"]

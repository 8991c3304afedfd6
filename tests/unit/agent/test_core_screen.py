"""What the core keeps for a screen: live weights, lines with amounts, the whole suspicion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.domain.facts import MissedScanSuspected
from agent.handle import LiveWeight
from agent.inputs import DeviceHealthChanged, ScaleSays
from tests.core_kit import Lane, scan
from tests.lane_kit import APPLES, MILK, TEA, posted


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    lane = Lane(tmp_path / "journal.db")
    yield lane
    lane.close()


def shown(lane: Lane) -> list[tuple[int | None, str]]:
    return [(live.weight_g, live.condition) for live in lane.core.snapshot().live_weights]


def test_a_scale_says_its_weight_and_is_told_on_only_when_it_changes(lane: Lane) -> None:
    facts = lane.turn(ScaleSays("scale", 412, "stable"), ScaleSays("scale", 412, "stable"))

    assert facts == []
    assert lane.core.snapshot().live_weights == (LiveWeight("scale", 412, "stable"),)
    assert lane.kinds().count("weight_changed") == 1
    (notice,) = (n for n in lane.notices if n.kind == "weight_changed")
    assert notice.data == {"role": "scale", "weight_g": 412, "condition": "stable"}


def test_what_moves_is_shown_as_it_was_and_an_empty_plate_as_nothing(lane: Lane) -> None:
    lane.turn(ScaleSays("scale", 412, "stable"), ScaleSays("scale", None, "motion"))
    assert shown(lane) == [(412, "motion")]

    lane.turn(ScaleSays("scale", None, "stable"))
    assert shown(lane) == [(412, "stable")]

    lane.turn(ScaleSays("scale", 0, "zero"))
    assert shown(lane) == [(0, "zero")]


def test_a_scale_that_has_not_weighed_yet_shows_no_weight(lane: Lane) -> None:
    lane.turn(ScaleSays("scale", None, "not_ready"))

    assert shown(lane) == [(None, "not_ready")]


def test_a_scale_that_is_lost_shows_nothing(lane: Lane) -> None:
    lane.turn(ScaleSays("scale", 412, "stable"), ScaleSays("bags", 90, "stable"))
    lane.turn(DeviceHealthChanged("scale", "scale", "lost", "unplugged"))

    assert lane.core.snapshot().live_weights == (LiveWeight("bags", 90, "stable"),)


def test_each_line_says_how_it_is_sold_and_what_it_comes_to(lane: Lane) -> None:
    lane.turn(scan(MILK.gtin), scan(APPLES.gtin))
    lines = lane.core.snapshot().lines

    assert [(line.sold_by, line.amount_minor) for line in lines] == [
        ("each", MILK.price_minor),
        ("weight", None),
    ]


def test_the_snapshot_has_the_suspicion_behind_the_alert_until_the_next_customer(
    lane: Lane,
) -> None:
    lane.turn(scan(MILK.gtin), lane.post(posted("t", 2)))
    suspected = lane.core.snapshot().suspected

    assert isinstance(suspected, MissedScanSuspected)
    assert suspected.missed_count == 1
    lane.turn(scan(TEA.gtin))
    assert (lane.core.snapshot().alert, lane.core.snapshot().suspected) == (None, None)

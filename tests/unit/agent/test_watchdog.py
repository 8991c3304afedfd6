"""When systemd's watchdog is fed, and when a lane had better begin anew."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.i18n import translator
from agent.watchdog import AGAIN_S, REFUSED_S, Watchdog


class Day:
    """A watchdog, its clocks, and what systemd heard."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 1000.0
        self.heard: list[str] = []
        self.dog = Watchdog(
            folder,
            self.heard.append,
            translator("en"),
            now_s=lambda: self.now_s,
            wall_s=lambda: self.wall_s,
        )
        self.wall_s = time.time()

    def refused_for(self, seconds: float) -> str:
        self.dog.look(turns=True, written=False)
        self.now_s += seconds
        return self.dog.look(turns=True, written=False)


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return Day(tmp_path)


def test_a_lane_that_is_well_feeds_it(day):
    assert day.dog.look(turns=True, written=True) == "well"
    assert day.heard == ["WATCHDOG=1"]


@pytest.mark.parametrize("written", [True, False])
def test_a_core_that_is_stuck_does_not(day, written):
    assert day.dog.look(turns=False, written=written) == "core_stuck"
    assert day.heard == []


def test_a_journal_that_refuses_is_said_once_and_fed(day):
    assert day.refused_for(REFUSED_S / 2) == "refused"
    assert day.heard.count("WATCHDOG=1") == 2
    assert [word.startswith("STATUS=The journal cannot be written") for word in day.heard].count(
        True
    ) == 1

    assert day.dog.look(turns=True, written=True) == "well"
    assert day.heard[-1] == "STATUS="


def test_where_the_disk_takes_what_others_write_the_lane_begins_anew_once(day, tmp_path):
    assert day.refused_for(REFUSED_S) == "begin_anew"
    fed = day.heard.count("WATCHDOG=1")
    assert fed == 1, "the first look only"
    assert (tmp_path / "watchdog").stat().st_size == 0, "the room is given back"

    day.now_s += REFUSED_S
    assert day.dog.look(turns=True, written=False) == "refused", "not again within the hour"


def test_after_an_hour_it_is_tried_again(day, tmp_path):
    probe = tmp_path / "watchdog"
    probe.touch()
    day.wall_s = probe.stat().st_mtime + AGAIN_S
    assert day.refused_for(REFUSED_S) == "begin_anew"


def test_a_disk_that_takes_nothing_is_no_reason_to_restart(tmp_path):
    day = Day(tmp_path / "gone")
    for _ in range(3):
        assert day.refused_for(REFUSED_S) == "refused"
    assert day.heard.count("WATCHDOG=1") == 6


def test_a_disk_that_is_full_while_it_is_tried_is_no_reason_either(day, tmp_path):
    (tmp_path / "watchdog").symlink_to("/dev/full")
    day.wall_s += 2 * AGAIN_S

    assert day.refused_for(REFUSED_S) == "refused"
    assert not (tmp_path / "watchdog").is_symlink(), "so that the next try counts as the first"

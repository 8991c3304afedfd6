"""What the lane does for its journal at night and when it grows, and what it says of it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from agent import housekeeping as module
from agent.domain.facts import DeviceLost
from agent.domain.transaction import LaneState
from agent.housekeeping import Housekeeping, last_night
from agent.journal import Journal, JournalReader, health, retention
from agent.journal import backup as backups
from agent.journal.archive import folder_of
from agent.journal.health import is_marked_damaged, long_look
from agent.journal.succession import open_journal
from agent.journal_settings import JournalSettings
from tests.lane_kit import STARTED, append, sale

NOW = datetime(2026, 11, 22, 3, 30, 10)  # noqa: DTZ001  the shop's clock
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    monkeypatch.setattr(backups, "PAUSE_S", 0.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "journal.db"


@pytest.fixture
def journal(path):
    with Journal(path) as opened:
        append(opened, [STARTED, *sale().facts], int(NOW.timestamp() * 1000))
        yield opened


class Clock:
    def __init__(self):
        self.wall = NOW

    def __call__(self):
        return self.wall


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    """What was said of the journal's troubles."""
    return []


@pytest.fixture
def house(journal, clock, told):
    return Housekeeping(journal, JournalSettings(backup_keep=2), clock, told.append)


@pytest.fixture
def stop():
    return threading.Event()


def words(told):
    return [text and text.english() for text in told]


# --- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "minute", "day"), [(3, 30, 22), (3, 29, 21), (23, 59, 22), (0, 0, 21)]
)
def test_a_night_is_the_last_time_that_it_was_so_late(hour, minute, day):
    now = NOW.replace(hour=hour, minute=minute)
    assert last_night(now, "03:30") == datetime(2026, 11, day, 3, 30)  # noqa: DTZ001  local time


def test_each_night_comes_once(house, clock, stop):
    assert house.is_due()
    house.do_night(stop)
    assert not house.is_due()
    clock.wall += timedelta(hours=20)
    assert not house.is_due()
    clock.wall += timedelta(hours=4)
    assert house.is_due()


def test_a_night_that_was_missed_is_made_up_for_once_the_lane_has_settled(
    house, clock, stop, monkeypatch
):
    clock.wall = NOW.replace(hour=9)
    now_s = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s[0])
    house.begun_s = 1000.0
    assert not house.is_due()
    now_s[0] += module.SETTLED_S
    assert house.is_due()
    house.do_night(stop)
    assert not house.is_due()


def test_a_backup_from_before_the_restart_counts_and_one_from_the_future_does_not(
    house, journal, clock
):
    folder = house.backup_folder
    folder.mkdir()
    (folder / "journal-20301122-033000.db").write_text("")
    assert house.is_due()
    (folder / "journal-20261122-033001.db").write_text("")
    assert not house.is_due()


def test_where_no_backups_are_made_a_night_is_done_all_the_same(journal, clock, told, stop):
    house = Housekeeping(journal, JournalSettings(backup_keep=0), clock, told.append)
    assert house.is_due()
    house.do_night(stop)
    assert not house.is_due()
    assert not house.backup_folder.exists()


# --- what ----------------------------------------------------------------------------------------


def test_a_night_leaves_backups_archives_and_nothing_to_say(
    house, journal, clock, told, stop, monkeypatch
):
    monkeypatch.setattr(retention, "ARCHIVE_FACTS", 10)
    rule = retention.Rule
    monkeypatch.setattr(module, "Rule", lambda now, days: rule(now, days, facts=10, kept=5))
    old_ms = int(NOW.timestamp() * 1000) - 60 * DAY_MS
    for number in range(8):
        append(journal, sale(f"T{number}", LaneState(number + 50)).facts, old_ms)
    append(journal, journal.days_due("2027-01-01"))
    journal.save_cursor(journal.last_seq)
    rows = list(journal.rows())

    for _ in range(4):
        house.do_night(stop)
        clock.wall += timedelta(days=40)

    assert told == []
    assert len(backups.made_in(house.backup_folder)) == 2
    assert list(folder_of(journal.path).iterdir())
    with closing(JournalReader(journal.path)) as reader:
        assert list(reader.rows()) == rows
    (left,) = journal._db.execute("SELECT count(*) FROM fact").fetchone()
    assert left < len(rows)


def test_backups_go_where_the_technician_says(journal, clock, told, stop, tmp_path):
    usb = tmp_path / "usb"
    house = Housekeeping(journal, JournalSettings(backup_dir=str(usb)), clock, told.append)
    house.back_up(stop)
    assert [file.name for file in usb.iterdir()] == ["journal-20261122-033010.db"]


def test_a_night_that_fails_is_said_once_and_the_rest_of_it_is_done(
    house, told, stop, monkeypatch, caplog
):
    checked = []
    monkeypatch.setattr(module, "long_look", lambda *_: checked.append(True) or iter(()))
    monkeypatch.setattr(backups, "FREE_BYTES_MIN", 1 << 60)
    with caplog.at_level(logging.ERROR):
        house.do_night(stop)
        house.do_night(stop)
    assert len(told) == 1
    assert "upkeep (backup) failed" in told[0].english()
    assert checked == [True, True]
    assert caplog.text.count("no room for a backup") == 1

    monkeypatch.setattr(backups, "FREE_BYTES_MIN", 0)
    house.do_night(stop)
    assert told[1:] == [None]


def test_a_lane_that_stops_waits_for_no_night(house, told, stop):
    stop.set()
    house.do_night(stop)
    house.attempt("check", lambda: house.check(stop))
    house.attempt("backup", lambda: house.back_up(stop))
    assert told == []
    assert backups.made_in(house.backup_folder) == []


def test_a_fact_that_was_changed_is_said(house, journal, told, stop):
    journal._db.execute("DROP TRIGGER fact_is_never_changed")
    journal._db.execute("UPDATE fact SET wall_ms = 0 WHERE seq = 3")
    house.do_night(stop)
    assert words(told) == ["The fact at seq 3 of the journal is not the one that was written"]
    assert not is_marked_damaged(journal.path)


def test_damage_that_is_found_at_night_is_recovered_at_the_next_start(
    house, path, journal, told, stop, monkeypatch
):
    monkeypatch.setattr(health, "TAIL_FACTS", 2)
    monkeypatch.setattr(health, "WHOLE_BYTES", 0)
    journal._db.execute("DROP TRIGGER fact_is_never_deleted")
    journal._db.execute("DELETE FROM fact WHERE seq = 2")
    house.do_night(stop)
    assert "the fact at seq 2 is missing" in words(told)[0]
    journal.close()

    anew, recovered = open_journal(path, 0)
    anew.close()

    assert recovered.reason == "the fact at seq 2 is missing"
    assert not is_marked_damaged(path)
    anew, recovered = open_journal(path, 0)
    anew.close()
    assert recovered is None


def test_all_facts_are_looked_at_in_slices(journal, monkeypatch):
    monkeypatch.setattr(health, "SLICE_FACTS", 2)
    with closing(JournalReader(journal.path)) as reader:
        looks = list(long_look(reader, lambda: True))
    assert len(looks) == 1 + -(-journal.last_seq // 2)
    assert set(looks) == {health.Look()}


# --- size ----------------------------------------------------------------------------------------


def sized(monkeypatch, megabytes):
    monkeypatch.setattr(JournalReader, "size_bytes", lambda self: int(megabytes * 1024 * 1024))


def test_a_journal_that_grows_is_said_early_and_sheds_the_sensors_at_its_limit(
    journal, clock, told, stop, monkeypatch
):
    house = Housekeeping(journal, JournalSettings(max_mb=100), clock, told.append)
    seen = []
    for megabytes in (79, 80, 95, 100, 96, 94, 100, 10):
        sized(monkeypatch, megabytes)
        house.attempt("size", lambda: house.watch_size(stop))
        seen.append(journal.shedding)
    assert seen == [False, False, False, True, True, False, True, False]
    early = "The journal has 80 % of its 100 MB: is head office connected?"
    full = "The journal has reached its limit of 100 MB: what the sensors tell is not kept"
    assert words(told) == [early, full, early.replace("80", "94"), full, None]


def test_before_the_limit_what_may_go_is_archived_after_a_day(
    journal, clock, told, stop, monkeypatch
):
    rules = []
    monkeypatch.setattr(module, "archive_next", lambda db, folder, rule: rules.append(rule))
    house = Housekeeping(journal, JournalSettings(max_mb=100), clock, told.append)
    sized(monkeypatch, 81)
    house.watch_size(stop)
    assert [rule.keep_days for rule in rules] == [1]


# --- the thread ----------------------------------------------------------------------------------


def test_the_thread_watches_does_its_nights_and_ends(house, told, stop, monkeypatch):
    nights = []

    def night(self, stop):
        nights.append(True)
        stop.set()

    monkeypatch.setattr(Housekeeping, "do_night", night)
    monkeypatch.setattr(module, "WATCH_S", 0.001)
    monkeypatch.setattr(Housekeeping, "is_due", lambda self: True)
    house.run(stop)
    assert nights == [True]


def test_a_journal_that_cannot_be_read_is_said_and_ends_nothing(house, told, stop, monkeypatch):
    def broken(self):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(JournalReader, "size_bytes", broken)
    house.attempt("size", lambda: house.watch_size(stop))
    assert words(told) == ["The journal's upkeep (size) failed: disk I/O error"]


def test_writing_beside_the_core_makes_it_wait_and_loses_nothing(journal, house, stop, monkeypatch):
    """The core appends while the other connection archives and deletes."""
    old_ms = int(NOW.timestamp() * 1000) - 60 * DAY_MS
    rule = retention.Rule
    monkeypatch.setattr(module, "Rule", lambda now, days: rule(now, days, facts=50, kept=10))
    append(journal, [DeviceLost("scale", "x")] * 600, old_ms)
    append(journal, sale("last", LaneState(60)).facts, old_ms)
    append(journal, journal.days_due("2027-01-01"), old_ms)
    journal.save_cursor(journal.last_seq)
    worker = threading.Thread(target=lambda: house.archive(stop, keep_days=30))
    worker.start()
    count = 0
    while worker.is_alive() or count < 20:
        append(journal, [DeviceLost("scale", str(count))])
        count += 1
        stop.wait(0.002)
    worker.join()
    with closing(JournalReader(journal.path)) as reader:
        told = [row.body for row in reader.rows()]
    assert len(told) == journal.last_seq
    assert len(set(told[-count:])) == count

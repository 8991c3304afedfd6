"""Workers are kept going: lost devices are reopened for ever, bugs within a budget, all stop."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections import Counter
from pathlib import Path

import pytest

from agent import supervisor as module
from agent.supervisor import (
    BACKOFF_S,
    BUDGET_RESTARTS,
    FLAP_PAUSE_MAX_S,
    FLAPS_FORGIVEN,
    Supervisor,
    notify_systemd,
)
from drivers.base import DeviceMisconfigured, DeviceUnavailable


class Pauses(threading.Event):
    """A stop event whose waits are remembered and take no time."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def wait(self, timeout=None):
        self.asked.append(timeout)
        return self.is_set()


class Device:
    """Plays its script: what `open` and `run` do at each attempt; then it stops the supervisor."""

    def __init__(self, script, stop):
        self.script, self.stop, self.at = script, stop, -1
        self.calls = []

    def open(self):
        self.calls.append("open")
        self.at += 1
        if self.at == len(self.script):
            self.stop.set()
            raise DeviceUnavailable("the test is over")
        if self.script[self.at].startswith("no "):
            raise DeviceUnavailable(self.script[self.at])
        if self.script[self.at] == "misconfigured":
            raise DeviceMisconfigured("set the baud rate")
        if self.script[self.at] == "refused":
            raise DeviceMisconfigured("no permission") from PermissionError(errno.EACCES, "no")

    def run(self, emit, stop):
        self.calls.append("run")
        match self.script[self.at]:
            case "event":
                emit("an event")
                raise DeviceUnavailable("gone")
            case "bug":
                raise ZeroDivisionError("a bug")
            case "ends":
                return
            case reason:
                raise DeviceUnavailable(reason)

    def close(self):
        self.calls.append("close")


@pytest.fixture
def run(monkeypatch):
    """Play a script to its end: (device, what was told of its health, pauses, events)."""

    def play(*script):
        told, events = [], []
        boss = Supervisor(lambda *health: told.append(health))
        boss._stop = Pauses()
        device = Device(script, boss._stop)
        boss.add_device("scale", "kind", device, events.append)
        boss.start()
        boss._workers[0].thread.join(10)
        assert boss.stop() == []
        return device, told, boss._stop.asked, events

    return play


UP = ("scale", "kind", "up", "")


def lost(reason):
    return ("scale", "kind", "lost", reason)


# --- devices -----------------------------------------------------------------------------------


def test_a_device_is_opened_run_and_its_events_are_passed_on(run):
    device, told, _, events = run("event")

    assert events == ["an event"]
    assert told[:2] == [UP, lost("gone")]
    assert device.calls[:3] == ["open", "run", "close"]


def test_a_lost_device_is_said_once_on_loss_and_once_on_return(run, caplog):
    caplog.set_level(logging.INFO)

    _, told, _, _ = run("no device", "no device", "no permission", "unplugged", "no device")

    assert told == [lost("no device"), UP, lost("unplugged")]
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "scale is not reachable: no device",
        "scale is back",
        "scale is not reachable: unplugged",
    ]


def test_a_device_that_is_not_there_is_tried_with_a_growing_pause(run):
    _, _, pauses, _ = run(*["no device"] * 8)

    assert pauses == [*BACKOFF_S, *[BACKOFF_S[-1]] * (8 - len(BACKOFF_S))]


def test_the_pause_stays_long_however_long_the_device_has_been_away(run, monkeypatch):
    now = iter(range(0, 100_000, 1000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))

    _, _, pauses, _ = run(*["no device"] * 6)

    assert pauses[-1] == BACKOFF_S[-1]


def test_a_device_that_worked_for_a_while_is_tried_again_at_once(run, monkeypatch):
    now = iter(range(0, 100_000, 1000))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))

    _, _, pauses, _ = run("no device", "no device", "unplugged", "no device")

    assert pauses == [*BACKOFF_S[:2], BACKOFF_S[0], BACKOFF_S[1]]


def test_a_device_that_fails_as_soon_as_it_is_open_is_not_tried_faster(run):
    _, _, pauses, _ = run(*["unplugged"] * 4)

    assert pauses[:4] == [*BACKOFF_S]


def test_a_device_that_is_lost_each_time_it_is_opened_is_tried_ever_more_seldom(run):
    _, _, pauses, _ = run(*["turned away"] * 12)

    assert pauses[FLAPS_FORGIVEN:12] == [2.0, 4.0, 8.0, 16.0, *[FLAP_PAUSE_MAX_S] * 4]


def test_a_device_that_is_then_gone_or_works_is_tried_as_often_as_any_other(run, monkeypatch):
    _, _, gone, _ = run(*["turned away"] * 8, "no device")

    assert gone[8] == BACKOFF_S[-1]

    lives = iter([*[0.0, 0.1] * 8, 10.0, 12.0, 20.0, 20.1, *[30.0] * 9])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(lives))

    _, _, worked, _ = run(*["turned away"] * 8, "unplugged", "turned away")

    assert worked[7:10] == [16.0, BACKOFF_S[-1], BACKOFF_S[-1]]


def test_a_lost_device_is_closed_before_the_pause(run, monkeypatch):
    closed_at_pause = []
    wait = Pauses.wait

    def watch(self, timeout=None):
        closed_at_pause.append(device_calls[-1])
        return wait(self, timeout)

    device_calls = []
    monkeypatch.setattr(Pauses, "wait", watch)
    for name in ("open", "close"):
        original = getattr(Device, name)

        def noted(self, _name=name, _original=original):
            device_calls.append(_name)
            _original(self)

        monkeypatch.setattr(Device, name, noted)

    run("unplugged", "no device")

    assert closed_at_pause == ["close", "close"]


def test_every_device_that_was_opened_is_closed(run):
    device, _, _, _ = run("event", "bug", "no device", "ends", "unplugged")

    count = Counter(device.calls)
    assert count["open"] == count["close"]


def test_a_driver_that_returns_though_nobody_stopped_it_is_reopened_after_a_pause(run):
    device, told, pauses, _ = run("ends", "ends")

    assert lost("its driver ended by itself") in told
    assert len(pauses) == 2
    assert device.calls.count("open") == 3


def test_a_misconfigured_device_is_said_and_not_tried_again(run, caplog):
    device, told, pauses, _ = run("misconfigured", "event")

    assert told == [("scale", "kind", "misconfigured", "set the baud rate")]
    assert device.calls == ["open", "close"]
    assert pauses == []
    assert "scale: set the baud rate" in caplog.text


def test_a_device_that_udev_has_not_given_to_the_lane_yet_is_tried_again(run):
    """Plugged in, it is root's for a moment, and its old name may lead to it before it has a new
    one (met in the lab: a printer stayed away until the lane was started again)."""
    _, told, _, _ = run("event", "refused", "refused", "event")

    assert [one[2] for one in told] == ["up", "lost", "up", "lost"]


def test_a_device_that_the_lane_may_never_open_is_said_to_be_misconfigured(run):
    _, told, _, _ = run("event", *["refused"] * 10)

    assert told[-1] == ("scale", "kind", "misconfigured", "no permission")
    assert [one[2] for one in told] == ["up", "lost", "misconfigured"]


def test_a_loss_while_stopping_is_no_loss(run):
    _, told, _, _ = run("no device")

    assert told == [lost("no device")]  # and not "the test is over"


# --- bugs --------------------------------------------------------------------------------------


def test_a_bug_is_logged_with_its_stack_and_the_device_starts_again(run, caplog):
    device, told, pauses, events = run("bug", "event")

    assert "worker scale failed" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text
    assert events == ["an event"]
    assert pauses[0] == BACKOFF_S[-1]
    assert told == [UP, UP, lost("gone")]
    assert device.calls[:4] == ["open", "run", "close", "open"]


def test_a_worker_that_keeps_failing_stays_down_and_the_others_go_on(caplog):
    told, beats = [], []
    boss = Supervisor(lambda *health: told.append(health))
    boss._stop = Pauses()
    done = threading.Event()

    def failing(stop):
        beats.append("x")
        raise KeyError("a bug")

    def working(stop):
        done.wait(10)

    boss.add("bad", "sync", failing)
    boss.add("good", "api", working)
    boss.start()
    boss._workers[0].thread.join(10)

    assert len(beats) == BUDGET_RESTARTS
    assert told == [("bad", "sync", "failed", "'a bug'")]
    assert "worker bad failed too often: it stays down" in caplog.text
    assert boss._workers[1].thread.is_alive()
    done.set()
    assert boss.stop() == []


def test_bugs_that_are_rare_never_use_up_the_budget(monkeypatch):
    now = iter(range(0, 100_000, 61))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    told, beats = [], []
    boss = Supervisor(lambda *health: told.append(health))
    boss._stop = Pauses()

    def failing(stop):
        beats.append("x")
        if len(beats) == 4 * BUDGET_RESTARTS:
            return
        raise KeyError("a bug")

    boss.add("bad", "sync", failing)
    boss.start()
    boss._workers[0].thread.join(10)

    assert len(beats) == 4 * BUDGET_RESTARTS
    assert told == []


def test_no_worker_begins_again_once_it_is_told_to_stop():
    boss = Supervisor(lambda *health: None)
    beats, began = [], threading.Event()

    def failing(stop):
        beats.append("x")
        began.set()
        stop.wait(10)
        raise KeyError("a bug on the way out")

    boss.add("bad", "sync", failing)
    boss.start()
    assert began.wait(10)
    assert boss.stop() == []
    assert beats == ["x"]


# --- stopping ----------------------------------------------------------------------------------


def test_stop_waits_for_every_worker_and_names_those_that_are_late(monkeypatch):
    monkeypatch.setattr(module, "JOIN_S", 0.05)
    boss = Supervisor(lambda *health: None)
    release, ended, all_run = threading.Event(), [], threading.Barrier(4, timeout=10)

    def punctual(stop):
        all_run.wait()
        stop.wait(10)
        ended.append("punctual")

    def stuck(stop):
        all_run.wait()
        release.wait(10)

    boss.add("first", "a", punctual)
    boss.add("stuck", "b", stuck)
    boss.add("late", "c", stuck)
    boss.start()
    all_run.wait()

    assert boss.stop() == ["late", "stuck"]
    assert ended == ["punctual"]
    release.set()
    monkeypatch.setattr(module, "JOIN_S", 10)
    assert boss.stop() == []


def test_stopping_what_was_never_started_is_harmless():
    boss = Supervisor(lambda *health: None)
    boss.add("a", "b", lambda stop: None)

    assert boss.stop() == []


def test_threads_carry_the_names_of_their_workers():
    boss, names = Supervisor(lambda *health: None), []
    boss.add("scale-1", "scale", lambda stop: names.append(threading.current_thread().name))
    boss.start()
    boss._workers[0].thread.join(10)

    assert names == ["scale-1"]


# --- systemd -----------------------------------------------------------------------------------


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_by_one_datagram(tmp_path, monkeypatch, abstract):
    name = f"@lanetally-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)

        notify_systemd("READY=1")
        notify_systemd("WATCHDOG=1")

        assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1", b"WATCHDOG=1"]


def test_without_systemd_nobody_is_told(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    notify_systemd("READY=1")


def test_a_systemd_that_has_gone_stops_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))

    notify_systemd("WATCHDOG=1")

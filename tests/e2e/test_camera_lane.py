"""The whole camera: recorded pictures, the real capture port, the real child, the real driver."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from drivers.base import DeviceUnavailable, ItemsCrossed, LabelSeen
from drivers.camera.driver_camera import Camera
from drivers.camera.sim import View, label, looks, random_gtin, write_clip
from drivers.camera.sim_belt import items, ride
from tests.scale_kit import Running, started

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30  # a bound for a hung test
NOTICED_S = 2.0
STOPPED_S = 1.0


def camera(path, **options) -> Running:
    return Running(Camera("cam", Camera.Options(path=str(path), **options)))


def to_the_end(run: Running) -> list:
    with started(run):
        run.thread.join(PATIENCE_S)
        assert not run.thread.is_alive()
    return list(run.events.queue)


def held_label(path: Path, gtin: str, frames: int, view: View | None = None, fps: int = 15) -> Path:
    dice = random.Random(gtin)
    paper = label(gtin, f"EAN{len(gtin)}")
    write_clip(path, looks([paper], view or View(), frames, dice, (960, 540)), fps)
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """A label that trembles in a hand for a minute."""
    frames = looks([label("4006381333931")], View(), 30, random.Random(1), (480, 360))
    path = tmp_path_factory.mktemp("camera") / "long.avi"
    write_clip(path, frames * 30, 15)
    return path


def test_a_label_held_before_the_camera_is_seen_once(tmp_path):
    gtin = random_gtin(13, random.Random(5))
    path = held_label(tmp_path / "clip.avi", gtin, 25, View(angle_deg=45))
    run = camera(path)
    [seen] = to_the_end(run)
    assert isinstance(seen, LabelSeen)
    assert (seen.role, seen.scan_data, seen.symbology) == ("cam", gtin.encode(), "]E0")
    assert seen.frames >= 2
    assert "no more pictures" in str(run.lost)
    assert run.driver.pulse.cpu_ms > 0


def test_items_on_a_belt_are_counted(tmp_path):
    dice = random.Random(2)
    goods = items(4, 50, dice)
    write_clip(tmp_path / "belt.avi", ride(goods, dice), 60)
    seen = to_the_end(camera(tmp_path / "belt.avi", mode="counting"))
    assert all(isinstance(event, ItemsCrossed) for event in seen)
    assert sum(event.count for event in seen) == 4
    assert all(50 < event.confidence_pct < 100 for event in seen)
    assert [event.mono_ns for event in seen] == sorted(event.mono_ns for event in seen)


def test_both_are_done_on_the_same_pictures(tmp_path):
    path = held_label(tmp_path / "clip.avi", "4006381333931", 30)
    seen = to_the_end(camera(path, mode="both"))
    assert [type(event) for event in seen] == [LabelSeen]


def test_a_child_that_is_killed_is_a_lost_camera_within_two_seconds(long_clip):
    with started(camera(long_clip)) as run:
        run.event()
        os.kill(run.driver.child_pid, signal.SIGKILL)
        assert seconds_until_lost(run) < NOTICED_S
        assert "ended with -9" in str(run.lost)


def test_a_child_that_hangs_is_a_lost_camera_within_two_seconds(long_clip):
    with started(camera(long_clip)) as run:
        run.event()
        os.kill(run.driver.child_pid, signal.SIGSTOP)
        assert seconds_until_lost(run) < NOTICED_S
        assert "hangs" in str(run.lost)


def seconds_until_lost(run: Running) -> float:
    since = time.monotonic()
    run.thread.join(PATIENCE_S)
    assert isinstance(run.lost, DeviceUnavailable)
    return time.monotonic() - since


def test_a_picture_that_stands_still_is_a_lost_camera_within_two_seconds(tmp_path):
    frames = looks([label("4006381333931")], View(), 15, random.Random(3), (640, 480))
    write_clip(tmp_path / "clip.avi", frames + frames[-1:] * 150, 15)
    with started(camera(tmp_path / "clip.avi")) as run:
        began = time.monotonic()
        run.thread.join(PATIENCE_S)
        assert "frozen" in str(run.lost)
        assert time.monotonic() - began < len(frames) / 15 + NOTICED_S


def test_a_driver_that_is_told_to_stop_stops_and_ends_its_child(long_clip):
    with started(camera(long_clip, mode="both")) as run:
        run.event()
        child = psutil.Process(run.driver.child_pid)
        since = time.monotonic()
        run.stop.set()
        run.thread.join(PATIENCE_S)
        run.driver.close()
        assert time.monotonic() - since < STOPPED_S
        assert run.lost is None
        assert not child.is_running()


def test_a_camera_that_ends_serves_the_same_role_when_it_is_back(tmp_path):
    path = held_label(tmp_path / "clip.avi", "4006381333931", 30)
    run = camera(path)
    assert [event.scan_data for event in to_the_end(run)] == [b"4006381333931"]
    child = run.driver.child_pid
    path.rename(tmp_path / "unplugged")
    with pytest.raises(DeviceUnavailable):
        run.driver.open()
    held_label(path, "96385074", 30)
    again = Running(run.driver)
    assert [event.scan_data for event in to_the_end(again)] == [b"96385074"]
    assert run.driver.child_pid == child, "what it has loaded is not loaded again"


def test_slow_reading_drops_pictures_and_does_not_fall_behind(tmp_path):
    dice = random.Random(4)
    frames = looks([label("4006381333931")], View(noise=12), 20, dice) * 6
    write_clip(tmp_path / "clip.avi", frames, 60)
    run = camera(tmp_path / "clip.avi")
    since = time.monotonic()
    [seen] = to_the_end(run)
    assert seen.mono_ns < time.monotonic_ns()
    assert run.driver.pulse.dropped > 0
    assert time.monotonic() - since < len(frames) / 60 + 8  # start included


def test_the_child_ends_with_an_agent_that_is_killed(long_clip):
    code = (
        "import sys, threading; from drivers.camera.driver_camera import Camera;"
        "c = Camera('cam', Camera.Options(path=sys.argv[1])); c.open();"
        "print(c.child_pid, flush=True); c.run(lambda e: None, threading.Event())"
    )
    agent = subprocess.Popen(
        [sys.executable, "-c", code, str(long_clip)], stdout=subprocess.PIPE, cwd=ROOT
    )
    child = psutil.Process(int(agent.stdout.readline()))
    assert child.is_running()
    agent.kill()
    agent.communicate()
    psutil.wait_procs([child], timeout=PATIENCE_S)
    assert not child.is_running()


def test_what_is_no_camera_is_said_to_be_none(tmp_path):
    (tmp_path / "clip.avi").write_text("no video")
    driver = camera(tmp_path / "clip.avi").driver
    with pytest.raises(DeviceUnavailable, match="no camera and no video"):
        driver.open()
    driver.close()


def test_stop_is_seen_while_nothing_is_said(long_clip):
    run = camera(long_clip, mode="counting")
    stop = threading.Event()
    stop.set()
    run.driver.open()
    run.driver.run(run.events.put, stop)
    run.driver.close()
    assert run.events.empty()

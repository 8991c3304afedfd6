"""The loop of the camera's process, run here with what it says in a list."""

import random
import sys
import threading

import pytest

from drivers.base import ItemsCrossed, LabelSeen
from drivers.camera import child
from drivers.camera.child import STUCK_NS, Desk, serve
from drivers.camera.codec_child import Alive, Lost, Ready, Unfit
from drivers.camera.options import CameraOptions
from drivers.camera.port_capture import CapturePort, Picture
from drivers.camera.sim import View, label, looks, write_clip, write_images
from drivers.camera.sim_belt import items, ride


def said(path, times=1, **options) -> list:
    messages = []
    turns = iter([True] * times + [False])
    serve(CameraOptions(path=str(path), **options), messages.append, lambda: next(turns))
    return messages


def kinds(messages) -> list[type]:
    return [type(message) for message in messages if not isinstance(message, Alive)]


@pytest.fixture
def pictures(tmp_path):
    frames = looks([label("4006381333931")], View(), 8, random.Random(1), (640, 480))
    write_images(tmp_path / "pictures", frames)
    return tmp_path / "pictures"


def test_it_is_ready_with_the_first_picture_and_says_what_it_reads(pictures):
    messages = said(pictures)
    assert messages[0] == Ready(640, 480)
    assert kinds(messages) == [Ready, LabelSeen, Lost]
    assert any(isinstance(message, Alive) for message in messages)
    assert messages[-1] == Lost("no more pictures")


def test_it_says_what_crosses(tmp_path):
    dice = random.Random(7)
    write_clip(tmp_path / "belt.avi", ride(items(1, 60, dice), dice, stops=0), 60)
    assert kinds(said(tmp_path / "belt.avi", mode="counting")) == [Ready, ItemsCrossed, Lost]


def test_the_same_picture_over_and_over_is_a_frozen_camera(tmp_path):
    [frame] = looks([], View(), 1, random.Random(1), (320, 240))
    write_images(tmp_path / "pictures", [frame] * 60)
    messages = said(tmp_path / "pictures", frozen_ms=500, mode="counting")
    assert messages[-1] == Lost("frozen: the picture stands still")


def test_it_begins_again_as_if_it_had_not_looked_before(pictures):
    """What it read is news to the lane again: it may be another customer's."""
    assert kinds(said(pictures, times=2)) == [Ready, LabelSeen, Lost] * 2


def test_a_camera_that_it_cannot_let_go_is_its_last(pictures, monkeypatch):
    monkeypatch.setattr(CapturePort, "close", lambda port: False)
    assert kinds(said(pictures, times=3)) == [Ready, LabelSeen, Lost]


def test_a_folder_without_a_picture_is_lost_before_it_is_ready(tmp_path):
    assert said(tmp_path) == [Lost("no more pictures")]


@pytest.mark.parametrize(("mode", "library"), [("reading", "pyzbar"), ("counting", "cv2")])
def test_a_missing_library_is_named(pictures, monkeypatch, mode, library):
    for name in [name for name in sys.modules if name.startswith("drivers.camera.")]:
        if name.rpartition(".")[2] in ("reading", "decoders", "counting", "port_capture"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    [unfit] = said(pictures, mode=mode)
    assert isinstance(unfit, Unfit)
    assert library in unfit.reason


def test_counting_needs_no_barcode_library(pictures, monkeypatch):
    for name in ("drivers.camera.reading", "drivers.camera.decoders"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for library in ("pyzbar", "zxingcpp"):
        monkeypatch.setitem(sys.modules, library, None)
    assert kinds(said(pictures, mode="counting")) == [Ready, Lost]


def test_reading_that_never_ends_stops_the_beat(monkeypatch):
    held = threading.Event()

    class Stuck:
        def step(self, frame, now_ns):
            held.wait(20)
            return []

    monkeypatch.setattr(child, "_reader", lambda options: Stuck())
    desk = Desk(CameraOptions(path="x"), lambda message: None)
    [frame] = looks([], View(), 1, random.Random(1), (320, 240))
    desk.take(Picture(frame, 1000))
    assert not desk.is_stuck(1000 + STUCK_NS)
    assert desk.is_stuck(1001 + STUCK_NS)
    held.set()
    desk.finish()
    assert not desk.is_stuck(1001 + STUCK_NS)

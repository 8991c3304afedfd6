"""The capture port: what it asks of a camera, and that only the newest picture is given."""

import itertools
import random
import threading
import time

import cv2
import numpy as np
import pytest

from drivers.base import DeviceUnavailable
from drivers.camera import port_capture
from drivers.camera.port_capture import CapturePort, ImageFolder
from drivers.camera.sim import View, looks, write_clip, write_images

PATIENCE_MS = 10_000


class FakeCamera:
    """As much of a V4L2 camera as OpenCV shows: pictures that count, fifty a second."""

    opened = True

    def __init__(self, path, backend):
        self.path, self.backend = path, backend
        self.settings = []
        self.numbers = itertools.count()
        self.unpacked = 0
        self.released = threading.Event()

    def isOpened(self):  # noqa: N802  OpenCV's name
        return self.opened

    def set(self, key, value):
        self.settings.append((key, value))

    def grab(self):
        time.sleep(0.02)
        self.number = next(self.numbers)
        return True

    def retrieve(self):
        self.unpacked += 1
        return True, np.full((4, 4, 3), self.number % 256, np.uint8)

    def release(self):
        self.released.set()


@pytest.fixture
def made(monkeypatch):
    """The cameras that were opened; /dev/null stands for one: it is a character device, too."""
    cameras = []

    def make(path, backend):
        cameras.append(FakeCamera(path, backend))
        return cameras[-1]

    monkeypatch.setattr(port_capture.cv2, "VideoCapture", make)
    return cameras


def test_motion_jpeg_is_asked_for_before_the_size(made):
    port = CapturePort("/dev/null", 1280, 720, 15)
    port.open()
    port.close()
    [camera] = made
    assert camera.backend == cv2.CAP_V4L2
    assert camera.settings == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 15),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ]
    assert camera.released.wait(PATIENCE_MS / 1000)


def test_a_slow_reader_gets_the_newest_picture_and_the_others_are_not_even_unpacked(made):
    port = CapturePort("/dev/null", 640, 480, 30)
    port.open()
    first = port.newest(PATIENCE_MS)
    while port.grabbed < 30:
        time.sleep(0.01)
    before = port.grabbed
    second = port.newest(PATIENCE_MS)
    port.close()
    assert second.image[0, 0, 0] >= before - 1
    assert second.mono_ns > first.mono_ns
    assert made[0].unpacked == 2


def test_a_camera_that_does_not_open_is_unavailable(made, monkeypatch):
    monkeypatch.setattr(FakeCamera, "opened", False)
    with pytest.raises(DeviceUnavailable, match="does not open"):
        CapturePort("/dev/null", 640, 480, 30).open()


def test_a_picture_that_cannot_be_unpacked_is_left_out(made, monkeypatch):
    spoilt = iter([(False, None), (True, None)])
    whole = FakeCamera.retrieve
    monkeypatch.setattr(FakeCamera, "retrieve", lambda camera: next(spoilt, None) or whole(camera))
    port = CapturePort("/dev/null", 640, 480, 30)
    port.open()
    assert port.newest(PATIENCE_MS).image.shape == (4, 4, 3)
    port.close()


def test_a_camera_that_gives_nothing_is_waited_for_no_longer_than_asked(made, monkeypatch):
    monkeypatch.setattr(FakeCamera, "retrieve", lambda camera: (False, None))
    port = CapturePort("/dev/null", 640, 480, 30)
    port.open()
    assert port.newest(50) is None
    assert not port.ended
    port.close()


def frames(number):
    return looks([], View(), number, random.Random(1), (160, 120))


def all_of(port):
    port.open()
    pictures = []
    while (picture := port.newest(PATIENCE_MS)) is not None:
        pictures.append(picture)
    assert port.ended
    port.close()
    return pictures


def test_a_video_is_played_in_its_own_time_to_its_end(tmp_path):
    write_clip(tmp_path / "clip.avi", frames(20), 20)
    pictures = all_of(CapturePort(str(tmp_path / "clip.avi"), 640, 480, 15))
    assert 10 <= len(pictures) <= 20  # a busy machine leaves some out: the newest is what counts
    assert pictures[0].image.shape == (120, 160, 3)
    assert pictures[-1].mono_ns - pictures[0].mono_ns >= (len(pictures) - 2) * 50_000_000


def test_a_folder_of_images_is_played_by_name(tmp_path):
    write_images(tmp_path / "pictures", frames(10))
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    (tmp_path / "pictures" / "00003.png").write_bytes(b"no picture either")
    assert 6 <= len(all_of(CapturePort(str(tmp_path / "pictures"), 640, 480, 12))) <= 9


def test_images_come_in_the_order_of_their_names(tmp_path):
    for number in (3, 1, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((2, 2, 3), number * 10, np.uint8))
    folder = ImageFolder(tmp_path)
    greys = []
    while folder.grab():
        greys.append(int(folder.retrieve()[1][0, 0, 0]))
    assert greys == [10, 20, 30]


def test_what_is_no_video_is_unavailable(tmp_path):
    (tmp_path / "clip.avi").write_text("no video")
    with pytest.raises(DeviceUnavailable, match="no camera and no video"):
        CapturePort(str(tmp_path / "clip.avi"), 640, 480, 15).open()

"""The camera's driver without its child: what it refuses, what it says of itself."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from drivers.base import Beep, DeviceMisconfigured, DeviceUnavailable, ItemsCrossed, LabelSeen
from drivers.camera import driver_camera
from drivers.camera.codec_child import Alive, Lost, Ready, Unfit, line
from drivers.camera.driver_camera import Camera
from drivers.camera.port_child import ChildPort
from drivers.camera.sim import write_images

ROOT = Path(__file__).parents[3]


class Script:
    """A child that says what is written, a piece at each reading; then nothing, or its end."""

    pid = None

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.options = None
        self.closed = self.rested = 0
        self.prepared = None

    def prepare(self, options) -> None:
        self.prepared = options

    def open(self, options) -> None:
        self.options = options

    def read(self, wait_ms: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def clip(tmp_path):
    file = tmp_path / "clip.avi"
    file.write_bytes(b"")
    return file


def camera(path, *pieces, **options) -> Camera:
    driver = Camera("cam", Camera.Options(path=str(path), **options))
    driver._port = Script(*pieces)
    return driver


def run(driver) -> list:
    events = []
    driver.run(events.append, threading.Event())
    return events


def test_none_of_the_picture_libraries_is_loaded_into_the_agent():
    code = (
        "import sys; from drivers.registry import load; load('camera', 'video');"
        "print([m for m in ('cv2', 'numpy', 'pyzbar', 'zxingcpp', 'PIL') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert said.stdout.strip() == b"[]"


def test_what_is_seen_is_emitted_in_the_order_in_which_it_was_said(clip):
    label = LabelSeen("cam", b"4006381333931", "]E0", 2, 5)
    crossed = ItemsCrossed("cam", 1, 95, 6)
    alive = Alive(9, 1, 300)
    said = [Ready(1280, 720), label, alive, crossed, Lost("frozen")]
    driver = camera(clip, b"".join(map(line, said)))
    driver.open()
    events = []
    with pytest.raises(DeviceUnavailable, match=r"clip\.avi: frozen"):
        driver.run(events.append, threading.Event())
    assert events == [label, crossed]
    assert driver.pulse == alive


def test_the_child_is_told_the_options(clip):
    driver = camera(clip, line(Ready(1, 1)), mode="both", line_pct=70)
    driver.open()
    said = driver._port.options
    assert '"mode": "both"' in said
    assert '"line_pct": 70' in said


def test_a_camera_that_gives_no_picture_is_unavailable(clip, monkeypatch):
    monkeypatch.setattr(driver_camera, "START_NS", 0)
    driver = camera(clip)
    with pytest.raises(DeviceUnavailable, match="no picture"):
        driver.open()
    assert driver._port.closed


def test_why_the_child_cannot_begin_is_told(clip):
    with pytest.raises(DeviceUnavailable, match="does not open"):
        camera(clip, line(Lost("the camera does not open"))).open()
    with pytest.raises(DeviceMisconfigured, match="libzbar0"):
        camera(clip, line(Unfit("a library is missing: libzbar0"))).open()


def test_a_child_that_says_nothing_hangs(clip, monkeypatch):
    monkeypatch.setattr(driver_camera, "SILENCE_NS", 0)
    driver = camera(clip, line(Ready(1, 1)))
    driver.open()
    with pytest.raises(DeviceUnavailable, match="hangs"):
        run(driver)


@pytest.mark.parametrize(
    "zone",
    [
        {"zone_left_pct": 60, "zone_right_pct": 60},
        {"zone_top_pct": 90, "zone_bottom_pct": 20},
    ],
)
def test_a_zone_without_room_is_misconfigured(clip, zone):
    with pytest.raises(DeviceMisconfigured, match="must be less than"):
        camera(clip, **zone).open()


def test_an_absent_camera_is_unavailable(tmp_path):
    driver = camera(tmp_path / "none")
    for ask in (driver.open, driver.probe):
        with pytest.raises(DeviceUnavailable, match="no such camera"):
            ask()


def test_the_child_of_an_absent_camera_is_made_ready_for_it(tmp_path):
    driver = camera(tmp_path / "none")
    with pytest.raises(DeviceUnavailable):
        driver.open()
    assert driver._port.prepared
    assert driver._port.options is None


def test_probe_gives_the_kernels_name_of_a_camera(tmp_path, monkeypatch):
    (tmp_path / "sys" / "video0").mkdir(parents=True)
    (tmp_path / "sys" / "video0" / "name").write_text("HD Pro Webcam C920\n")
    (tmp_path / "video0").write_bytes(b"")
    (tmp_path / "by-id").symlink_to(tmp_path / "video0")
    monkeypatch.setattr(driver_camera, "SYSFS", tmp_path / "sys")
    assert camera(tmp_path / "by-id").probe().product == "HD Pro Webcam C920"


def test_probe_says_when_the_pictures_are_recorded(clip):
    found = camera(clip).probe()
    assert found.product == "recorded pictures"
    assert found.path == str(clip)


def test_a_camera_takes_no_command(clip):
    with pytest.raises(TypeError, match="takes no Beep"):
        camera(clip).handle(Beep("good"))


# --- the child's port ---


def test_a_child_that_ends_is_unavailable_with_its_reason():
    port = ChildPort("drivers.camera.no_such_module")
    port.open("{}")
    with pytest.raises(DeviceUnavailable, match="ended with 1"):
        port.read(20_000)
    port.close()
    port.close()


def test_a_child_that_waits_is_the_one_that_begins_and_only_then_ended_by_close(tmp_path):
    driver = Camera("cam", Camera.Options(path=str(tmp_path / "camera"), mode="counting"))
    for _ in range(2):
        with pytest.raises(DeviceUnavailable, match="no such camera"):
            driver.open()
        driver.close()
    waiting = psutil.Process(driver.child_pid)
    write_images(tmp_path / "camera", [np.zeros((48, 64, 3), np.uint8)] * 20)
    driver.open()
    assert driver.child_pid == waiting.pid
    driver.close()
    assert driver.child_pid is None
    assert not waiting.is_running()


def test_a_child_that_waits_goes_with_its_driver(tmp_path):
    driver = Camera("cam", Camera.Options(path=str(tmp_path / "none")))
    with pytest.raises(DeviceUnavailable):
        driver.open()
    waiting = psutil.Process(driver.child_pid)
    del driver
    gc.collect()
    assert not waiting.is_running()


def test_a_child_that_was_not_started_is_unavailable():
    with pytest.raises(DeviceUnavailable, match="not running"):
        ChildPort("drivers.camera.child").read(0)

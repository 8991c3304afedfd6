"""A camera's process that systemd starts for each connection, as lanetally-camera.socket says."""

import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import pytest

from drivers.base import DeviceUnavailable
from drivers.camera.driver_camera import CHILD, Camera
from drivers.camera.options import CameraOptions
from drivers.camera.port_child import SOCKET_VARIABLE, ChildPort
from drivers.camera.sim import write_images

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0


class Unit:
    """What systemd does for a socket with Accept=yes: it is the input and output of a process."""

    def __init__(self, path: Path) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            command = [sys.executable, "-m", CHILD]
            with line:
                self.started.append(subprocess.Popen(command, stdin=line, stdout=line, cwd=ROOT))

    def close(self) -> None:
        with suppress(OSError):  # it is closed already
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for child in self.started:
            child.kill()
            child.wait()


@pytest.fixture
def unit(tmp_path, monkeypatch) -> Iterator[Unit]:
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "camera.sock"))
    unit = Unit(tmp_path / "camera.sock")
    yield unit
    unit.close()


@pytest.fixture
def pictures(tmp_path) -> Path:
    write_images(tmp_path / "camera", [np.zeros((48, 64, 3), np.uint8)] * 2000)
    return tmp_path / "camera"


def camera(path: Path) -> Camera:
    return Camera("cam", Camera.Options(path=str(path), mode="counting", frozen_ms=600_000))


def running(driver: Camera) -> tuple[threading.Thread, list[Exception]]:
    lost: list[Exception] = []

    def run() -> None:
        try:
            driver.run(lambda event: None, threading.Event())
        except DeviceUnavailable as error:
            lost.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, lost


def test_the_units_process_looks_and_ends_when_the_lane_closes(unit, pictures):
    driver = camera(pictures)
    driver.open()
    assert driver.child_pid is None, "it is not the lane's"
    [child] = unit.started

    driver.close()

    child.wait(PATIENCE_S)


def test_one_that_waits_for_its_camera_is_the_one_that_looks(unit, tmp_path):
    driver = camera(tmp_path / "camera")
    for _ in range(2):
        with pytest.raises(DeviceUnavailable, match="no such camera"):
            driver.open()
    write_images(tmp_path / "camera", [np.zeros((48, 64, 3), np.uint8)] * 20)
    driver.open()
    driver.close()
    assert len(unit.started) == 1


def test_a_process_of_the_unit_that_is_killed_is_a_lost_camera_and_the_next_is_made_ready(
    unit, pictures
):
    driver = camera(pictures)
    driver.open()
    thread, lost = running(driver)

    unit.started[0].kill()
    thread.join(PATIENCE_S)

    assert "journalctl -u 'lanetally-camera@*'" in str(lost[0])
    driver.open()
    assert len(unit.started) == 2
    driver.close()


def test_a_box_whose_socket_is_not_there_says_how_to_start_it(tmp_path, monkeypatch, pictures):
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "none.sock"))
    with pytest.raises(DeviceUnavailable, match=r"systemctl start lanetally-camera\.socket"):
        camera(pictures).open()


def test_a_camera_that_is_lost_with_its_socket_says_what_was_lost_first(unit, pictures):
    driver = camera(pictures)
    driver.open()
    thread, lost = running(driver)

    unit.close()
    thread.join(PATIENCE_S)

    assert "process ended" in str(lost[0])


def test_a_unit_that_always_fails_takes_nothing_from_the_lane(tmp_path, monkeypatch):
    """It is asked again about once a second, for as long as it takes."""
    monkeypatch.setenv(SOCKET_VARIABLE, str(tmp_path / "camera.sock"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "camera.sock"))
        listening.listen()
        driver, counts = camera(tmp_path / "none"), []
        for _ in range(10):
            with pytest.raises(DeviceUnavailable):
                driver.open()
            listening.accept()[0].close()
            counts.append(psutil.Process().num_fds())
    assert counts[-1] == counts[1]


def test_a_lane_that_is_killed_with_something_unread_leaves_nobody_at_its_camera(tmp_path):
    """The kernel tells the other end of a socket so by an error, not by its end."""
    write_images(tmp_path / "camera", [np.zeros((48, 64, 3), np.uint8)] * 2000)
    ours, its = socket.socketpair()
    with ours, its:
        child = subprocess.Popen([sys.executable, "-m", CHILD], stdin=its, stdout=its, cwd=ROOT)
        options = CameraOptions(path=str(tmp_path / "camera"), mode="counting")
        ours.sendall(json.dumps(asdict(options)).encode() + b"\n\n")
        its.close()
        assert select.select([ours], [], [], PATIENCE_S)[0], "it says that it looks"
        ours.close()
        child.wait(PATIENCE_S)


def test_one_that_ended_while_it_waited_is_started_anew(unit):
    port = ChildPort(CHILD)
    port.prepare("{}")
    while not unit.started:
        time.sleep(0.01)
    unit.started[0].kill()
    unit.started[0].wait()
    port.prepare("{}")
    port.prepare("{}")
    while len(unit.started) < 2:
        time.sleep(0.01)
    assert unit.started[1].poll() is None

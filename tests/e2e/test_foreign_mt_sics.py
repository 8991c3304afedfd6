"""The MT-SICS driver against an emulator that nobody here wrote: PyPI `mt-sics-emulator`.

It is started as a program of its own. Its MT-SICS port is TCP, ours is a serial line: a pump in
between copies bytes and knows no protocol. Weights are put on its plate through its HTTP control
port; it settles, wavers and calls a weight stable by rules of its own.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import tty
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers.base import DeviceUnavailable, ZeroScale
from tests.scale_kit import PATIENCE_S, driver_of, running

pytest.importorskip("mtsics", reason="mt-sics-emulator is not installed: no foreign MT-SICS scale")

PROFILE = "ohaus-ranger7000"  #: 35 kg by 5 g


class Emulator:
    def __init__(self, port: int, control_port: int) -> None:
        self.port, self._control = port, f"http://127.0.0.1:{control_port}"

    def state(self) -> dict[str, Any]:
        return self._answer(urllib.request.Request(f"{self._control}/state"))

    def place(self, weight_g: int) -> None:
        body = json.dumps({"target": weight_g / 1000}).encode()
        self._answer(urllib.request.Request(f"{self._control}/weight", body))

    @staticmethod
    def _answer(request: urllib.request.Request) -> dict[str, Any]:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            state: dict[str, Any] = json.load(answer)
        return state


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    port, control_port = free_ports(2)
    log = (tmp_path_factory.mktemp("mt-sics") / "emulator.log").open("wb")
    command = [sys.executable, "-m", "mtsics.transport.tcp", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--control-port", str(control_port), "--profile", PROFILE]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    emulator = Emulator(port, control_port)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not is_up(emulator):
            assert process.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)
        wait_for_its_second_reading(emulator)
        yield emulator
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        log.close()


def wait_for_its_second_reading(emulator: Emulator) -> None:
    """The first it calls stable, whatever lies there: it has no other to compare it with."""
    deadline = time.monotonic() + PATIENCE_S
    emulator.place(50)
    while emulator.state()["stable"]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def is_up(emulator: Emulator) -> bool:
    try:
        return bool(emulator.state())
    except OSError:
        return False


@contextmanager
def serial_line(port: int) -> Iterator[str]:
    """A pseudo-terminal whose other end is the emulator's socket."""
    far_end, near_end = os.openpty()
    tty.setraw(near_end)
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", port)) as scale:
        ends = {far_end: scale.fileno(), scale.fileno(): far_end}

        def pump() -> None:
            while not stop.is_set():
                for source in select.select(list(ends), [], [], 0.05)[0]:
                    os.write(ends[source], os.read(source, 4096))

        thread = threading.Thread(target=pump)
        thread.start()
        try:
            yield os.ttyname(near_end)
        finally:
            stop.set()
            thread.join()
    os.close(far_end)
    os.close(near_end)


@pytest.fixture
def line(emulator: Emulator) -> Iterator[str]:
    emulator.place(0)
    with serial_line(emulator.port) as path:
        yield path


def test_the_emulator_is_known_by_its_answer(line: str) -> None:
    assert driver_of("mt-sics", line).probe().product == "MT-SICS scale"


def test_each_placement_is_one_stable_weight_once_the_emulator_calls_it_stable(
    emulator: Emulator, line: str
) -> None:
    with running("mt-sics", line) as run:
        run.until("zero")
        for weight_g in (1235, 1235):
            emulator.place(weight_g)
            event = run.weight()
            assert abs(event.weight_g - weight_g) <= 5  # it wavers by a division
            assert event.raw.startswith(b"SI S ")
            emulator.place(0)
            run.until("zero")
        assert run.events.empty()


def test_overload_and_underload_are_told_and_not_weighed(emulator: Emulator, line: str) -> None:
    with running("mt-sics", line) as run:
        run.until("zero")
        emulator.place(40_000)
        assert set(run.until("over_capacity")) <= {"motion", "over_capacity"}
        emulator.place(-500)
        run.until("under_zero")
        assert run.lost is None


def test_zero_takes_a_small_load_for_nothing(emulator: Emulator, line: str) -> None:
    with running("mt-sics", line) as run:
        run.until("zero")
        emulator.place(200)
        assert abs(run.weight().weight_g - 200) <= 5
        run.driver.handle(ZeroScale())
        run.until("zero")
        assert abs(emulator.state()["gross"]) <= 0.005


def test_another_kind_of_scale_is_not_taken_for_it(line: str) -> None:
    with pytest.raises(DeviceUnavailable, match="no SMA frame came"):
        driver_of("sma", line, timeout_ms=500).probe()

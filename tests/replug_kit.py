"""Devices that can be pulled out and plugged in again while the real supervisor runs them."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

from agent.supervisor import Supervisor
from drivers.base import (
    DeviceEvent,
    KeyedNumber,
    LabelSeen,
    PrinterStatus,
    ScaleState,
    ScanData,
)
from drivers.camera.sim import View, label, looks, write_images
from drivers.hid.sim import FifoOutput
from drivers.keypad.sim import reports as keyed
from drivers.line.serving import serving
from drivers.printer.sim import VirtualPrinter, pty_printer, tcp_printer
from drivers.registry import load
from drivers.scale.sim import SimulatedScale
from drivers.scanner.sim import Wedge
from tests.bench.rig import free_port

PATIENCE_S = 30
PICTURES = 10  #: different as a camera's are: the very same one again and again would be a lost one
SHOWN = 300  #: more than there is time for until it is pulled out again


@dataclass(frozen=True, slots=True)
class Pluggable:
    """A device and its place: `plugged` is plugged in for the length of a `with` block."""

    kind: str
    model: str
    options: dict[str, Any]
    plugged: Callable[[], AbstractContextManager[None]]
    is_sign_of_life: Callable[[DeviceEvent], bool]


def typing_device(kind: str, path: Path) -> Pluggable:
    """A scanner or a keypad behind a FIFO; it types as soon as it has power."""
    model, typed, sign = {
        "scanner": ("hid-wedge", Wedge().reports(b"4006381333931", "]E0"), ScanData),
        "keypad": ("hid-numeric", list(keyed("12\r")), KeyedNumber),
    }[kind]

    @contextmanager
    def plugged() -> Iterator[None]:
        output = FifoOutput(str(path))
        output.send(typed)
        try:
            yield
        finally:
            path.unlink()
            output.close()

    return Pluggable(kind, model, {"path": str(path)}, plugged, lambda e: isinstance(e, sign))


def scale(link: Path) -> Pluggable:
    """An 8217 on a pseudo-terminal, behind a name that goes and comes with it as under by-id."""

    @contextmanager
    def plugged() -> Iterator[None]:
        with serving(SimulatedScale(link=link, settle_ms=0)):
            yield

    return Pluggable(
        "scale",
        "toledo-8217",
        {"path": str(link)},
        plugged,
        lambda event: isinstance(event, ScaleState) and event.condition == "zero",
    )


def _is_well(event: DeviceEvent) -> bool:
    return isinstance(event, PrinterStatus) and not event.problems


def tcp(port: int) -> Pluggable:
    @contextmanager
    def plugged() -> Iterator[None]:
        with tcp_printer(VirtualPrinter(), port):
            yield

    options = {"transport": "tcp", "host": "127.0.0.1", "port": port}
    return Pluggable("printer", "escpos", options, plugged, _is_well)


def serial_printer(link: Path) -> Pluggable:
    @contextmanager
    def plugged() -> Iterator[None]:
        with pty_printer(VirtualPrinter()) as path:
            link.symlink_to(path)
            try:
                yield
            finally:
                link.unlink()

    return Pluggable(
        "printer", "escpos", {"transport": "serial", "path": str(link)}, plugged, _is_well
    )


def camera(link: Path) -> Pluggable:
    """A folder of pictures of one label, behind a name that goes and comes with it.

    Each time it is another folder, with other names in it: what was open is gone for good, however
    soon it is plugged in again.
    """
    prints = link.with_name("prints")
    write_images(prints, looks([label("4006381333931")], View(), PICTURES, random.Random(1)))
    times = count()

    @contextmanager
    def plugged() -> Iterator[None]:
        scenes = link.with_name(f"scenes-{next(times)}")
        scenes.mkdir()
        for number, picture in zip(range(SHOWN), cycle(sorted(prints.iterdir())), strict=False):
            (scenes / f"{scenes.name}-{number:04}.png").hardlink_to(picture)
        link.symlink_to(scenes)
        try:
            yield
        finally:
            link.unlink()

    options = {"path": str(link), "mode": "reading"}
    return Pluggable("camera", "video", options, plugged, lambda e: isinstance(e, LabelSeen))


def pluggables(folder: Path) -> dict[str, Pluggable]:
    """One of each, by role."""
    return {
        "scanner": typing_device("scanner", folder / "scanner"),
        "keypad": typing_device("keypad", folder / "keypad"),
        "scale": scale(folder / "scale"),
        "TCP printer": tcp(free_port()),
        "serial printer": serial_printer(folder / "printer"),
        "camera": camera(folder / "camera"),
    }


@dataclass
class Heard:
    """What each role said, and when."""

    events: dict[str, queue.SimpleQueue[tuple[int, DeviceEvent]]] = field(default_factory=dict)

    def forget(self, role: str) -> None:
        while not self.events[role].empty():
            self.events[role].get()

    def first(self, role: str, wanted: Callable[[DeviceEvent], bool]) -> tuple[int, DeviceEvent]:
        """The next such event of a role, with its time (monotonic, ns)."""
        end = time.monotonic() + PATIENCE_S
        while True:
            at_ns, event = self.events[role].get(timeout=end - time.monotonic())
            if wanted(event):
                return at_ns, event


@contextmanager
def supervised(devices: dict[str, Pluggable]) -> Iterator[tuple[Heard, list[tuple[str, str]]]]:
    """All devices run by the real supervisor: what they say, and (role, health) as it changes."""
    heard = Heard({role: queue.SimpleQueue() for role in devices})
    health: list[tuple[str, str]] = []
    supervisor = Supervisor(lambda role, _, state, __: health.append((role, state)))
    for role, device in devices.items():
        cls = load(device.kind, device.model)

        def emit(event: DeviceEvent, role: str = role) -> None:
            heard.events[role].put((time.monotonic_ns(), event))

        supervisor.add_device(role, device.kind, cls(role, cls.Options(**device.options)), emit)
    supervisor.start()
    try:
        yield heard, health
    finally:
        assert supervisor.stop() == []


def replugged_at_once(
    devices: dict[str, Pluggable], heard: Heard, pauses_s: Callable[[str], Iterable[float]]
) -> dict[str, list[float]]:
    """Every device replugged by a hand of its own, once for each of its pauses: see `replug_ms`."""
    with ThreadPoolExecutor(len(devices)) as hands:
        waits = {
            role: hands.submit(replug_ms, role, device, heard, pauses_s(role))
            for role, device in devices.items()
        }
        return {role: wait.result() for role, wait in waits.items()}


def replug_ms(role: str, device: Pluggable, heard: Heard, pauses_s: Iterable[float]) -> list[float]:
    """Plug in, wait until it is usable, pull out, pause; the wait of each cycle."""
    waits_ms = []
    for pause_s in pauses_s:
        heard.forget(role)
        plugged_ns = time.monotonic_ns()
        with device.plugged():
            usable_ns, _ = heard.first(role, device.is_sign_of_life)
        waits_ms.append((usable_ns - plugged_ns) / 1e6)
        threading.Event().wait(pause_s)
    return waits_ms

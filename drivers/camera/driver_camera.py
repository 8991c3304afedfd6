"""A camera that reads labels, counts items over a line, or both.

All work on pictures is done by a process of its own (`drivers.camera.child`): its libraries take
100 MB and half a second to load, they hold a core for long, and native code that fails takes its
process with it. None of them is imported here. The child says what it sees and, twice a second,
that it lives; a child that says nothing is lost, like a camera whose picture stands still.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, Final

from drivers.base import (
    Command,
    DeviceMisconfigured,
    DeviceUnavailable,
    Emit,
    Identity,
    ItemsCrossed,
    LabelSeen,
)
from drivers.camera.codec_child import Alive, ChildCodec, ChildMessage, Lost, Ready, Unfit
from drivers.camera.options import CameraOptions
from drivers.camera.port_child import ChildPort

CHILD: Final = "drivers.camera.child"
SYSFS: Final = Path("/sys/class/video4linux")
START_NS: Final = 15_000_000_000  #: a Raspberry Pi takes seconds to load OpenCV from its card
SILENCE_NS: Final = 1_500_000_000  #: three beats; noticed within 2 s, wait included
_WAIT_MS: Final = 200


class Camera:
    """Emits `LabelSeen` and `ItemsCrossed`; takes no command."""

    Options: ClassVar[type] = CameraOptions
    accepts: ClassVar[tuple[type, ...]] = ()

    def __init__(self, role: str, options: CameraOptions) -> None:
        self._role = role
        self._options = options
        self._port = ChildPort(CHILD)
        self._codec = ChildCodec(role)
        self._waiting: list[ChildMessage] = []
        self.pulse: Alive | None = None  #: what the child last said about its own work

    @property
    def child_pid(self) -> int | None:
        return self._port.pid

    def probe(self) -> Identity:
        """The camera's own name, from the kernel; the camera is not opened."""
        self._check_path()
        node = Path(self._options.path).resolve()
        name = SYSFS / node.name / "name"
        product = name.read_text().strip() if name.is_file() else "recorded pictures"
        return Identity("", product, "", self._options.path)

    def open(self) -> None:
        """Start the child and wait for its first picture.

        Without a camera the child is prepared for it: it must not take a second longer to be there
        than the camera does.
        """
        _check_zone(self._options)
        if not Path(self._options.path).exists():
            self._port.prepare(self._told())
        self._check_path()
        self._codec, self._waiting, self.pulse = ChildCodec(self._role), [], None
        self._port.open(self._told())
        deadline_ns = time.monotonic_ns() + START_NS
        while time.monotonic_ns() < deadline_ns:
            heard = self._heard()
            for n, message in enumerate(heard):
                self._check_end(message)
                if isinstance(message, Ready):
                    self._waiting = heard[n + 1 :]
                    return
        self.close()
        raise DeviceUnavailable(f"{self._options.path}: no picture in {START_NS // 10**9} s")

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Pass on what the child sees. Raises DeviceUnavailable when child or picture is lost."""
        try:
            self._pass_on(emit, stop)
        except DeviceUnavailable:
            self._port.close()
            with suppress(DeviceUnavailable):
                self._port.prepare(self._told())  # for when it is back
            raise

    def _pass_on(self, emit: Emit, stop: threading.Event) -> None:
        waiting, self._waiting = self._waiting, []
        self._tell(waiting, emit)
        last_ns = time.monotonic_ns()
        while not stop.is_set():
            heard = self._heard()
            now_ns = time.monotonic_ns()
            last_ns = now_ns if heard else last_ns
            self._tell(heard, emit)
            if now_ns - last_ns > SILENCE_NS:
                raise DeviceUnavailable(f"{self._options.path}: the camera's process hangs")

    def handle(self, command: Command) -> None:
        raise TypeError(f"{self._role}: a camera takes no {type(command).__name__}")

    def close(self) -> None:
        self._port.close()

    def _told(self) -> str:
        return json.dumps(asdict(self._options))

    def _heard(self) -> list[ChildMessage]:
        return self._codec.feed(self._port.read(_WAIT_MS))

    def _check_end(self, message: ChildMessage) -> None:
        if isinstance(message, Lost):
            self._port.rest()
        if isinstance(message, Lost | Unfit):
            kind = DeviceUnavailable if isinstance(message, Lost) else DeviceMisconfigured
            raise kind(f"{self._options.path}: {message.reason}")

    def _tell(self, messages: Iterable[ChildMessage], emit: Emit) -> None:
        for message in messages:
            self._check_end(message)
            if isinstance(message, LabelSeen | ItemsCrossed):
                emit(message)
            elif isinstance(message, Alive):
                self.pulse = message

    def _check_path(self) -> None:
        if not Path(self._options.path).exists():
            raise DeviceUnavailable(f"{self._options.path}: no such camera")


def _check_zone(options: CameraOptions) -> None:
    if options.zone_left_pct >= options.zone_right_pct:
        raise DeviceMisconfigured("zone_left_pct must be less than zone_right_pct")
    if options.zone_top_pct >= options.zone_bottom_pct:
        raise DeviceMisconfigured("zone_top_pct must be less than zone_bottom_pct")

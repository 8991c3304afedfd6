"""USB scales that report their weight by HID (usage page 0x8D), read through /dev/hidraw."""

from __future__ import annotations

import threading
import time
from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Command, Emit, Identity, ZeroScale, option
from drivers.hid.port_hidraw import HidrawPort, identity
from drivers.scale.codec_hid_scale import ZERO, HidScaleCodec

_STOP_CHECK_MS = 200


@dataclass(frozen=True, slots=True)
class HidScaleOptions:
    path: str = option(
        MISSING, "the scale's name under /dev/lanetally/hidraw/, or a socket of its reports"
    )
    division_g: int = option(
        5,
        "the scale's division; a larger step, even without motion, is a new weighing",
        unit="g",
        low=1,
        high=1000,
    )
    silence_ms: int = option(
        0,
        "silent for this long, the scale is not ready; 0 for scales that report on change only",
        unit="ms",
        low=0,
        high=60_000,
    )


class HidScale:
    """One scale in one role; see `drivers.base.Driver` for the order of calls."""

    Options: ClassVar[type] = HidScaleOptions
    accepts: ClassVar[tuple[type, ...]] = (ZeroScale,)

    def __init__(self, role: str, options: HidScaleOptions) -> None:
        self._role = role
        self._options = options
        self._port = HidrawPort(options.path)
        self._zero = threading.Event()

    def probe(self) -> Identity:
        """What the kernel knows of the device; nothing is sent. Raises DeviceUnavailable."""
        return identity(self._options.path)

    def open(self) -> None:
        self._zero.clear()  # what was asked of a scale that was away is not done unawares later
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Weigh until `stop` is set. Raises DeviceUnavailable when the device is lost."""
        o = self._options
        codec = HidScaleCodec(self._role, division_g=o.division_g)
        heard_ns = time.monotonic_ns()
        while not stop.is_set():
            if self._zero.is_set():
                self._zero.clear()
                self._port.write(ZERO)
            report = self._port.read(_STOP_CHECK_MS)
            now_ns = time.monotonic_ns()
            events = codec.feed(report, now_ns) if report else []
            if report:
                heard_ns = now_ns
            elif o.silence_ms and now_ns - heard_ns > o.silence_ms * 1_000_000:
                events = codec.silent(now_ns)
            for event in events:
                emit(event)

    def handle(self, command: Command) -> None:
        if not isinstance(command, ZeroScale):
            raise TypeError(f"{self._role}: a HID scale takes no {type(command).__name__}")
        self._zero.set()

    def close(self) -> None:
        self._port.close()

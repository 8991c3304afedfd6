"""Scales on a serial line or a USB adapter, whatever they speak: one loop, a protocol each.

A scale that is asked is asked again as soon as its protocol allows, and its answer's last byte is
acted on at once; a scale that speaks unasked is only listened to. No weight is computed, averaged
or kept: what the scale called stable is emitted as it is, with its frame.
"""

from __future__ import annotations

import threading
import time
from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Command, DeviceEvent, DeviceUnavailable, Emit, Identity, ZeroScale, option
from drivers.line.port_serial import LineSettings, SerialPort, identity
from drivers.scale.codec_serial import Protocol, SerialCodec

#: How long `run` may be deaf to `stop` and to commands.
_WAIT_MS_MAX = 200

BAUDS = (1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)


@dataclass(frozen=True, slots=True)
class ListenedOptions:
    """Of a scale that speaks unasked."""

    path: str = option(
        MISSING, "the scale's serial line, best by its name under /dev/serial/by-id/"
    )
    baud: int = option(9600, "line speed that the scale is set to", unit="baud", choices=BAUDS)
    data_bits: int = option(8, "data bits that the scale is set to", choices=(7, 8))
    parity: str = option("none", "parity that the scale is set to", choices=("none", "even", "odd"))
    division_g: int = option(
        5,
        "the scale's division; a larger step, even without motion, is a new weighing",
        unit="g",
        low=1,
        high=1000,
    )
    timeout_ms: int = option(
        1000, "silent for this long, the scale is not ready", unit="ms", low=250, high=5000
    )


@dataclass(frozen=True, slots=True)
class AskedOptions(ListenedOptions):
    """Of a scale that answers questions."""

    poll_ms: int = option(
        2,
        "pause from an answer to the next question; longer if the scale does not keep up",
        unit="ms",
        low=0,
        high=5000,
    )


class SerialScale:
    """One scale in one role; see `drivers.base.Driver` for the order of calls.

    A driver is a class of this with its protocol, the options that go with it, and what it accepts.
    """

    Options: ClassVar[type] = AskedOptions
    accepts: ClassVar[tuple[type, ...]] = (ZeroScale,)

    def __init__(self, role: str, options: ListenedOptions, protocol: Protocol) -> None:
        o = options
        self._role = role
        self._options = options
        self._protocol = protocol
        self._port = SerialPort(o.path, LineSettings(o.baud, o.data_bits, o.parity))
        self._zero = threading.Event()

    def probe(self) -> Identity:
        """Wait for one whole frame, asked for where this kind is asked, on this role's own line.

        Raises DeviceUnavailable if none comes. Nothing in the device is changed.
        """
        self._port.open()
        try:
            self._await_frame()
        finally:
            self._port.close()
        return self._identity()

    def open(self) -> None:
        self._zero.clear()  # what was asked of a scale that was away is not done unawares later
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Weigh until `stop` is set. Raises DeviceUnavailable when the line is lost."""
        codec = self._codec()
        while not stop.is_set():
            if self._zero.is_set():
                self._zero.clear()
                codec.zero()
            for event in self._step(codec):
                emit(event)

    def handle(self, command: Command) -> None:
        if type(command) not in self.accepts:
            name, what = self._protocol.name, type(command).__name__
            raise TypeError(f"{self._role}: this scale ({name}) takes no {what}")
        self._zero.set()

    def close(self) -> None:
        self._port.close()

    def _codec(self) -> SerialCodec:
        o = self._options
        return SerialCodec(
            self._protocol,
            self._role,
            division_g=o.division_g,
            poll_ms=o.poll_ms if isinstance(o, AskedOptions) else 0,
            timeout_ms=o.timeout_ms,
        )

    def _step(self, codec: SerialCodec) -> list[DeviceEvent]:
        """Send what is due, and read for as long as nothing else is."""
        now_ns = time.monotonic_ns()
        events = codec.expire(now_ns)
        self._send(codec.command(now_ns))
        data = self._port.read(wait_ms(codec.wake_ns - now_ns))
        return events + codec.feed(data, time.monotonic_ns())

    def _await_frame(self) -> None:
        codec = self._codec()
        deadline_ns = time.monotonic_ns() + self._options.timeout_ms * 1_000_000
        while not codec.frames:
            if time.monotonic_ns() > deadline_ns:
                said = f"{codec.stray_bytes} other bytes, {codec.protocol_errors} broken frames"
                name = self._protocol.name
                raise DeviceUnavailable(f"{self._port.path}: no {name} frame came; {said}")
            self._step(codec)

    def _identity(self) -> Identity:
        adapter = identity(self._port.path)
        product = f"{self._protocol.name} scale {adapter.product}".strip()
        return Identity(adapter.vendor, product, adapter.serial, adapter.path)

    def _send(self, data: bytes) -> None:
        if self._port.write(data, _WAIT_MS_MAX) < len(data):
            raise DeviceUnavailable(f"{self._port.path}: the line takes no bytes")


def wait_ms(left_ns: int) -> int:
    """Whole milliseconds to wait, rounded up so that a wait never ends just before its time."""
    return min(max(-(-left_ns // 1_000_000), 0), _WAIT_MS_MAX)

"""Checkout scales that speak Mettler Toledo 8217, on a serial line or a USB adapter.

It asks for the weight as often as the protocol allows and acts on the answer's last byte at once: a
stable weight is known one command spacing (200 ms) and two frames after the scale found it, at the
latest. No weight is computed, averaged or kept: what the scale called stable is emitted as it is,
with its frame.
"""

from __future__ import annotations

import threading
import time
from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Command, DeviceEvent, DeviceUnavailable, Emit, Identity, ZeroScale, option
from drivers.line.port_serial import LineSettings, SerialPort, identity
from drivers.scale.codec_toledo_8217 import (
    COMMAND_SPACING_MS,
    ECHO,
    ECHO_ANSWER,
    ECHO_END,
    ECHO_END_ANSWER,
    UNITS,
    Toledo8217Codec,
    without_parity,
)

#: How long `run` may be deaf to `stop` and to commands.
_WAIT_MS_MAX = 200


@dataclass(frozen=True, slots=True)
class Toledo8217Options:
    path: str = option(
        MISSING, "the scale's serial line, best by its name under /dev/serial/by-id/"
    )
    baud: int = option(
        9600,
        "line speed that the scale is set to",
        unit="baud",
        choices=(1200, 2400, 4800, 9600, 19200),
    )
    parity: str = option(
        "even", "parity that the scale is set to; data bits are always 7", choices=("even", "odd")
    )
    unit: str = option("kg", "unit that the scale weighs in", choices=UNITS)
    division_g: int = option(
        5,
        "the scale's division; a larger step, even without motion, is a new weighing",
        unit="g",
        low=1,
        high=1000,
    )
    poll_ms: int = option(
        COMMAND_SPACING_MS,
        "pause from an answer to the next question",
        unit="ms",
        low=COMMAND_SPACING_MS,
        high=5000,
    )
    timeout_ms: int = option(
        500,
        "without an answer for this long, the scale is not ready",
        unit="ms",
        low=250,
        high=5000,
    )


class Toledo8217Scale:
    """One scale in one role; see `drivers.base.Driver` for the order of calls."""

    Options: ClassVar[type] = Toledo8217Options
    accepts: ClassVar[tuple[type, ...]] = (ZeroScale,)

    def __init__(self, role: str, options: Toledo8217Options) -> None:
        self._role = role
        self._options = options
        self._port = SerialPort(
            options.path,
            LineSettings(options.baud, data_bits=7, parity=options.parity, stop_bits=1),
        )
        self._zero = threading.Event()

    def probe(self) -> Identity:
        """Ask the device on this role's own line to echo a word, as only an 8217 does.

        Raises DeviceUnavailable if it does not. The device is left as it was found.
        """
        self._port.open()
        try:
            answer = self._exchange(ECHO, ECHO_ANSWER)
            if ECHO_ANSWER not in answer:
                said = answer.hex(" ") or "nothing"
                raise DeviceUnavailable(f"{self._port.path}: no 8217 echo; it said {said}")
            self._exchange(ECHO_END, ECHO_END_ANSWER)
        finally:
            self._port.close()
        adapter = identity(self._port.path)
        return Identity(
            adapter.vendor, f"8217 scale {adapter.product}".strip(), adapter.serial, adapter.path
        )

    def open(self) -> None:
        self._zero.clear()  # what was asked of a scale that was away is not done unawares later
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Weigh until `stop` is set. Raises DeviceUnavailable when the line is lost."""
        o = self._options
        codec = Toledo8217Codec(
            self._role,
            unit=o.unit,
            division_g=o.division_g,
            poll_ms=o.poll_ms,
            timeout_ms=o.timeout_ms,
        )
        while not stop.is_set():
            if self._zero.is_set():
                self._zero.clear()
                codec.zero()
            now_ns = time.monotonic_ns()
            _emit_all(emit, codec.expire(now_ns))
            self._send(codec.command(now_ns))
            data = self._port.read(_wait_ms(codec.wake_ns - now_ns))
            _emit_all(emit, codec.feed(data, time.monotonic_ns()))

    def handle(self, command: Command) -> None:
        if not isinstance(command, ZeroScale):
            raise TypeError(f"{self._role}: a scale takes no {type(command).__name__}")
        self._zero.set()

    def close(self) -> None:
        self._port.close()

    def _send(self, data: bytes) -> None:
        if self._port.write(data, _WAIT_MS_MAX) < len(data):
            raise DeviceUnavailable(f"{self._port.path}: the line takes no bytes")

    def _exchange(self, command: bytes, answer: bytes) -> bytes:
        """What is heard up to `answer` or its time-out, and until the next command may follow."""
        self._send(command)
        heard = self._listen(self._options.timeout_ms, until=answer)
        return heard + self._listen(COMMAND_SPACING_MS)

    def _listen(self, for_ms: int, *, until: bytes | None = None) -> bytes:
        deadline_ns = time.monotonic_ns() + for_ms * 1_000_000
        heard = b""
        while (left_ns := deadline_ns - time.monotonic_ns()) > 0:
            heard += without_parity(self._port.read(_wait_ms(left_ns)))
            if until is not None and until in heard:
                break
        return heard


def _emit_all(emit: Emit, events: list[DeviceEvent]) -> None:
    for event in events:
        emit(event)


def _wait_ms(left_ns: int) -> int:
    """Whole milliseconds to wait, rounded up so that a wait never ends just before its time."""
    return min(max(-(-left_ns // 1_000_000), 0), _WAIT_MS_MAX)

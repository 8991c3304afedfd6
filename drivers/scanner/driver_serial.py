"""Scanners on a serial line, RS-232 or USB: one loop, and a codec for each way they speak."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass
from functools import partial
from typing import Any, ClassVar, Literal, Protocol

from drivers.base import Beep, Command, DeviceEvent, DeviceUnavailable, Emit, Identity, option
from drivers.line.port_serial import LineSettings, SerialPort, identity
from drivers.scanner.codec_framed import FRAMINGS, FramedDecoder

#: How long `run` may be deaf to `stop` and to commands.
_WAIT_MS_MAX = 100

BAUDS = (1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)

#: Which tones are passed on to the scanner, by the option `beep`. It beeps by itself for each label
#: that it reads: what it cannot know is that the lane did not take it.
BEEPS: dict[str, frozenset[str]] = {
    "off": frozenset(),
    "bad": frozenset({"bad"}),
    "all": frozenset({"good", "bad"}),
}


class Codec(Protocol):
    """One scanner's side of a line. Times are `time.monotonic_ns()`."""

    def due(self, mono_ns: int) -> bytes:
        """What to send now."""
        ...

    def feed(self, data: bytes, mono_ns: int) -> Sequence[DeviceEvent]: ...

    def next_timeout(self) -> int | None:
        """When to call `flush` and `due` if nothing comes before."""
        ...

    def flush(self, mono_ns: int) -> Sequence[DeviceEvent]: ...

    def disconnected(self) -> Sequence[DeviceEvent]:
        """The device is gone: what can be said of what it had begun."""
        ...

    def beep(self, tone: Literal["good", "bad"]) -> None:
        """Let the next `due` sound the scanner's beeper."""
        ...


@dataclass(frozen=True, slots=True)
class LineOptions:
    """Of every scanner on a serial line."""

    path: str = option(
        MISSING, "the scanner's serial line, best by its name under /dev/serial/by-id/"
    )
    baud: int = option(9600, "line speed that the scanner is set to", unit="baud", choices=BAUDS)
    data_bits: int = option(8, "data bits that the scanner is set to", choices=(7, 8))
    parity: str = option(
        "none", "parity that the scanner is set to", choices=("none", "even", "odd")
    )
    stop_bits: int = option(1, "stop bits that the scanner is set to", choices=(1, 2))
    beep: str = option("bad", "tones that the scanner is told to sound", choices=tuple(BEEPS))


class LineScanner:
    """One scanner in one role; see `drivers.base.Driver` for the order of calls.

    A driver is a class of this with its options and the codec that goes with them.
    """

    Options: ClassVar[type] = LineOptions
    accepts: ClassVar[tuple[type, ...]] = (Beep,)

    def __init__(self, role: str, options: Any, new_codec: Callable[[], Codec]) -> None:
        o = options
        settings = LineSettings(o.baud, o.data_bits, o.parity, o.stop_bits)
        self._role = role
        self._options = options
        self._new_codec = new_codec
        self._port = SerialPort(o.path, settings)
        self._beeps: deque[Beep] = deque(maxlen=4)  # a burst of bad scans is one noise

    def probe(self) -> Identity:
        """What the kernel knows of the line's adapter. Nothing is sent."""
        return identity(self._port.path)

    def open(self) -> None:
        self._beeps.clear()  # what was asked of a scanner that was away is old news
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read (and answer) until `stop` is set. Raises DeviceUnavailable when the line is lost."""
        codec = self._new_codec()
        try:
            while not stop.is_set():
                for event in self._step(codec):
                    emit(event)
        except DeviceUnavailable:
            for event in codec.disconnected():
                emit(event)
            raise

    def handle(self, command: Command) -> None:
        if not isinstance(command, Beep):
            raise TypeError(f"{self._role}: a scanner takes no {type(command).__name__}")
        if command.tone in BEEPS[self._options.beep]:
            self._beeps.append(command)

    def close(self) -> None:
        self._port.close()

    def _step(self, codec: Codec) -> Sequence[DeviceEvent]:
        """Send what is due, and read for as long as nothing else is."""
        while self._beeps:
            codec.beep(self._beeps.popleft().tone)
        now_ns = time.monotonic_ns()
        self._send(codec.due(now_ns))
        data = self._port.read(_wait_ms(codec.next_timeout(), now_ns))
        now_ns = time.monotonic_ns()
        events = codec.feed(data, now_ns) if data else ()
        return [*events, *codec.flush(now_ns)]

    def _send(self, data: bytes) -> None:
        if data and self._port.write(data, _WAIT_MS_MAX) < len(data):
            raise DeviceUnavailable(f"{self._port.path}: the line takes no bytes")


def _wait_ms(deadline_ns: int | None, now_ns: int) -> int:
    if deadline_ns is None:
        return _WAIT_MS_MAX
    left_ms = -(-(deadline_ns - now_ns) // 1_000_000)  # rounded up: never too early
    return min(max(left_ms, 0), _WAIT_MS_MAX)


@dataclass(frozen=True, slots=True)
class SerialScannerOptions(LineOptions):
    beep: str = option(
        "off",
        "tones sent to the scanner as BEL; only for one whose beep on BEL is switched on",
        choices=tuple(BEEPS),
    )
    framing: str = option(
        "cr_or_lf", "what the scanner sends around each label", choices=tuple(FRAMINGS)
    )
    timeout_ms: int = option(250, "silence that ends a label", unit="ms", low=20, high=5_000)
    prefix: str = option("", "what the scanner puts before each label")
    suffix: str = option("", "what the scanner puts after each label, before its end")


class SerialScanner(LineScanner):
    """Labels as text; takes `Beep` where the scanner rings on BEL."""

    Options: ClassVar[type] = SerialScannerOptions

    def __init__(self, role: str, options: SerialScannerOptions) -> None:
        o = options
        new_codec = partial(
            FramedDecoder,
            role,
            framing=o.framing,
            timeout_ms=o.timeout_ms,
            prefix=o.prefix,
            suffix=o.suffix,
        )
        super().__init__(role, options, new_codec)

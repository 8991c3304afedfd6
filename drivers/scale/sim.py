"""An 8217 checkout scale on a pseudo-terminal: the device's own side, for the demo and for tests.

Written from the manual (DIVA Service Manual §6.1.4) and not from our codec, so that the two can
disagree. It weighs like a scale: the load changes, the plate moves for a while, then the number
holds. It keeps the line's pace, and it ignores and counts commands that come too early.
"""

from __future__ import annotations

import os
import random
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

COMMAND_SPACING_NS: Final = 200_000_000
BITS_PER_CHARACTER: Final = 10  # start, 7 data, parity, stop
WATCH_MS: Final = 20  # how soon `unplug` and `stop` are seen

MOTION, OVER, UNDER, OUTSIDE_CAPTURE, CENTRE_OF_ZERO, NET, ALWAYS = (1 << bit for bit in range(7))

#: What a fault makes of an answer.
FAULTS: Final[dict[str, Callable[[bytes, random.Random], bytes]]] = {
    "silent": lambda _answer, _random: b"",
    "garbage": lambda answer, random: random.randbytes(len(answer)),
    "truncated": lambda answer, random: answer[: random.randrange(1, len(answer))],
    "noise_before": lambda answer, random: bytes([random.randrange(0x20, 0x7F)]) + answer,
}


def written(weight_g: int, unit: str, *, net: bool = False) -> bytes:
    """A weight as the scale writes it; pounds to the nearest hundredth."""
    if unit == "kg":
        number = f"{weight_g // 1000:02}.{weight_g % 1000:03}"
    else:
        hundredths = (weight_g * 10_000_000 * 2 + 45_359_237) // (2 * 45_359_237)
        number = f"{hundredths // 100:03}.{hundredths % 100:02}"
    return b"\x02" + number.encode() + (b"N" if net else b"") + b"\r"


def with_even_parity(data: bytes) -> bytes:
    """The characters as they stand on the wire, parity in bit 7."""
    return bytes(byte | (byte.bit_count() & 1) << 7 for byte in data)


class SimulatedScale:
    """A scale at `path`. `serve` runs in a thread of its own; all the rest is for other threads.

    `settle_ms`, `settle_polls`: how long the plate moves after each change, whichever is longer.
    `link`: a name that points to the line while it is plugged in, as /dev/serial/by-id/ does.
    """

    def __init__(
        self,
        *,
        unit: str = "kg",
        division_g: int = 5,
        capacity_g: int = 15_000,
        baud: int = 9600,
        settle_ms: int = 300,
        settle_polls: int = 0,
        parity_in_bit_7: bool = False,
        link: Path | None = None,
        seed: int = 8217,
    ) -> None:
        self.commands_too_early = 0
        self.commands_taken = 0
        self._unit, self._division_g, self._capacity_g = unit, division_g, capacity_g
        self._baud = baud
        self._settle_ns, self._settle_polls = settle_ms * 1_000_000, settle_polls
        self._parity_in_bit_7 = parity_in_bit_7
        self._random = random.Random(seed)  # noqa: S311  noise, not a secret
        self._plate = threading.Lock()  # what lies on it, and for how long it moves
        self._load_g = self._zero_g = self._tare_g = 0
        self._stable_ns = time.monotonic_ns()
        self._polls_in_motion = 0
        self._echoing = False
        self._last_command_ns = -COMMAND_SPACING_NS
        self._faults: list[str] = []
        self._unplugged = threading.Event()
        self._line, self._far_end = os.openpty()  # far end kept open: closing a port is no hang-up
        tty.setraw(self._far_end)
        self.path = os.ttyname(self._far_end)
        self._link = link
        if link is not None:
            link.symlink_to(self.path)

    # --- what people do to a scale ---

    def place(self, weight_g: int) -> int:
        """Make `weight_g` the whole load on the plate; when it will be stable (monotonic ns)."""
        with self._plate:
            self._polls_in_motion = self._settle_polls
            self._stable_ns = time.monotonic_ns() + self._settle_ns
            self._load_g = weight_g
            return self._stable_ns

    def remove(self) -> int:
        return self.place(0)

    def tare(self, weight_g: int) -> None:
        with self._plate:
            self._tare_g = weight_g

    def fail(self, fault: str, answers: int = 1) -> None:
        """Spoil the next `answers` answers; `fault` is one of FAULTS."""
        self._faults += [fault] * answers

    def unplug(self) -> None:
        """Pull the cable: the line hangs up and its name disappears."""
        self._unplugged.set()

    # --- what the scale does ---

    def serve(self, stop: threading.Event) -> None:
        """Answer commands until `stop` or `unplug`."""
        try:
            while not (stop.is_set() or self._unplugged.is_set()):
                if select.select([self._line], [], [], WATCH_MS / 1000)[0]:
                    for byte in os.read(self._line, 256):
                        self._say(self._hear(byte & 0x7F), stop)
        finally:
            if self._link is not None:
                self._link.unlink(missing_ok=True)
            os.close(self._line)
            os.close(self._far_end)

    def _hear(self, byte: int) -> bytes:
        command = bytes([byte])
        if self._echoing and command != b"F":
            return command
        now_ns = time.monotonic_ns()
        if now_ns - self._last_command_ns < COMMAND_SPACING_NS:
            self.commands_too_early += 1
            return b""
        self._last_command_ns = now_ns
        self.commands_taken += 1
        with self._plate:
            return self._obey(command)

    def _obey(self, command: bytes) -> bytes:
        if command in (b"E", b"F"):
            self._echoing = command == b"E"
            return b"\x02" + command + b"\r"
        if command == b"Z":
            if not self._moving() and self._near_zero() and not self._tare_g:
                self._zero_g = self._load_g
            return self._status_answer()
        return self._weigh() if command == b"W" else b""

    def _weigh(self) -> bytes:
        status = self._status_answer()
        moving = self._moving()
        self._polls_in_motion = max(self._polls_in_motion - 1, 0)
        if moving or not 0 <= self._shown_g() <= self._shown_g_max():
            return status
        return written(self._shown_g(), self._unit, net=self._tare_g > 0)

    def _status_answer(self) -> bytes:
        gross_g = self._load_g - self._zero_g
        status = (
            ALWAYS
            | MOTION * self._moving()
            | OVER * (self._shown_g() > self._shown_g_max())
            | UNDER * (self._shown_g() < 0)
            | OUTSIDE_CAPTURE * (not self._near_zero())
            | CENTRE_OF_ZERO * (4 * abs(gross_g) <= self._division_g)
            | NET * (self._tare_g > 0)
        )
        return b"\x02?" + bytes([status]) + b"\r"

    def _moving(self) -> bool:
        return self._polls_in_motion > 0 or time.monotonic_ns() < self._stable_ns

    def _near_zero(self) -> bool:
        return 50 * abs(self._load_g) <= self._capacity_g  # 2 % of capacity, as is usual

    def _shown_g(self) -> int:
        net_g = self._load_g - self._zero_g - self._tare_g
        return (2 * net_g + self._division_g) // (2 * self._division_g) * self._division_g

    def _shown_g_max(self) -> int:
        return self._capacity_g + 9 * self._division_g  # the 9 e of overload indication

    def _say(self, answer: bytes, stop: threading.Event) -> None:
        """Send an answer as late as its last character would arrive on a real line."""
        if not answer:
            return
        if self._faults and not self._echoing:
            answer = FAULTS[self._faults.pop(0)](answer, self._random)
        wire = with_even_parity(answer) if self._parity_in_bit_7 else answer
        stop.wait((1 + len(wire)) * BITS_PER_CHARACTER / self._baud)  # 1: the command's own
        with suppress(OSError):
            os.write(self._line, wire)


@contextmanager
def serving(scale: SimulatedScale) -> Iterator[SimulatedScale]:
    """Run a scale's thread for the length of a `with` block."""
    stop = threading.Event()
    thread = threading.Thread(target=scale.serve, args=(stop,), name="scale-sim", daemon=True)
    thread.start()
    try:
        yield scale
    finally:
        stop.set()
        thread.join()

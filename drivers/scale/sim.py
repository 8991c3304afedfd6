"""A scale on a pseudo-terminal: the device's own side, for the demo and for tests.

It weighs like a scale: the load changes, the plate moves for a while, then the number holds. It
keeps the line's pace, and it ignores and counts commands that come too early.
"""

from __future__ import annotations

import os
import random
import select
import threading
import time
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from drivers.scale.sim_plate import Plate
from drivers.scale.sim_voices import VOICES

BITS_PER_CHARACTER: Final = 10  # start, 7 data and parity or 8 data, stop
WATCH_MS: Final = 20  # how soon `unplug` and `stop` are seen

#: What a fault makes of an answer.
FAULTS: Final[dict[str, Callable[[bytes, random.Random], bytes]]] = {
    "silent": lambda _answer, _random: b"",
    "garbage": lambda answer, random: random.randbytes(len(answer)),
    "truncated": lambda answer, random: answer[: random.randrange(1, max(len(answer), 2))],
    "noise_before": lambda answer, random: bytes([random.randrange(0x21, 0x30)]) + answer,
}


def with_even_parity(data: bytes) -> bytes:
    """The characters as they stand on the wire, parity in bit 7."""
    return bytes(byte & 0x7F | ((byte & 0x7F).bit_count() & 1) << 7 for byte in data)


class SimulatedScale:
    """A scale at `path`. `serve` runs in a thread of its own; all the rest is for other threads.

    `protocol`: one of VOICES. `settle_ms`, `settle_polls`: how long the plate moves after each
    change, whichever is longer. `link`: a name that points to the line while it is plugged in, as
    /dev/serial/by-id/ does.
    """

    def __init__(
        self,
        *,
        protocol: str = "toledo-8217",
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
        self.frames_sent = 0
        self._plate = Plate(
            division_g=division_g,
            capacity_g=capacity_g,
            settle_ms=settle_ms,
            settle_polls=settle_polls,
        )
        self._voice = VOICES[protocol](self._plate, unit)
        self._baud = baud
        self._parity_in_bit_7 = parity_in_bit_7
        self._random = random.Random(seed)  # noqa: S311  noise, not a secret
        self._heard = b""  # of a command that is not whole
        self._last_command_ns = -self._voice.spacing_ms * 1_000_000
        self._faults: list[str] = []
        self._unplugged = threading.Event()
        self._line, self._far_end = os.openpty()  # far end kept open: closing a port is no hang-up
        tty.setraw(self._far_end)
        os.set_blocking(self._line, False)  # what nobody reads is lost, as on a real line
        self.path = os.ttyname(self._far_end)
        self._link = link
        if link is not None:
            link.symlink_to(self.path)

    # --- what people do to a scale ---

    def place(self, weight_g: int) -> int:
        """Make `weight_g` the whole load on the plate; when it will be stable (monotonic ns)."""
        return self._plate.place(weight_g)

    def remove(self) -> int:
        return self._plate.place(0)

    def tare(self, weight_g: int) -> None:
        self._plate.tare(weight_g)

    def fail(self, fault: str, answers: int = 1) -> None:
        """Spoil the next `answers` answers; `fault` is one of FAULTS."""
        self._faults += [fault] * answers

    def unplug(self) -> None:
        """Pull the cable: the line hangs up and its name disappears."""
        self._unplugged.set()

    # --- what the scale does ---

    def serve(self, stop: threading.Event) -> None:
        """Speak until `stop` or `unplug`."""
        due_ns = time.monotonic_ns()
        try:
            while not (stop.is_set() or self._unplugged.is_set()):
                if self._voice.every_ms and time.monotonic_ns() >= due_ns:
                    due_ns += self._voice.every_ms * 1_000_000
                    self._say(self._voice.frame(), stop)
                left_ms = max(due_ns - time.monotonic_ns(), 0) / 1e6
                wait_ms = min(left_ms, WATCH_MS) if self._voice.every_ms else WATCH_MS
                if select.select([self._line], [], [], wait_ms / 1000)[0]:
                    for byte in os.read(self._line, 256):
                        self._hear(byte & 0x7F, stop)
        finally:
            if self._link is not None:
                self._link.unlink(missing_ok=True)
            os.close(self._line)
            os.close(self._far_end)

    def _hear(self, byte: int, stop: threading.Event) -> None:
        self._heard += bytes([byte])
        if not self._heard.endswith(self._voice.ends):
            return
        command, self._heard = self._heard, b""
        if self._voice.echoes(command):
            self._send(command, len(command), stop)
            return
        now_ns = time.monotonic_ns()
        if now_ns - self._last_command_ns < self._voice.spacing_ms * 1_000_000:
            self.commands_too_early += 1
            return
        self._last_command_ns = now_ns
        self.commands_taken += 1
        self._say(self._voice.obey(command), stop, len(command))

    def _say(self, answer: bytes, stop: threading.Event, question_bytes: int = 0) -> None:
        if answer and self._faults:
            answer = FAULTS[self._faults.pop(0)](answer, self._random)
        if answer:
            self.frames_sent += 1
            self._send(answer, question_bytes, stop)

    def _send(self, data: bytes, question_bytes: int, stop: threading.Event) -> None:
        """Send as late as the last character would arrive on a real line."""
        stop.wait((question_bytes + len(data)) * BITS_PER_CHARACTER / self._baud)
        with suppress(OSError):
            os.write(self._line, with_even_parity(data) if self._parity_in_bit_7 else data)

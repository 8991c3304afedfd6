"""RFID readers' own side: a field of tags, and a reader of each protocol that sees them.

Written from the manuals and the recordings, not from our codecs, so that the two can disagree.
Serial readers stand on a pseudo-terminal, the LLRP reader on TCP; each speaks as its maker's would,
with the tags' own PC words and CRCs, at a pace that a test can bear.
"""

from __future__ import annotations

import binascii
import os
import random
import select
import threading
import time
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROUND_MS: Final = 20  # how often a reader looks at the field
WATCH_MS: Final = 5

#: What a fault makes of one frame on its way.
FAULTS: Final[dict[str, Callable[[bytes, random.Random], bytes]]] = {
    "silent": lambda _frame, _random: b"",
    "garbage": lambda frame, random: random.randbytes(len(frame)),
    "lost_byte": lambda frame, random: _without(frame, random.randrange(len(frame))),
    "wrong_check": lambda frame, random: _flipped(frame, random.randrange(5, len(frame))),
    "noise_before": lambda frame, random: random.randbytes(3) + frame,
}


def _without(frame: bytes, at: int) -> bytes:
    return frame[:at] + frame[at + 1 :]


def _flipped(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]


def backscatter(epc: bytes) -> bytes:
    """What a tag sends when it is singulated: PC word, EPC and CRC-16/GENIBUS over both."""
    said = bytes([len(epc) // 2 << 3, 0]) + epc
    return said + (binascii.crc_hqx(said, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Echo:
    """One tag, as one antenna hears it."""

    epc: bytes
    rssi: int
    antenna: int


@dataclass(slots=True)
class Field:
    """The tags before the antennas. For any thread."""

    _heard: dict[tuple[bytes, int], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, epc: bytes, rssi: int = -55, antenna: int = 1) -> None:
        """Lay a tag down, or move it: from now on `antenna` hears it with `rssi`."""
        with self._lock:
            self._heard[epc, antenna] = rssi

    def take(self, epc: bytes) -> None:
        with self._lock:
            self._heard = {key: rssi for key, rssi in self._heard.items() if key[0] != epc}

    def echoes(self) -> list[Echo]:
        with self._lock:
            return [Echo(epc, rssi, antenna) for (epc, antenna), rssi in self._heard.items()]


class SimulatedReader(ABC):
    """A serial reader at `path`. `serve` runs in a thread of its own; the rest is for others.

    `link`: a name that points to the line while it is plugged in, as /dev/serial/by-id/ does.
    """

    def __init__(self, tags: Field, *, link: Path | None = None, seed: int = 860) -> None:
        self.requests: list[bytes] = []  #: all that were understood
        self._tags = tags
        self._random = random.Random(seed)  # noqa: S311  noise, not a secret
        self._faults: list[str] = []
        self._unplugged = threading.Event()
        self._round_ns = 0
        self._line, self._far_end = os.openpty()  # far end kept open: closing a port is no hang-up
        tty.setraw(self._far_end)
        self.path = os.ttyname(self._far_end)
        self._link = link
        if link is not None:
            link.symlink_to(self.path)

    def fail(self, fault: str, frames: int = 1) -> None:
        """Spoil the next `frames` frames; `fault` is one of FAULTS."""
        self._faults += [fault] * frames

    def unplug(self) -> None:
        """Pull the cable: the line hangs up and its name disappears."""
        self._unplugged.set()

    @abstractmethod
    def hear(self, data: bytes) -> list[bytes]:
        """The frames that answer `data`."""

    @abstractmethod
    def look(self) -> list[bytes]:
        """The frames that a look at the field makes, every ROUND_MS; none while it rests."""

    def serve(self, stop: threading.Event) -> None:
        """Answer and report until `stop` or `unplug`."""
        try:
            while not (stop.is_set() or self._unplugged.is_set()):
                if select.select([self._line], [], [], WATCH_MS / 1000)[0]:
                    self._say(self.hear(os.read(self._line, 256)))
                now_ns = time.monotonic_ns()
                if now_ns - self._round_ns >= ROUND_MS * 1_000_000:
                    self._round_ns = now_ns
                    self._say(self.look())
        finally:
            self.close()

    def close(self) -> None:
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        os.close(self._line)
        os.close(self._far_end)

    def _say(self, frames: list[bytes]) -> None:
        for frame in frames:
            wire = FAULTS[self._faults.pop(0)](frame, self._random) if self._faults else frame
            with suppress(OSError):
                if select.select([], [self._line], [], 0)[1]:  # nobody reads: it is lost
                    os.write(self._line, wire)

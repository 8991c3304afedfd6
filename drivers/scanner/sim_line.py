"""Scanners' own side of a serial line, on a pseudo-terminal, for the demo and for tests.

Written from the manuals (see the codecs) and not from our codecs, so that the two can disagree.
`serve` runs in a thread of its own; all the rest is for other threads.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import tty
from contextlib import suppress
from typing import Final

WATCH_S: Final = 0.02  # how soon `unplug` and `stop` are seen


class LineDevice:
    """A device at `path` that says what it is told to say. Closing its line pulls it out."""

    def __init__(self) -> None:
        self._line, self._far_end = os.openpty()  # far end kept open: closing a port is no hang-up
        tty.setraw(self._far_end)
        self.path = os.ttyname(self._far_end)
        self._unplugged = threading.Event()

    def say(self, data: bytes) -> None:
        with suppress(OSError):
            os.write(self._line, data)

    def unplug(self) -> None:
        """Pull the cable."""
        self._unplugged.set()

    def serve(self, stop: threading.Event) -> None:
        """Hear and answer until `stop` or `unplug`."""
        try:
            while not (stop.is_set() or self._unplugged.is_set()):
                self._turn(self._listen(WATCH_S))
        finally:
            os.close(self._line)
            os.close(self._far_end)

    def _listen(self, wait_s: float) -> bytes:
        ready, _, _ = select.select([self._line], [], [], wait_s)
        return os.read(self._line, 256) if ready else b""

    def _turn(self, heard: bytes) -> None:
        """What follows from what was heard; called every now and then with nothing."""


class TextScanner(LineDevice):
    """Labels as text; rings on BEL."""

    def __init__(self) -> None:
        super().__init__()
        self.rings = 0

    def _turn(self, heard: bytes) -> None:
        self.rings += heard.count(b"\x07")


def ssi_packet(opcode: int, status: int, data: bytes) -> bytes:
    """A packet as an SSI decoder sends it (source 0)."""
    body = bytes([4 + len(data), opcode, 0, status]) + data
    total = sum(body)
    complement = (0x10000 - total) % 0x10000
    return body + bytes([complement >> 8, complement & 0xFF])


class SsiScanner(LineDevice):
    """An SSI decoder: sends a label's packets one by one, each until it is acknowledged.

    `spoil` is one of "damage" (of the next packet, when first sent), "deaf" (to the host's next
    answer) and "lose" (of the next packet, when first sent).
    """

    def __init__(self, *, response_ms: int = 2_000, data_bytes_max: int = 250) -> None:
        super().__init__()
        self.beeps: list[int] = []
        self.answers: list[str] = []  #: to each transmission: "ack", "nak" or "none"
        self.failures = 0  #: labels that nobody acknowledged
        self._response_s = response_ms / 1000
        self._data_bytes_max = data_bytes_max
        self._labels: queue.Queue[tuple[int, bytes]] = queue.Queue()
        self._spoils: list[str] = []
        self._heard = b""

    def scan(self, kind: int, label: bytes) -> None:
        """Read a label of this bar code type."""
        self._labels.put((kind, label))

    def spoil(self, how: str) -> None:
        self._spoils.append(how)

    def _turn(self, heard: bytes) -> None:
        self._take(heard)
        with suppress(queue.Empty):
            kind, label = self._labels.get_nowait()
            size = self._data_bytes_max
            parts = [label[at : at + size] for at in range(0, len(label), size)] or [b""]
            for number, part in enumerate(parts, start=1):
                continued = 0x02 if number < len(parts) else 0
                if not self._send(continued, bytes([kind]) + part):
                    self.failures += 1
                    break

    def _send(self, status: int, data: bytes) -> bool:
        """Whether it was acknowledged: sent once, and twice more if it was not."""
        spoil = self._spoils.pop(0) if self._spoils else ""
        for retransmit in (0, 1, 1):
            packet = ssi_packet(0xF3, status | retransmit, data)
            if not retransmit and spoil == "damage":
                packet = packet[:5] + bytes([packet[5] ^ 0x20]) + packet[6:]
            if retransmit or spoil != "lose":
                self.say(packet)
            answer = self._answer()
            if not retransmit and spoil == "deaf":
                answer = "none"
            self.answers.append(answer)
            if answer == "ack":
                return True
        return False

    def _answer(self) -> str:
        self._heard = b""
        waited_s = 0.0
        while waited_s < self._response_s and not self._unplugged.is_set():
            self._take(self._listen(WATCH_S))
            if b"\xd0\x04\x00\xff\x28" in self._heard:
                return "ack"
            if b"\xd1\x04" in self._heard:
                return "nak"
            waited_s += WATCH_S
        return "none"

    def _take(self, heard: bytes) -> None:
        self._heard += heard
        while (at := self._heard.find(b"\x05\xe6\x04")) >= 0 and len(self._heard) >= at + 7:
            self.beeps.append(self._heard[at + 4])
            self._heard = self._heard[:at] + self._heard[at + 7 :]
            self.say(ssi_packet(0xD0, 0, b""))


class SingleCableDevice(LineDevice):
    """A scanner with a scale in one housing. `start`, `end`: b"S", b"\\r" or b"\\x02", b"\\x03"."""

    def __init__(self, *, start: bytes = b"S", end: bytes = b"\r", bcc: bool = False) -> None:
        super().__init__()
        self.beeps = 0
        self.questions = 0
        self.state = b"143"  #: what it answers to 14: "143", or "144" and the digits
        self.silent = False
        self._start, self._end, self._bcc = start, end, bcc
        self._heard = b""

    def scan(self, label: bytes) -> None:
        """Send a label with its label identifier before it."""
        self.say(self.message(b"08" + label))

    def message(self, body: bytes) -> bytes:
        framed = self._start + body + self._end
        if not self._bcc:
            return framed
        check = 0
        for byte in framed[len(self._start) :]:
            check ^= byte
        return framed + bytes([check])

    def _turn(self, heard: bytes) -> None:
        self._heard += heard
        while (asked_bytes := self._heard.find(self._end) + 1 + self._bcc) > self._bcc:
            if len(self._heard) < asked_bytes:
                return  # its check character is still to come
            asked, self._heard = self._heard[:asked_bytes], self._heard[asked_bytes:]
            self.beeps += asked == self.message(b"334")
            if asked == self.message(b"14"):
                self.questions += 1
                if not self.silent:
                    self.say(self.message(self.state))

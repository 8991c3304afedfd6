"""Copies of what is forwarded, from the thread that forwards to the one that reads.

The forwarding side never waits and never fails here: if the reader is behind by more than
BYTES_MAX, or is gone, copies are dropped and the reader is told where.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import Literal

#: Some 80 receipts with a picture each.
BYTES_MAX = 4 << 20


@dataclass(frozen=True, slots=True)
class Copy:
    stream: int  #: which connection of the POS
    kind: Literal["data", "gap", "end"]
    data: bytes = b""


class Copies:
    """One thread puts, one takes. Each counter has one writer: no lock is needed, none is held."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        self._put_bytes = 0
        self._taken_bytes = 0
        self._gapped: set[int] = set()
        self.last_ns = 0  #: when bytes were last forwarded

    @property
    def waiting_bytes(self) -> int:
        return self._put_bytes - self._taken_bytes

    def put(self, stream: int, data: bytes) -> None:
        """A copy of bytes that were forwarded just now."""
        self.last_ns = time.monotonic_ns()
        if self.waiting_bytes + len(data) > BYTES_MAX:
            self._gapped.add(stream)
            return
        if stream in self._gapped:
            self._gapped.discard(stream)
            self._queue.put(Copy(stream, "gap"))
        self._put_bytes += len(data)
        self._queue.put(Copy(stream, "data", data))

    def end(self, stream: int) -> None:
        """The POS has closed this connection."""
        if stream in self._gapped:
            self._gapped.discard(stream)
            self._queue.put(Copy(stream, "gap"))
        self._queue.put(Copy(stream, "end"))

    def take(self, timeout_s: float) -> Copy | None:
        """The next copy, None if none came in time."""
        try:
            copy = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self._taken_bytes += len(copy.data)
        return copy

"""The dialogue with one printer over one transport: every step of it ends in time."""

from __future__ import annotations

import bisect
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from drivers.printer.codec_status import (
    IN_TURN_QUERY,
    QUERIES,
    SILENT,
    TELL_CHANGES,
    AnswerDecoder,
    Condition,
    InTurn,
    RealTime,
    decode_real_time,
)

if TYPE_CHECKING:
    import threading

    from drivers.printer.transport import Transport

_CHUNK_BYTES = 2048
_SLICE_MS = 200  # between two looks at `stop`
_DRAIN_LOOK_MS = 10
_ASK_EVERY_MS = 500  # while waiting for the end of a job


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a printer may do nothing before it counts as stuck or silent, in milliseconds."""

    write_ms: int
    answer_ms: int
    print_ms: int


class Session:
    """Used by the thread that owns the transport. Raises DeviceUnavailable when that is lost."""

    def __init__(self, transport: Transport, patience: Patience, stop: threading.Event) -> None:
        self.began = False  #: whether any byte of the last document may have been taken
        self._transport = transport
        self._patience = patience
        self._stop = stop
        self._decoder = AnswerDecoder()
        self._real_time: list[int] = []
        self._in_turn = False
        self._unasked: Condition | None = None
        self._owed = b""  # the rest of a command that stuck half way: it goes before anything else

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def send(self, pieces: Sequence[bytes]) -> bool:
        """Hand over a document, as long as the printer goes on taking it. False if it got stuck.

        Stuck inside a command, the printer would take a status query for data: the rest of that
        piece is owed to it, the pieces after it are dropped.
        """
        self.began = False
        data = b"".join(pieces)
        if not self._settle(self._patience.write_ms):
            return False
        sent = 0
        while sent < len(data):
            chunk = data[sent : sent + _CHUNK_BYTES]
            self.began = True
            taken = self._push(chunk, self._patience.write_ms)
            sent += taken
            if not taken:
                ends = list(accumulate(map(len, pieces)))
                self._owed = data[sent : ends[bisect.bisect_left(ends, sent)]] if sent else b""
                self.began = sent > 0
                return False
        return self._left()

    def in_turn(self) -> bool:
        """Whether the printer says that it has carried out all that it was sent."""
        self._in_turn = False
        if not self._settle(self._patience.answer_ms) or not self._ask(IN_TURN_QUERY):
            return False
        end = _later(self._patience.print_ms)
        while not self._in_turn and _left_ms(end) and not self._stop.is_set():
            self._hear_until(_later(min(_ASK_EVERY_MS, _left_ms(end))), in_turn=True)
            if not self._in_turn and set(self.condition().problems) - {"silent"}:
                break
        return self._in_turn

    def condition(self, patience_ms: int = 0) -> Condition:
        """What the printer answers to all four queries; SILENT if it leaves one unanswered."""
        patience_ms = patience_ms or self._patience.answer_ms
        if not self._settle(patience_ms):
            return SILENT
        answers: dict[int, int] = {}
        for n, query in QUERIES.items():
            self._hear(0)  # what came before the question is no answer to it
            self._real_time.clear()
            if not self._ask(query):
                return SILENT
            self._hear_until(_later(patience_ms), in_turn=False)
            if not self._real_time:
                return SILENT
            answers[n] = self._real_time[0]
        return decode_real_time(answers)

    def tell_changes(self) -> None:
        """Let the printer say by itself what changes, until the next document."""
        if self._settle(self._patience.answer_ms):
            self._ask(TELL_CHANGES)

    def overheard(self) -> Condition | None:
        """What the printer has said unasked since the last time. Does not wait."""
        self._hear(0)
        condition, self._unasked = self._unasked, None
        return condition

    def _settle(self, patience_ms: int) -> bool:
        """Send what is owed. False if the printer still does not take it."""
        end = _later(patience_ms)
        while self._owed and _left_ms(end) and not self._stop.is_set():
            taken = self._push(self._owed, _left_ms(end))
            self._owed = self._owed[taken:]
        return not self._owed

    def _ask(self, query: bytes) -> bool:
        taken = self._push(query, self._patience.answer_ms)
        self._owed = query[taken:] if taken else b""
        return taken == len(query)

    def _push(self, data: bytes, patience_ms: int) -> int:
        end = _later(patience_ms)
        while not (taken := self._transport.write(data, min(_SLICE_MS, _left_ms(end)))):
            if self._stop.is_set() or not _left_ms(end):
                break
        return taken

    def _left(self) -> bool:
        """Wait until what was handed over has left this machine, as long as it goes on leaving."""
        pending = self._transport.pending_bytes()
        end = _later(self._patience.write_ms)
        while pending and _left_ms(end) and not self._stop.is_set():
            self._hear(_DRAIN_LOOK_MS)
            before, pending = pending, self._transport.pending_bytes()
            if pending < before:
                end = _later(self._patience.write_ms)
        return not pending

    def _hear_until(self, end_ns: int, *, in_turn: bool) -> None:
        """Listen until the answer of the one or the other kind is there, or the time is up."""
        while not (self._in_turn if in_turn else self._real_time):
            if self._stop.is_set() or not _left_ms(end_ns):
                return
            self._hear(min(_SLICE_MS, _left_ms(end_ns)))

    def _hear(self, timeout_ms: int) -> None:
        for answer in self._decoder.feed(self._transport.read(timeout_ms)):
            if isinstance(answer, RealTime):
                self._real_time.append(answer.byte)
            elif isinstance(answer, InTurn):
                self._in_turn = True
            else:
                self._unasked = answer.condition


def _later(ms: int) -> int:
    return time.monotonic_ns() + ms * 1_000_000


def _left_ms(end_ns: int) -> int:
    """Whole milliseconds left, at least 1 until the end has passed, then 0."""
    left_ns = end_ns - time.monotonic_ns()
    return -(-left_ns // 1_000_000) if left_ns > 0 else 0

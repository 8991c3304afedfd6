"""The conversation with a scale on a serial line: when to ask, and what is a frame.

What differs between scales is a `Protocol`: its question, its frames and what they say. What is the
same is here: one question at a time, the time-out, the next frame after a broken one. No I/O, no
clock: all times are monotonic nanoseconds and come from the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from drivers.base import DeviceEvent, ProtocolError
from drivers.line.placement import Placement, Status, Weight

#: A number of a new width is believed when it came so many times alike, see `_is_sure`.
_ALIKE: Final = 3


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The scale took a command, and says nothing of the weight."""

    then: bytes = b""  #: what it waits for now; b"" if for nothing


Answer: TypeAlias = Weight | Status | Acknowledged


@dataclass(frozen=True, slots=True)
class Protocol:
    """What one kind of scale speaks. Parity is taken off before anything here sees a byte."""

    name: str  #: for people
    ask: bytes  #: the question for the weight; b"" if the scale speaks unasked
    starts: bytes  #: the bytes that may begin a frame; all others outside a frame are strays
    is_done: Callable[[bytes], bool]  #: whether what began so is whole, or can no longer become it
    read: Callable[[bytes], Answer]  #: what such a frame says. Raises ProtocolError
    zero: bytes = b""  #: the command that zeroes; b"" if there is none
    confirm: bytes = b""  #: what a weight that came whole is thanked with, before the next question
    spacing_ms: int = 0  #: least time from an answer to the next question
    echo_end: bytes = b""  #: what to send to a scale that echoes; b"" if this kind never does


def without_parity(data: bytes) -> bytes:
    """The 7-bit characters in `data`: a line opened with 8 data bits leaves the parity in bit 7."""
    return bytes(byte & 0x7F for byte in data)


class SerialCodec:
    """One scale's conversation.

    The caller sends what `command` returns, feeds what it reads, and calls `expire` and `command`
    again when `wake_ns` has come.
    """

    def __init__(
        self, protocol: Protocol, role: str, *, division_g: int, poll_ms: int, timeout_ms: int
    ) -> None:
        self.frames = 0  #: frames that were understood
        self.protocol_errors = 0  #: frames that were none
        self.stray_bytes = 0  #: bytes outside any frame
        self._protocol = protocol
        self._placement = Placement(role, division_g=division_g)
        self._poll_ns = max(poll_ms, protocol.spacing_ms) * 1_000_000
        self._timeout_ns = max(timeout_ms, protocol.spacing_ms) * 1_000_000
        self._waits = False  # for an answer, or for the next frame of a scale that speaks unasked
        self._asked = b""  # the last command
        self._next = protocol.ask
        self._due_ns = 0  # of the answer while one is awaited, else of the next command
        self._buffer = bytearray()
        self._strays = b""  # the first two stray bytes since the last command
        self._width = 0  # of this scale's numbers
        self._alike: list[Weight] = []  # the last readings of another width

    @property
    def wake_ns(self) -> int:
        """When `expire` or `command` has something to do, if no byte comes before."""
        return self._due_ns

    def zero(self) -> None:
        """Let the next command be Zero, where the protocol has one."""
        self._next = self._protocol.zero or self._next

    def command(self, mono_ns: int) -> bytes:
        """The bytes to send now; b"" if it is not time or there is nothing to ask."""
        if self._waits or mono_ns < self._due_ns:
            return b""
        self._asked, self._next = self._next, self._protocol.ask
        self._waits = True
        self._due_ns = mono_ns + self._timeout_ns
        if self._asked:
            self._forget()
        return self._asked

    def expire(self, mono_ns: int) -> list[DeviceEvent]:
        """Give up an answer that has not come whole in time."""
        if not self._waits or mono_ns < self._due_ns:
            return []
        if self._strays == self._asked and self._protocol.echo_end:
            self._next = self._protocol.echo_end
        remains = bytes(self._buffer) or self._strays
        self._forget()
        self._answered(next_ns=mono_ns)
        return self._placement.tell("garbled" if remains else "not_ready", remains, mono_ns)

    def feed(self, data: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Events in `data`, read at `mono_ns`. Never raises: what is no frame is counted."""
        events: list[DeviceEvent] = []
        pending = bytearray(without_parity(data))
        while pending:
            frame = self._take(pending.pop(0))
            if not frame:
                continue
            try:
                answer = self._protocol.read(frame)
            except ProtocolError:
                self.protocol_errors += 1
                events += self._placement.tell("garbled", frame, mono_ns)
                pending[:0] = self._from_inner_start(frame)
                self._answered(next_ns=mono_ns + self._poll_ns)
                continue
            self.frames += 1
            events += self._hear(answer, frame, mono_ns)
        return events

    def _take(self, byte: int) -> bytes:
        """Add one byte; return what is now a whole frame or can no longer become one, else b""."""
        if not self._buffer and byte not in self._protocol.starts:
            self.stray_bytes += 1
            self._strays = (self._strays + bytes([byte]))[:2]
            return b""
        self._buffer.append(byte)
        frame = bytes(self._buffer)
        if not self._protocol.is_done(frame):
            return b""
        self._buffer.clear()
        return frame

    def _from_inner_start(self, broken: bytes) -> bytes:
        """The part of a broken frame that may be the start of a good one."""
        starts = self._protocol.starts
        start = next((n for n, byte in enumerate(broken) if n and byte in starts), len(broken))
        return broken[start:]

    def _hear(self, answer: Answer, raw: bytes, mono_ns: int) -> list[DeviceEvent]:
        if isinstance(answer, Acknowledged) and answer.then:
            if self._waits and self._asked.endswith(self._protocol.ask):
                self._next = answer.then
                self._answered(next_ns=mono_ns)
            return []
        asked = self._asked if self._waits else b""
        self._answered(next_ns=mono_ns + self._poll_ns)
        if isinstance(answer, Acknowledged):
            return []
        if self._protocol.confirm and not asked.endswith(self._protocol.ask):
            self._next = self._protocol.confirm + self._protocol.ask
        if isinstance(answer, Weight) and not self._is_sure(answer):
            return []
        if answer == Status(None) and asked and asked == self._protocol.zero:
            return []  # 8217: it will be zeroed "on the next A/D reading"; the next poll tells
        return self._placement.hear(answer, raw, mono_ns)

    def _is_sure(self, weight: Weight) -> bool:
        """Whether a number is as wide as this scale writes them.

        Where a protocol leaves the width to the model, a lost digit makes another good number: it
        must come three times alike to be believed, and so must the first.
        """
        if weight.width == self._width:
            self._alike = []
            return True
        self._alike = [*self._alike, weight] if weight in self._alike else [weight]
        if len(self._alike) < _ALIKE:
            return False
        self._width = weight.width
        return True

    def _answered(self, *, next_ns: int) -> None:
        if self._waits:  # a scale that talks unasked must not keep us from asking
            self._waits, self._due_ns, self._strays = False, next_ns, b""

    def _forget(self) -> None:
        self._buffer.clear()
        self._strays = b""

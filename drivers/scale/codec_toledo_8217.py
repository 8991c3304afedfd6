"""The Mettler Toledo 8217 protocol: one letter asks, one short frame answers. No I/O, no clock.

Source: METTLER TOLEDO, DIVA Service Manual (Magellan 8500), §6.1.4 "8217".

    W         -> STX WW.WWW CR      kilograms     STX 0WW.WW CR   pounds
                 STX WW.WWWN CR     the same, net of a tare
                 STX ? status CR    no weight now: in motion, negative or over capacity
    Z         -> STX ? status CR    zeroes if stable and near zero, and says how it stands
    E text    -> STX E CR text      echo until
    F         -> STX F CR

Between two commands the scale wants 200 ms. They are counted here from the end of the answer, which
is later than the scale can have started to count: no delay on our side makes a command too early.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from drivers.base import DeviceEvent, ProtocolError, ScaleCondition, ScaleState, StableWeight

READ_WEIGHT: Final = b"W"
ZERO: Final = b"Z"
ECHO: Final = b"Ehello"
ECHO_ANSWER: Final = b"\x02E\rhello"
ECHO_END: Final = b"F"
ECHO_END_ANSWER: Final = b"\x02F\r"

COMMAND_SPACING_MS: Final = 200

#: How a weight is written, and grams per unit of its last digit as a fraction. The widths are exact
#: on purpose: a lost character then breaks the frame and cannot make 12.345 out of 112.345.
#: 1 lb = 453.59237 g: international yard and pound agreement of 1959.
_WRITTEN: Final[dict[str, tuple[re.Pattern[bytes], int, int]]] = {
    "kg": (re.compile(rb"\x02(?=..\.) *(\d+)\.(\d{3})(N?)\r"), 1, 1),
    "lb": (re.compile(rb"\x02(?=...\.) *(\d+)\.(\d{2})(N?)\r"), 45_359_237, 10_000_000),
}

#: The units that a scale can be set to.
UNITS: Final = tuple(_WRITTEN)

#: Status bits, the first that is set wins: while the plate moves, all the others are passing.
#: Left out: b3 outside zero capture range and b5 net say nothing about the weight; b6 is always 1
#: here and "bad command" elsewhere; b7 is parity.
_CONDITIONS: Final[tuple[tuple[int, ScaleCondition], ...]] = (
    (0x01, "motion"),
    (0x02, "over_capacity"),
    (0x04, "under_zero"),
    (0x10, "zero"),
)

#: After one of these, what lies on the plate is another placement.
_REARMING: Final = frozenset({"zero", "under_zero", "motion"})

_STX, _CR, _QUERY = 0x02, 0x0D, 0x3F
_STATUS_BYTES, _FRAME_BYTES_MAX = 4, 9


@dataclass(frozen=True, slots=True)
class Weight:
    weight_g: int
    net: bool


@dataclass(frozen=True, slots=True)
class Status:
    condition: ScaleCondition | None  #: None if no bit says why there is no weight


def read_frame(frame: bytes, unit: str) -> Weight | Status:
    """What one whole frame, STX to CR, of a scale set to one of UNITS says. Raises ProtocolError.

    A weight in the other unit is a ProtocolError too: it has another number of decimals.
    """
    if len(frame) == _STATUS_BYTES and frame[1] == _QUERY and frame[-1] == _CR:
        return Status(next((said for bit, said in _CONDITIONS if frame[2] & bit), None))
    pattern, numerator, denominator = _WRITTEN[unit]
    written = pattern.fullmatch(frame)
    if written is None:
        raise ProtocolError(f"no 8217 answer in {unit}: {frame.hex(' ')}")
    units = int(written[1] + written[2])
    return Weight(_round_half_even(units * numerator, denominator), net=written[3] == b"N")


def without_parity(data: bytes) -> bytes:
    """The 7-bit characters in `data`: a line opened with 8 data bits leaves the parity in bit 7."""
    return bytes(byte & 0x7F for byte in data)


def _round_half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest + (quotient & 1) > denominator)


class Toledo8217Codec:
    """The conversation with one scale: what to send and when, and what the answers mean.

    The caller sends what `command` returns, feeds what it reads, and calls `expire` and `command`
    again when `wake_ns` has come. All times are monotonic nanoseconds.
    """

    def __init__(
        self, role: str, *, unit: str, division_g: int, poll_ms: int, timeout_ms: int
    ) -> None:
        self.protocol_errors = 0  #: frames that were none
        self.stray_bytes = 0  #: bytes outside any frame
        self._role = role
        self._unit = unit
        self._division_g = division_g
        self._poll_ns = max(poll_ms, COMMAND_SPACING_MS) * 1_000_000
        self._timeout_ns = max(timeout_ms, COMMAND_SPACING_MS) * 1_000_000
        self._asked = b""  # the command that waits for its answer
        self._next = READ_WEIGHT
        self._due_ns = 0  # of the answer while one is awaited, else of the next command
        self._buffer = bytearray()
        self._strays = b""  # the first two stray bytes since the last command
        self._condition: ScaleCondition | None = None  # the last one told
        self._armed = True
        self._weight_g = 0  # the last one read

    @property
    def wake_ns(self) -> int:
        """When `expire` or `command` has something to do, if no byte comes before."""
        return self._due_ns

    def zero(self) -> None:
        """Let the next command be Zero."""
        self._next = ZERO

    def command(self, mono_ns: int) -> bytes:
        """The bytes to send now; b"" if it is not time."""
        if self._asked or mono_ns < self._due_ns:
            return b""
        self._asked, self._next = self._next, READ_WEIGHT
        self._due_ns = mono_ns + self._timeout_ns
        self._buffer.clear()
        self._strays = b""
        return self._asked

    def expire(self, mono_ns: int) -> list[DeviceEvent]:
        """Give up an answer that has not come whole in time."""
        if not self._asked or mono_ns < self._due_ns:
            return []
        if self._strays == self._asked:  # it echoes: a probe died between E and F
            self._next = ECHO_END
        remains = bytes(self._buffer) or self._strays
        self._answered(next_ns=mono_ns)
        return self._tell("garbled" if remains else "not_ready", remains, mono_ns)

    def feed(self, data: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Events in `data`, read at `mono_ns`. Never raises: what is no frame is counted."""
        events: list[DeviceEvent] = []
        pending = bytearray(without_parity(data))
        while pending:
            frame = self._take(pending.pop(0))
            if not frame:
                continue
            try:
                events += self._hear(read_frame(frame, self._unit), frame, mono_ns)
            except ProtocolError:
                self.protocol_errors += 1
                events += self._tell("garbled", frame, mono_ns)
                pending[:0] = _from_inner_stx(frame)
            self._answered(next_ns=mono_ns + self._poll_ns)
        return events

    def _take(self, byte: int) -> bytes:
        """Add one byte; return what is now a whole frame or can no longer become one, else b""."""
        if not self._buffer and byte != _STX:
            self.stray_bytes += 1
            self._strays = (self._strays + bytes([byte]))[:2]
            return b""
        self._buffer.append(byte)
        if self._buffer[1:2] == b"?":
            whole = len(self._buffer) == _STATUS_BYTES  # its status byte may look like STX or CR
        else:
            restarted = byte == _STX and len(self._buffer) > 1
            whole = byte == _CR or restarted or len(self._buffer) == _FRAME_BYTES_MAX
        if not whole:
            return b""
        frame = bytes(self._buffer)
        self._buffer.clear()
        return frame

    def _answered(self, *, next_ns: int) -> None:
        if self._asked:  # a scale that talks unasked must not keep us from asking
            self._asked, self._due_ns = b"", next_ns

    def _hear(self, said: Weight | Status, raw: bytes, mono_ns: int) -> list[DeviceEvent]:
        if isinstance(said, Weight):
            return self._weigh(said, raw, mono_ns)
        if said.condition is None and self._asked == ZERO:
            return []  # it will be zeroed "on the next A/D reading": the next poll tells
        return self._tell(said.condition or "not_ready", raw, mono_ns)

    def _weigh(self, said: Weight, raw: bytes, mono_ns: int) -> list[DeviceEvent]:
        if said.weight_g == 0:
            return self._tell("zero", raw, mono_ns)
        # An item can be added so quickly that no poll meets the plate in motion.
        moved = abs(said.weight_g - self._weight_g) > self._division_g
        self._weight_g = said.weight_g
        if not (self._armed or moved):
            return []
        self._armed, self._condition = False, None
        return [StableWeight(self._role, said.weight_g, said.net, raw, mono_ns)]

    def _tell(self, condition: ScaleCondition, raw: bytes, mono_ns: int) -> list[DeviceEvent]:
        self._armed = self._armed or condition in _REARMING
        if condition == self._condition:
            return []
        self._condition = condition
        return [ScaleState(self._role, condition, raw, mono_ns)]


def _from_inner_stx(broken: bytes) -> bytes:
    """The part of a broken frame that may be the start of a good one."""
    start = broken.find(b"\x02", 1)
    return broken[start:] if start > 0 else b""

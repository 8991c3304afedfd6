"""ICL, the enquiry of many cash registers ("EPOS 1" without its zero and tare). No I/O, no clock.

Sources: METTLER TOLEDO, DIVA Service Manual, §6.1.11, p. 61, and the flow in §6.1.5.3, p. 48;
Citizen, CBM-730 User's Manual, p. 17, a cash register's side of it.

    ENQ  -> ACK data available; CAN the weight has changed, repeat; NUL none; NAK not understood
    DC1  -> STX ID W5..W1 BCC ETX, twice
    CR      both came and are alike: the end

ID: bits 0 to 2 the capacity, of which only its division is needed here; bit 4 out of range, under
or over, with a weight of zero; bits 3 and 5 always 1; bit 6 a capacity out of this table. W5..W1:
the most significant digit first, NUL for a place that is not needed. BCC: exclusive or of ID to
W1. No least time between commands is stated, and there is no command to zero.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import xor
from typing import Final

from drivers.base import ProtocolError
from drivers.line.placement import Status, Weight
from drivers.line.units import grams
from drivers.scale.codec_serial import Acknowledged, Answer, Protocol

ENQ: Final = b"\x05"
SEND_WEIGHT: Final = b"\x11"  # DC1
CONFIRMED: Final = b"\r"

_REPLIES: Final[dict[bytes, Answer]] = {
    b"\x06": Acknowledged(then=SEND_WEIGHT),  # ACK
    b"\x18": Status("motion"),  # CAN
    b"\x00": Status(None),  # NUL
    b"\x15": Status(None),  # NAK
}
_BLOCK: Final = re.compile(rb"\x02(([\x28-\x3f])(.{5}))(.)\x03", re.DOTALL)
_DIGITS: Final = re.compile(rb"\0*(\d+)\0*")
_BLOCK_BYTES: Final = 9

#: By bits 0 to 2 of ID: decimals and unit of 15 kg x 0.005 kg, 30 lb x 0.01 lb, 6 kg x 0.002 kg.
_CAPACITIES: Final = {1: (3, "kg"), 2: (2, "lb"), 3: (3, "kg")}
_ALWAYS, _OUT_OF_RANGE = 0x28, 0x10


def read_frame(frame: bytes) -> Answer:
    """What one reply, or both blocks from STX to the second ETX, say. Raises ProtocolError."""
    if frame in _REPLIES:
        return _REPLIES[frame]
    block, again = frame[:_BLOCK_BYTES], frame[_BLOCK_BYTES:]
    parts = _BLOCK.fullmatch(block)
    if parts is None or block != again or reduce(xor, parts[1]) != parts[4][0]:
        raise ProtocolError(f"no ICL answer: {frame.hex(' ')}")
    flags, digits = parts[2][0], _DIGITS.fullmatch(parts[3])
    if flags & _ALWAYS != _ALWAYS or flags & 7 not in _CAPACITIES:
        raise ProtocolError(f"no capacity of this protocol: {frame.hex(' ')}")
    if flags & _OUT_OF_RANGE:
        return Status(None)
    if digits is None:
        raise ProtocolError(f"no weight: {frame.hex(' ')}")
    return Weight(grams(int(digits[1]), *_CAPACITIES[flags & 7]), net=False)


def _is_done(frame: bytes) -> bool:
    return frame in _REPLIES or len(frame) == 2 * _BLOCK_BYTES  # BCC may be any byte


PROTOCOL: Final = Protocol(
    name="ICL",
    ask=ENQ,
    starts=b"".join(_REPLIES) + b"\x02",
    is_done=_is_done,
    read=read_frame,
    confirm=CONFIRMED,
)

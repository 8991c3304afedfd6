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
from functools import partial
from typing import Final

from drivers.base import ProtocolError, ScaleCondition
from drivers.line.placement import Reading, Status, Weight
from drivers.line.units import read_grams
from drivers.scale.codec_serial import Protocol

READ_WEIGHT: Final = b"W"
ZERO: Final = b"Z"
ECHO: Final = b"Ehello"
ECHO_ANSWER: Final = b"\x02E\rhello"
ECHO_END: Final = b"F"
ECHO_END_ANSWER: Final = b"\x02F\r"

COMMAND_SPACING_MS: Final = 200

#: How a weight is written in each unit that the scale can be set to. The widths are exact on
#: purpose: a lost character then breaks the frame and cannot make 12.345 out of 112.345.
_WRITTEN: Final[dict[str, re.Pattern[bytes]]] = {
    "kg": re.compile(rb"\x02(?=..\.)( *\d+\.\d{3})(N?)\r"),
    "lb": re.compile(rb"\x02(?=...\.)( *\d+\.\d{2})(N?)\r"),
}

#: Status bits, the first that is set wins: while the plate moves, all the others are passing.
#: Left out: b3 outside zero capture range and b5 net say nothing about the weight; b6 is always 1
#: here and "bad command" elsewhere; b7 is parity.
_CONDITIONS: Final[tuple[tuple[int, ScaleCondition], ...]] = (
    (0x01, "motion"),
    (0x02, "over_capacity"),
    (0x04, "under_zero"),
    (0x10, "zero"),
)

_STX, _CR, _QUERY = 0x02, 0x0D, 0x3F
_STATUS_BYTES, _FRAME_BYTES_MAX = 4, 9


def read_frame(frame: bytes, *, unit: str) -> Reading:
    """What one whole frame, STX to CR, of a scale set to one of the units says.

    Raises ProtocolError, for a weight in the other unit too: it has another number of decimals.
    """
    if len(frame) == _STATUS_BYTES and frame[1] == _QUERY and frame[-1] == _CR:
        return Status(next((said for bit, said in _CONDITIONS if frame[2] & bit), None))
    written = _WRITTEN[unit].fullmatch(frame)
    if written is None:
        raise ProtocolError(f"no 8217 answer in {unit}: {frame.hex(' ')}")
    return Weight(read_grams(written[1], unit.encode()), net=written[2] == b"N")


def _is_done(frame: bytes) -> bool:
    if frame[1:2] == b"?":
        return len(frame) == _STATUS_BYTES  # its status byte may look like STX or CR
    restarted = frame[-1] == _STX and len(frame) > 1
    return frame[-1] == _CR or restarted or len(frame) == _FRAME_BYTES_MAX


#: By the unit that the scale is set to, which its frames do not say.
PROTOCOLS: Final = {
    unit: Protocol(
        name="8217",
        ask=READ_WEIGHT,
        starts=b"\x02",
        is_done=_is_done,
        read=partial(read_frame, unit=unit),
        zero=ZERO,
        spacing_ms=COMMAND_SPACING_MS,
        echo_end=ECHO_END,
    )
    for unit in _WRITTEN
}

"""Toledo continuous output: the display, sent unasked some seven times a second. No I/O, no clock.

Sources: METTLER TOLEDO, Wildcat Scale Technical Manual, pp. 6-4 and 6-5 (tables 6-8 to 6-11);
Fairbanks, FB3000 Operators Manual, p. 55; Rockwell Automation, 57C428 User Guide, appendix D;
Triner, TS-700 Owner's Manual, p. 13.

    STX SWA SWB SWC W6..W1 T6..T1 CR [CHK]

W: six digits without a point. T: the tare, of no interest here. CHK, where it is switched on: what
brings the sum of all bytes, their low seven bits, to zero. Status words, bits that are used:

    SWA  0-2 place of the point: 10 ** (2 - value)
    SWB  0 net   1 negative   2 out of range   3 motion   4 kg, else lb   6 not yet zeroed
    SWC  0-2 unit: 0 as SWB says, 1 grams, 2 tonnes   4 display in ten times the resolution

The bits that are "always 1" in one manual are always 0 in another and are not looked at.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from drivers.base import ProtocolError, ScaleCondition
from drivers.line.placement import Reading, Status, Weight
from drivers.line.units import GRAMS, grams
from drivers.scale.codec_serial import Protocol

_STX, _CR = 0x02, 0x0D
_BYTES = 17
_STATUS_END = 4  # a status word may look like STX

_POINT = 0b111
_NET, _NEGATIVE, _KG, _UNIT, _EXPANDED = 0x01, 0x02, 0x10, 0b111, 0x10
_UNITS: Final = {1: "g", 2: "t"}

#: Bits of SWB, the first that is set wins. Out of range below zero is below zero.
_CONDITIONS: Final[tuple[tuple[int, ScaleCondition], ...]] = (
    (0x08, "motion"),
    (_NEGATIVE, "under_zero"),
    (0x04, "over_capacity"),
    (0x40, "not_ready"),
)


def read_frame(frame: bytes, *, checksum: bool) -> Reading:
    """What one whole frame, STX to CR or its checksum, says. Raises ProtocolError."""
    weight = frame[_STATUS_END : _STATUS_END + 6]
    tare = frame[_STATUS_END + 6 : _BYTES - 1]
    whole = len(frame) == _BYTES + checksum and frame[_BYTES - 1] == _CR
    summed = not checksum or sum(frame) & 0x7F == 0
    if not (whole and summed and _is_number(weight) and _is_number(tare)):
        raise ProtocolError(f"no Toledo continuous frame: {frame.hex(' ')}")
    a, b, c = frame[1:_STATUS_END]
    unit = _UNITS.get(c & _UNIT, "kg" if b & _KG else "lb")
    if c & _UNIT and c & _UNIT not in _UNITS:
        raise ProtocolError(f"unit {c & _UNIT}, not one of {', '.join(GRAMS)}: {frame.hex(' ')}")
    for bit, condition in _CONDITIONS:
        if b & bit:
            return Status(condition)
    if c & _EXPANDED:
        return Status(None)  # a technician's display, and nothing to sell by
    return Weight(grams(int(weight), (a & _POINT) - 2, unit), net=bool(b & _NET))


def _is_number(field: bytes) -> bool:
    return field.lstrip(b" ").isdigit()


def _is_done(frame: bytes, *, checksum: bool) -> bool:
    return len(frame) == _BYTES + checksum or (frame[-1] == _STX and len(frame) > _STATUS_END)


#: By whether the scale adds a checksum, which is set in its menu.
PROTOCOLS: Final = {
    checksum: Protocol(
        name="Toledo continuous",
        ask=b"",
        starts=b"\x02",
        is_done=partial(_is_done, checksum=checksum),
        read=partial(read_frame, checksum=checksum),
    )
    for checksum in (False, True)
}

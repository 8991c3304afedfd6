"""SMA SCP-0499, the scale makers' own standard. No I/O, no clock.

Sources: Scale Manufacturers Association, SCP-0499, as restated by Fairbanks, FB2550 Series User
Manual, p. 180; Sartorius, PR 5220 Instrument Manual, p. 130; B-TEK, T419S Service Manual, p. 61.

    LF W CR   -> LF s r n m f xxxxxx.xxx uuu CR    the weight, always ten characters
    LF Z CR   -> the same, after zeroing if it may
    else      -> LF ? CR

s: Z centre of zero, O over and U under capacity, E zero error, I initial zero error, T tare error,
blank if none. r: range. n: G gross, N net; T tare, g and n in high resolution are not asked for.
m: M in motion. f: reserved. u: the unit, filled with blanks or, as the standard prints them, with
underscores (emupos 0.4.0 sends `kg_`). No least time between commands is stated.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.base import ProtocolError, ScaleCondition
from drivers.line.placement import Reading, Status, Weight
from drivers.line.units import read_grams
from drivers.scale.codec_serial import Protocol

_FRAME: Final = re.compile(rb"\n([ ZOUEITe]).([GN])([ M]).([ +\-.\d]{10})(.{3})\r", re.DOTALL)
_UNKNOWN_COMMAND: Final = b"\n?\r"

#: On these the weight is a row of dashes. "e": Cardinal 190, p. 124, weight is not displayed.
_ERRORS: Final = b"EITe"
_CONDITIONS: Final[dict[bytes, ScaleCondition]] = {
    b"O": "over_capacity",
    b"U": "under_zero",
    b"Z": "zero",
}

_LF, _CR = 0x0A, 0x0D
_FRAME_BYTES = 20


def read_frame(frame: bytes) -> Reading:
    """What one whole frame, LF to CR, says. Raises ProtocolError."""
    if frame == _UNKNOWN_COMMAND:
        return Status(None)
    parts = _FRAME.fullmatch(frame)
    if parts is None:
        raise ProtocolError(f"no SMA answer: {frame.hex(' ')}")
    said, mode, motion, written, unit = parts.groups()
    if said in _ERRORS:
        return Status(None)
    if motion == b"M":
        return Status("motion")
    if said in _CONDITIONS:
        return Status(_CONDITIONS[said])
    return Weight(read_grams(written, unit.rstrip(b"_")), net=mode == b"N")


def _is_done(frame: bytes) -> bool:
    restarted = frame[-1] == _LF and len(frame) > 1
    return frame[-1] == _CR or restarted or len(frame) == _FRAME_BYTES


PROTOCOL: Final = Protocol(
    name="SMA",
    ask=b"\nW\r",
    starts=b"\n",
    is_done=_is_done,
    read=read_frame,
    zero=b"\nZ\r",
)

"""MT-SICS, level 0: Mettler Toledo's bench and counter scales, and others' too. No I/O, no clock.

Sources: METTLER TOLEDO, MT-SICS Reference Manual for Weigh Modules, §2.1; AL and AT balances,
Operating Instructions, "Basic information on data interchange".

    SI CR LF  -> S S      1.235 kg CR LF   stable; the number always ten characters
                 S D      1.230 kg CR LF   not stable
                 S + , S - , S I           overload, underload, busy
    Z CR LF   -> Z A                       zeroed, once it was stable; Z I , Z + , Z - if not
    else      -> ES , ET , EL              syntax, transmission, logical error

Some scales and emulators name the command that was sent and answer "SI S ..." to SI: both are read.
The weight is net of any tare, and nothing says whether there is one: `net` is never set.
No least time between commands is stated.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.base import ProtocolError, ScaleCondition
from drivers.line.placement import Status, Weight
from drivers.line.units import read_grams
from drivers.scale.codec_serial import Acknowledged, Answer, Protocol

_WEIGHT: Final = re.compile(rb"SI? ([SD]) ([ +\-.\d]{10}) ([A-Za-z]+) *\r\n")
_STATUS: Final = re.compile(rb"(?:SI?|Z) ([+\-I])\r\n")
_ERROR: Final = re.compile(rb"E[STL]\r\n")
_ZEROED: Final = b"Z A\r\n"

_CONDITIONS: Final[dict[bytes, ScaleCondition]] = {b"+": "over_capacity", b"-": "under_zero"}

_LF = 0x0A
_FRAME_BYTES_MAX = 40


def read_frame(frame: bytes) -> Answer:
    """What one whole line, CR and LF included, says. Raises ProtocolError."""
    if weight := _WEIGHT.fullmatch(frame):
        weight_g = read_grams(weight[2], weight[3])
        return Weight(weight_g, net=False) if weight[1] == b"S" else Status("motion")
    if status := _STATUS.fullmatch(frame):
        return Status(_CONDITIONS.get(status[1]))
    if _ERROR.fullmatch(frame):
        return Status(None)
    if frame == _ZEROED:
        return Acknowledged()
    raise ProtocolError(f"no MT-SICS answer: {frame.hex(' ')}")


def _is_done(frame: bytes) -> bool:
    return frame[-1] == _LF or len(frame) == _FRAME_BYTES_MAX


PROTOCOL: Final = Protocol(
    name="MT-SICS",
    ask=b"SI\r\n",
    starts=b"SZE",
    is_done=_is_done,
    read=read_frame,
    zero=b"Z\r\n",
)

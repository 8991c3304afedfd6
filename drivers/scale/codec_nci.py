"""NCI (Weigh-Tronix) SCP-01 and its form for cash registers, ECR (SCP-02). No I/O, no clock.

Sources: METTLER TOLEDO, DIVA Service Manual, §6.1.1 "NCI - ECR", pp. 34-37; NCI, Model 7800 Family
User's Manual, p. 32 (SCP-01); Salter Brecknell, 3700LP User's Manual, p. 11. The CAS PD-II speaks
the same after `W` (Intel, rtsf-at-checkout-device-scale, scale.go).

    W CR   -> LF xx.xxxUU CR LF Shh CR ETX     ECR
              LF xxxx.xxuu CR LF hh CR ETX     SCP-01
              LF Shh CR ETX                    no weight now: negative, in motion, out of range
    Z CR   -> LF Shh CR ETX                    zeroes if it may
    else   -> LF ? CR ETX

`hh` are two to four status bytes: bits 4 and 5 always 1, from the second on bit 6 is 1 if another
follows. A weight has as many characters as the scale's display, which the protocol leaves open.
No least time between commands is stated; answers come within one second.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.base import ProtocolError, ScaleCondition
from drivers.line.placement import Reading, Status, Weight
from drivers.line.units import read_grams
from drivers.scale.codec_serial import Protocol

TIMEOUT_MS: Final = 1000

_FRAME: Final = re.compile(
    rb"\n(?:([ +\-.\d]+)([A-Za-z]+) ?\r\n)?S?([\x30-\x3f][\x70-\x7f]{0,2}[\x30-\x3f])\r\x03"
)
_UNKNOWN_COMMAND: Final = b"\n?\r\x03"

#: (status byte, bits, what they mean), the first that is set wins.
_CONDITIONS: Final[tuple[tuple[int, int, ScaleCondition], ...]] = (
    (0, 0x01, "motion"),
    (1, 0x02, "over_capacity"),
    (1, 0x01, "under_zero"),
    (0, 0x0C, "not_ready"),  # RAM, EEPROM
    (1, 0x0C, "not_ready"),  # ROM, calibration
    (2, 0x08, "not_ready"),  # no zero found since it was switched on
)
_AT_ZERO, _NET = 0x02, 0x04  # in the first and in the third

_LF, _CR, _ETX = 0x0A, 0x0D, 0x03
_FRAME_BYTES_MAX = 28


def read_frame(frame: bytes) -> Reading:
    """What one whole frame, LF to ETX, says. Raises ProtocolError."""
    if frame == _UNKNOWN_COMMAND:
        return Status(None)
    parts = _FRAME.fullmatch(frame)
    if parts is None:
        raise ProtocolError(f"no NCI answer: {frame.hex(' ')}")
    written, unit, status = parts.groups()
    for number, bits, condition in _CONDITIONS:
        if number < len(status) and status[number] & bits:
            return Status(condition)
    weight_g = 0 if written is None else read_grams(written, unit)
    if status[0] & _AT_ZERO and (written is None or weight_g):
        return Status("zero")
    if written is None:
        return Status(None)
    return Weight(weight_g, net=bool(status[2:] and status[2] & _NET), width=len(written))


def _is_done(frame: bytes) -> bool:
    restarted = frame[-1] == _LF and len(frame) > 1 and frame[-2] != _CR
    return frame[-1] == _ETX or restarted or len(frame) == _FRAME_BYTES_MAX


PROTOCOL: Final = Protocol(
    name="NCI",
    ask=b"W\r",
    starts=b"\n",
    is_done=_is_done,
    read=read_frame,
    zero=b"Z\r",
)

"""CAS POS scales (PD-II "type 6", AP-1, SW-II, ER): enquiry, then the weight. No I/O, no clock.

Sources: CAS, PD-II Manual, §3.1.6; SW-II Manual, p. 15; AP-1 transmission protocol.

    ENQ  -> ACK, or NAK while there is nothing to send
    DC1  -> SOH STX STA SIGN W5..W0 UN1 UN0 BCC ETX EOT

STA: S stable, U not. SIGN: blank, "-" below zero, F overload. W5..W0: six characters, the point
included. BCC: exclusive or of all from STA to UN0. DC2, for scales that compute prices, is not
asked. There is no command to zero. No least time between commands is stated.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import xor
from typing import Final

from drivers.base import ProtocolError
from drivers.line.placement import Status, Weight
from drivers.line.units import read_grams
from drivers.scale.codec_serial import Acknowledged, Answer, Protocol

ENQ: Final = b"\x05"
ACK: Final = b"\x06"
NAK: Final = b"\x15"
SEND_WEIGHT: Final = b"\x11"  # DC1

_FRAME: Final = re.compile(rb"\x01\x02((.)(.)(.{6})(..))(.)\x03\x04", re.DOTALL)
_FRAME_BYTES = 15


def read_frame(frame: bytes) -> Answer:
    """What ACK, NAK or one whole frame, SOH to EOT, says. Raises ProtocolError."""
    if frame == ACK:
        return Acknowledged(then=SEND_WEIGHT)
    if frame == NAK:
        return Status(None)
    parts = _FRAME.fullmatch(frame)
    if parts is None or reduce(xor, parts[1]) != parts[6][0]:
        raise ProtocolError(f"no CAS answer: {frame.hex(' ')}")
    if parts[3] == b"F":
        return Status("over_capacity")
    if parts[2] == b"U":
        return Status("motion")
    if parts[2] != b"S":
        raise ProtocolError(f"neither stable nor unstable: {frame.hex(' ')}")
    return Weight(read_grams(parts[3] + parts[4], parts[5]), net=False)


def _is_done(frame: bytes) -> bool:
    return frame in (ACK, NAK) or len(frame) == _FRAME_BYTES  # BCC may be any byte: length decides


PROTOCOL: Final = Protocol(
    name="CAS",
    ask=ENQ,
    starts=ACK + NAK + b"\x01",
    is_done=_is_done,
    read=read_frame,
)

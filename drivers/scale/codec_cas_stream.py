"""The weight that CAS and A&D indicators send unasked, line by line. No I/O, no clock.

Sources: CAS, CI-600D Manual, p. 74; PDI Series Manual, p. 37; NT-200 Manual, p. 48.

    ST,GS,iL,00001.235 kg CR LF     CAS, 22 bytes: i device number, L lamps; blank before the unit
    ST,GS,00001.23kg CR LF          A&D, 18 bytes

ST stable, US not, OL overload; GS gross, NT net; eight characters of weight, sign and point
included. Lamps: bit 4 is Hold, when the number is not what lies on the plate.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.base import ProtocolError
from drivers.line.placement import Reading, Status, Weight
from drivers.line.units import read_grams
from drivers.scale.codec_serial import Protocol

_FRAME: Final = re.compile(
    rb"(ST|US|OL),(GS|NT),(?:.(.),([ +\-.\d]{8}) |([ +\-.\d]{8}))( [tg]|kg|lb|oz)\r\n", re.DOTALL
)
_HOLD = 0x10
_LENGTHS = (18, 22)


def read_frame(frame: bytes) -> Reading:
    """What one whole line says. Raises ProtocolError."""
    parts = _FRAME.fullmatch(frame)
    if parts is None:
        raise ProtocolError(f"no line of a CAS or A&D stream: {frame.hex(' ')}")
    said, mode, lamps, cas, a_and_d, unit = parts.groups()
    if said == b"OL":
        return Status("over_capacity")
    if said == b"US":
        return Status("motion")
    if lamps is not None and lamps[0] & _HOLD:
        return Status(None)
    return Weight(read_grams(cas or a_and_d, unit), net=mode == b"NT")


def _is_done(frame: bytes) -> bool:
    # a byte of lamps may look like the end of a line: its length tells where a line ends
    return len(frame) == _LENGTHS[1] or (len(frame) == _LENGTHS[0] and frame.endswith(b"\r\n"))


PROTOCOL: Final = Protocol(
    name="CAS stream", ask=b"", starts=b"SUO", is_done=_is_done, read=read_frame
)

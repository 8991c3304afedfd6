"""USB scales that report by HID, usage page 0x8D: six bytes a report. No I/O, no clock.

Sources: USB-IF, HID Point of Sale Usage Tables 1.02, page 0x8D; usbscale (erjiang/usbscale,
usbscale.c and scales.h), which reads DYMO, Mettler, Fairbanks and Stamps.com scales so.

    id  status  unit  exponent  low  high      weight = (low + 256 * high) * 10 ** exponent

id: 3, on some scales 4; reports of other ids say other things. exponent: signed. Some scales report
all the time, some on change only. The first report after opening may be from the weighing before
and is not used.
A weight below zero has no number, only status 5.
"""

from __future__ import annotations

import struct
from typing import Final

from drivers.base import DeviceEvent, ProtocolError, ScaleCondition
from drivers.line.placement import Placement, Reading, Status, Weight
from drivers.line.units import grams

#: An output report, id first: "lowest bit is Enforced Zero Return, second bit is Zero Scale".
#: Few scales obey it.
ZERO: Final = b"\x02\x02"

_IDS: Final = (b"\x03", b"\x04")
_REPORT: Final = struct.Struct("<BBBbH")
_STABLE: Final = 4
_CONDITIONS: Final[dict[int, ScaleCondition]] = {
    1: "not_ready",  # fault
    2: "zero",
    3: "motion",
    5: "under_zero",
    6: "over_capacity",
    7: "not_ready",  # wants calibration
    8: "not_ready",  # wants zeroing
}
#: Left out: carats, taels, grains, pennyweights, short tons and troy ounces.
_UNITS: Final = {1: "mg", 2: "g", 3: "kg", 8: "t", 11: "oz", 12: "lb"}
#: No scale for goods has more; it keeps nonsense from growing into numbers of a hundred digits.
_EXPONENT_MAX: Final = 9


def read_report(report: bytes) -> Reading:
    """What one report says. Raises ProtocolError."""
    if len(report) != _REPORT.size or report[:1] not in _IDS:
        raise ProtocolError(f"no weight report: {report[:16].hex(' ')}")
    _id, status, unit, exponent, count = _REPORT.unpack(report)
    if status in _CONDITIONS:
        return Status(_CONDITIONS[status])
    if status != _STABLE or unit not in _UNITS or abs(exponent) > _EXPONENT_MAX:
        raise ProtocolError(f"status, unit or exponent unknown: {report.hex(' ')}")
    return Weight(grams(count, -exponent, _UNITS[unit]), net=False)


class HidScaleCodec:
    """One scale's reports since it was opened. Times are monotonic nanoseconds."""

    def __init__(self, role: str, *, division_g: int) -> None:
        self.protocol_errors = 0  #: reports that were none
        self.other_reports = 0  #: reports that are not about a weight
        self._placement = Placement(role, division_g=division_g)
        self._is_first = True

    def feed(self, report: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Events in one report. Never raises: what is no report is counted."""
        if report[:1] not in _IDS:
            self.other_reports += 1
            return []
        try:
            reading = read_report(report)
        except ProtocolError:
            self.protocol_errors += 1
            return self._placement.tell("garbled", report, mono_ns)
        if self._is_first:
            self._is_first = False
            return []
        return self._placement.hear(reading, report, mono_ns)

    def silent(self, mono_ns: int) -> list[DeviceEvent]:
        """Nothing was reported for longer than this scale is known to be silent."""
        return self._placement.tell("not_ready", b"", mono_ns)

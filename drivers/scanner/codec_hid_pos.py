"""Labels as reports of USB HID POS scanners (usage page 0x8C). No I/O, no clock.

    byte     0      1       2 to 4           5 to 60        61        62        63
           id 2   length   AIM identifier   data, 56 most   vendor's  reserved  bit 0: more follows

Nothing has to be guessed here: the label comes whole, GS included, with its symbology. Most makers
use this layout; some put the AIM identifier one byte later, some send none.

Sources: Hand Held Products, USB Interfaces User's Guide for the 2020, page 1-11; Access-IS LSR118
Product Manual, appendix B; ID TECH FX100 guide, "HID-POS" (no identifier); WebHidBarcodeScanner on
GitHub (the identifier one byte later; a carriage return at the end of the data).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.base import DeviceEvent, ProtocolError
from drivers.scanner.labels import LABEL_BYTES_MAX, scan_of

REPORT_ID: Final = 2
REPORT_BYTES: Final = 64
_MORE_AT, _MORE = 63, 0x01
_NOT_A_BAR_CODE: Final = "]Z"  # AIM: the answer to a command, a keyed number
_TERMINATORS: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Layout:
    aim_at: int | None  #: where the AIM identifier begins; None if there is none
    data_at: int
    data_max: int


#: By the option `layout`.
LAYOUTS: Final[dict[str, Layout]] = {
    "aim": Layout(2, 5, 56),
    "aim_shifted": Layout(3, 6, 55),
    "no_aim": Layout(None, 2, 56),
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one report carries of a label."""

    symbology: str
    data: bytes
    more: bool


def read_report(report: bytes, layout: Layout) -> Part:
    """The part of a label in a report. Raises ProtocolError."""
    if len(report) != REPORT_BYTES or report[0] != REPORT_ID:
        raise ProtocolError(f"no report {REPORT_ID} of a scanner: {report[:8].hex(' ')}…")
    length = report[1]
    if length > layout.data_max:
        raise ProtocolError(f"{length} bytes of data do not fit into a report")
    aim = b"" if layout.aim_at is None else report[layout.aim_at : layout.aim_at + 3]
    if aim and aim[:1] != b"]":
        raise ProtocolError(f"no AIM identifier: {aim.hex(' ')}; another layout?")
    data = report[layout.data_at : layout.data_at + length]
    return Part(aim.decode("latin-1"), data, bool(report[_MORE_AT] & _MORE))


class HidPosDecoder:
    """One scanner's reports to `ScanData`. Times are monotonic nanoseconds. Never raises.

    A label whose next report does not come within `timeout_ms` is lossy.
    """

    def __init__(self, role: str, *, layout: str = "aim", timeout_ms: int = 500) -> None:
        self.protocol_errors = 0
        self._role = role
        self._layout = LAYOUTS[layout]
        self._timeout_ns = timeout_ms * 1_000_000
        self._parts: list[Part] = []
        self._lossy = False
        self._read_ns = 0

    def feed(self, data: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Take one whole report that was read at `mono_ns`; return the label that it ends."""
        try:
            part = read_report(data, self._layout)
        except ProtocolError:
            self.protocol_errors += 1
            self._lossy = bool(self._parts)
            return []
        self._read_ns = mono_ns
        if self._parts and part.symbology != self._parts[0].symbology:
            return self.disconnected() + self._take(part)  # the end of one label was lost
        return self._take(part)

    def next_timeout(self) -> int | None:
        """When to call `flush` if nothing comes before."""
        return self._read_ns + self._timeout_ns if self._parts else None

    def flush(self, mono_ns: int) -> list[DeviceEvent]:
        """Give up a label that did not go on."""
        deadline_ns = self.next_timeout()
        return [] if deadline_ns is None or mono_ns < deadline_ns else self.disconnected()

    def disconnected(self) -> list[DeviceEvent]:
        """The scanner is gone: the label that it had begun, as lossy."""
        self._lossy = True
        return self._end()

    def _take(self, part: Part) -> list[DeviceEvent]:
        if sum(len(taken.data) for taken in self._parts) + len(part.data) > LABEL_BYTES_MAX:
            self._lossy, part = True, Part(part.symbology, b"", part.more)
        if part.data or not self._parts:
            self._parts.append(part)
        return [] if part.more else self._end()

    def _end(self) -> list[DeviceEvent]:
        parts, lossy = self._parts, self._lossy
        self._parts, self._lossy = [], False
        label = b"".join(part.data for part in parts).rstrip(_TERMINATORS)
        if not label or parts[0].symbology.startswith(_NOT_A_BAR_CODE):
            return []
        symbology = parts[0].symbology
        return [scan_of(label, self._role, self._read_ns, symbology=symbology, lossy=lossy)]

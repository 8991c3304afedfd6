"""Scanners set to USB HID POS: whole labels in reports, at /dev/hidrawN.

`hidrawN` is whichever device came first: bind the role to one of the names that
`systemd/71-lanetally.rules` makes from the scanner's serial number and its USB port.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Identity, option
from drivers.hid.port_hidraw import HidrawPort, identity
from drivers.hid.reader import Decoder, Listener
from drivers.scanner.codec_hid_pos import LAYOUTS, HidPosDecoder


@dataclass(frozen=True, slots=True)
class HidPosOptions:
    path: str = option(
        MISSING, "the scanner's name under /dev/lanetally/hidraw/, or a socket of its reports"
    )
    layout: str = option(
        "aim", "where its reports carry the AIM identifier", choices=tuple(LAYOUTS)
    )
    timeout_ms: int = option(
        500,
        "without the next report of a label for this long, the label is not clear",
        unit="ms",
        low=100,
        high=5_000,
    )


class HidPosScanner(Listener):
    """Emits `ScanData`; takes no command: how such scanners beep differs from maker to maker."""

    Options: ClassVar[type] = HidPosOptions
    Port = HidrawPort

    def probe(self) -> Identity:
        return identity(self._options.path)

    def decoder(self) -> Decoder:
        o = self._options
        return HidPosDecoder(self._role, layout=o.layout, timeout_ms=o.timeout_ms)

"""Scanners set to USB HID POS: whole labels in reports, at /dev/hidrawN.

`hidrawN` is whichever device came first: bind the role to a name that a udev rule makes from the
scanner's serial number or USB port.
"""

from __future__ import annotations

import threading
from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Command, Emit, Identity, option
from drivers.hid.port_hidraw import HidrawPort, identity
from drivers.hid.reader import read_until_stopped
from drivers.scanner.codec_hid_pos import LAYOUTS, HidPosDecoder


@dataclass(frozen=True, slots=True)
class HidPosOptions:
    path: str = option(MISSING, "the scanner's hidraw device, or a socket of its reports")
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


class HidPosScanner:
    """Emits `ScanData`; takes no command: how such scanners beep differs from maker to maker."""

    Options: ClassVar[type] = HidPosOptions
    accepts: ClassVar[tuple[type, ...]] = ()

    def __init__(self, role: str, options: HidPosOptions) -> None:
        self._role = role
        self._options = options
        self._port = HidrawPort(options.path)

    def probe(self) -> Identity:
        return identity(self._options.path)

    def open(self) -> None:
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        o = self._options
        decoder = HidPosDecoder(self._role, layout=o.layout, timeout_ms=o.timeout_ms)
        read_until_stopped(self._port, decoder, emit, stop)

    def handle(self, command: Command) -> None:
        raise TypeError(f"{self._role}: this scanner takes no {type(command).__name__}")

    def close(self) -> None:
        self._port.close()

"""Scanners that type their labels as a USB keyboard, which nearly all can."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Identity, option
from drivers.hid.layouts import LAYOUTS
from drivers.hid.port_input_events import InputEventsPort, identity
from drivers.hid.reader import Decoder, Listener
from drivers.scanner.codec_hid_wedge import WedgeDecoder
from drivers.scanner.codec_wedge_keys import GS_KEYS, TERMINATORS


@dataclass(frozen=True, slots=True)
class HidWedgeOptions:
    path: str = option(
        MISSING, "the keyboard's name under /dev/input/by-id/ or by-path/, or a FIFO or socket"
    )
    layout: str = option("us", "keyboard layout that the scanner is set to", choices=tuple(LAYOUTS))
    terminator: str = option(
        "enter", "key that ends a label; silence always does", choices=tuple(TERMINATORS)
    )
    timeout_ms: int = option(250, "silence that ends a label", unit="ms", low=200, high=5_000)
    prefix: str = option("", "what the scanner puts before each label")
    suffix: str = option("", "what the scanner puts after each label, before the terminator")
    gs_key: str = option("ctrl+]", "key that stands for GS (FNC1)", choices=tuple(GS_KEYS))


class HidWedgeScanner(Listener):
    """Emits `ScanData`; takes no command: a keyboard cannot be told to beep."""

    Options: ClassVar[type] = HidWedgeOptions
    Port = InputEventsPort

    def probe(self) -> Identity:
        return identity(self._options.path)

    def decoder(self) -> Decoder:
        o = self._options
        return WedgeDecoder(
            self._role,
            layout=o.layout,
            terminator=o.terminator,
            gs_key=o.gs_key,
            timeout_ms=o.timeout_ms,
            prefix=o.prefix,
            suffix=o.suffix,
        )

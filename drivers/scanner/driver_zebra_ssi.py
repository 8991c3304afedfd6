"""Zebra (Symbol, Motorola) scanners that speak SSI, on RS-232 or as "SSI over USB CDC".

The scanner must be set to packeted data: as raw text the same interface is `serial`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from drivers.base import option
from drivers.scanner.codec_zebra_ssi import SsiDecoder
from drivers.scanner.driver_serial import LineOptions, LineScanner


@dataclass(frozen=True, slots=True)
class ZebraSsiOptions(LineOptions):
    response_ms: int = option(
        2_000,
        "how long the scanner waits for an answer: its parameter Host Serial Response Time-out",
        unit="ms",
        low=100,
        high=9_900,
    )


class ZebraSsiScanner(LineScanner):
    """Each label is acknowledged when it is read; takes `Beep`."""

    Options: ClassVar[type] = ZebraSsiOptions

    def __init__(self, role: str, options: ZebraSsiOptions) -> None:
        new_codec = partial(SsiDecoder, role, response_ms=options.response_ms)
        super().__init__(role, options, new_codec)

"""Scanner and scale in one housing, on one cable: Datalogic Magellan and NCR.

One device, one role: its labels, its weights and why there is no weight come from the same line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from drivers.base import option
from drivers.scanner.codec_single_cable import SingleCableDecoder
from drivers.scanner.driver_serial import LineOptions, LineScanner


@dataclass(frozen=True, slots=True)
class SingleCableOptions(LineOptions):
    data_bits: int = option(7, "data bits that the device is set to", choices=(7, 8))
    parity: str = option("odd", "parity that the device is set to", choices=("none", "even", "odd"))
    unit: str = option("kg", "unit that the scale weighs in", choices=("kg", "lb"))
    division_g: int = option(
        5,
        "the scale's division; a larger step, even without motion, is a new weighing",
        unit="g",
        low=1,
        high=1000,
    )
    poll_ms: int = option(
        200, "pause from an answer to the next question", unit="ms", low=20, high=5_000
    )
    timeout_ms: int = option(
        1_000,
        "without an answer for this long, the scale is not ready",
        unit="ms",
        low=250,
        high=5_000,
    )


@dataclass(frozen=True, slots=True)
class NcrOptions(SingleCableOptions):
    check: str = option(
        "bcc", "what follows ETX: a check character, or nothing", choices=("bcc", "none")
    )


class MagellanScanner(LineScanner):
    """Messages from S to CR; takes `Beep`."""

    Options: ClassVar[type] = SingleCableOptions

    def __init__(self, role: str, options: SingleCableOptions) -> None:
        super().__init__(role, options, partial(_codec, role, options, "magellan", bcc=False))


class NcrScanner(LineScanner):
    """Messages from STX to ETX; takes `Beep`."""

    Options: ClassVar[type] = NcrOptions

    def __init__(self, role: str, options: NcrOptions) -> None:
        bcc = options.check == "bcc"
        super().__init__(role, options, partial(_codec, role, options, "ncr", bcc=bcc))


def _codec(role: str, o: SingleCableOptions, framing: str, *, bcc: bool) -> SingleCableDecoder:
    return SingleCableDecoder(
        role,
        framing=framing,
        unit=o.unit,
        bcc=bcc,
        division_g=o.division_g,
        poll_ms=o.poll_ms,
        timeout_ms=o.timeout_ms,
    )

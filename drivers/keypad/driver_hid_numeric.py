"""Numeric keypads that are a USB keyboard: the cashier keys a number and presses Enter."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Identity, option
from drivers.hid.port_input_events import InputEventsPort, identity
from drivers.hid.reader import Decoder, Listener
from drivers.keypad.codec_hid_numeric import NumericDecoder


@dataclass(frozen=True, slots=True)
class HidNumericOptions:
    path: str = option(
        MISSING, "the keypad's name under /dev/input/by-id/ or by-path/, or a FIFO or socket"
    )
    forget_ms: int = option(
        15_000, "an unfinished number is forgotten after", unit="ms", low=1_000, high=300_000
    )


class HidNumericKeypad(Listener):
    """Emits `KeyedNumber`; takes no command."""

    Options: ClassVar[type] = HidNumericOptions
    Port = InputEventsPort

    def probe(self) -> Identity:
        return identity(self._options.path)

    def decoder(self) -> Decoder:
        return NumericDecoder(self._role, forget_ms=self._options.forget_ms)

"""Numeric keypads that are a USB keyboard: the cashier keys a number and presses Enter."""

from __future__ import annotations

import threading
from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Command, Emit, Identity, option
from drivers.hid.port_input_events import InputEventsPort, identity
from drivers.hid.reader import read_until_stopped
from drivers.keypad.codec_hid_numeric import NumericDecoder


@dataclass(frozen=True, slots=True)
class HidNumericOptions:
    path: str = option(
        MISSING, "the keypad's name under /dev/input/by-id/ or by-path/, or a FIFO or socket"
    )
    forget_ms: int = option(
        15_000, "an unfinished number is forgotten after", unit="ms", low=1_000, high=300_000
    )


class HidNumericKeypad:
    """Emits `KeyedNumber`; takes no command."""

    Options: ClassVar[type] = HidNumericOptions
    accepts: ClassVar[tuple[type, ...]] = ()

    def __init__(self, role: str, options: HidNumericOptions) -> None:
        self._role = role
        self._options = options
        self._port = InputEventsPort(options.path)

    def probe(self) -> Identity:
        return identity(self._options.path)

    def open(self) -> None:
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        decoder = NumericDecoder(self._role, forget_ms=self._options.forget_ms)
        read_until_stopped(self._port, decoder, emit, stop)

    def handle(self, command: Command) -> None:
        raise TypeError(f"{self._role}: a keypad takes no {type(command).__name__}")

    def close(self) -> None:
        self._port.close()

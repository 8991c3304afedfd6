"""Checkout scales that speak Mettler Toledo 8217.

The protocol allows a question every 200 ms: a stable weight is known one such spacing and two
frames after the scale found it, at the latest.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from drivers.base import DeviceUnavailable, option
from drivers.scale.codec_serial import without_parity
from drivers.scale.codec_toledo_8217 import (
    COMMAND_SPACING_MS,
    ECHO,
    ECHO_ANSWER,
    ECHO_END,
    ECHO_END_ANSWER,
    PROTOCOLS,
)
from drivers.scale.driver_serial import AskedOptions, SerialScale, wait_ms


@dataclass(frozen=True, slots=True)
class Toledo8217Options(AskedOptions):
    baud: int = option(
        9600,
        "line speed that the scale is set to",
        unit="baud",
        choices=(1200, 2400, 4800, 9600, 19_200),
    )
    data_bits: int = option(7, "data bits that the scale is set to", choices=(7, 8))
    parity: str = option("even", "parity that the scale is set to", choices=("even", "odd", "none"))
    unit: str = option("kg", "unit that the scale weighs in", choices=tuple(PROTOCOLS))
    poll_ms: int = option(
        COMMAND_SPACING_MS,
        "pause from an answer to the next question",
        unit="ms",
        low=COMMAND_SPACING_MS,
        high=5000,
    )
    timeout_ms: int = option(
        500,
        "without an answer for this long, the scale is not ready",
        unit="ms",
        low=250,
        high=5000,
    )


class Toledo8217Scale(SerialScale):
    Options: ClassVar[type] = Toledo8217Options

    def __init__(self, role: str, options: Toledo8217Options) -> None:
        super().__init__(role, options, PROTOCOLS[options.unit])

    def _await_frame(self) -> None:
        """Ask for the echo of a word, as only an 8217 answers; the device is left as it was."""
        answer = self._exchange(ECHO, ECHO_ANSWER)
        if ECHO_ANSWER not in answer:
            said = answer.hex(" ") or "nothing"
            raise DeviceUnavailable(f"{self._port.path}: no 8217 echo; it said {said}")
        self._exchange(ECHO_END, ECHO_END_ANSWER)

    def _exchange(self, command: bytes, answer: bytes) -> bytes:
        """What is heard up to `answer` or its time-out, and until the next command may follow."""
        self._send(command)
        heard = self._listen(self._options.timeout_ms, until=answer)
        return heard + self._listen(COMMAND_SPACING_MS)

    def _listen(self, for_ms: int, *, until: bytes | None = None) -> bytes:
        deadline_ns = time.monotonic_ns() + for_ms * 1_000_000
        heard = b""
        while (left_ns := deadline_ns - time.monotonic_ns()) > 0:
            heard += without_parity(self._port.read(wait_ms(left_ns)))
            if until is not None and until in heard:
                break
        return heard

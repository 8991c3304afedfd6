"""Scanner and scale on one cable: labels and weights as short messages. No I/O, no clock.

    S08A060992011187        a label: UPC-A, its number system and check digit included
    S14                     host: how does the scale stand?
    S144 01234              stable, five digits are grams, four are hundredths of a pound
    S140 S141 S142 S143 S145    not ready, in motion, over capacity, at zero, under zero
    S11 01234               the answer to S11: sent when a weight is stable
    S334                    host: sound the beeper

Datalogic sets messages apart with the letter S and a carriage return, NCR with STX and ETX, where a
check character may follow: the exclusive or of all characters after STX.

Sources: Datalogic knowledge base KA-01089 (S11, S14, digits by unit); Magellan 9800i reference,
appendix "Datalogic Handheld Data Format Requirements" (label identifiers and lengths); CORE-POS,
SPH_Magellan_Scale.cs and SPH_NCR_Scale.cs (S08, S334, R, B1 to B3, NCR without S; 9600 7O1); NCR
7870 User's Guide, pages 7-42 (check character) and 5-47 (STX, ETX).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final, Literal

from drivers.base import DeviceEvent, ProtocolError, ScaleCondition
from drivers.line.placement import Placement, Status, Weight
from drivers.line.units import grams
from drivers.scanner.labels import LABEL_BYTES_MAX, scan_of


@dataclass(frozen=True, slots=True)
class Framing:
    start: bytes
    end: bytes


FRAMINGS: Final = {"magellan": Framing(b"S", b"\r"), "ncr": Framing(b"\x02", b"\x03")}

#: What a label begins with, and the AIM identifier it stands for; the exact length of its data
#: where there is one, because a character lost on the line must not make another good label.
_LABELS: Final = tuple(
    (re.compile(pattern, re.DOTALL), symbology)
    for pattern, symbology in (
        (rb"A(\d{12})", "]E0"),
        (rb"E(\d{8})", "]E0"),
        (rb"FF(\d{8})", "]E4"),
        (rb"F(\d{13})", "]E0"),
        (rb"R4(.+)", "]e0"),
        (rb"R(.+)", "]e0"),
        (rb"B1(.+)", "]A0"),
        (rb"B2(.+)", "]I0"),
        (rb"B3(.+)", "]C0"),
        (rb"QR(.+)", "]Q1"),
        (rb"(\].+)", ""),
    )
)

_FIXED: Final = (b"A", b"E", b"F", b"")  # what labels of a fixed length begin with

#: Digits of a weight and its decimals, by the unit that the scale is set to.
_WEIGHTS: Final = {"kg": (5, 3), "lb": (4, 2)}

_CONDITIONS: Final[dict[bytes, ScaleCondition]] = {
    b"140": "not_ready",
    b"141": "motion",
    b"142": "over_capacity",
    b"143": "zero",
    b"145": "under_zero",
}

_LABEL, _STABLE, _ASKED_STABLE = b"08", b"144", b"11"
_WEIGHTS_SENT = (_STABLE, _ASKED_STABLE)
ASK_STATE, BEEP = b"14", b"334"

_MESSAGE_BYTES_MAX = LABEL_BYTES_MAX + 8


def check_character(message: bytes) -> bytes:
    """NCR's BCC of a message: STX is left out, ETX is not."""
    return bytes([reduce(xor, message[1:], 0)])


def read_weight(digits: bytes, unit: str) -> Weight:
    """A weight as it is written, without a point. Raises ProtocolError."""
    width, decimals = _WEIGHTS[unit]
    if len(digits) != width or not digits.isdigit():
        raise ProtocolError(f"no weight in {unit}: {digits!r}")
    return Weight(grams(int(digits), decimals, unit), net=False)


def read_label(label: bytes) -> tuple[bytes, str]:
    """The data of a label and its AIM identifier; a label of another kind is left as it is.

    Raises ProtocolError for a label of a fixed length that has another.
    """
    for pattern, symbology in _LABELS:
        found = pattern.fullmatch(label)
        if found is not None:
            return found[1], symbology
    if label[:1] in _FIXED:
        raise ProtocolError(f"a label of a wrong length: {label!r}")
    return label, ""


class SingleCableDecoder:
    """One device's messages to `ScanData`, `StableWeight` and `ScaleState`, and what it is asked.

    The scale is asked how it stands every `poll_ms`; without an answer for `timeout_ms` it is not
    ready. Times are monotonic nanoseconds. Never raises.
    """

    def __init__(
        self,
        role: str,
        *,
        framing: str,
        unit: str,
        bcc: bool = False,
        division_g: int = 5,
        poll_ms: int = 200,
        timeout_ms: int = 1_000,
    ) -> None:
        self.protocol_errors = 0
        self._role = role
        self._framing = FRAMINGS[framing]
        self._unit = unit
        self._bcc = bcc
        self._placement = Placement(role, division_g=division_g)
        self._poll_ns, self._timeout_ns = poll_ms * 1_000_000, timeout_ms * 1_000_000
        self._buffer = bytearray()
        self._read_ns = 0
        self._waits = False  # for the answer to ASK_STATE
        self._due_ns = 0  # of that answer while it is awaited, else of the next question
        self._beeps = 0

    def beep(self, tone: Literal["good", "bad"]) -> None:
        """Let the next `due` sound the beeper: once, or three times for bad."""
        self._beeps = 1 if tone == "good" else 3

    def due(self, mono_ns: int) -> bytes:
        """What to send now."""
        sent = self._message(BEEP) * self._beeps
        self._beeps = 0
        if not self._waits and mono_ns >= self._due_ns:
            self._waits, self._due_ns = True, mono_ns + self._timeout_ns
            sent += self._message(ASK_STATE)
        return sent

    def next_timeout(self) -> int | None:
        """When to call `flush` and `due` if nothing comes before."""
        return self._due_ns

    def flush(self, mono_ns: int) -> list[DeviceEvent]:
        """Give up an answer that has not come in time."""
        if not self._waits or mono_ns < self._due_ns:
            return []
        remains = bytes(self._buffer)
        self._buffer.clear()
        self._answered(mono_ns)
        return self._placement.tell("garbled" if remains else "not_ready", remains, mono_ns)

    def disconnected(self) -> list[DeviceEvent]:
        """The device is gone: the label that it had begun, as lossy."""
        remains = bytes(self._buffer)
        self._buffer.clear()
        return self._broken_label(remains) if self._is_label(remains) else []

    def feed(self, data: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Take bytes that were read at `mono_ns`; return what they say."""
        self._read_ns = mono_ns
        events: list[DeviceEvent] = []
        for byte in data:
            self._buffer.append(byte)
            if self._is_whole():
                events += self._hear(self._from_last_start())
                self._buffer.clear()
        return events

    def _is_whole(self) -> bool:
        if len(self._buffer) > _MESSAGE_BYTES_MAX:
            return True
        end = self._framing.end
        return self._buffer[-2:-1] == end if self._bcc else self._buffer.endswith(end)

    def _from_last_start(self) -> bytes:
        """The message, without the remains of one that lost its end.

        Only a control character can be told from what stands in labels.
        """
        start = self._framing.start
        last = self._buffer.rfind(start, 0, len(self._buffer) - self._bcc)
        return bytes(self._buffer[max(last, 0) :] if start < b" " else self._buffer)

    def _hear(self, message: bytes) -> list[DeviceEvent]:
        try:
            return self._read(self._unframed(message), message)
        except ProtocolError:
            self.protocol_errors += 1
            if self._is_label(message):
                return self._broken_label(message)
            self._answered(self._read_ns + self._poll_ns)
            return self._placement.tell("garbled", message, self._read_ns)

    def _unframed(self, message: bytes) -> bytes:
        """What stands between start and end. Raises ProtocolError if the frame is not whole."""
        framing = self._framing
        framed = message[:-1] if self._bcc else message
        is_checked = not self._bcc or message[-1:] == check_character(framed)
        if not (is_checked and framed.startswith(framing.start) and framed.endswith(framing.end)):
            raise ProtocolError(f"no message: {message!r}")
        return framed.removeprefix(framing.start).removesuffix(framing.end)

    def _read(self, body: bytes, raw: bytes) -> list[DeviceEvent]:
        if body.startswith(_LABEL):
            label, symbology = read_label(body.removeprefix(_LABEL))
            lossy = b"\0" in label  # a character with a parity error
            return [scan_of(label, self._role, self._read_ns, symbology=symbology, lossy=lossy)]
        reading: Status | Weight
        if body in _CONDITIONS:
            reading = Status(_CONDITIONS[body])
        elif body.startswith(_WEIGHTS_SENT):
            number = _STABLE if body.startswith(_STABLE) else _ASKED_STABLE
            reading = read_weight(body.removeprefix(number), self._unit)
        else:
            raise ProtocolError(f"no message: {body!r}")
        self._answered(self._read_ns + self._poll_ns)
        return self._placement.hear(reading, raw, self._read_ns)

    def _is_label(self, message: bytes) -> bool:
        return message.removeprefix(self._framing.start).startswith(_LABEL)

    def _broken_label(self, message: bytes) -> list[DeviceEvent]:
        label = message.removeprefix(self._framing.start).removeprefix(_LABEL)
        return [scan_of(label, self._role, self._read_ns, lossy=True)]

    def _answered(self, next_ns: int) -> None:
        if self._waits:
            self._waits, self._due_ns = False, next_ns

    def _message(self, body: bytes) -> bytes:
        message = self._framing.start + body + self._framing.end
        return message + check_character(message) if self._bcc else message

"""What an ESC/POS printer says about itself: real-time status, automatic status back. No I/O.

Source of all bits: Epson ESC/POS reference, `DLE EOT`, `GS r` and `GS a`, as restated by the
emupos emulator's `status.py`; the drawer bit after Citizen's CT/iDP manuals (see `Condition`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from drivers.base import ProtocolError

#: `DLE EOT n`: printer, offline cause, error cause, paper. Answered at once, also while offline;
#: inside a command it would be taken as data.
QUERIES: Mapping[int, bytes] = {n: bytes([0x10, 0x04, n]) for n in (1, 2, 3, 4)}

#: `GS r 1`: answered in turn, so only after everything before it has been carried out; not
#: answered at all while the printer is offline.
IN_TURN_QUERY = b"\x1dr\x01"

#: `GS a n`: say by itself what changes of drawer (1), online (2), error (4), paper (8); answered at
#: once by the state as it is. In force until the next `ESC @`.
TELL_CHANGES = b"\x1da\x0f"

#: The order in which problems are named: causes before consequences.
_PROBLEMS = ("paper_out", "cover_open", "error", "offline", "silent")
_WARNINGS = ("paper_near_end",)


@dataclass(frozen=True, slots=True)
class Condition:
    """One look at the printer. `drawer_high` is the level of pin 3 of the drawer connector: what it
    means depends on the drawer's switch, and with no drawer connected it is always high."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    drawer_high: bool | None = None


SILENT = Condition(problems=("silent",))


@dataclass(frozen=True, slots=True)
class RealTime:
    """An answer to `DLE EOT n`; which n, only the one who asked knows."""

    byte: int


@dataclass(frozen=True, slots=True)
class InTurn:
    """An answer to `GS r 1`."""

    byte: int


@dataclass(frozen=True, slots=True)
class Unasked:
    """An automatic status back: printers can be set to send it by themselves."""

    condition: Condition


Answer: TypeAlias = RealTime | InTurn | Unasked

# (mask, what it says) by n. Bits that are left out: feed button, waiting for recovery.
_REAL_TIME: Mapping[int, tuple[tuple[int, str], ...]] = {
    1: ((0x04, "drawer_high"), (0x08, "offline")),
    2: ((0x04, "cover_open"), (0x20, "paper_out"), (0x40, "error")),
    3: ((0x04, "error"), (0x08, "error"), (0x20, "error"), (0x40, "error")),
    4: ((0x0C, "paper_near_end"), (0x60, "paper_out")),
}
_UNASKED: tuple[tuple[tuple[int, str], ...], ...] = (
    ((0x04, "drawer_high"), (0x08, "offline"), (0x20, "cover_open")),
    ((0x04, "error"), (0x08, "error"), (0x20, "error"), (0x40, "error")),
    ((0x03, "paper_near_end"), (0x0C, "paper_out")),
    (),
)


def is_real_time(byte: int) -> bool:
    """Whether the byte can be an answer to `DLE EOT`: bits 1 and 4 set, 0 and 7 clear."""
    return byte & 0x93 == 0x12


def decode_real_time(answers: Mapping[int, int]) -> Condition:
    """The condition from n -> answer to `DLE EOT n`. Raises ProtocolError."""
    said: set[str] = set()
    for n, byte in answers.items():
        if not is_real_time(byte):
            raise ProtocolError(f"0x{byte:02x} is no answer to DLE EOT {n}")
        said |= _words(byte, _REAL_TIME[n])
    return _condition(said, drawer_known=1 in answers)


def decode_unasked(frame: bytes) -> Condition:
    """The condition from the four bytes of an automatic status back. Raises ProtocolError."""
    if len(frame) != 4 or frame[0] & 0x93 != 0x10 or any(byte & 0x90 for byte in frame[1:]):
        raise ProtocolError(f"{frame.hex(' ')} is no automatic status")
    said: set[str] = set()
    for byte, bits in zip(frame, _UNASKED, strict=True):
        said |= _words(byte, bits)
    return _condition(said, drawer_known=True)


def _words(byte: int, bits: tuple[tuple[int, str], ...]) -> set[str]:
    return {word for mask, word in bits if byte & mask}


def _condition(said: set[str], *, drawer_known: bool) -> Condition:
    return Condition(
        problems=tuple(word for word in _PROBLEMS if word in said),
        warnings=tuple(word for word in _WARNINGS if word in said),
        drawer_high="drawer_high" in said if drawer_known else None,
    )


class AnswerDecoder:
    """Tells the three kinds of answer apart in whatever bytes come from the printer.

    They are told apart by their fixed bits; XON, XOFF and garbage match none and are dropped.
    """

    def __init__(self) -> None:
        self._frame = b""  # the automatic status that is under way

    def feed(self, data: bytes) -> list[Answer]:
        return [answer for byte in data if (answer := self._take(byte)) is not None]

    def _take(self, byte: int) -> Answer | None:
        if self._frame and not byte & 0x90:
            return self._extend(byte)
        self._frame = b""
        if is_real_time(byte):
            return RealTime(byte)
        if byte & 0x93 == 0x10:
            self._frame = bytes([byte])
            return None
        return None if byte & 0x90 else InTurn(byte)

    def _extend(self, byte: int) -> Answer | None:
        self._frame += bytes([byte])
        if len(self._frame) < 4:
            return None
        condition, self._frame = decode_unasked(self._frame), b""
        return Unasked(condition)

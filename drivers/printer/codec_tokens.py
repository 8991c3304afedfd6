"""An ESC/POS byte stream cut into texts and commands, whoever made it. No I/O.

Needed by whatever reads a printer's side of the line: the simulator, and a tap between a POS and
its printer. Only lengths are known here, not meanings. Lengths after the Epson ESC/POS reference
and python-escpos' constants; a command that is not in the table is taken as two bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """`name` is "text", a control character such as "LF", or a command such as "GS v"."""

    name: str
    parameters: bytes  #: the bytes after the name; of a text, the text
    raw: bytes


#: A command that claims to be longer is damaged: waiting for its end would swallow the rest.
COMMAND_BYTES_MAX = 1 << 20

_LEADS: Mapping[int, str] = {0x10: "DLE", 0x1B: "ESC", 0x1C: "FS", 0x1D: "GS"}
_CONTROLS: Mapping[int, str] = {0x09: "HT", 0x0A: "LF", 0x0C: "FF", 0x0D: "CR", 0x18: "CAN"}
_DLE_NAMES: Mapping[int, str] = {0x04: "EOT", 0x05: "ENQ", 0x14: "DC4"}

# How many parameter bytes follow "lead character": one string of characters per count.
_COUNTS: Mapping[str, Mapping[int, str]] = {
    "ESC": {
        0: "@2iLmSv<\x0c",
        1: "!%-3=?AEGJKMRTUVadefrtu{ +",
        2: "$\\Bc",
        3: "p",
        8: "W",
    },
    "FS": {0: "&.", 1: "!-CW", 2: "pS"},
    "GS": {0: ":", 1: "!/BEHITabfhjrw|", 2: "$LPW\\", 4: "g"},
}
_FIXED: Mapping[str, int] = {
    f"{lead} {char}": count
    for lead, counts in _COUNTS.items()
    for count, chars in counts.items()
    for char in chars
} | {"DLE ENQ": 1}

# --- parameters of variable length: from the bytes after the name, how many; None if more bytes
# are needed to say so. ---------------------------------------------------------------------------


def _real_time_status(rest: bytes) -> int | None:  # n = 7 and 8 have a second parameter
    return None if not rest else 2 if rest[0] in (7, 8) else 1


def _real_time_request(rest: bytes) -> int | None:  # fn = 8 clears the buffers and has seven
    return None if not rest else 8 if rest[0] == 8 else 3


def _column_image(rest: bytes) -> int | None:  # m nL nH, then 1 or 3 bytes a column
    if len(rest) < 3:
        return None
    return 3 + int.from_bytes(rest[1:3], "little") * (3 if rest[0] >= 32 else 1)


def _until_nul(rest: bytes) -> int | None:
    return None if (end := rest.find(0)) < 0 else end + 1


def _function(rest: bytes) -> int | None:  # fn pL pH, then p bytes
    return None if len(rest) < 3 else 3 + int.from_bytes(rest[1:3], "little")


def _long_function(rest: bytes) -> int | None:  # fn p1 p2 p3 p4, then p bytes
    return None if len(rest) < 5 else 5 + int.from_bytes(rest[1:5], "little")


def _raster(rest: bytes) -> int | None:  # 0 m xL xH yL yH, then x times y bytes
    if len(rest) < 6:
        return None
    return 6 + int.from_bytes(rest[2:4], "little") * int.from_bytes(rest[4:6], "little")


def _stored_image(rest: bytes) -> int | None:  # x y, then x times y times 8 bytes
    return None if len(rest) < 2 else 2 + rest[0] * rest[1] * 8


def _cut(rest: bytes) -> int | None:  # functions B, C and D have a feed amount
    return None if not rest else 2 if rest[0] in b"ABahgi" else 1


def _barcode(rest: bytes) -> int | None:  # m <= 6 ends with NUL, m >= 65 has a length
    if len(rest) < 2:
        return None
    if rest[0] >= 65:
        return 2 + rest[1]
    return None if (end := _until_nul(rest[1:])) is None else 1 + end


_VARIABLE: Mapping[str, Callable[[bytes], int | None]] = {
    "DLE EOT": _real_time_status,
    "DLE DC4": _real_time_request,
    "ESC *": _column_image,
    "ESC D": _until_nul,
    "FS (": _function,
    "GS (": _function,
    "GS 8": _long_function,
    "GS *": _stored_image,
    "GS V": _cut,
    "GS k": _barcode,
    "GS v": _raster,
}


class Tokenizer:
    """Fed with bytes as they come; keeps the beginning of a command that is not complete yet."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending_bytes(self) -> int:
        """Bytes of a command that has begun but not ended; 0 at a command boundary."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Token]:
        self._buffer += data
        tokens = []
        while (token := _first(self._buffer)) is not None:
            tokens.append(token)
            self._buffer = self._buffer[len(token.raw) :]
        return tokens


def _first(buffer: bytes) -> Token | None:
    """The token that the buffer begins with, None if it is not complete."""
    if not buffer:
        return None
    lead = _LEADS.get(buffer[0])
    if lead is None:
        return _plain(buffer)
    if len(buffer) < 2:
        return None
    char = _DLE_NAMES.get(buffer[1], chr(buffer[1])) if lead == "DLE" else chr(buffer[1])
    name = f"{lead} {char}"
    count = _VARIABLE[name](buffer[2:]) if name in _VARIABLE else _FIXED.get(name, 0)
    if count is None:
        return None
    if count > COMMAND_BYTES_MAX:
        count = 0
    if len(buffer) < 2 + count:
        return None
    return Token(name, buffer[2 : 2 + count], buffer[: 2 + count])


def _plain(buffer: bytes) -> Token:
    if buffer[0] < 0x20:
        return Token(_CONTROLS.get(buffer[0], f"0x{buffer[0]:02x}"), b"", buffer[:1])
    end = next((i for i, byte in enumerate(buffer) if byte < 0x20), len(buffer))
    return Token("text", buffer[:end], buffer[:end])

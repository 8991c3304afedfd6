"""An ESC/POS byte stream cut into texts and commands, whoever made it. No I/O.

Needed by whatever reads a printer's side of the line: the simulator, and a tap between a POS and
its printer. Only lengths are known here, not meanings. Lengths after the Epson ESC/POS reference
and python-escpos' constants; a command that is not in the table is taken as two bytes.
"""

from __future__ import annotations

import re
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
#: So much of a command says how long it is: ESC D and GS k end with a NUL after 255 bytes at most.
_HEAD_BYTES = 260

_TEXT = re.compile(rb"[^\x00-\x1f]+")

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
    "FS": {0: "&.", 1: "!-CW", 2: "?pS", 74: "2"},
    "GS": {0: ":c", 1: "!/BEHITabfhjrw|", 2: "$LPW\\", 4: "g"},
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


def _real_time_request(rest: bytes) -> int | None:  # fn = 7 has one, fn = 8 seven parameters
    return None if not rest else {7: 2, 8: 8}.get(rest[0], 3)


def _column_image(rest: bytes) -> int | None:  # m nL nH, then 1 or 3 bytes a column
    if len(rest) < 3:
        return None
    return 3 + int.from_bytes(rest[1:3], "little") * (3 if rest[0] >= 32 else 1)


def _own_characters(rest: bytes) -> int | None:  # y c1 c2, then for each its width x and y x bytes
    if len(rest) < 3:
        return None
    count = 3
    for _ in range(rest[1], rest[2] + 1):
        if len(rest) <= count:
            return None
        count += 1 + rest[0] * rest[count]
    return count


def _logos(rest: bytes) -> int | None:  # n, then for each its size xL xH yL yH and 8 x y bytes
    if not rest:
        return None
    count = 1
    for _ in range(rest[0]):
        size = rest[count : count + 4]
        if len(size) < 4:
            return count if count > COMMAND_BYTES_MAX else None
        count += 4 + 8 * int.from_bytes(size[:2], "little") * int.from_bytes(size[2:], "little")
    return count


def _until_nul(rest: bytes) -> int | None:  # none where one must be: two bytes of something else
    end = rest.find(0)
    return end + 1 if end >= 0 else 0 if len(rest) > _HEAD_BYTES - 3 else None


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
    return None if (end := _until_nul(rest[1:])) is None else end and 1 + end


_VARIABLE: Mapping[str, Callable[[bytes], int | None]] = {
    "DLE EOT": _real_time_status,
    "DLE DC4": _real_time_request,
    "ESC &": _own_characters,
    "ESC (": _function,
    "ESC *": _column_image,
    "ESC D": _until_nul,
    "FS (": _function,
    "FS q": _logos,
    "GS (": _function,
    "GS 8": _long_function,
    "GS *": _stored_image,
    "GS Q": _raster,
    "GS V": _cut,
    "GS k": _barcode,
    "GS v": _raster,
}
_SPREAD = {"ESC &", "FS q"}  #: what says how long they are stands all over them


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
        tokens, start = [], 0
        while (token := _next(self._buffer, start)) is not None:
            tokens.append(token)
            start += len(token.raw)
        self._buffer = self._buffer[start:]
        return tokens


def _next(buffer: bytes, start: int) -> Token | None:
    """The token that begins there, None if it is not complete."""
    if start >= len(buffer):
        return None
    lead = _LEADS.get(buffer[start])
    if lead is None:
        return _plain(buffer, start)
    if len(buffer) < start + 2:
        return None
    char = chr(buffer[start + 1])
    if lead == "DLE":
        char = _DLE_NAMES.get(buffer[start + 1], char)
    name = f"{lead} {char}"
    count = _parameters(name, buffer, start + 2)
    if count is None or len(buffer) < start + 2 + count:
        return None
    end = start + 2 + count
    return Token(name, buffer[start + 2 : end], buffer[start:end])


def _parameters(name: str, buffer: bytes, start: int) -> int | None:
    """How many bytes follow the name, None if more must come to say so."""
    if name not in _VARIABLE:
        return _FIXED.get(name, 0)
    head = None if name in _SPREAD else start + _HEAD_BYTES
    count = _VARIABLE[name](buffer[start:head])
    return 0 if count is not None and count > COMMAND_BYTES_MAX else count


def _plain(buffer: bytes, start: int) -> Token:
    found = _TEXT.match(buffer, start)
    if found:
        return Token("text", found[0], found[0])
    name = _CONTROLS.get(buffer[start], f"0x{buffer[start]:02x}")
    return Token(name, b"", buffer[start : start + 1])

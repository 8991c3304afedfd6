"""Two lines of twenty characters to the bytes that a customer display shows them by. No I/O.

Sources: Partner Tech, CD5220 User's Manual, table 6-1 (the commands, and that in string mode all
but CLR and CAN are ignored); Posx, XP8200 User's Manual, 4.1.2 "EPSON Command Mode" and 4.1.8
"CD5220 Command Mode"; Epson, DM-D110 Specification, 5.4 (`ESC @`, `ESC t` 0 to 5 and 16 to 19). The
code pages have the numbers that they have on all of Epson's devices.

No manual at hand has Chinese characters: what a display lacks is left blank, not replaced, so that
an amount beside it still stands where it should.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import east_asian_width

COLUMNS: Final = 20
LINES: Final = 2

_ASCII: Final = "ascii"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between displays. `start` ends with an empty display, whatever it did before."""

    start: bytes
    show: Callable[[bytes, bytes], bytes]  #: both lines, each as long as the display is wide
    pages: Mapping[str, bytes]  #: code page -> the command that selects it


def _show_cd5220(upper: bytes, lower: bytes) -> bytes:
    return b"\x1bQA" + upper + b"\r\x1bQB" + lower + b"\r"  # ESC Q A, ESC Q B: string mode


def _show_escpos(upper: bytes, lower: bytes) -> bytes:
    return b"\x1f$\x01\x01" + upper + b"\x1f$\x01\x02" + lower  # US $: move the cursor


#: `ESC = 2`: speak to the display alone, although a printer may hang on the same line behind it.
_DISPLAY_ONLY: Final = b"\x1b=\x02"

DIALECTS: Final[Mapping[str, Dialect]] = {
    # CLR leaves string mode; ESC @; ESC _ 0: no cursor
    "cd5220": Dialect(b"\x0c\x1b@" + _DISPLAY_ONLY + b"\x1b_\x00", _show_cd5220, {_ASCII: b""}),
    # ESC @; US MD1: overwrite mode; US C 0: no cursor; CLR
    "escpos": Dialect(
        b"\x1b@" + _DISPLAY_ONLY + b"\x1f\x01\x1fC\x00\x0c",
        _show_escpos,
        {_ASCII: b""}
        | {
            page: b"\x1bt" + bytes([number])  # ESC t
            for page, number in {
                "cp437": 0,
                "cp850": 2,
                "cp860": 3,
                "cp863": 4,
                "cp865": 5,
                "cp1252": 16,
                "cp866": 17,
                "cp852": 18,
                "cp858": 19,
            }.items()
        },
    ),
}


def start(dialect: Dialect, page: str) -> bytes:
    """What brings the display to its senses: cleared, no cursor, the code page selected."""
    return dialect.start + dialect.pages[page]


def show(dialect: Dialect, page: str, lines: Sequence[str]) -> bytes:
    """The first two lines, cut or filled to the display's width. Missing lines are empty."""
    upper, lower = (fitted(line, page) for line in (*lines, "", "")[:LINES])
    return dialect.show(upper, lower)


def fitted(line: str, page: str) -> bytes:
    """One line as twenty bytes. What the page lacks is as many blanks as it is wide."""
    return b"".join(_shown(char, page) for char in line)[:COLUMNS].ljust(COLUMNS)


def _shown(char: str, page: str) -> bytes:
    if char.isprintable():
        try:
            return char.encode(page)
        except UnicodeEncodeError:
            return b"  " if east_asian_width(char) in {"W", "F"} else b" "
    return b" "  # a control character in a text must not become a command

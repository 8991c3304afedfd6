"""Text on the paper's grid: how many columns a character takes and where a line breaks. No I/O."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: How a character gets onto paper: from a code page of the printer, from its own GB 18030 font
#: (two columns wide), drawn dot by dot, or not at all.
Way: TypeAlias = Literal["page", "gb", "raster", "lost"]

#: Asked once per character; which ways exist depends on printer and configuration.
WayOf: TypeAlias = Callable[[str], Way]


@dataclass(frozen=True, slots=True)
class Glyph:
    char: str
    columns: int  #: 1 or 2
    way: Way


Line: TypeAlias = tuple[Glyph, ...]


@dataclass(frozen=True, slots=True)
class Style:
    bold: bool = False
    size: int = 1  #: 1, or 2 for twice as wide and high


SPACE = Glyph(" ", 1, "page")
_UNKNOWN = Glyph("?", 1, "page")
_NO_FONT_HAS = frozenset({"Cn", "Co", "Cs"})  # unassigned, private use, half a surrogate pair


def spell(text: str, way_of: WayOf) -> Line:
    """The glyphs of one line of text. A control character becomes a space, so that no text can
    give the printer a command; what no way can print becomes "?"."""
    spelled = (_glyph(char, way_of) for char in unicodedata.normalize("NFC", text))
    return tuple(glyph for glyph in spelled if glyph is not None)


def _glyph(char: str, way_of: WayOf) -> Glyph | None:
    category = unicodedata.category(char)
    if category == "Cf":  # joiners, direction marks, soft hyphens: no ink of their own
        return None
    if category == "Cc" or (category == "Zs" and char != "\u3000"):
        return SPACE
    way: Way = "lost" if category in _NO_FONT_HAS else way_of(char)
    if way == "lost":
        return None if category in {"Mn", "Me"} else _UNKNOWN
    return Glyph(char, _columns(char, way), way)


def _columns(char: str, way: Way) -> int:
    if way == "raster":
        return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
    return 2 if way == "gb" else 1


def width(line: Sequence[Glyph]) -> int:
    """Columns that a line takes."""
    return sum(glyph.columns for glyph in line)


def wrap(line: Line, columns: int) -> list[Line]:
    """The line in pieces of at most `columns` (>= 2), broken at a space or beside a wide glyph
    where there is one. A space at the break is dropped; nothing else is."""
    pieces: list[Line] = []
    while width(line) > columns:
        end = _break(line, columns)
        pieces.append(line[:end])
        line = line[end + (line[end].char == " ") :]
    return [*pieces, line]


def _break(line: Line, columns: int) -> int:
    """How many glyphs of a line wider than `columns` go on its first piece."""
    full = used = 0
    while (used := used + line[full].columns) <= columns:
        full += 1
    indent = next((i for i, glyph in enumerate(line) if glyph.char != " "), full)
    for end in range(full, indent, -1):
        before, after = line[end - 1], line[end]
        if after.char == " " or 2 in (before.columns, after.columns):
            return end
    return full


def pad(line: Line, align: str, columns: int) -> Line:
    """The line moved by spaces. Spaces rather than the printer's own alignment: text, drawn lines
    and rules then share one grid, also where the paper is wider than `columns`."""
    free = max(0, columns - width(line))
    return (SPACE,) * {"center": free // 2, "right": free}.get(align, 0) + line


def two_columns(left: Line, right: Line, columns: int) -> list[Line]:
    """`left` and, flush at the edge, `right`: on one line if there is room for a space between
    them, else on lines of their own. Nothing is cut off."""
    lines = wrap(left, columns)
    last, *more = wrap(right, columns)
    free = columns - width(lines[-1]) - width(last)
    if last and free >= 1:
        lines[-1] += (SPACE,) * free + last
    elif last:
        lines.append(pad(last, "right", columns))
    return lines + [pad(line, "right", columns) for line in more]

"""Print blocks (`drivers.base.PrintBlock`) to ESC/POS bytes. Builds, never sends. No I/O.

The bytes come from python-escpos' `Dummy` printer, but for four places where that library (3.1)
does not serve a lane: it sends a whole line as GB 18030, without `FS &`, as soon as one character
is Chinese; `barcode` and `image` print remarks on standard output; `barcode` leaves the alignment
centred; an image wider than its profile knows raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from unicodedata import east_asian_width

from drivers.base import DeviceMisconfigured
from drivers.printer import raster
from drivers.printer.layout import Line, Style, Way, pad, spell, two_columns, wrap

if TYPE_CHECKING:
    from drivers.base import PrintBlock
    from drivers.printer.raster import Drawer

#: `FS &` and `FS .`: into and out of the two-byte Chinese mode (Epson ESC/POS, FS commands).
GB_ON, GB_OFF = b"\x1c&", b"\x1c."
_CENTRE, _LEFT = b"\x1ba\x01", b"\x1ba\x00"
_LF = b"\n"

#: Tried before the other pages of a profile: nearly all printers have these, with the same glyphs.
#: Left alone, the library would look for € on the Greek page, where older printers have none.
_COMMON_PAGES = ("CP437", "CP1252", "CP866", "CP852", "CP858")

#: Bytes a QR code holds in byte mode at error correction M, and its modules a side
#: (ISO/IEC 18004, table 7: versions 3, 6, 10, 15, 20, 30, 40).
_QR_SIDES = ((42, 29), (106, 41), (213, 57), (412, 77), (666, 97), (1370, 137), (2331, 177))
_QR_QUIET_MODULES = 8
_QR_LEVEL_M = 1  #: as python-escpos counts them
_QR_MODULE_DOTS_MAX = 6


#: Chinese from the printer's own font, drawn, or not at all.
Cjk: TypeAlias = Literal["gb18030", "raster", "none"]


@dataclass(frozen=True, slots=True)
class Paper:
    """What the codec must know of a printer."""

    columns: int = 48  #: of font A: 32 on 58 mm paper, 42 or 48 on 80 mm paper
    cjk: Cjk = "gb18030"
    profile: str = "default"  #: python-escpos' name of the model, for code pages and cutter
    code_page: str = ""  #: the only code page to use, such as "CP437"; "" for all of the profile
    drawer_pin: int = 2  #: 2 or 5
    logo: int = 0  #: number of a stored logo; 0 for none
    logo_key: str = ""  #: two characters that name a stored logo; "" for none


@dataclass(frozen=True, slots=True)
class Document:
    """A job's bytes, in pieces that each end where the printer may be asked for its status."""

    pieces: tuple[bytes, ...]
    warnings: tuple[str, ...]  #: why something is on paper otherwise than asked, in English


def encode(blocks: Iterable[PrintBlock], paper: Paper, drawer: Drawer | None) -> Document:
    """The document of one job, beginning with `ESC @`.

    Without a drawer, characters that the printer's fonts lack become "?". No block raises; one that
    cannot be printed is printed as text, or left out with a warning. Raises DeviceMisconfigured if
    python-escpos knows no such profile or code page.
    """
    pen = _Pen(paper, drawer)
    blocks = tuple(blocks)
    pieces = [_start(pen)]
    if any(block.get("cut") for block in blocks):  # a receipt, not a drawer that is to be opened
        pieces += _logo(pen)
    for block in blocks:
        pieces += _block(pen, block)
    return Document(tuple(pieces), tuple(dict.fromkeys(pen.warnings)))


@dataclass(slots=True)
class _Pen:
    """One job in the making: the library's printer, whose output is taken piece by piece."""

    paper: Paper
    drawer: Drawer | None
    warnings: list[str] = field(default_factory=list)
    printer: Any = field(init=False)

    def __post_init__(self) -> None:
        from escpos.printer import Dummy

        try:
            self.printer = Dummy(profile=self.paper.profile)
            self.printer.magic.encoder.used_encodings.update(_COMMON_PAGES)
            if self.paper.code_page:
                self.printer.charcode(self.paper.code_page)
        except (KeyError, ValueError) as error:
            raise DeviceMisconfigured(f"python-escpos: {error}") from error

    def take(self) -> bytes:
        """What the library has written since the last time."""
        data: bytes = self.printer.output
        self.printer.clear()
        return data

    def way_of(self, char: str) -> Way:
        """The best way to print a character on this paper."""
        if self._on_page(char):
            return "page"
        if self.paper.cjk == "gb18030" and _in_gb(char):
            return "gb"
        if self.paper.cjk != "none" and self.drawer is not None and self.drawer.has(char):
            return "raster"
        why = "cjk is none" if self.paper.cjk == "none" else "no installed font has them"
        self.warnings.append(f"characters that the printer lacks are printed as ?: {why}")
        return "lost"

    def _on_page(self, char: str) -> bool:
        encoder = self.printer.magic.encoder
        if self.paper.code_page:
            fixed: bool = encoder.can_encode(self.paper.code_page, char)
            return fixed
        if ord(char) < 128 or east_asian_width(char) in {"W", "F"}:  # no page has wide ones
            return ord(char) < 128
        return encoder.find_suitable_encoding(char) is not None


def _in_gb(char: str) -> bool:
    """Whether printers with GB 18030 fonts have the character: those have the two-byte part."""
    return len(char.encode("gb18030")) == 2


def _start(pen: _Pen) -> bytes:
    # Chinese models wake up in two-byte mode, where an é of a code page would eat its neighbour.
    page = pen.take()
    pen.printer.hw("INIT")
    return pen.take() + (GB_OFF if pen.paper.cjk == "gb18030" else b"") + page


def _logo(pen: _Pen) -> Iterator[bytes]:
    """A logo out of the printer's own memory, where the maker's tool has put it.

    Epson, TM-T88III Specification: `FS p n m`, m 0 for its own size; TM-L90 Specification, p. 159:
    `GS ( L`, function 69, not enlarged.
    """
    key = pen.paper.logo_key.encode("ascii", "replace")
    if pen.paper.logo:
        yield _CENTRE + b"\x1cp" + bytes([pen.paper.logo, 0]) + _LEFT
    elif len(key) == 2:
        yield _CENTRE + b"\x1d(L\x06\x000E" + key + b"\x01\x01" + _LEFT
    elif key:
        pen.warnings.append("logo_key has not two characters: no logo is printed")


def _block(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    for key, write in _WRITERS.items():
        if key in block:
            yield from write(pen, block)
            return
    pen.warnings.append(f"unknown block left out: {', '.join(map(str, block)) or 'empty'}")


def _text(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    style = _style(block)
    columns = pen.paper.columns // style.size
    for paragraph in str(block["text"]).splitlines() or [""]:
        for line in wrap(spell(paragraph, pen.way_of), columns):
            yield _line(pen, pad(line, str(block.get("align")), columns), style)


def _two_columns(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    left, right = (
        spell(" ".join(str(block.get(side, "")).splitlines()), pen.way_of)
        for side in ("left", "right")
    )
    style = _style(block)
    for line in two_columns(left, right, pen.paper.columns // style.size):
        yield _line(pen, line, style)


def _rule(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    glyphs = spell(str(block["rule"])[:1] or "-", pen.way_of) or spell("-", pen.way_of)
    yield _line(pen, glyphs[:1] * (pen.paper.columns // glyphs[0].columns), Style())


def _style(block: PrintBlock) -> Style:
    return Style(bold=block.get("bold") is True, size=2 if block.get("size") == 2 else 1)


def _line(pen: _Pen, line: Line, style: Style) -> bytes:
    if pen.drawer is not None and any(glyph.way == "raster" for glyph in line):
        return pen.drawer.draw(line, pen.paper.columns, style)
    return _styled(pen, style, on=True) + _runs(pen, line) + _styled(pen, style, on=False) + _LF


def _styled(pen: _Pen, style: Style, *, on: bool) -> bytes:
    """`ESC E` and `GS !`, only where they change something."""
    if style.bold:
        pen.printer.set(bold=on)
    if style.size != 1:
        size = style.size if on else 1
        pen.printer.set(custom_size=True, width=size, height=size)
    return pen.take()


def _runs(pen: _Pen, line: Line) -> bytes:
    """Runs of Chinese between `FS &` and `FS .`, the rest by the library's code pages."""
    data = b""
    for is_gb, glyphs in groupby(line, lambda glyph: glyph.way == "gb"):
        run = "".join(glyph.char for glyph in glyphs)
        if is_gb:
            data += GB_ON + run.encode("gb18030") + GB_OFF
        else:
            pen.printer.text(run)
            data += pen.take()
    return data


def _barcode(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    """An EAN-13 or EAN-8 if it is one, else a Code 128."""
    content = str(block["barcode"])
    kind, data, modules = _ean(content) or _code_128(content)
    module_dots = min(3, pen.paper.columns * raster.COLUMN_DOTS // modules)
    if not data or module_dots < 2 or not pen.printer.profile.supports("barcodeB"):
        yield from _instead(pen, "barcode", content)
        return
    setup = b"\x1dh\x50" + b"\x1dw" + bytes([module_dots]) + b"\x1df\x00" + b"\x1dH\x02"
    yield _CENTRE + setup + b"\x1dk" + bytes([kind, len(data)]) + data + _LEFT


#: By digits: m of `GS k`, and modules with quiet zones (Epson ESC/POS reference; GS1 General
#: Specifications, 5.2.1: 95 and 11 + 7, 67 and 7 + 7).
_EAN: Mapping[int, tuple[int, int]] = {13: (67, 113), 8: (68, 81)}


def _ean(content: str) -> tuple[int, bytes, int] | None:
    """m, data and modules of an EAN; None if it has not the digits of one, the last one right."""
    if not content.isascii() or not content.isdigit() or len(content) not in _EAN:
        return None
    weighed = (int(digit) * (3 if n % 2 else 1) for n, digit in enumerate(reversed(content)))
    if sum(weighed) % 10:
        return None
    kind, modules = _EAN[len(content)]
    return kind, content.encode("ascii"), modules


def _code_128(content: str) -> tuple[int, bytes, int]:
    """m, data and modules: pairs of digits in set C, else ASCII in set B, else no data."""
    symbols = b""
    if content.isascii() and content.isdigit() and len(content) % 2 == 0:
        symbols = b"{C" + bytes(int(content[i : i + 2]) for i in range(0, len(content), 2))
    elif content.isascii() and content.isprintable() and content:
        symbols = b"{B" + content.replace("{", "{{").encode("ascii")
    # 11 modules a symbol, and start, check and stop symbols and quiet zones (ISO/IEC 15417).
    return 73, symbols, 11 * (len(symbols) - 2) + 35 + 20


def _qr(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    text = str(block["qr"])
    content = text.encode("utf-8", "replace")
    side = next((side for room, side in _QR_SIDES if len(content) <= room), 0)
    if not content or not side:
        yield from _instead(pen, "QR code", text)
        return
    dots = pen.paper.columns * raster.COLUMN_DOTS
    module_dots = min(_QR_MODULE_DOTS_MAX, dots // (side + _QR_QUIET_MODULES))
    if pen.printer.profile.supports("qrCode"):
        pen.printer.qr(content.decode(), native=True, ec=_QR_LEVEL_M, size=module_dots)
        yield _CENTRE + pen.take() + _LEFT
    else:
        yield raster.qr_command(content, module_dots, pen.paper.columns)


def _instead(pen: _Pen, what: str, content: str) -> Iterator[bytes]:
    pen.warnings.append(f"{what} does not fit the printer or its alphabet: printed as text")
    return _text(pen, {"text": content, "align": "center"})


def _feed(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    lines = block["feed"]
    pen.printer.print_and_feed(max(0, min(255, lines)) if isinstance(lines, int) else 1)
    yield pen.take()


def _kick(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    if block["kick"]:
        pen.printer.cashdraw(pen.paper.drawer_pin)
        yield pen.take()


def _cut(pen: _Pen, block: PrintBlock) -> Iterator[bytes]:
    if block["cut"]:
        pen.printer.cut()
        yield pen.take()


_WRITERS: Mapping[str, Callable[[_Pen, PrintBlock], Iterator[bytes]]] = {
    "text": _text,
    "left": _two_columns,
    "right": _two_columns,
    "rule": _rule,
    "barcode": _barcode,
    "qr": _qr,
    "feed": _feed,
    "kick": _kick,
    "cut": _cut,
}

"""What a printer would put on paper, as lines of text, cut into receipts. No I/O.

Takes the tokens of an ESC/POS stream (or of plain text: LF and FF are tokens too) and keeps what
matters for reading: code pages, the two-byte mode, where lines end, how often the paper was cut and
the drawer opened, how many images were printed. A receipt ends

- where the paper is cut (`GS V`, `ESC i`, `ESC m`) or a page is ejected (FF);
- where the drawer was opened and nothing was printed for a while after it: printers without a
  cutter. A drawer that opens in the middle of a receipt ends nothing;
- where the POS hangs up, and, for streams that are told so, after a while of silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from agent.totals.codec_pages import PAGES, decoded

#: No printer has so many columns; a longer line is damage, and its end is dropped.
LINE_CHARS_MAX = 200
#: More than any receipt: what is printed beyond is forwarded but not read.
LINES_MAX = 4_000
#: Kept of a receipt that cannot be read, so that a rule can be made from it.
RAW_BYTES_MAX = 256 * 1024
#: Longer commands are images and fonts: counted, not kept.
_COMMAND_BYTES_MAX = 512

EndedBy: TypeAlias = Literal["cut", "kick", "closed", "quiet"]


class Token(Protocol):
    """A piece of a printer's stream: `drivers.printer.codec_tokens` cuts it so."""

    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> bytes: ...
    @property
    def raw(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Characters:
    """How a stream spells its text until it says otherwise."""

    page: str = "cp437"  #: of `agent.totals.codec_pages.PAGE_NAMES`
    double_byte: str = "none"  #: if not "none", the printer wakes up in its two-byte mode


@dataclass(frozen=True, slots=True)
class Receipt:
    """What lies between two cuts."""

    lines: tuple[str, ...]  #: without those that are empty; codes as "[barcode] …", "[qr] …"
    images: int
    kicks: int  #: how often the drawer was opened
    ended_by: EndedBy
    raw: bytes  #: its bytes without images, at most RAW_BYTES_MAX
    is_gapped: bool  #: copies of its bytes were dropped: lines are missing


@dataclass(slots=True)
class _Draft:
    """The receipt in the making."""

    lines: list[str] = field(default_factory=list)
    images: int = 0
    kicks: int = 0
    raw: bytearray = field(default_factory=bytearray)
    is_gapped: bool = False
    kicked_last: bool = False  #: nothing was printed since the drawer was opened


_IMAGES = {"GS v", "GS *", "ESC *", "GS 8", "GS Q"}
_CUTS = {"GS V", "ESC i", "ESC m", "FF"}
_LINE_ENDS = {"LF", "ESC d", "ESC J"}
_TEXT_IMAGE = b"p"  # GS ( L, fn 112: store a raster image to be printed


class Paper:
    """One stream's paper. `ends_when_quiet`: silence alone ends a receipt (a serial journal)."""

    def __init__(self, characters: Characters, *, ends_when_quiet: bool = False) -> None:
        self._characters = characters
        self._ends_when_quiet = ends_when_quiet
        self._draft = _Draft()
        self._line: list[tuple[str, int, bytes]] = []  # encoding, country, bytes
        self._page = characters.page
        self._double = characters.double_byte != "none"
        self._country = 0
        self._code = ""  # what a QR code is to hold

    def take(self, tokens: Iterable[Token]) -> list[Receipt]:
        """Print tokens; the receipts that ended with them."""
        finished = []
        for token in tokens:
            self._keep(token)
            if token.name in _CUTS:
                self._end_line()
                finished += self._end("cut")
            else:
                self._print(token)
        return finished

    def gap(self) -> None:
        """Bytes are missing here."""
        self._line.clear()
        self._draft.is_gapped = True

    def quiet(self) -> list[Receipt]:
        """Nothing has come for a while."""
        if self._draft.kicked_last:
            self._end_line()
            return self._end("kick")
        if self._ends_when_quiet:
            self._end_line()
            return self._end("quiet")
        return []

    def closed(self) -> list[Receipt]:
        """The POS hung up."""
        self._end_line()
        return self._end("closed")

    def _keep(self, token: Token) -> None:
        draft = self._draft
        short = token.name == "text" or len(token.raw) <= _COMMAND_BYTES_MAX
        if short and len(draft.raw) + len(token.raw) <= RAW_BYTES_MAX:
            draft.raw += token.raw

    def _print(self, token: Token) -> None:
        draft = self._draft
        name, rest = token.name, token.parameters
        if name == "text":
            draft.kicked_last = False
            self._line.append((self._encoding(), self._country, rest))
        elif name in _LINE_ENDS:
            self._end_line()
        elif name in {"HT", "ESC $", "ESC \\"}:  # to another column
            self._line.append(("ascii", 0, b"  "))
        elif name in _IMAGES or (name == "GS (" and rest[:1] == b"L" and rest[4:5] == _TEXT_IMAGE):
            draft.images += 1
        elif name == "ESC p" or (name == "DLE DC4" and rest[:1] == b"\x01"):
            draft.kicks += 1
            draft.kicked_last = bool(draft.lines or draft.images)
        elif name in {"GS k", "GS ("}:
            self._symbol(name, rest)
        else:
            self._switch(name, rest)

    def _switch(self, name: str, rest: bytes) -> None:
        """Commands that change how the following bytes are read."""
        match name, rest[:1]:
            case "ESC @", _:
                self._line.clear()  # what was not printed yet never is
                self._page, self._country = self._characters.page, 0
                self._double = self._characters.double_byte != "none"
            case "ESC t", number:
                self._page = PAGES.get(number[0], self._characters.page)
            case "ESC R", number:
                self._country = number[0]
            case "FS &", _:
                self._double = True
            case "FS .", _:
                self._double = False
            case "FS (", b"C" if rest[3:4] == b"0":  # fn 48: one-byte pages, or UTF-8
                self._page = "utf-8" if rest[4:5] in {b"\x02", b"2"} else self._characters.page

    def _encoding(self) -> str:
        if not self._double or self._page == "utf-8":
            return self._page
        double = self._characters.double_byte
        return "gb18030" if double == "none" else double  # FS & on a printer nobody told us of

    def _symbol(self, name: str, rest: bytes) -> None:
        """Receipt numbers often stand in a code only."""
        if name == "GS k":
            data = rest[2:] if rest[:1] >= b"A" else rest[1:-1]  # with its length, or up to a NUL
            words = data.removeprefix(b"{A").removeprefix(b"{B")
            self._end_line()
            self._add_line(f"[barcode] {words.decode('ascii', 'replace')}")
        elif rest[:1] == b"k" and rest[3:5] == b"1P":  # QR, fn 80: store
            self._code = rest[6:].decode("utf-8", "replace")
        elif rest[:1] == b"k" and rest[3:5] == b"1Q":  # QR, fn 81: print
            self._end_line()
            self._add_line(f"[qr] {self._code}")

    def _end_line(self) -> None:
        """A character may lie in two tokens: bytes of one encoding are decoded together."""
        text, pending, before = "", b"", ("ascii", 0)
        for encoding, country, data in self._line:
            if (encoding, country) != before:
                text += decoded(pending, *before)
                pending, before = b"", (encoding, country)
            pending += data
        self._line.clear()
        self._add_line(text + decoded(pending, *before))

    def _add_line(self, text: str) -> None:
        line = text.rstrip()[:LINE_CHARS_MAX]
        if line and len(self._draft.lines) < LINES_MAX:
            self._draft.lines.append(line)

    def _end(self, ended_by: EndedBy) -> list[Receipt]:
        """The receipt, unless nothing was printed: then only the counts go on."""
        draft = self._draft
        if not (draft.lines or draft.images or draft.is_gapped):
            return []
        self._draft = _Draft()
        return [
            Receipt(
                tuple(draft.lines),
                draft.images,
                draft.kicks,
                ended_by,
                bytes(draft.raw),
                draft.is_gapped,
            )
        ]

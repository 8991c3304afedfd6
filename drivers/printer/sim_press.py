"""The simulator's printing half: what each ESC/POS command leaves on paper."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drivers.printer.codec_tokens import Token

#: Code page numbers of Epson's TM series (`ESC t n`), as far as Python knows the page.
CODE_PAGES: Mapping[int, str] = {
    0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 13: "cp857", 14: "cp737",
    15: "iso8859_7", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858", 21: "cp874", 32: "cp720",
    33: "cp775", 34: "cp855", 35: "cp861", 36: "cp862", 37: "cp864", 38: "cp869", 39: "iso8859_2",
    40: "iso8859_15", 44: "cp1125", 45: "cp1250", 46: "cp1251", 47: "cp1253", 48: "cp1254",
    49: "cp1255", 50: "cp1256", 51: "cp1257", 52: "cp1258", 53: "kz1048",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RasterImage:
    """One `GS v 0`: rows of `width_dots / 8` bytes, a set bit is ink."""

    width_dots: int
    height_dots: int
    rows: bytes


@dataclass(slots=True)
class Receipt:
    """What came out of the printer between two cuts."""

    lines: list[str] = field(default_factory=list)
    images: list[RasterImage] = field(default_factory=list)
    barcodes: list[str] = field(default_factory=list)
    qr_codes: list[str] = field(default_factory=list)
    logos: list[str] = field(default_factory=list)  #: numbers or keys, out of its own memory
    kicks: int = 0
    cut: bool = False
    raw: bytes = b""


@dataclass(slots=True)
class Press:
    """The state that commands change, and the paper in it."""

    paper: Receipt = field(default_factory=Receipt)
    finished: list[Receipt] = field(default_factory=list)
    code_page: str = "cp437"
    is_chinese: bool = False
    line: str = ""
    half_character: bytes = b""
    qr_content: str = ""
    lines_printed: int = 0

    def carry_out(self, token: Token) -> None:
        self.paper.raw += token.raw
        act = _ACTS.get(token.name)  # commands that only change the looks of text leave no trace
        if act is not None:
            act(self, token.parameters)


def _initialize(press: Press, _: bytes) -> None:
    press.code_page, press.is_chinese, press.line, press.half_character = "cp437", False, "", b""


def _text(press: Press, text: bytes) -> None:
    if not press.is_chinese:
        press.line += text.decode(press.code_page, "replace")
        return
    decoder = codecs.getincrementaldecoder("gb18030")("replace")
    press.line += decoder.decode(press.half_character + text)
    press.half_character = decoder.getstate()[0]


def _line_feed(press: Press, _: bytes) -> None:
    press.paper.lines.append(press.line)
    press.line = ""
    press.lines_printed += 1


def _feed_lines(press: Press, parameters: bytes) -> None:
    for _ in range(parameters[0]):
        _line_feed(press, b"")


def _select_code_page(press: Press, parameters: bytes) -> None:
    press.code_page = CODE_PAGES.get(parameters[0], "ascii")


def _chinese_on(press: Press, _: bytes) -> None:
    press.is_chinese = True


def _chinese_off(press: Press, _: bytes) -> None:
    press.is_chinese, press.half_character = False, b""


def _raster(press: Press, parameters: bytes) -> None:
    width_bytes = int.from_bytes(parameters[2:4], "little")
    height = int.from_bytes(parameters[4:6], "little")
    press.paper.images.append(RasterImage(width_bytes * 8, height, parameters[6:]))
    press.lines_printed += 1


def _barcode(press: Press, parameters: bytes) -> None:
    data = parameters[2:] if parameters[0] >= 65 else parameters[1:-1]
    if data.startswith(b"{C"):
        press.paper.barcodes.append("".join(f"{pair:02d}" for pair in data[2:]))
    else:
        text = data.removeprefix(b"{B").replace(b"{{", b"{")
        press.paper.barcodes.append(text.decode("ascii", "replace"))


def _stored_logo(press: Press, parameters: bytes) -> None:
    press.paper.logos.append(str(parameters[0]))
    press.lines_printed += 1


def _graphics(press: Press, parameters: bytes) -> None:
    """`GS ( L pL pH 48 69 kc1 kc2 x y` prints a stored logo by its key."""
    if parameters[:1] == b"L" and parameters[3:5] == b"0E":
        press.paper.logos.append(parameters[5:7].decode("ascii", "replace"))
        press.lines_printed += 1


def _long_command(press: Press, parameters: bytes) -> None:
    _graphics(press, parameters)
    _two_dimensional(press, parameters)


def _two_dimensional(press: Press, parameters: bytes) -> None:
    """`GS ( k pL pH cn fn …`: 80 stores a QR code's content, 81 prints it."""
    if parameters[:1] != b"k" or parameters[3:4] != b"1":
        return
    function = parameters[4]
    if function == 80:
        press.qr_content = parameters[6:].decode("utf-8", "replace")
    elif function == 81:
        press.paper.qr_codes.append(press.qr_content)


def _kick(press: Press, _: bytes) -> None:
    press.paper.kicks += 1


def _cut(press: Press, _: bytes) -> None:
    press.paper.cut = True
    press.finished.append(press.paper)
    press.paper = Receipt()


_ACTS: Mapping[str, Callable[[Press, bytes], None]] = {
    "text": _text,
    "LF": _line_feed,
    "ESC @": _initialize,
    "ESC t": _select_code_page,
    "ESC d": _feed_lines,
    "ESC p": _kick,
    "FS &": _chinese_on,
    "FS .": _chinese_off,
    "GS v": _raster,
    "GS k": _barcode,
    "GS (": _long_command,
    "FS p": _stored_logo,
    "GS V": _cut,
}

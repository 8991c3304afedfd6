"""The characters of receipts: code pages by their ESC/POS numbers, and decoding. No I/O.

Numbers of `ESC t` after the Epson ESC/POS reference, which most other makers follow for those that
they have. A page that Python has no table for is read as the stream's first page.
"""

from __future__ import annotations

from collections.abc import Mapping

#: `ESC t n`: Python's names of Epson's pages.
PAGES: Mapping[int, str] = {
    0: "cp437",
    2: "cp850",
    3: "cp860",
    4: "cp863",
    5: "cp865",
    13: "cp857",
    14: "cp737",
    15: "iso8859-7",
    16: "cp1252",
    17: "cp866",
    18: "cp852",
    19: "cp858",
    32: "cp720",
    33: "cp775",
    34: "cp855",
    35: "cp861",
    36: "cp862",
    37: "cp864",
    38: "cp869",
    39: "iso8859-2",
    40: "iso8859-15",
    44: "cp1125",
    45: "cp1250",
    46: "cp1251",
    47: "cp1253",
    48: "cp1254",
    49: "cp1255",
    50: "cp1256",
    51: "cp1257",
    52: "cp1258",
    53: "kz1048",
}
#: A stream's first page, before any `ESC t`: one of these, or UTF-8 where the printer is set to it.
PAGE_NAMES = (*PAGES.values(), "cp932", "utf-8")
DOUBLE_BYTE_NAMES = ("none", "gb18030", "big5", "shift_jis", "euc_kr")

#: `ESC R n`: what stands in place of an ASCII character (Epson ESC/POS reference, ESC R).
_COUNTRIES: Mapping[int, Mapping[int, str]] = {
    3: {ord("#"): "£"},
    8: {ord("\\"): "¥"},
    13: {ord("\\"): "₩"},
    15: {ord("$"): "¥"},
}


def decoded(data: bytes, encoding: str, country: int = 0) -> str:
    """The text of bytes; what the encoding does not know is "\N{REPLACEMENT CHARACTER}"."""
    text = data.decode(encoding, "replace")
    return text.translate(_COUNTRIES[country]) if country in _COUNTRIES else text


def decoded_file(data: bytes, double_byte: str, page: str) -> str:
    """The text of a file that names no encoding: UTF-8 if it can be, else as the POS's printer."""
    for encoding in ("utf-8-sig", double_byte):
        if encoding != "none":
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    return data.decode(page, "replace")

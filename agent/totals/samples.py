"""Receipts in a file: the bytes that a printer got, or plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from agent.totals.codec_pages import decoded_file
from agent.totals.codec_receipt import LINE_CHARS_MAX, Characters, Paper, Token


class Tokens(Protocol):
    """Cuts a stream: `drivers.printer.codec_tokens.Tokenizer`."""

    def feed(self, data: bytes) -> Iterable[Token]: ...


#: Nothing but commands of a printer begins with these: ESC, FS, GS, DLE.
_LEADS = (0x10, 0x1B, 0x1C, 0x1D)


def receipts_in(
    data: bytes, characters: Characters, new_tokens: Callable[[], Tokens]
) -> list[tuple[str, ...]]:
    """The lines of each receipt in a file; at least one, if it holds anything."""
    if any(lead in data for lead in _LEADS):
        paper = Paper(characters)
        receipts = [*paper.take(new_tokens().feed(data)), *paper.closed()]
        return [receipt.lines for receipt in receipts if receipt.lines]
    text = decoded_file(data, characters.double_byte, characters.page)
    pages = (page.splitlines() for page in text.split("\f"))
    return [
        tuple(line[:LINE_CHARS_MAX] for line in page) for page in pages if "".join(page).strip()
    ]

"""A customer display on a pseudo-terminal: what stands on its two lines.

Written from the manuals that `codec_line_display` names, and not from that file. It knows more
commands than our driver sends, ignores those that it does not know, and in the CD5220's string mode
everything but CLR and CAN, as the device does.
"""

from __future__ import annotations

import os
import re
import select
import threading
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_WIDTH, _HEIGHT = 20, 2
_WATCH_S = 0.02
_PAGES = {0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 16: "cp1252", 17: "cp866"}
_PAGES |= {18: "cp852", 19: "cp858"}


class VirtualDisplay:
    """`mode` is how its switches are set: "cd5220" or "escpos"."""

    def __init__(self, mode: str) -> None:
        self.is_cursor_on = True
        self.is_display_selected = True
        self.clears = 0
        self._commands = _COMMANDS[mode]
        self._string_mode = False
        self._page = "cp437"
        self._column = self._line = 0
        self._cells = [" "] * (_WIDTH * _HEIGHT)
        self._rest = b""

    @property
    def lines(self) -> tuple[str, str]:
        text = "".join(self._cells)
        return text[:_WIDTH], text[_WIDTH:]

    def feed(self, data: bytes) -> None:
        """Take bytes as they come."""
        self._rest += data
        while self._rest:
            matches = ((act, self._match(pattern)) for pattern, act in self._commands.items())
            act, found = next((pair for pair in matches if pair[1]), (VirtualDisplay.ignore, None))
            if found is None:
                return  # the beginning of a command: more must come
            self._rest = self._rest[found.end() :]
            act(self, found)

    def _match(self, pattern: bytes) -> re.Match[bytes] | None:
        return re.match(pattern, self._rest, re.DOTALL)

    # --- what commands do ---

    def clear(self, _: re.Match[bytes]) -> None:
        self.clears += 1
        self._string_mode = False
        self._cells = [" "] * (_WIDTH * _HEIGHT)
        self._column = self._line = 0

    def initialize(self, found: re.Match[bytes]) -> None:
        if not self._string_mode:
            self.is_cursor_on, self.is_display_selected, self._page = True, True, "cp437"
            self.clear(found)

    def string(self, found: re.Match[bytes]) -> None:
        self._string_mode = True
        self._put(0 if found[1] == b"A" else 1, 0, found[2].ljust(_WIDTH))

    def move(self, found: re.Match[bytes]) -> None:
        column, line = found[1][0], found[1][1]
        if not self._string_mode and 1 <= column <= _WIDTH and 1 <= line <= _HEIGHT:
            self._column, self._line = column - 1, line - 1

    def cursor(self, found: re.Match[bytes]) -> None:
        if not self._string_mode:
            self.is_cursor_on = found[1] == b"\x01"

    def select(self, found: re.Match[bytes]) -> None:
        if not self._string_mode:
            self.is_display_selected = bool(found[1][0] & 2)

    def page(self, found: re.Match[bytes]) -> None:
        self._page = _PAGES.get(found[1][0], self._page)

    def text(self, found: re.Match[bytes]) -> None:
        if not self._string_mode:
            self._put(self._line, self._column, found[0])
            place = (self._line * _WIDTH + self._column + len(found[0])) % (_WIDTH * _HEIGHT)
            self._line, self._column = divmod(place, _WIDTH)

    def ignore(self, _: re.Match[bytes]) -> None:
        """A command that this display does not have."""

    def _put(self, line: int, column: int, text: bytes) -> None:
        for offset, char in enumerate(text.decode(self._page, "replace")):
            self._cells[(line * _WIDTH + column + offset) % (_WIDTH * _HEIGHT)] = char


_Act = Callable[[VirtualDisplay, re.Match[bytes]], None]
_COMMON: Mapping[bytes, _Act] = {
    rb"\x0c": VirtualDisplay.clear,
    rb"\x1b@": VirtualDisplay.initialize,
    rb"\x1b=(.)": VirtualDisplay.select,
    rb"[\x20-\x7e\x80-\xff]+": VirtualDisplay.text,
}
_COMMANDS: Mapping[str, Mapping[bytes, _Act]] = {
    "cd5220": {
        **_COMMON,
        rb"\x1bQ([AB])([^\r]{0,20})\r": VirtualDisplay.string,
        rb"\x1bl(..)": VirtualDisplay.move,
        rb"\x1b_(.)": VirtualDisplay.cursor,
        rb"\x1b[*fc?%s].": VirtualDisplay.ignore,
        rb"\x1b(?![@=Ql_*fc?%s]).": VirtualDisplay.ignore,
        rb"\x1bQ(?![AB].{0,20}$|$)[^\r]*\r?": VirtualDisplay.ignore,
        rb"[\x00-\x0b\x0d-\x1a\x1c-\x1f\x7f]": VirtualDisplay.ignore,
    },
    "escpos": {
        **_COMMON,
        rb"\x1f\$(..)": VirtualDisplay.move,
        rb"\x1fC(.)": VirtualDisplay.cursor,
        rb"\x1bt(.)": VirtualDisplay.page,
        rb"\x1f[XEr.,;v].": VirtualDisplay.ignore,
        rb"\x1f(?![$CXEr.,;v]).": VirtualDisplay.ignore,
        rb"\x1b[R%?].": VirtualDisplay.ignore,
        rb"\x1b(?![@=tR%?]).": VirtualDisplay.ignore,
        rb"[\x00-\x0b\x0d-\x1a\x1c-\x1e\x7f]": VirtualDisplay.ignore,
    },
}


@contextmanager
def pty_display(display: VirtualDisplay, link: Path | None = None) -> Iterator[str]:
    """The display at the end of a pseudo-terminal: its path, or `link` that points there."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            if select.select([ours], [], [], _WATCH_S)[0]:
                with suppress(OSError):
                    display.feed(os.read(ours, 4096))

    thread = threading.Thread(target=listen, name="display-sim", daemon=True)
    thread.start()
    path = os.ttyname(theirs)
    if link is not None:
        link.symlink_to(path)
    try:
        yield str(link or path)
    finally:
        if link is not None:
            link.unlink()
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)

"""On which line of a TOML text each key stands. `tomllib` reads the values but keeps no lines.

The scanner walks the grammar of TOML 1.0 and decodes only keys. It is meant for text that `tomllib`
has accepted; on any other it ends too, with some lines or with ValueError.
"""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

#: Where a key stands in the tree: names, and 0-based numbers inside arrays.
Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}#\n]+")


def key_lines(text: str) -> dict[Path, int]:
    """The 1-based line of every table, array element of tables and key, by its path."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._elements: dict[Path, int] = {}  # arrays of tables: how many elements so far
        self.lines: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while True:
            start = self._at
            self._take(_BLANK)
            if self._next("[["):
                table = self._element(self._key())
                self._next("]]")
            elif self._next("["):
                table = self._resolve(self._key())
                self._next("]")
            else:
                self._pair(table)
            if self._at == start:
                return

    def _pair(self, table: Path) -> None:
        """key = value"""
        path = self._note(table, self._key())
        self._take(_SPACE)
        if self._next("="):
            self._take(_SPACE)
            self._value(path)

    def _value(self, path: Path) -> None:
        if self._next("["):
            self._items("]", path)
        elif self._next("{"):
            self._items("}", path)
        elif not self._take(_STRING):
            self._take(_BARE)

    def _items(self, end: str, path: Path) -> None:
        """The inside of an array or of an inline table, up to and with its closing bracket."""
        number = 0
        while True:
            self._take(_BLANK)
            start = self._at
            if self._next(end):
                return
            if end == "]":
                self._value(self._note(path, (number,)))
            else:
                self._pair(path)
            self._take(_BLANK)
            self._next(",")
            number += 1
            if self._at == start:
                return

    def _key(self) -> tuple[str, ...]:
        """A dotted key with its surrounding white space."""
        parts: list[str] = []
        while True:
            self._take(_SPACE)
            part = self._take(_KEY_PART)
            if not part:
                return tuple(parts)
            parts.append(tomllib.loads(f"k = {part}")["k"] if part[0] in "\"'" else part)
            self._take(_SPACE)
            if not self._next("."):
                return tuple(parts)

    def _resolve(self, key: tuple[str, ...]) -> Path:
        """A header's path: a name that is an array of tables means its last element."""
        path: Path = ()
        for name in key:
            path = self._note(path, (name,))
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
        return path

    def _element(self, key: tuple[str, ...]) -> Path:
        array = (*self._resolve(key[:-1]), *key[-1:])
        self.lines.setdefault(array, self._line)
        number = self._elements.get(array, 0)
        self._elements[array] = number + 1
        return self._note(array, (number,))

    def _note(self, path: Path, key: Path) -> Path:
        for name in key:
            path = (*path, name)
            self.lines.setdefault(path, self._line)
        return path

    def _next(self, token: str) -> bool:
        found = self._text.startswith(token, self._at)
        if found:
            self._at += len(token)
        return found

    def _take(self, pattern: re.Pattern[str]) -> str:
        """The text that the pattern matches here, "" if it does not."""
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        self._line += match.group().count("\n")
        return match.group()

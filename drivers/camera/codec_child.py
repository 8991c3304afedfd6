"""What the camera's child process says to the driver: one message a line. No I/O, no clock.

A line is eight hex digits (the CRC-32 of the rest), a blank, one JSON object, a newline. The object
has "say", the message's word, and the message's fields; scan data is hex. The sum is there because
native libraries print where they like: foreign text, even in the middle of a line, costs that line.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, TypeAlias

from drivers.base import ItemsCrossed, LabelSeen, ProtocolError

LINE_BYTES_MAX: Final = 8192
TEXT_MAX: Final = 500
SCAN_BYTES_MAX: Final = 3000  #: a QR code of version 40 holds 2953 (ISO/IEC 18004)
NUMBER_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Ready:
    """The first picture is there."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Alive:
    """Said every half second: pictures looked at, pictures left out, processor time used."""

    frames: int
    dropped: int
    cpu_ms: int


@dataclass(frozen=True, slots=True)
class Lost:
    """No pictures any more; the child waits until it is to begin again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """It can never work like this on this machine; the child ends."""

    reason: str


ChildMessage: TypeAlias = Ready | Alive | Lost | Unfit | LabelSeen | ItemsCrossed


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise ProtocolError("no text")
    return value


def _hex(value: object) -> bytes:
    if not isinstance(value, str) or not re.fullmatch("(?:[0-9a-f]{2})+", value):
        raise ProtocolError("no scan data")
    if len(value) > 2 * SCAN_BYTES_MAX:
        raise ProtocolError("too much scan data")
    return bytes.fromhex(value)


def _aim(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\][A-Za-z][0-9A-Za-z]", value):
        raise ProtocolError("no AIM identifier")
    return value


def _number(low: int, high: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ProtocolError("no such number")
        return value

    return check


_COUNT = _number(0, NUMBER_MAX)
_FIELDS: Final[Mapping[str, Callable[[object], Any]]] = {
    "width_px": _number(1, 16_384),
    "height_px": _number(1, 16_384),
    "frames": _COUNT,
    "dropped": _COUNT,
    "cpu_ms": _COUNT,
    "reason": _text,
    "scan_data": _hex,
    "symbology": _aim,
    "mono_ns": _COUNT,
    "count": _number(-1000, 1000),
    "confidence_pct": _number(0, 100),
}
_WORDS: Final[Mapping[str, type[Any]]] = {
    "ready": Ready,
    "alive": Alive,
    "lost": Lost,
    "unfit": Unfit,
    "label": LabelSeen,
    "crossed": ItemsCrossed,
}
_WORD_OF: Final = {kind: word for word, kind in _WORDS.items()}


def line(message: ChildMessage) -> bytes:
    """A message as the child writes it. The role stays out: the driver knows its own."""
    said = {"say": _WORD_OF[type(message)]} | {
        name: value.hex() if isinstance(value, bytes) else value
        for name in _names(type(message))
        for value in [getattr(message, name)]
    }
    body = json.dumps(said, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _names(kind: type[Any]) -> list[str]:
    return [field.name for field in fields(kind) if field.name != "role"]


class ChildCodec:
    """Bytes of the pipe in, messages out. `garbled` counts the lines that were none."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._rest = b""
        self.garbled = 0

    def feed(self, data: bytes) -> list[ChildMessage]:
        """All messages that are whole now, oldest first. Raises nothing."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            self._rest = b""
            self.garbled += 1
        messages = []
        for written in whole:
            try:
                messages.append(parse(self._role, written))
            except ProtocolError:
                self.garbled += 1
        return messages


def parse(role: str, written: bytes) -> ChildMessage:
    """One line without its newline. Raises ProtocolError."""
    sum_hex, _, body = written.partition(b" ")
    if len(written) > LINE_BYTES_MAX or sum_hex != b"%08x" % zlib.crc32(body):
        raise ProtocolError("the line's sum is wrong")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("no JSON") from error
    if not isinstance(said, dict):
        raise ProtocolError("no object")
    word = said.pop("say", None)
    kind = _WORDS.get(word) if isinstance(word, str) else None
    if kind is None or sorted(said) != sorted(_names(kind)):
        raise ProtocolError("no message")
    values = {name: _FIELDS[name](value) for name, value in said.items()}
    if kind in (LabelSeen, ItemsCrossed):
        values["role"] = role
    message: ChildMessage = kind(**values)
    return message

"""Linux `struct input_event`, as a character device under /dev/input sends it, to and from events.

Native: two longs (seconds, microseconds), u16 type, u16 code, s32 value; 24 bytes on a 64-bit
machine (linux/input.h). Other streams of the same structs (a FIFO, a recording) decode alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from drivers.hid.keycodes import (
    EV_KEY,
    EV_MAX,
    EV_SYN,
    KEY_MAX,
    RELEASED,
    REPEATED,
    SYN_DROPPED,
    SYN_REPORT,
)

EVENT = Struct("@llHHi")

_SECONDS_MAX = 1 << 32  # the year 2106: what is later is no time but a shifted struct


class InputEvent(NamedTuple):
    time_us: int  #: the kernel's time of the event; 0 if the stream carries none
    kind: int  #: EV_*
    code: int
    value: int


#: Events were lost here: by the kernel (SYN_DROPPED) or because the stream lost its alignment.
LOST = InputEvent(0, EV_SYN, SYN_DROPPED, 0)


class InputEventDecoder:
    """Key events out of a stream of structs, however it is cut; each loss is one `LOST` among them.

    Other kinds (MSC_SCAN, LEDs, SYN_REPORT) are checked and left out. After a loss everything up to
    and including the next SYN_REPORT is left out too, because it may be half of a report
    (Documentation/input/event-codes.rst, SYN_DROPPED). Never raises.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[InputEvent]:
        data = self._rest + data
        events: list[InputEvent] = []
        start = self._take(data, 0, events)
        while len(data) - start >= EVENT.size:
            self._lose(events)
            start = self._take(data, _next_struct(data, start + 1), events)
        self._rest = data[start:]
        return events

    def realign(self) -> None:
        """Forget a half struct and a half report: after a silence the next byte begins new ones."""
        self._rest = b""
        self._skipping = False

    def _take(self, data: bytes, start: int, events: list[InputEvent]) -> int:
        """Append the events from `start` on; return where the first byte is that was not used."""
        stop = len(data) - (len(data) - start) % EVENT.size
        for fields in EVENT.iter_unpack(data[start:stop]):
            if not _is_event(*fields):
                return start
            start += EVENT.size
            seconds, micros, kind, code, value = fields
            if kind == EV_KEY and not self._skipping:
                events.append(InputEvent(seconds * 1_000_000 + micros, kind, code, value))
            elif kind == EV_SYN and code == SYN_REPORT:
                self._skipping = False
            elif kind == EV_SYN and code == SYN_DROPPED:
                self._lose(events)
        return start

    def _lose(self, events: list[InputEvent]) -> None:
        self._skipping = True
        events.append(LOST)


def _is_event(seconds: int, micros: int, kind: int, code: int, value: int) -> bool:
    """Whether these can be the fields of an event, or are a struct read at the wrong place."""
    return (
        0 <= micros < 1_000_000
        and 0 <= seconds < _SECONDS_MAX
        and kind <= EV_MAX
        and code <= KEY_MAX
        and (kind != EV_KEY or (code > 0 and RELEASED <= value <= REPEATED))
    )


def _next_struct(data: bytes, start: int) -> int:
    """Where, from `start` on, the next bytes are that can be an event; else the last few bytes."""
    end = len(data) - EVENT.size + 1
    for at in range(start, end):
        if _is_event(*EVENT.unpack_from(data, at)):
            return at
    return max(start, end)


def encode(events: Iterable[InputEvent]) -> bytes:
    """The structs of the events, as the kernel would write them."""
    return b"".join(
        EVENT.pack(*divmod(e.time_us, 1_000_000), e.kind, e.code, e.value) for e in events
    )

"""Two ends joined: what one says the other hears, in order, unchanged, until both have finished.

A way that is full stops reading its source, so that a slow printer slows its POS as without a tap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.totals.port_tcp import End

#: What waits in the tap for an end that does not take it: about one receipt with a logo.
BUFFER_BYTES = 128 * 1024


class EndLost(Exception):
    """(end, error): that end is gone."""


@dataclass(slots=True)
class Way:
    """One direction."""

    source: End
    sink: End
    copied: Callable[[bytes], None] | None = None
    buffer: bytearray = field(default_factory=bytearray)
    is_open: bool = True  #: the sink can be sent to; until then all waits
    source_ended: bool = False
    finished: bool = False  #: and the sink knows it

    @property
    def wants_source(self) -> bool:
        return not self.source_ended and len(self.buffer) < BUFFER_BYTES

    def pull(self) -> None:
        """Take what the source says and pass it on. Raises EndLost."""
        try:
            data = self.source.receive()
        except OSError as error:
            raise EndLost(self.source, error) from error
        if data is None:
            return
        if data:
            sent = self._sent(memoryview(data)) if self.is_open and not self.buffer else 0
            self.buffer += data[sent:]
            if self.copied is not None:
                self.copied(data)
        else:
            self.end()

    def end(self) -> None:
        """Nothing more comes from the source; what waits is still passed on."""
        self.source_ended = True
        self._finish_if_empty()

    def push(self) -> None:
        """Pass on what waits. Raises EndLost."""
        while self.buffer:
            with memoryview(self.buffer) as waiting:
                sent = self._sent(waiting)
            if not sent:
                return
            del self.buffer[:sent]
        self._finish_if_empty()

    def give_up(self) -> None:
        """The sink is gone: what waits for it can go nowhere."""
        self.buffer.clear()
        self.source_ended = self.finished = True

    def _sent(self, data: memoryview) -> int:
        try:
            return self.sink.send(data)
        except OSError as error:
            raise EndLost(self.sink, error) from error

    def _finish_if_empty(self) -> None:
        if self.source_ended and self.is_open and not self.buffer and not self.finished:
            self.finished = True
            self.sink.finish()


@dataclass(slots=True, eq=False)
class Pair:
    """A POS and its printer."""

    pos: End
    printer: End
    stream: int  #: the number under which its copies go
    copied: Callable[[bytes], None]
    is_connected: bool  #: the printer has taken the call
    is_told: bool = False  #: the reader knows that the POS has finished
    ended_ns: int = 0  #: when one of them had finished; 0: none has
    to_printer: Way = field(init=False)
    to_pos: Way = field(init=False)

    def __post_init__(self) -> None:
        self.to_printer = Way(self.pos, self.printer, self.copied, is_open=self.is_connected)
        self.to_pos = Way(self.printer, self.pos)

    def connect(self) -> None:
        """Raises EndLost: nobody was there."""
        try:
            self.printer.check()
        except OSError as error:
            raise EndLost(self.printer, error) from error
        self.is_connected = self.to_printer.is_open = True

    @property
    def is_done(self) -> bool:
        return self.to_printer.finished and self.to_pos.finished

    @property
    def has_ended(self) -> bool:
        """One of them has finished, and the other one knows."""
        return self.to_printer.finished or self.to_pos.finished

"""The printer tap: stands between POS and printer, passes everything on, and keeps a copy.

Forwarding comes first and depends on nothing else: what is copied is read by another thread, and
may be dropped; what is forwarded never is. Status questions and their answers pass like any bytes.
One thread owns one selector; nothing in it waits for anybody.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count

from agent.totals.copies import Copies
from agent.totals.pair import EndLost, Pair
from agent.totals.port_line import LineEnd
from agent.totals.port_tcp import End, SocketEnd, connecting, found, listening
from agent.totals.settings import PrinterTapSettings
from drivers.base import DeviceUnavailable, Emit

log = logging.getLogger("lanetally.totals")

STOP_S = 0.25  #: how often a tap without traffic looks whether it is to stop
CONNECTIONS_MAX = 32
#: Left to the other side once one has finished, before both are closed.
FAREWELL_NS = 60 * 10**9

#: (words): what the cashier is told about the printer; () if all is well.
Tell = Callable[[tuple[str, ...]], None]
Lost = Callable[[Pair, End, OSError], None]


class Switchboard:
    """The pairs of one tap and the selector that watches them."""

    def __init__(self, copies: Copies, lost: Lost, connected: Callable[[], None]) -> None:
        self.pairs: set[Pair] = set()
        self.selector = selectors.DefaultSelector()
        self._copies = copies
        self._lost = lost
        self._connected = connected
        self._watched: dict[End, int] = {}
        self._streams = count(1)

    def add(self, pos: End, printer: End, *, is_connected: bool) -> None:
        stream = next(self._streams)
        pair = Pair(pos, printer, stream, partial(self._copies.put, stream), is_connected)
        self.pairs.add(pair)
        self._watch(pair)

    def remove(self, pair: Pair, *, reset: bool = False) -> None:
        for end in (pair.pos, pair.printer):
            self._set(pair, end, 0)
            end.close(reset=reset)
        self.pairs.discard(pair)
        self._tell_end(pair)

    def serve(self, pair: Pair, end: End, events: int) -> None:
        """Do what an end is ready for."""
        out, back = (pair.to_printer, pair.to_pos)
        if end is pair.pos:
            out, back = back, out
        try:
            if not pair.is_connected and end is pair.printer:
                pair.connect()
                self._connected()
            if events & selectors.EVENT_WRITE:
                out.push()
            if events & selectors.EVENT_READ:
                back.pull()
        except EndLost as lost:
            self._lost(pair, *lost.args)
        if pair in self.pairs:
            self._settle(pair)

    def close(self) -> None:
        for pair in tuple(self.pairs):
            self.remove(pair)
        self.selector.close()

    def part(self) -> None:
        """Close what one side finished long ago and the other never did."""
        now_ns = time.monotonic_ns()
        for pair in tuple(self.pairs):
            if pair.ended_ns and now_ns - pair.ended_ns > FAREWELL_NS:
                self.remove(pair)

    def _settle(self, pair: Pair) -> None:
        if pair.to_printer.source_ended:
            self._tell_end(pair)
        if pair.is_done:
            self.remove(pair)
            return
        if pair.has_ended and not pair.ended_ns:
            pair.ended_ns = time.monotonic_ns()
        self._watch(pair)

    def _tell_end(self, pair: Pair) -> None:
        if not pair.is_told:
            pair.is_told = True
            self._copies.end(pair.stream)

    def _watch(self, pair: Pair) -> None:
        """`serve` sends at once; only what an end did not take is waited for."""
        for end, out, back in (
            (pair.pos, pair.to_pos, pair.to_printer),
            (pair.printer, pair.to_printer, pair.to_pos),
        ):
            events = selectors.EVENT_WRITE if out.buffer else 0
            if end is pair.printer and not pair.is_connected:
                events = selectors.EVENT_WRITE
            elif back.wants_source:
                events |= selectors.EVENT_READ
            self._set(pair, end, events)

    def _set(self, pair: Pair, end: End, events: int) -> None:
        before = self._watched.get(end, 0)
        if events == before:
            return
        if not events:
            self.selector.unregister(end)
            del self._watched[end]
            return
        if before:
            self.selector.modify(end, events, (pair, end))
        else:
            self.selector.register(end, events, (pair, end))
        self._watched[end] = events


class TcpTap:
    """A POS that prints by TCP prints here; each of its connections gets one of its own to the
    printer. Run by the supervisor like a device."""

    def __init__(self, settings: PrinterTapSettings, copies: Copies, tell: Tell) -> None:
        self._settings = settings
        self._copies = copies
        self._tell = tell
        self._is_silent = False
        self._listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """The TCP port that is listened on; 0 while it is closed."""
        return 0 if self._listener is None else int(self._listener.getsockname()[1])

    def open(self) -> None:
        """Raises DeviceUnavailable or DeviceMisconfigured."""
        settings = self._settings
        self._printer = found(settings.printer_host, settings.printer_port)
        self._listener = listening(settings.listen_host, settings.listen_port)

    def run(self, _emit: Emit, stop: threading.Event) -> None:
        assert self._listener is not None
        board = Switchboard(self._copies, self._lost, self._connected)
        self._board = board
        board.selector.register(self._listener, selectors.EVENT_READ)
        try:
            while not stop.is_set():
                for key, events in board.selector.select(STOP_S):
                    if key.data is None:
                        self._accept(self._listener)
                    elif key.data[0] in board.pairs:  # not removed by the event before
                        board.serve(key.data[0], key.data[1], events)
                board.part()
        finally:
            board.close()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        try:
            pos = SocketEnd(listener.accept()[0])
        except OSError as error:  # gone again before it was answered
            log.warning("printer tap: a connection was lost: %s", error)
            return
        if len(self._board.pairs) >= CONNECTIONS_MAX:
            log.warning("printer tap: more than %d connections: refused", CONNECTIONS_MAX)
            pos.close(reset=True)
            return
        try:
            printer = connecting(self._printer)
        except OSError as error:
            self._unreachable(error)
            pos.close(reset=True)
            return
        self._board.add(pos, printer, is_connected=False)

    def _lost(self, pair: Pair, end: End, error: OSError) -> None:
        """A POS may hang up with answers unread: what it sent is printed all the same."""
        if end is pair.pos:
            pair.to_pos.give_up()
            pair.to_printer.end()
            return
        if pair.is_connected:
            log.warning("printer tap: the printer hung up: %s", error)
        else:
            self._unreachable(error)
        self._board.remove(pair, reset=True)

    def _unreachable(self, error: OSError) -> None:
        if not self._is_silent:
            log.warning("printer tap: the printer is not reachable: %s", error)
        self._is_silent = True
        self._tell(("silent",))

    def _connected(self) -> None:
        if self._is_silent:
            self._is_silent = False
            self._tell(())


class LineTap:
    """A POS that prints on a serial line prints on one of ours; another leads to the printer."""

    def __init__(self, settings: PrinterTapSettings, copies: Copies) -> None:
        self._settings = settings
        self._copies = copies
        self._ends: list[LineEnd] = []

    def open(self) -> None:
        """Raises DeviceUnavailable or DeviceMisconfigured."""
        s = self._settings
        flows = {"xon-xoff": ("xon-sent", "xon-obeyed")}.get(s.flow, (s.flow, s.flow))
        for path, flow in zip((s.pos_path, s.printer_path), flows, strict=True):
            self._ends.append(LineEnd(path, s.baud, s.parity, flow))

    def run(self, _emit: Emit, stop: threading.Event) -> None:
        board = Switchboard(self._copies, _line_lost, lambda: None)
        board.add(*self._ends, is_connected=True)
        self._ends = []  # the board closes them
        try:
            while not stop.is_set():
                for key, events in board.selector.select(STOP_S):
                    board.serve(key.data[0], key.data[1], events)
        finally:
            board.close()

    def close(self) -> None:
        for end in self._ends:
            end.close()
        self._ends = []


def _line_lost(_pair: Pair, _end: End, error: OSError) -> None:
    raise DeviceUnavailable(str(error)) from error

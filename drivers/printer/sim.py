"""A receipt printer's own side of the line: takes ESC/POS, answers, prints, and fails on demand.

    printer = VirtualPrinter()
    with tcp_printer(printer) as (host, port): ...
    with pty_printer(printer) as path: ...
    printer.receipts[0].lines

Not a picture of the paper: what was printed is kept as text, codes and raster images.
"""

from __future__ import annotations

import os
import pty
import select
import socket
import threading
import tty
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from drivers.printer.codec_tokens import Token, Tokenizer
from drivers.printer.sim_press import Press, Receipt

_TICK_S = 0.02
_READ_BYTES = 4096
#: Small as a real printer's, so that a stuck printer is felt at the other end.
_RECEIVE_BUFFER_BYTES = 4096


@dataclass(slots=True)
class Faults:
    """What is wrong with the printer. Set from any thread, at any time."""

    paper_out: bool = False
    near_end: bool = False
    cover_open: bool = False
    offline: bool = False
    error: bool = False
    silent: bool = False  #: takes nothing and answers nothing
    mute: bool = False  #: prints but answers nothing
    lines_left: int | None = None  #: then the paper is out
    stall_after_bytes: int | None = None  #: then it is silent; counted from now on
    drop_after_bytes: int | None = None  #: then it closes the connection, once

    @property
    def stop_printing(self) -> bool:
        return self.paper_out or self.cover_open or self.offline or self.error


class VirtualPrinter:
    """The printer itself: bytes in, answers out. `feed` is called by one thread."""

    def __init__(self, *, speaks_unasked: bool = False) -> None:
        self.faults = Faults()
        self.drawer_high = False
        self.speaks_unasked = speaks_unasked  #: sends an automatic status back on every change
        self._always_speaks = speaks_unasked  # by a switch, which no command changes
        self._press = Press()
        self._tokens = Tokenizer()
        self._waiting: deque[Token] = deque()
        self._unasked_said = self.unasked_status()

    @property
    def receipts(self) -> list[Receipt]:
        """What has been cut off."""
        return self._press.finished

    @property
    def paper(self) -> Receipt:
        """What has been printed since the last cut."""
        return self._press.paper

    def appetite_bytes(self) -> int:
        """How much it would take now: 0 when it is silent."""
        faults = self.faults
        limits = (faults.stall_after_bytes, faults.drop_after_bytes, _READ_BYTES)
        return 0 if faults.silent else min(limit for limit in limits if limit is not None)

    def feed(self, data: bytes) -> bytes:
        """Take bytes (also none: time passes), print what can be printed, answer."""
        self._count(len(data))
        answers = b""
        for token in self._tokens.feed(data):
            if token.name == "DLE EOT":  # in real time: also while nothing can be printed
                answers += bytes([self._real_time_status(token.parameters[0])])
            else:
                self._waiting.append(token)
        while self._waiting and not self.faults.stop_printing:
            answers += self._carry_out(self._waiting.popleft())
        if self.speaks_unasked and self.unasked_status() != self._unasked_said:
            self._unasked_said = self.unasked_status()
            answers += self._unasked_said
        return b"" if self.faults.mute else answers

    def unasked_status(self) -> bytes:
        """The four bytes of an automatic status back, as things are now."""
        faults, stopped = self.faults, self.faults.stop_printing
        first = 0x10 | 0x04 * self.drawer_high | 0x08 * stopped | 0x20 * faults.cover_open
        paper = 0x03 * (faults.near_end or faults.paper_out) | 0x0C * faults.paper_out
        return bytes([first, 0x20 * faults.error, paper, 0])

    def _real_time_status(self, n: int) -> int:
        faults = self.faults
        bits = {
            1: 0x04 * self.drawer_high | 0x08 * faults.stop_printing,
            2: 0x04 * faults.cover_open | 0x20 * faults.paper_out | 0x40 * faults.error,
            3: 0x20 * faults.error,
            4: 0x0C * (faults.near_end or faults.paper_out) | 0x60 * faults.paper_out,
        }
        return 0x12 | bits.get(n, 0)

    def _carry_out(self, token: Token) -> bytes:
        if token.name == "GS a":
            self.speaks_unasked = self._always_speaks or bool(token.parameters[0])
            self._unasked_said = self.unasked_status()
            return self._unasked_said if token.parameters[0] else b""
        if token.name == "ESC @":
            self.speaks_unasked = self._always_speaks
        if token.name == "GS r":
            paper, drawer = 0x03 * self.faults.near_end, int(self.drawer_high)
            return bytes([paper if token.parameters[0] in b"\x011" else drawer])
        before = self._press.lines_printed
        self._press.carry_out(token)
        left = self.faults.lines_left  # read once: another thread may take the fault back
        if left is not None:
            self.faults.lines_left = left - (self._press.lines_printed - before)
            self.faults.paper_out = self.faults.lines_left <= 0
        return b""

    def _count(self, taken_bytes: int) -> None:
        stall, drop = self.faults.stall_after_bytes, self.faults.drop_after_bytes
        if taken_bytes and stall is not None:
            self.faults.stall_after_bytes = max(0, stall - taken_bytes)
        if taken_bytes and drop is not None:
            self.faults.drop_after_bytes = max(0, drop - taken_bytes)


@contextmanager
def tcp_printer(printer: VirtualPrinter, port: int = 0) -> Iterator[tuple[str, int]]:
    """The printer behind a loopback port, a free one for 0. As in the shop, one connection at a
    time."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        server.bind(("127.0.0.1", port))
        server.listen()
        host, bound = server.getsockname()

        def serve(stop: threading.Event) -> None:
            while not stop.is_set():
                if select.select([server], [], [], _TICK_S)[0]:
                    connection, _ = server.accept()
                    with connection:
                        _talk(printer, connection.fileno(), stop)

        with _thread(serve):
            yield host, bound


@contextmanager
def pty_printer(printer: VirtualPrinter) -> Iterator[str]:
    """The printer at the end of a pseudo-terminal: its path, to be opened as a serial line."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    try:
        with _thread(lambda stop: _talk(printer, ours, stop)):
            yield os.ttyname(theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def _talk(printer: VirtualPrinter, fd: int, stop: threading.Event) -> None:
    """Until the other side hangs up, or the printer does."""
    while not stop.is_set() and printer.faults.drop_after_bytes != 0:
        appetite = printer.appetite_bytes()
        data = b""
        if select.select([fd] if appetite else [], [], [], _TICK_S)[0]:
            try:
                data = os.read(fd, appetite)
            except OSError:  # reset by the other side
                return
            if not data:
                return
        answers = printer.feed(data)
        with suppress(OSError):
            os.write(fd, answers)
    if printer.faults.drop_after_bytes == 0:
        printer.faults.drop_after_bytes = None


@contextmanager
def _thread(run: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,), name="printer-sim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()

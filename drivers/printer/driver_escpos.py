"""Receipt printers that speak ESC/POS: over TCP, USB, a serial line or the kernel's own driver."""

from __future__ import annotations

import logging
import queue
import shutil
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from drivers.base import (
    Command,
    DeviceUnavailable,
    Emit,
    Identity,
    PrintBlock,
    PrinterStatus,
    PrintFinished,
    PrintJob,
    PrintOutcome,
)
from drivers.printer import connect as lines
from drivers.printer import raster
from drivers.printer.codec_escpos import Document, encode
from drivers.printer.codec_status import Condition
from drivers.printer.session import Session

if TYPE_CHECKING:
    import threading

    from drivers.printer.raster import Drawer
    from drivers.printer.transport import Transport

log = logging.getLogger("lanetally.printer")

_TICK_S = 0.2
#: Silent so often in a row, the line is taken down and set up again: a printer that was switched
#: off and on does not know our TCP connection any more, and TCP would take minutes to notice.
_SILENT_LOOKS_MAX = 3


@cache
def _load_library() -> None:
    """python-escpos 3.1 makes a temporary folder whenever it is loaded and leaves it there."""
    from escpos import capabilities

    shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)


def render(blocks: Iterable[PrintBlock], options: lines.Options) -> bytes:
    """The bytes that a job of these blocks would send: for previews and tests."""
    return b"".join(_document(blocks, options, _drawer_for(options)).pieces)


class EscposPrinter:
    """One printer. Jobs are printed in the order in which they came; those that wait when the
    printer is lost are printed when it is back."""

    Options: ClassVar[type] = lines.Options
    accepts: ClassVar[tuple[type, ...]] = (PrintJob,)

    def __init__(
        self,
        role: str,
        options: lines.Options,
        connect: Callable[[lines.Options], Transport] = lines.connect,
    ) -> None:
        self.role = role
        self.options = options
        self._connect = connect
        self._jobs: queue.SimpleQueue[PrintJob] = queue.SimpleQueue()
        self._transport: Transport | None = None
        self._drawer: Drawer | None = None
        self._warned: set[str] = set()

    def probe(self) -> Identity:
        return lines.identify(self.options)

    def open(self) -> None:
        _load_library()
        self._drawer = _drawer_for(self.options)
        _document((), self.options, self._drawer)  # wrong profiles are told before the first sale
        self._transport = self._connect(self.options)

    def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def handle(self, command: Command) -> None:
        if isinstance(command, PrintJob):
            self._jobs.put(command)

    def run(self, emit: Emit, stop: threading.Event) -> None:
        if self._transport is None:
            raise DeviceUnavailable(f"{self.role} is not open")
        session = Session(self._transport, lines.patience(self.options), stop)
        watch = _Watch(self.role, self.options, session, emit)
        watch.look()
        watch.listen()
        while not stop.is_set():
            try:
                job = self._jobs.get(timeout=_TICK_S)
            except queue.Empty:
                watch.tick()
            else:
                self._print(job, session, watch, emit)
            if watch.silent_looks >= _SILENT_LOOKS_MAX:
                raise DeviceUnavailable(f"{self.role} does not answer")

    def _print(self, job: PrintJob, session: Session, watch: _Watch, emit: Emit) -> None:
        """Print one job and say how it ended, also when the printer is lost on the way."""

        def finish(outcome: PrintOutcome, reason: str) -> None:
            emit(PrintFinished(self.role, job.job_id, outcome, reason, time.monotonic_ns()))

        document = _document(job.blocks, self.options, self._drawer)
        self._warn(document.warnings)
        session.began = False
        try:
            outcome, reason = _deliver(document, session, watch, self.options.confirm)
        except DeviceUnavailable:
            finish("unconfirmed" if session.began else "failed", "io")
            raise
        finish(outcome, reason)
        watch.listen()

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                log.warning("%s: %s", self.role, warning)


def _deliver(
    document: Document, session: Session, watch: _Watch, confirm: str
) -> tuple[PrintOutcome, str]:
    """Outcome and reason of a job, as `PrintFinished` defines them."""
    before = watch.look()
    if before.problems:
        return "failed", before.problems[0]
    whole = session.send(document.pieces)
    if whole and confirm == "processed":
        whole = session.in_turn()
    after = watch.look(after_job=True)
    if whole and not after.problems:
        return "printed", ""
    reason = after.problems[0] if after.problems else "silent"
    return ("unconfirmed" if session.began else "failed"), reason


class _Watch:
    """Looks at the printer and tells what has changed since it last told."""

    def __init__(self, role: str, options: lines.Options, session: Session, emit: Emit) -> None:
        self.silent_looks = 0  #: in a row
        self._role = role
        self._options = options
        self._session = session
        self._emit = emit
        self._told: tuple[object, ...] | None = None
        self._due_ns = 0

    def look(self, *, after_job: bool = False) -> Condition:
        """Ask the printer. One that takes jobs in turn answers only after the last one."""
        options = self._options
        if options.confirm == "none":
            condition = Condition()
        else:
            late = after_job and options.confirm == "status"
            condition = self._session.condition(options.print_timeout_ms if late else 0)
        self._due_ns = time.monotonic_ns() + options.status_interval_ms * 1_000_000
        self._tell(condition)
        return condition

    def listen(self) -> None:
        """A printer that is well also tells what happens between two looks."""
        if self._options.unasked and self._options.confirm != "none" and not self.silent_looks:
            self._session.tell_changes()

    def tick(self) -> None:
        """While nothing is printed: what the printer says by itself, and a look when it is due."""
        unasked = self._session.overheard()
        if unasked is not None:
            self._tell(unasked)
        elif time.monotonic_ns() >= self._due_ns:
            self.look()

    def _tell(self, condition: Condition) -> None:
        if self._session.stopped:  # it was not given the time to answer
            return
        self.silent_looks = self.silent_looks + 1 if "silent" in condition.problems else 0
        means = lines.DRAWER_OPEN[self._options.drawer_open]
        high = condition.drawer_high
        drawer_open = None if means is None or high is None else high == means
        said = (condition.problems, condition.warnings, drawer_open)
        if said != self._told:
            self._told = said
            self._emit(PrinterStatus(self._role, *said, time.monotonic_ns()))


def _document(
    blocks: Iterable[PrintBlock], options: lines.Options, drawer: Drawer | None
) -> Document:
    return encode(blocks, lines.paper(options), drawer)


def _drawer_for(options: lines.Options) -> Drawer | None:
    font = None if options.cjk == "none" else raster.find_font(options.font)
    return raster.FontDrawer(font) if font else None

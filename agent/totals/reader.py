"""Reads the copies that a tap or a journal's line makes, and hands the totals to the core.

It works while nothing is forwarded: between the pieces of its work it looks whether bytes are
passing, and lets them pass. If it fails, it is started again by the supervisor; the bytes go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.domain.events import ReceiptUnread
from agent.domain.totals import TotalSource
from agent.totals.codec_receipt import Characters, Paper, Receipt
from agent.totals.copies import Copies, Copy
from agent.totals.deliver import Delivery, Submit
from agent.totals.keep import Keep, new_arrival
from agent.totals.reading import NoSale, Origin, Reading, Unread, read_by_any
from agent.totals.rule import load
from agent.totals.samples import Tokens

log = logging.getLogger("lanetally.totals")

TURN_S = 0.25
#: Bytes handled between two looks at the traffic: 0.2 ms of work on a small box.
SLICE_BYTES = 512
#: Bytes that follow each other more closely belong together: reading waits until they are through,
PAUSE_NS = 20 * 10**6
#: but not longer than this, so that a POS that never pauses is read too.
PAUSES_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Source:
    """Whose receipts are read, and how."""

    name: TotalSource
    characters: Characters
    rules: tuple[str, ...]
    minor_digits: int
    quiet_ms: int = 2_000
    ends_when_quiet: bool = False  #: silence alone ends a receipt


@dataclass(slots=True)
class _Stream:
    tokens: Tokens
    paper: Paper


class Reader:
    """A worker of the lane: `run(stop)`."""

    def __init__(
        self,
        source: Source,
        copies: Copies,
        new_tokens: Callable[[], Tokens],
        keep: Keep,
        submit: Submit,
        report: Callable[[ReceiptUnread], None],
    ) -> None:
        self._source = source
        self._copies = copies
        self._new_tokens = new_tokens
        self._keep = keep
        self._submit = submit
        self._report = report
        self._streams: dict[int, _Stream] = {}
        self._stop = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Raises RuleError if a rule's file has been spoilt since it was checked."""
        self._stop = stop
        self._streams.clear()
        self._rules = tuple(map(load, self._source.rules))
        self._delivery = Delivery(self._keep, self._submit)
        quiet_at = None
        while not stop.is_set():
            copy = self._copies.take(TURN_S)
            if copy is not None:
                self._take(copy)
                quiet_at = time.monotonic() + self._source.quiet_ms / 1000
            elif quiet_at is not None and time.monotonic() >= quiet_at:
                quiet_at = None
                for stream in self._streams.values():
                    self._receipts(stream.paper.quiet())
            self._delivery.turn()

    def _take(self, copy: Copy) -> None:
        stream = self._streams.get(copy.stream) or self._opened(copy.stream)
        if copy.kind == "gap":
            stream.tokens = self._new_tokens()
            stream.paper.gap()
        elif copy.kind == "end":
            del self._streams[copy.stream]
            self._receipts(stream.paper.closed())
        for start in range(0, len(copy.data), SLICE_BYTES):
            self._give_way()
            tokens = stream.tokens.feed(copy.data[start : start + SLICE_BYTES])
            self._receipts(stream.paper.take(tokens))

    def _opened(self, number: int) -> _Stream:
        source = self._source
        paper = Paper(source.characters, ends_when_quiet=source.ends_when_quiet)
        return self._streams.setdefault(number, _Stream(self._new_tokens(), paper))

    def _give_way(self) -> None:
        """Wait while bytes are being forwarded."""
        until = time.monotonic() + PAUSES_S_MAX
        while time.monotonic_ns() - self._copies.last_ns < PAUSE_NS and time.monotonic() < until:
            if self._stop.wait(PAUSE_NS / 1e9):
                return

    def _receipts(self, receipts: Iterable[Receipt]) -> None:
        for receipt in receipts:
            self._give_way()
            self._receipt(receipt)

    def _receipt(self, receipt: Receipt) -> None:
        origin = Origin(self._source.name, new_arrival(self._source.name))
        if not receipt.lines and not receipt.is_gapped:
            log.warning(
                "%s: a receipt of %d image(s) and no text cannot be read; only its cut and %d"
                " drawer kick(s) are counted",
                *(self._source.name, receipt.images, receipt.kicks),
            )
            self._not_read(receipt, "image")
            return
        result = read_by_any(self._rules, receipt.lines, self._source.minor_digits, origin)
        match result:
            case Reading():
                self._delivery.hand_over(origin.arrival, result.total)
            case Unread():
                log.warning("%s: receipt not read: %s", origin.arrival, result.text.english())
                self._keep.unread(origin.arrival, receipt.raw)
                self._not_read(receipt, "copies_dropped" if receipt.is_gapped else result.code)
            case NoSale():
                log.info("%s: no sale (%s)", origin.arrival, result.key)

    def _not_read(self, receipt: Receipt, reason: str) -> None:
        cuts = int(receipt.ended_by == "cut")
        name = self._source.name
        self._report(ReceiptUnread(name, reason, receipt.images, cuts, receipt.kicks))

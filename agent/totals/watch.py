"""Totals from files that the POS writes: each picked up once, whole, and put aside durably.

A file is read when it has not changed for a while and nobody has it open for writing; it becomes
ours by a rename before its total goes to the core, and is put aside when the core has answered. A
lane that dies in between reads it again from where it is: the total keeps its id, so that it is
settled once. What cannot be read is looked at again for a while: it may be half a file.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, TotalProblem, problems
from agent.totals.deliver import PASSING_CODES, RETRY_S, Submit, Tell
from agent.totals.http import read_total
from agent.totals.port_files import DONE, TAKEN, UNREAD, Sight, key_of, move, prepare, seen, whole
from agent.totals.reading import Origin, Reading, Unread, read_by_any
from agent.totals.rule import Compiled, RuleError, load
from agent.totals.samples import Tokens, receipts_in
from agent.totals.settings import WatchSettings
from drivers.base import DeviceMisconfigured, Emit

log = logging.getLogger("lanetally.totals")

POLL_S = 0.1
#: A file that says nothing sensible for so long is not half of one.
PATIENCE_S = 5.0

#: The totals of a file, none for a copy or a report, or why they cannot be told.
Content: TypeAlias = "tuple[CashierTotal, ...] | Unread"


@dataclass(slots=True)
class _Waiting:
    """A file that is not taken yet."""

    sight: Sight
    since: float


class Watch:
    """Run by the supervisor like a device: a folder on the network may go and come back."""

    def __init__(
        self,
        settings: WatchSettings,
        minor_digits: int,
        new_tokens: Callable[[], Tokens],
        submit: Submit,
        tell: Tell,
    ) -> None:
        self._settings = settings
        self._minor_digits = minor_digits
        self._new_tokens = new_tokens
        self._submit = submit
        self._tell = tell
        self._folder = Path(settings.folder)
        self._rules: tuple[Compiled, ...] = ()
        self._waiting: dict[str, _Waiting] = {}

    def open(self) -> None:
        """Raises DeviceUnavailable or DeviceMisconfigured."""
        prepare(self._folder)
        try:
            self._rules = tuple(map(load, self._settings.rules))
        except RuleError as error:
            raise DeviceMisconfigured(str(error)) from error

    def close(self) -> None:
        self._waiting.clear()

    def run(self, _emit: Emit, stop: threading.Event) -> None:
        """Raises DeviceUnavailable."""
        for file in sorted((self._folder / TAKEN).iterdir()):
            self._settle(file, stop)  # left over by a lane that died
        while not stop.wait(POLL_S):
            for sight in self._still():
                self._consider(sight, stop)

    def _still(self) -> list[Sight]:
        """The files that have not changed for long enough."""
        now = time.monotonic()
        sights = {sight.name: sight for sight in seen(self._folder, self._settings.pattern)}
        for name in [name for name in self._waiting if name not in sights]:
            del self._waiting[name]
        for name, sight in sights.items():
            if name not in self._waiting or self._waiting[name].sight != sight:
                self._waiting[name] = _Waiting(sight, now)
        settle_s = self._settings.settle_ms / 1000
        return [s for name, s in sights.items() if now - self._waiting[name].since >= settle_s]

    def _consider(self, sight: Sight, stop: threading.Event) -> None:
        file = self._folder / sight.name
        data = whole(file)
        if data is None or len(data) != sight.size:
            return
        key = key_of(sight, data)
        waited_s = time.monotonic() - self._waiting[sight.name].since
        if isinstance(self._read(data, key), Unread) and waited_s < PATIENCE_S:
            return
        taken = self._folder / TAKEN / f"{key}-{sight.name}"
        move(file, taken)
        self._settle(taken, stop)

    def _settle(self, taken: Path, stop: threading.Event) -> None:
        """From `taken` to `done` or `unread`."""
        data = whole(taken)
        if data is None:  # written to again, by a name that it no longer has: at the next start
            return
        content = self._read(data, "-".join(taken.name.split("-")[:2]))
        if isinstance(content, Unread):
            log.warning("%s was not read: %s", taken.name, content.text.english())
            self._tell(())
            self._tell(("receipt_unread",))
            move(taken, self._folder / UNREAD / taken.name)
            return
        for total in content:
            if not self._deliver(total, stop):
                return
        move(taken, self._folder / DONE / taken.name)
        self._tell(())

    def _deliver(self, total: CashierTotal, stop: threading.Event) -> bool:
        """Whether it was answered before the lane stopped."""
        while not stop.is_set():
            answers: queue.SimpleQueue[SettlementOutcome] = queue.SimpleQueue()
            if self._submit(total, answers.put):
                outcome = _answer(answers, stop)
                if outcome is None:
                    return False
                if outcome.status == "rejected":
                    log.warning("%s was refused: %s", total.total_id, outcome.text.english())
                if outcome.code not in PASSING_CODES:
                    return True
            stop.wait(RETRY_S)
        return False

    # --- what a file says ------------------------------------------------------------------------

    def _read(self, data: bytes, key: str) -> Content:
        if self._settings.format == "json":
            return _from_json(data)
        totals = []
        receipts = receipts_in(data, self._settings.characters, self._new_tokens)
        if not receipts:
            return Unread("empty", Text("The file is empty"))
        for number, lines in enumerate(receipts):
            origin = Origin("file", f"file-{key}" if not number else f"file-{key}-{number}")
            result = read_by_any(self._rules, lines, self._minor_digits, origin)
            if isinstance(result, Unread):
                return result
            if isinstance(result, Reading):
                totals.append(result.total)
        return tuple(totals)


def _answer(
    answers: queue.SimpleQueue[SettlementOutcome], stop: threading.Event
) -> SettlementOutcome | None:
    while not stop.is_set():
        with contextlib.suppress(queue.Empty):
            return answers.get(timeout=POLL_S)
    return None


def _from_json(data: bytes) -> Content:
    """The body of the local API's POST /v1/settlements."""
    total = read_total(data)
    if not isinstance(total, TotalProblem):
        total = replace(total, source="file")
        for problem in problems(total):
            return Unread(problem.code, problem.text)
        return (total,)
    return Unread(total.code, total.text)

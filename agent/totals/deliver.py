"""Totals on their way to the core: handed over until they are answered, over restarts too."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from typing import TypeAlias

from agent.domain.outcome import SettlementOutcome
from agent.domain.totals import CashierTotal
from agent.totals.keep import Keep

log = logging.getLogger("lanetally.totals")

#: Hand a total over: False if the core has no room for it now.
Submit: TypeAlias = Callable[[CashierTotal, Callable[[SettlementOutcome], None]], bool]
#: (words): a source's word for the screen, () if all is well.
Tell: TypeAlias = Callable[[tuple[str, ...]], None]

RETRY_S = 1.0
#: Nothing was settled, and the lane says that it may be sent again.
PASSING_CODES = frozenset({"internal", "journal_unreadable"})


class Delivery:
    """Owned by one thread; the answers come from the core's."""

    def __init__(self, keep: Keep, submit: Submit) -> None:
        self._keep = keep
        self._submit = submit
        self._waiting = keep.pending()
        self._asked: set[str] = set()
        self._answers: queue.SimpleQueue[tuple[str, SettlementOutcome]] = queue.SimpleQueue()
        self._due = time.monotonic()

    @property
    def is_idle(self) -> bool:
        """Everything was answered."""
        return not self._waiting

    def hand_over(self, arrival: str, total: CashierTotal) -> None:
        """Durable first, then to the core."""
        self._keep.pend(arrival, total)
        self._waiting[arrival] = total
        self._try(arrival)

    def turn(self) -> None:
        """Take answers; try again what found no room. Called a few times a second."""
        while not self._answers.empty():
            self._answered(*self._answers.get())
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + RETRY_S
            for arrival in tuple(self._waiting):
                self._try(arrival)

    def _try(self, arrival: str) -> None:
        if arrival in self._asked:
            return

        def reply(outcome: SettlementOutcome) -> None:
            self._answers.put((arrival, outcome))

        if self._submit(self._waiting[arrival], reply):
            self._asked.add(arrival)

    def _answered(self, arrival: str, outcome: SettlementOutcome) -> None:
        self._asked.discard(arrival)
        if outcome.code in PASSING_CODES:
            return  # it is tried again
        total = self._waiting.pop(arrival)
        if outcome.status == "rejected":
            log.warning("total %s was refused: %s", total.total_id, outcome.text.english())
        self._keep.answered(arrival)

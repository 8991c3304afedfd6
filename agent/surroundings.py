"""What the core is given from outside: where effects go, the time, how a bug is contained."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeVar

from agent.domain.effects import Show
from agent.domain.facts import CommandAnswered, MissedScanSuspected, Receipted
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, TotalProblem

T = TypeVar("T")

Reply = Callable[[SettlementOutcome], None]
#: (digits, transaction id, running number of the attempt) -> the total that was meant
KeypadReader = Callable[[str, str, int], CashierTotal | TotalProblem]


class Outlets(Protocol):
    """Where effects go. Every call only enqueues; none raises."""

    @property
    def has_printer(self) -> bool:
        """Without one no receipt is asked for, so none is missing."""
        ...

    def print_receipt(self, job_id: str, settled: Receipted, *, reprint: bool) -> None: ...

    def beep(self, tone: Literal["good", "bad"]) -> None: ...

    def show(self, effect: Show) -> None:
        """To the customer, if it is for them."""
        ...

    def alert(self, suspected: MissedScanSuspected, text: Text) -> None:
        """To head office, at once."""
        ...

    def announce(self, kind: str, data: Mapping[str, str | int | None], text: Text) -> None:
        """To head office: what happened beside the core."""
        ...

    def answer(self, answered: CommandAnswered) -> None:
        """To head office, which asked."""
        ...

    def committed(self, last_seq: int) -> None:
        """There is something to send."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the core's time comes from; tests pass their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()
    monotonic_ns: Callable[[], int] = time.monotonic_ns


class Contained(Protocol):
    """Calls, and gives None for what met an error that nobody foresaw."""

    def __call__(self, call: Callable[[], T], what: str, /) -> T | None: ...


def uncontained(call: Callable[[], T], _what: str) -> T | None:
    """Lets every error through."""
    return call()

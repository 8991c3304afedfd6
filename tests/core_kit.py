"""A core on a real journal, a clock to set, and outlets that look into the journal themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from agent.core import Core
from agent.domain.effects import Show
from agent.domain.events import Scanned
from agent.domain.facts import FactBody, TransactionSettled
from agent.domain.gs1 import read_label
from agent.domain.items import Item
from agent.domain.outcome import SettlementOutcome
from agent.domain.totals import CashierTotal
from agent.domain.transaction import StoreRules
from agent.handle import LaneNotice
from agent.inbox import Inbox
from agent.inputs import CoreInput, TotalSubmitted
from agent.journal import Journal, JournalReader
from agent.supervisor import contained
from agent.surroundings import Clock
from agent.totals.keypad import read_keyed
from agent.wire import decode_body
from tests.lane_kit import ITEMS, RULES

BEIJING = timezone(timedelta(hours=8))


@dataclass
class SetClock:
    """Wall and monotonic time as the test says."""

    wall: datetime = datetime(2026, 11, 22, 10, 0, tzinfo=BEIJING)
    mono_ns: int = 1_000_000_000

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.mono_ns)

    def pass_minutes(self, minutes: int) -> None:
        self.wall += timedelta(minutes=minutes)
        self.mono_ns += minutes * 60 * 10**9


@dataclass
class SpyOutlets:
    """Remembers each effect and what was durable when it came, read through a second connection."""

    path: Path
    has_printer: bool = True
    looks: bool = True
    told: list[tuple[str, Any]] = field(default_factory=list)
    durable: list[tuple[str, list[FactBody]]] = field(default_factory=list)

    def print_receipt(self, job_id: str, settled: TransactionSettled, *, reprint: bool) -> None:
        self._see("print", (job_id, reprint))

    def beep(self, tone: str) -> None:
        self._see("beep", tone)

    def show(self, effect: Show) -> None:
        self._see("show", effect.kind)

    def alert(self, suspected: Any, text: Any) -> None:
        self._see("alert", (suspected, text))

    def announce(self, kind: str, data: Any, text: Any) -> None:
        self._see("announce", (kind, text))

    def answer(self, answered: Any) -> None:
        self._see("answer", answered)

    def committed(self, last_seq: int) -> None:
        self._see("committed", last_seq)

    def _see(self, what: str, how: Any) -> None:
        self.told.append((what, how))
        if self.looks:
            self.durable.append((what, durable_facts(self.path)))

    def all(self, what: str) -> list[Any]:
        return [how for told, how in self.told if told == what]


def durable_facts(path: Path) -> list[Any]:
    """What stands in the journal's file for anybody else."""
    with closing(JournalReader(path)) as reader:
        rows = reader.rows_after(0, 100_000)
    return [decode_body(row.type, row.version, row.body) for row in rows]


@dataclass
class Lane:
    """The core and all around it. `turn` is one pass of its loop."""

    path: Path
    rules: StoreRules = RULES
    has_printer: bool = True
    day_ends_min: int = 0
    time: SetClock = field(default_factory=SetClock)
    items: tuple[Item, ...] = tuple(ITEMS.values())
    give_up_reserve: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.stop = threading.Event()
        self.replies: list[SettlementOutcome] = []
        self.notices: list[LaneNotice] = []
        self.start()

    def start(self) -> None:
        """A first start or a restart: everything that is not in the journal is forgotten."""
        self.journal = Journal(self.path)
        self.journal.load_items(self.items, "items")
        self.inbox: Inbox[CoreInput] = Inbox()
        self.outlets = SpyOutlets(self.path, self.has_printer)
        self.core = Core(
            self.journal,
            self.inbox,
            self.rules,
            self.outlets,
            read_keyed,
            day_ends_min=self.day_ends_min,
            clock=self.time.clock(),
            contained=contained,
            give_up_reserve=self._give_up_reserve,
        )
        self.core.subscribe(self.notices.append)
        self.core.start("boot-1", "0.1.0")

    def _give_up_reserve(self) -> bool:
        """As the test says by then."""
        return self.give_up_reserve()

    def restart(self) -> None:
        self.journal.close()
        self.start()

    def close(self) -> None:
        self.journal.close()

    def turn(self, *inputs: CoreInput) -> list[Any]:
        """The facts that one turn added."""
        before = self.journal.last_seq
        self.core.process(list(inputs), self.stop)
        return list(self.journal.facts(before + 1))

    def post(self, total: CashierTotal, reply: Callable[[Any], None] | None = None) -> Any:
        """A total from the POS, as an input."""
        return TotalSubmitted(total, reply or self.replies.append)

    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.notices]


def scan(gtin: str) -> Scanned:
    """A scan as the intake hands it over: nobody has looked the item up yet."""
    return Scanned(read_label(gtin.encode(), "]E0"), gtin.encode(), "]E0", "scanner", None)

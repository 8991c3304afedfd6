"""Who sells in the box: a cashier who waits for each label."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from agent.cli.demo.cashier import Cashier
from agent.cli.demo.plan import Visit
from agent.domain.facts import LineItemAdded
from agent.domain.text import Text
from tests.lab.guest.waiting import LabFailed, waited

AGAIN_MAX = 5
READ_S = 0.001
NEWEST_LINE = "SELECT coalesce(max(seq), 0) FROM fact WHERE type = ?"


class PatientCashier(Cashier):
    """One label at a time, and again where the lane says that it was not clear: on a processor that
    is shared with others a scanner may pause within a label, or the lane leave it in the kernel's
    queue for so long that that runs over. What the lane does take must be what was typed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scanned_again = self.weighed = self.keyed = 0
        self.shown_ms: list[int] = []  #: from the last key of a label to the screen
        self.durable_ms: list[int] = []  #: to where another process reads it in the journal
        self.journal: sqlite3.Connection | None = None  #: to look there, too
        self.befalls: Callable[[], None] = lambda: None  #: before goods are put on the plate
        self.told: Callable[[str, int], None] = lambda *_: None  #: how many items are on the screen

    def scan(self, gtin: str) -> None:
        """One piece more on the screen. Raises LabFailed."""
        screen = self._screen
        shown = screen.item_count if screen.transaction_id else 0
        for _ in range(AGAIN_MAX):
            screen.complaint = ""
            newest = self._newest_line()
            super()._scan(gtin)
            began = time.monotonic()
            if self.journal:
                self.durable_ms.append(round(self._wait_for_line(newest) * 1000))
            self._wait(
                lambda: bool(screen.complaint) or screen.item_count > shown,
                Text("The lane does not show item {count} of the basket", {"count": shown + 1}),
            )
            if screen.item_count > shown:
                self.shown_ms.append(round((time.monotonic() - began) * 1000))
                self.told(str(screen.transaction_id), screen.item_count)
                return
            self.played.scanned.pop()
            self.scanned_again += 1
        raise LabFailed(f"no label was clear, {AGAIN_MAX} times")

    def _scan(self, gtin: str) -> None:
        self.scan(gtin)

    def _weigh(self, weight_g: int, weighed: int) -> None:
        self.befalls()
        super()._weigh(weight_g, weighed)
        self.weighed += 1

    def _key(self, visit: Visit) -> None:
        super()._key(visit)
        self.keyed += 1

    def _wait_for_line(self, newest: int) -> float:
        """Until a line item follows the newest, or the lane complains; the seconds it took."""
        return waited(
            lambda: self._newest_line() > newest or bool(self._screen.complaint),
            "the scan is in the journal",
            look_s=READ_S,
        )

    def _newest_line(self) -> int:
        """The newest line item of the journal. Others read what is in its log only once it is on
        the disk (WAL, synchronous = FULL)."""
        if self.journal is None:
            return 0
        return int(self.journal.execute(NEWEST_LINE, (LineItemAdded.type,)).fetchone()[0])


def is_weighed(visit: Visit) -> bool:
    return any(visit.weights_g)


def is_keyed(visit: Visit) -> bool:
    return visit.manner == "keypad"

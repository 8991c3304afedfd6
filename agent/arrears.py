"""What the core has decided and the journal has not taken yet.

Mostly this is empty: a turn's facts are committed before the turn ends. While the disk refuses, the
lane goes on from here: words (screen, beep, alert) are given at once, promises (an answer to the
POS, a receipt) wait for the commit of the facts that they rest on. Nothing is promised that a
pulled plug could take back.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.domain.facts import FactBody
from agent.domain.text import Text
from agent.handle import LaneNotice
from agent.journal import Journal

log = logging.getLogger("lanetally.core")

OWED_FACTS_MAX = 20_000  #: an hour of a busy lane, some 15 MB; beyond it the lane holds
NOT_WRITTEN = Text(
    "The journal cannot be written: check the disk. Scans count from memory; sales wait for it."
)
DISK_FULL = Text("The disk is full and its reserve is in use: make room today")
WRITTEN_AGAIN = Text("The journal is written again")

Calls = list[Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Due:
    """One turn's facts, when they happened, and what may be promised once they are durable."""

    facts: Sequence[FactBody]
    wall_ms: int
    mono_ms: int
    promises: Calls


class Arrears:
    """Belongs to the core's thread."""

    def __init__(
        self,
        journal: Journal,
        give_up_reserve: Callable[[], bool],
        tell: Callable[[LaneNotice], None],
    ) -> None:
        """`give_up_reserve`: free some room on a full disk; False if there is none left to free."""
        self._journal = journal
        self._give_up_reserve = give_up_reserve
        self._tell = tell
        self._owed: deque[Due] = deque()
        self._trouble = ""  # why the last write failed; "" if it did not

    def __bool__(self) -> bool:
        return bool(self._owed)

    @property
    def facts(self) -> int:
        """How many are owed."""
        return sum(len(due.facts) for due in self._owed)

    def add(self, due: Due) -> None:
        self._owed.append(due)

    def pay(self, acked_seq: int) -> Calls:
        """Commit turn by turn, the oldest first, as far as the disk goes along.

        The promises that may be kept now. Raises sqlite3.IntegrityError for facts that no waiting
        would mend: they are dropped, with all that was built on them.
        """
        kept: Calls = []
        while self._owed:
            try:
                self._commit(self._owed[0], acked_seq)
            except sqlite3.IntegrityError:
                if kept:  # these come first: the next call meets the error again
                    break
                self._owed.clear()
                raise
            except sqlite3.Error as error:
                self._say(str(error))
                break
            kept += self._owed.popleft().promises
        else:
            self._say("")
        return kept

    def _commit(self, due: Due, acked_seq: int) -> None:
        if not due.facts:
            return
        times = {"wall_ms": due.wall_ms, "mono_ms": due.mono_ms, "acked_seq": acked_seq}
        try:
            self._journal.append(due.facts, **times)
        except sqlite3.OperationalError as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            if not (full and self._give_up_reserve()):
                raise
            self._tell(LaneNotice("disk_full", {}, DISK_FULL))
            self._journal.append(due.facts, **times)

    def _say(self, trouble: str) -> None:
        """Once when it begins to fail, and once when it is mended."""
        if trouble and not self._trouble:
            log.error("the journal cannot be written: %s", trouble)
            self._tell(LaneNotice("degraded", {"reason": trouble}, NOT_WRITTEN))
        elif self._trouble and not trouble:
            log.info("the journal is written again")
            self._tell(LaneNotice("recovered", {}, WRITTEN_AGAIN))
        self._trouble = trouble

"""Outlets that lead nowhere: for lanes without devices and without a connection."""

from __future__ import annotations

from typing import Any

from agent.domain.effects import Show
from agent.domain.facts import CommandAnswered, MissedScanSuspected, TransactionSettled
from agent.domain.text import Text


class SilentOutlets:
    """Implements `agent.surroundings.Outlets`; a test overrides what it listens to."""

    has_printer = False

    def print_receipt(self, job_id: str, settled: TransactionSettled, *, reprint: bool) -> None: ...

    def show(self, shown: Show) -> None: ...

    def beep(self, tone: str) -> None: ...

    def alert(self, suspected: MissedScanSuspected, text: Text) -> None: ...

    def announce(self, kind: str, data: Any, text: Text) -> None: ...

    def answer(self, answered: CommandAnswered) -> None: ...

    def committed(self, last_seq: int) -> None: ...

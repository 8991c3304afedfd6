"""The newest facts, still in memory: who sends them on mostly need not read them back.

The journal stays the queue. Only what is durable comes here, and whatever is not here it has.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import TypeAlias

from agent.wire import FactRow

ROWS_MAX = 1024  #: some 0.7 MB; a line that is so far behind reads from the disk

Row: TypeAlias = tuple[int, str, int, int, int, str, bytes]  #: the fields of a FactRow


class FreshRows:
    """Filled by the thread that commits, read by the one that sends."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque(maxlen=ROWS_MAX)
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Row]) -> None:
        """Rows that follow those before them and are on the disk."""
        with self._lock:
            self._rows.extend(rows)

    def after(self, seq: int, most: int) -> list[FactRow]:
        """The next rows; none if the first of them is not here."""
        with self._lock:
            skipped = seq + 1 - self._rows[0][0] if self._rows else -1
            found = [*islice(self._rows, skipped, skipped + most)] if skipped >= 0 else []
        return [FactRow(*row) for row in found]

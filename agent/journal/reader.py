"""`JournalReader`: the journal as everybody but the core sees it, read-only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.journal.file import SELECT_FACT, SEQ_MAX, projections_of, rows_of
from agent.wire import GENESIS, FactRow


class JournalReader:
    """A read-only connection to a journal that somebody else writes. Belongs to one thread."""

    def __init__(self, path: Path) -> None:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA busy_timeout = 5000")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """All that is read inside is the journal of one moment, whoever writes meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            if self._db.in_transaction:  # a damaged file may have ended it
                self._db.execute("ROLLBACK")

    @property
    def epoch(self) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        return row[0] if row else ""

    @property
    def last_seq(self) -> int:
        seq: int = self._db.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()[0]
        return seq

    def rows(self, first: int = 1, last: int = SEQ_MAX) -> Iterator[FactRow]:
        return rows_of(self._db, first, last)

    def projections(self) -> Iterator[tuple[Any, ...]]:
        """As `Journal.projections`."""
        return projections_of(self._db)

    def damage(self) -> str:
        """SQLite's own first complaint about the file; "" if it has none."""
        word: str = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        return "" if word == "ok" else word

    def rows_after(self, seq: int, limit: int) -> list[FactRow]:
        sql = f"{SELECT_FACT} WHERE seq > ? ORDER BY seq LIMIT ?"
        return [FactRow(*row) for row in self._db.execute(sql, (seq, limit))]

    def hash_at(self, seq: int) -> str:
        """The chain's hash at a seq; GENESIS before the first."""
        row = self._db.execute("SELECT hash FROM fact WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row else GENESIS

    def receipts_awaited(self) -> int:
        """Sales whose receipt is not surely on paper, those at the printer among them."""
        sql = "SELECT count(*) FROM print_job WHERE state != 'printed'"
        count: int = self._db.execute(sql).fetchone()[0]
        return count

    def figures(self) -> dict[str, Any]:
        """What `lanetally status` shows, from the facts and projections as they are now."""

        def one(sql: str) -> Any:
            return self._db.execute(sql).fetchone()[0]

        with self.one_moment():
            devices: dict[str, bool] = {}
            for type_, body in self._db.execute(
                "SELECT type, body FROM fact "
                "WHERE type IN ('LaneStarted', 'DeviceLost', 'DeviceReturned') "
                "AND seq >= (SELECT max(seq) FROM fact WHERE type = 'LaneStarted') ORDER BY seq"
            ):
                if type_ != "LaneStarted":
                    devices[json.loads(body)["role"]] = type_ == "DeviceLost"
            return {
                "epoch": one("SELECT value FROM meta WHERE key = 'epoch'"),
                "facts": one("SELECT coalesce(max(seq), 0) FROM fact"),
                "acknowledged": one("SELECT acked_seq FROM sync_cursor"),
                "transactions": one(
                    "SELECT count(*) FROM settlement WHERE settled_seq IS NOT NULL"
                ),
                "suspected": one("SELECT count(*) FROM settlement WHERE suspected_seq IS NOT NULL"),
                "receipts_unprinted": one(
                    # "waiting" is at the printer still, or was never asked of any
                    "SELECT count(*) FROM print_job WHERE state != 'printed' AND state != 'waiting'"
                ),
                "devices_lost": [role for role, lost in devices.items() if lost],
            }

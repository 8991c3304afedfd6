"""`JournalReader`: the journal as everybody but the core sees it, read-only."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from agent.domain import facts
from agent.domain.events import SaleFile
from agent.domain.evidence import WeightRange
from agent.domain.facts import FactBody, JournalRecovered
from agent.domain.items import Item
from agent.domain.learned import learned_range
from agent.journal import archive, sale_files
from agent.journal.archive import Archive, ArchiveUnreadable, folder_of, moved, position_of
from agent.journal.file import BUSY_MS, SELECT_FACT, SEQ_MAX, interruptible, meta_of, projections_of
from agent.wire import GENESIS, FactRow, UndecodableFact, decode_body

_F = TypeVar("_F", bound=FactBody)

log = logging.getLogger("lanetally.journal")


@dataclass(frozen=True, slots=True)
class Former:
    """An epoch before this one, whose facts were taken over into this file."""

    ago: int  #: how many lives
    epoch: str  #: "" if nobody knows it any more
    last_seq: int
    acked_seq: int
    breaks: int  #: how often its chain was broken when it was taken over


class JournalReader:
    """A read-only connection to a journal that somebody else writes. Belongs to one thread."""

    def __init__(self, path: Path) -> None:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        # damaged text is shown as such, and must not be what stops a reader
        self._db.text_factory = partial(str, encoding="utf-8", errors="replace")
        self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        self._folder = folder_of(path)
        self._unpacked: tuple[Archive | None, list[FactRow]] = None, []

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
        return meta_of(self._db, "epoch")

    @property
    def last_seq(self) -> int:
        seq: int | None = self._db.execute("SELECT max(seq) FROM fact").fetchone()[0]
        return max(0, seq or 0)

    def rows(self, first: int = 1, last: int = SEQ_MAX) -> Iterator[FactRow]:
        """Facts by position, archived ones among them; of this epoch, unless a position below 1 is
        asked for. Raises ArchiveUnreadable."""
        return archive.history(self._db, self._folder, first, last)

    def formers(self) -> list[Former]:
        """The epochs before this one, oldest first."""
        sql = "SELECT ago, epoch, last_seq, acked_seq, breaks FROM former ORDER BY ago DESC"
        return [Former(*row) for row in self._db.execute(sql)]

    def former_rows(self, former: Former, first: int = 1, last: int = SEQ_MAX) -> Iterator[FactRow]:
        """What there is of a former epoch, at its own seq. Raises ArchiveUnreadable."""
        last = min(last, former.last_seq)
        rows = self.rows(position_of(first, former.ago), position_of(last, former.ago))
        return moved(rows, -position_of(0, former.ago))

    def select(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """Rows of the projections."""
        return self._db.execute(sql, values).fetchall()

    def fact_at(self, seq: int, cls: type[_F], /) -> _F:
        """The fact at a position, which is of this class."""
        row = self._row_at(seq)
        fact = decode_body(row.type, row.version, row.body)
        assert isinstance(fact, cls)
        return fact

    def sale_file(self, transaction_id: str) -> SaleFile | None:
        """As `Journal.sale_file`."""
        return sale_files.sale_file(self._db, self.fact_at, transaction_id)

    def wall_ms_at(self, seq: int) -> int:
        return self._row_at(seq).wall_ms

    def _row_at(self, seq: int) -> FactRow:
        """Raises sqlite3.OperationalError: for who asks, an archive is a part of the disk."""
        found = self._db.execute(f"{SELECT_FACT} WHERE seq = ?", (seq,)).fetchone()
        if found:
            return FactRow(*found)
        try:
            return archive.fact_at(self._db, self._folder, seq)
        except ArchiveUnreadable as error:
            raise sqlite3.OperationalError(str(error)) from error

    def set_aside(self) -> str:
        """The name under which the file before this one was put away; "" if there was none."""
        told = self.recoveries()
        return told[-1].set_aside if told else ""

    def recoveries(self) -> list[JournalRecovered]:
        """What was told of this file's beginning; none if it began with nothing."""
        sql = f"{SELECT_FACT} WHERE seq = 1 AND type = 'JournalRecovered'"
        rows = [FactRow(*row) for row in self._db.execute(sql)]
        told = [decode_body(row.type, row.version, row.body) for row in rows]
        return [fact for fact in told if isinstance(fact, JournalRecovered)]

    def epochs_set_back(self) -> list[str]:
        """Former epochs under whose numbers head office may have other facts."""
        told = (self._recovered_at(archive.position_of(1, f.ago - 1)) for f in self.formers())
        return [fact.former_epoch for fact in told if fact and fact.cause == "set_back"]

    def _recovered_at(self, seq: int) -> JournalRecovered | None:
        try:
            row = self._row_at(seq)
            fact = decode_body(row.type, row.version, row.body)
        except (sqlite3.OperationalError, UndecodableFact):  # archived away, or damaged
            return None
        return fact if isinstance(fact, JournalRecovered) else None

    def archives(self) -> list[Archive]:
        return archive.listed(self._db)

    def projections(self) -> Iterator[tuple[Any, ...]]:
        """As `Journal.projections`."""
        return projections_of(self._db)

    def damage(self, go_on: Callable[[], bool] = lambda: True) -> str:
        """SQLite's own first complaint about the file; "" if it has none.

        Raises Interrupted once `go_on` says no.
        """
        with interruptible(self._db, go_on):
            word: str = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        return "" if word == "ok" else word

    def rows_after(self, seq: int, limit: int) -> list[FactRow]:
        """The next rows, for head office, which may ask again for facts that are archived. Where
        those cannot be read, it gets what comes after them."""
        sql = f"{SELECT_FACT} WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = [FactRow(*row) for row in self._db.execute(sql, (seq, limit))]
        if rows and rows[0].seq != seq + 1:
            try:
                rows = self._archived_after(seq, limit) or rows
            except ArchiveUnreadable as error:
                log.error("facts after %d cannot be sent again: %s", seq, error)  # noqa: TRY400  one line is what the technician needs
        return rows

    def _archived_after(self, seq: int, limit: int) -> list[FactRow]:
        """One file is kept unpacked: who asks for a part of it asks for the next part soon."""
        held = archive.holding(self._db, seq + 1)
        if held is None:
            return []
        if self._unpacked[0] != held:
            self._unpacked = held, list(archive.read(self._folder, held))
        rows = self._unpacked[1]
        return list(islice(rows, seq + 1 - rows[0].seq, seq + 1 - rows[0].seq + limit))

    def hash_at(self, seq: int) -> str:
        """The chain's hash at a seq; GENESIS before the first."""
        row = self._db.execute("SELECT hash FROM fact WHERE seq = ?", (seq,)).fetchone()
        if row is None and seq > 0:
            row = self._db.execute(
                "SELECT last_hash FROM archive WHERE last = ?", (seq,)
            ).fetchone()
        if row is None and seq > 0:
            return next((r.hash for r in self._archived_after(seq - 1, 1)), GENESIS)
        return row[0] if row else GENESIS

    def size_bytes(self) -> int:
        """Of the file, less what is free in it."""

        def pragma(name: str) -> int:
            number: int = self._db.execute(f"PRAGMA {name}").fetchone()[0]
            return number

        return pragma("page_size") * (pragma("page_count") - pragma("freelist_count"))

    def backup_into(
        self,
        target: sqlite3.Connection,
        pages: int,
        pause_s: float,
        progress: Callable[[int, int, int], None],
    ) -> None:
        """Copy so many pages at a time; within `one_moment`, no writer makes it begin again."""
        self._db.backup(target, pages=pages, sleep=pause_s, progress=progress)

    def item(self, gtin: str) -> Item | None:
        """As `Journal.item`."""
        row = self._db.execute("SELECT * FROM item WHERE gtin = ?", (gtin,)).fetchone()
        return Item(*row) if row else None

    def sale(self, transaction_id: str) -> facts.TransactionSettled | None:
        """How a transaction was settled, if it was and has not left the file since."""
        row = self._db.execute(
            "SELECT type, version, body FROM settlement JOIN fact ON seq = settled_seq"
            " WHERE transaction_id = ?",
            (transaction_id,),
        ).fetchone()
        sale = decode_body(*row) if row else None
        return sale if isinstance(sale, facts.TransactionSettled) else None

    def weight_of(self, gtin: str) -> WeightRange | None:
        """What a piece weighs, as described, else as learned."""
        row = self._db.execute(
            "SELECT weight_low_g, weight_high_g FROM described_item"
            " WHERE gtin = ? AND sold_by = 'each'"
            " AND weight_low_g IS NOT NULL AND weight_high_g IS NOT NULL",
            (gtin,),
        ).fetchone()
        if row is not None:
            return WeightRange(*row)
        pieces = self._db.execute("SELECT weight_g FROM weighed_piece WHERE gtin = ?", (gtin,))
        return learned_range([row[0] for row in pieces])

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
                "facts": one("SELECT max(0, coalesce(max(seq), 0)) FROM fact"),
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

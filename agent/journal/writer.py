"""`Journal`: the core's connection to the lane's truth, the one that appends.

WAL and `synchronous=FULL`: a commit that returned survives a power cut. Facts and the projections
that follow from them change in one commit. The epoch is a random id made with the file, so that a
re-imaged box that starts again at seq 1 collides with nothing. A journal has one writing process
and belongs to one lane.

Facts of this epoch stand at their seq, from 1 on. Those that were taken over from the epoch `ago`
lives back stand at seq - (ago << 40), all below 1: whatever points to a fact may point to them too.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

from agent.domain import facts
from agent.domain.events import SaleFile
from agent.domain.facts import (
    TELEMETRY,
    FactBody,
    Receipted,
    ReturnRecorded,
    TelemetryShed,
    TransactionSettled,
)
from agent.domain.items import Item
from agent.domain.learned import Knowledge
from agent.domain.outcome import SettlementOutcome
from agent.domain.settlement import outcome_of
from agent.domain.totals import CashierTotal
from agent.domain.transaction import LaneState, evolve
from agent.journal import archive, days, sale_files
from agent.journal.archive import ArchiveUnreadable
from agent.journal.file import (
    INSERT_FACT,
    SELECT_FACT,
    SEQ_MAX,
    SEQ_MIN,
    Connect,
    JournalUnsafe,
    connect,
    locked,
    new_epoch,
    one_commit,
    opened,
    projections_of,
    remember_epoch,
    rows_of,
    unsafe,
)
from agent.journal.fresh import FreshRows
from agent.projections import TABLES, statements, total_digest
from agent.wire import (
    GENESIS,
    FactRow,
    UndecodableFact,
    chain_hash,
    decode_body,
    encode_body,
)

_F = TypeVar("_F", bound=FactBody)

_TELLING = "weight_low_g IS NOT NULL OR tagged_permille IS NOT NULL"
_UNDESCRIBED = f"""
    SELECT * FROM (
        SELECT gtin, description, category, price_minor, sold_by, weight_low_g, weight_high_g,
            tagged_permille FROM item WHERE {_TELLING}
        UNION ALL
        SELECT gtin, '', '', NULL, 'each', NULL, NULL, NULL FROM described_item
        WHERE gtin NOT IN (SELECT gtin FROM item WHERE {_TELLING})
    )
    EXCEPT SELECT * FROM described_item
"""  # noqa: S608  names from a constant

_SALE_BEFORE = (
    "SELECT seq FROM fact WHERE type = 'TransactionSettled' AND seq < ?"
    " ORDER BY seq DESC LIMIT 1 OFFSET ?"
)
_NEEDED_FROM = """
    SELECT min(seq) FROM (
        SELECT open_seq AS seq FROM lane_state UNION ALL SELECT sold_open_seq FROM lane_state
        UNION ALL SELECT open_seq FROM suspended
    )"""


@dataclass(frozen=True, slots=True)
class PrintJobRow:
    job_id: str
    settled: Receipted
    state: str  #: "waiting", "failed" or "unconfirmed"
    tries: int


class Journal:
    def __init__(
        self, path: Path, connect: Connect = connect, *, lock: BinaryIO | None = None
    ) -> None:
        """Open or create. Raises JournalUnsafe if the file cannot be made durable, or if another
        process writes it. `connect`: how to reach the file; tests bring a disk of their own.
        `lock`: the writer's lock, if the caller holds it already; closed with the journal."""
        self.path = path
        self.shedding = False  #: at its limit: leave out telemetry. Any thread may say so
        self._shed: Counter[str] = Counter()  # by type, since the last TelemetryShed
        self.fresh = FreshRows()
        self._lock = lock or locked(path)
        try:
            self._db = opened(path, connect)
        except JournalUnsafe:
            self._lock.close()
            raise
        try:
            self._take_up()
        except sqlite3.Error as error:
            self.close()
            raise unsafe(path, error) from error

    def _take_up(self) -> None:
        """Where the journal stands, as the file says."""
        self.epoch: str = self._meta("epoch", new_epoch())
        last = self._db.execute(
            "SELECT seq, hash FROM fact WHERE seq > 0 ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        self.last_seq: int = last[0] if last else 0
        self.last_hash: str = last[1] if last else GENESIS
        cursor = self._db.execute("SELECT acked_seq FROM sync_cursor").fetchone()
        self.acked_seq: int = cursor[0] if cursor else 0
        remember_epoch(self._lock, self.epoch)

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    # --- writing -------------------------------------------------------------------------------

    def belong_to(self, address: str) -> None:
        """Say whose journal this is. Raises JournalUnsafe if it is another lane's.

        Under another address head office would take every fact for a new one, and post it again.
        """
        owner = self._meta("address", address)
        if owner != address:
            raise JournalUnsafe(
                f"{self.path}: is the journal of {owner}, not of {address}: give each lane a"
                " data_dir of its own. A lane that is renamed begins with an empty one, once"
                " `lanetally status` says that all facts of the old one are at head office"
            )

    def append(
        self,
        bodies: Sequence[FactBody],
        *,
        wall_ms: int,
        mono_ms: int,
        acked_seq: int | None = None,
    ) -> None:
        """Facts, their projections and the sync cursor in ONE commit, on the disk when it returns.

        Raises sqlite3.Error with nothing written: the same call may be made again.
        """
        if self.shedding or self._shed:
            bodies = self._without_telemetry(bodies)
        seq, prev = self.last_seq, self.last_hash
        rows = []
        for body in bodies:
            seq += 1
            encoded = encode_body(body)
            prev = chain_hash(
                prev, self.epoch, seq, body.type, body.version, wall_ms, mono_ms, encoded
            )
            rows.append((seq, body.type, body.version, wall_ms, mono_ms, prev, encoded))
        with one_commit(self._db):
            self._db.executemany(INSERT_FACT, rows)
            for row, body in zip(rows, bodies, strict=True):
                for sql, values in statements(row[0], body, wall_ms):
                    self._db.execute(sql, values)
            if acked_seq not in (None, self.acked_seq):  # one page less in most commits
                self._db.execute("UPDATE sync_cursor SET acked_seq = ?", (acked_seq,))
        self.last_seq, self.last_hash = seq, prev
        self.fresh.add(rows)
        if acked_seq is not None:
            self.acked_seq = acked_seq
        if self._shed and any(isinstance(body, TelemetryShed) for body in bodies):
            self._shed.clear()

    def _without_telemetry(self, bodies: Sequence[FactBody]) -> Sequence[FactBody]:
        """Less of what nothing hangs on, while the file is at its limit; each sale tells how much
        was left out since the one before."""
        kept: list[FactBody] = []
        for body in bodies:
            if self.shedding and type(body) in TELEMETRY:
                self._shed[body.type] += 1
            else:
                kept.append(body)
        if self._shed and any(isinstance(body, TransactionSettled) for body in kept):
            kept.append(TelemetryShed(self._shed.total(), tuple(sorted(self._shed))))
        return kept

    def save_cursor(self, acked_seq: int) -> None:
        """How far the bridge has it. Losing this costs a resend, nothing else."""
        self._db.execute("UPDATE sync_cursor SET acked_seq = ?", (acked_seq,))
        self.acked_seq = acked_seq

    def load_items(self, items: Iterable[Item], digest: str) -> bool:
        """Replace the item master, unless `digest` is the one that is loaded. True if replaced."""
        if self._meta("items_digest", "") == digest:
            return False
        with one_commit(self._db):
            self._db.execute("DELETE FROM item")
            self._db.executemany(
                "INSERT OR REPLACE INTO item VALUES (?,?,?,?,?,?,?,?,?)", map(astuple, items)
            )
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'items_digest'", (digest,))
        return True

    def change_items(self, items: Iterable[Item], gone: Iterable[str]) -> None:
        """Change some of the item master; the same change again changes nothing."""
        with one_commit(self._db):
            self._db.executemany(
                "INSERT OR REPLACE INTO item VALUES (?,?,?,?,?,?,?,?,?)", map(astuple, items)
            )
            self._db.executemany("DELETE FROM item WHERE gtin = ?", ((gtin,) for gtin in gone))

    def rebuild(self, rows: Iterable[FactRow] | None = None) -> None:
        """Throw the projections away and make them again, from `rows` or from all facts there are.

        Raises ArchiveUnreadable, with nothing changed.
        """
        with one_commit(self._db):
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  names from a constant
            for row in self.history() if rows is None else rows:
                fact = _decoded(row)
                if fact is not None:
                    for sql, values in statements(row.seq, fact, row.wall_ms):
                        self._db.execute(sql, values)

    # --- reading -------------------------------------------------------------------------------

    def lane_state(self) -> LaneState:
        """The state at the last fact: replayed from the last basket that was settled, whose
        suspicion may wait for an answer, and after which sensors may have told of the next one;
        or from the first of those that are put aside or were."""
        row = self._db.execute("SELECT last_number FROM lane_state").fetchone()
        state = LaneState(last_number=row[0] if row else 0)
        first = self._sale_before(SEQ_MAX, but=1)
        needed = self._db.execute(_NEEDED_FROM).fetchone()[0]
        if needed is not None and needed <= first:
            first = self._sale_before(needed)
        for fact in self.facts(first + 1):
            state = evolve(fact, state)
        return state

    def _sale_before(self, seq: int, but: int = 0) -> int:
        """Looked for from there, as it stands nearby; before all if there is none."""
        row = self._db.execute(_SALE_BEFORE, (seq, but)).fetchone()
        return row[0] if row else SEQ_MIN

    def item(self, gtin: str) -> Item | None:
        row = self._db.execute("SELECT * FROM item WHERE gtin = ?", (gtin,)).fetchone()
        return Item(*row) if row else None

    def knowledge(self) -> Knowledge:
        """What an assessment knows of items, as the facts have said it."""
        known = Knowledge()
        for row in self._db.execute("SELECT * FROM described_item ORDER BY gtin"):
            known.describe(facts.ItemDescribed(*row))
        for row in self._db.execute("SELECT * FROM weighed_piece ORDER BY seq"):
            known.weigh(facts.PieceWeighed(*row[1:]))
        return known

    def undescribed(self) -> list[facts.ItemDescribed]:
        """What the facts do not say yet of items that a scale or an RFID reader may tell apart.

        Of those that the item master has no more, only the GTIN.
        """
        return [facts.ItemDescribed(*row) for row in self._db.execute(_UNDESCRIBED)]

    def categories_priced(self, price_minor: int, limit: int = 20) -> tuple[str, ...]:
        """Categories of items that cost exactly so much, one for each item."""
        sql = "SELECT category FROM item WHERE price_minor = ? ORDER BY gtin LIMIT ?"
        return tuple(r[0] for r in self._db.execute(sql, (price_minor, limit)) if r[0])

    def earlier_answer(self, total: CashierTotal) -> tuple[SettlementOutcome, bool] | None:
        """How this `total_id` was answered before, and whether for the same content."""
        row = self._db.execute(
            "SELECT digest, settled_seq, suspected_seq FROM settlement WHERE total_id = ?",
            (total.total_id,),
        ).fetchone()
        if row is None or row[1] is None:
            return None
        settled = self._fact_at(row[1], facts.TransactionSettled)
        findings = (
            self._fact_at(row[2], facts.MissedScanSuspected).findings if row[2] is not None else ()
        )
        return outcome_of(settled, findings), row[0] == total_digest(total)

    def settled_by(self, total_id: str) -> facts.TransactionSettled | None:
        """The sale that was settled under this id."""
        sql = "SELECT settled_seq FROM settlement WHERE total_id = ? AND settled_seq IS NOT NULL"
        row = self._db.execute(sql, (total_id,)).fetchone()
        return self._fact_at(row[0], facts.TransactionSettled) if row else None

    def answered(self, command_id: str) -> facts.CommandAnswered | None:
        """How this command of head office was answered before."""
        sql = "SELECT seq FROM command WHERE command_id = ?"
        row = self._db.execute(sql, (command_id,)).fetchone()
        return self._fact_at(row[0], facts.CommandAnswered) if row else None

    def settled_as(self, receipt: str) -> facts.TransactionSettled | None:
        """The sale with this receipt number, or with this transaction's id."""
        return sale_files.settled_as(self._db, self._fact_at, receipt)

    def sale_file(self, transaction_id: str) -> SaleFile | None:
        """A sale with what was suspected of it and added to it; None if there is none."""
        return sale_files.sale_file(self._db, self._fact_at, transaction_id)

    def amended_by(
        self, act_id: str
    ) -> facts.ItemBackfilled | facts.BackfillReversed | facts.ReturnRecorded | None:
        """What the act of this id did."""
        return sale_files.amended_by(self._db, self._fact_at, act_id)

    def next_return(self) -> int:
        """The number of the next return of this epoch, from 1."""
        sql = "SELECT count(*) + 1 FROM returned WHERE seq > 0"
        number: int = self._db.execute(sql).fetchone()[0]
        return number

    def unsettled(self, total_id: str) -> facts.CashierTotalRejected | None:
        """The total of this id that was rejected after money was taken, if it is open."""
        sql = "SELECT seq FROM unsettled WHERE total_id = ? ORDER BY seq LIMIT 1"
        row = self._db.execute(sql, (total_id,)).fetchone()
        return self._fact_at(row[0], facts.CashierTotalRejected) if row else None

    def days_due(self, today: str) -> list[facts.DayClosed]:
        """The close of each day before `today` that no close has told of all its sales, or of
        none. Raises sqlite3.OperationalError, as for all that an archive does not tell."""
        try:
            return days.due(self._db, archive.folder_of(self.path), today)
        except ArchiveUnreadable as error:
            raise sqlite3.OperationalError(str(error)) from error

    @property
    def has_days(self) -> bool:
        """Whether anything was ever sold, or a day closed."""
        return self._db.execute("SELECT 1 FROM day LIMIT 1").fetchone() is not None

    def unprinted_jobs(
        self,
        tries_max: int,
        since_ms: int = 0,
        since_mono_ms: int = 0,
        earlier_runs_seq: int = SEQ_MAX,
    ) -> list[PrintJobRow]:
        """Print jobs whose receipt is not surely on paper, oldest first, settled since then.

        Monotonic times compare within a run alone: up to `earlier_runs_seq` the wall clock says it.
        """
        rows = self._db.execute(
            "SELECT job_id, settled_seq, state, tries FROM print_job "
            "JOIN fact ON seq = settled_seq "
            "WHERE state != 'printed' AND tries < ? "
            "AND CASE WHEN seq > ? THEN mono_ms >= ? ELSE wall_ms >= ? END ORDER BY settled_seq",
            (tries_max, earlier_runs_seq, since_mono_ms, since_ms),
        ).fetchall()
        return [
            PrintJobRow(job_id, self._receipted(seq), state, tries)
            for job_id, seq, state, tries in rows
        ]

    def rows(self, first: int = 1) -> Iterable[FactRow]:
        return rows_of(self._db, first)

    def history(self) -> Iterator[FactRow]:
        """Every fact at its position: of former epochs, archived, and here."""
        return archive.history(self._db, archive.folder_of(self.path), SEQ_MIN, SEQ_MAX)

    def projections(self) -> Iterator[tuple[Any, ...]]:
        """Every row of every projection, its table's name first, in an order of their own."""
        return projections_of(self._db)

    def facts(self, first: int = 1) -> Iterable[FactBody]:
        """The facts this release knows, decoded, from `first` on."""
        for row in self.rows(first):
            fact = _decoded(row)
            if fact is not None:
                yield fact

    def _fact_at(self, seq: int, cls: type[_F]) -> _F:
        fact = self._any_at(seq)
        assert isinstance(fact, cls)
        return fact

    def _receipted(self, seq: int) -> Receipted:
        fact = self._any_at(seq)
        assert isinstance(fact, TransactionSettled | ReturnRecorded)
        return fact

    def _any_at(self, seq: int) -> FactBody | None:
        found = self._db.execute(f"{SELECT_FACT} WHERE seq = ?", (seq,)).fetchone()
        row = FactRow(*found) if found else self._archived(seq)
        return decode_body(row.type, row.version, row.body)

    def _archived(self, seq: int) -> FactRow:
        """Raises sqlite3.OperationalError: for who asks, an archive is a part of the disk."""
        try:
            return archive.fact_at(self._db, archive.folder_of(self.path), seq)
        except ArchiveUnreadable as error:
            raise sqlite3.OperationalError(str(error)) from error

    def _meta(self, key: str, default: str) -> str:
        self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, default))
        value: str = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
        return value


def _decoded(row: FactRow) -> FactBody | None:
    """The fact; None if this release does not know it, or if it was damaged in a former epoch."""
    try:
        return decode_body(row.type, row.version, row.body)
    except UndecodableFact:
        if row.seq > 0:
            raise
        return None

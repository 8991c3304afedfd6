"""The journal: the lane's append-only truth, in one SQLite file with one writer.

WAL and `synchronous=FULL`: a commit that returned survives a power cut. Facts and the projections
that follow from them change in one commit. The epoch is a random id made with the file, so that a
re-imaged box that starts again at seq 1 collides with nothing. A journal has one writing process
and belongs to one lane.

`Journal` belongs to the core's thread. `JournalReader` is a second, read-only connection for sync.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

from agent.domain import facts
from agent.domain.facts import FactBody
from agent.domain.items import Item
from agent.domain.outcome import SettlementOutcome
from agent.domain.settlement import outcome_of
from agent.domain.totals import CashierTotal
from agent.domain.transaction import LaneState, evolve
from agent.errors import TechnicianError
from agent.projections import TABLES, statements, total_digest
from agent.wire import GENESIS, FactRow, chain_hash, decode_body, encode_body

_F = TypeVar("_F", bound=FactBody)

_INSERT_FACT = (
    "INSERT INTO fact(seq, type, version, wall_ms, mono_ms, hash, body) VALUES (?,?,?,?,?,?,?)"
)
_SELECT_FACT = "SELECT seq, type, version, wall_ms, mono_ms, hash, body FROM fact"
_SEQ_MAX = 2**63 - 1


class JournalUnsafe(TechnicianError):
    """The storage does not give what the journal promises. Says what the technician must change."""


class BrokenChain(Exception):
    """The fact at `seq` is missing or not the one that was written: none from there on is sure."""

    def __init__(self, seq: int, *, missing: bool) -> None:
        self.seq = seq
        self.missing = missing
        super().__init__(f"the chain is broken at seq {seq}")


@dataclass(frozen=True, slots=True)
class PrintJobRow:
    job_id: str
    settled: facts.TransactionSettled
    state: str  #: "waiting", "failed" or "unconfirmed"
    tries: int


def connect(path: Path) -> sqlite3.Connection:
    """A connection that begins no transaction by itself."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


class Journal:
    def __init__(self, path: Path, connect: Callable[[Path], sqlite3.Connection] = connect) -> None:
        """Open or create. Raises JournalUnsafe if the file cannot be made durable, or if another
        process writes it. `connect`: how to reach the file; tests bring a disk of their own."""
        self.path = path
        self._lock, self._db = _opened(path, connect)
        try:
            self._take_up()
        except sqlite3.Error as error:
            self.close()
            raise JournalUnsafe(f"{path}: {error}") from error

    def _take_up(self) -> None:
        """Where the journal stands, as the file says."""
        self.epoch: str = self._meta("epoch", uuid.uuid4().hex)
        last = self._db.execute("SELECT seq, hash FROM fact ORDER BY seq DESC LIMIT 1").fetchone()
        self.last_seq: int = last[0] if last else 0
        self.last_hash: str = last[1] if last else GENESIS
        cursor = self._db.execute("SELECT acked_seq FROM sync_cursor").fetchone()
        self.acked_seq: int = cursor[0] if cursor else 0

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
        seq, prev = self.last_seq, self.last_hash
        rows = []
        for body in bodies:
            seq += 1
            encoded = encode_body(body)
            prev = chain_hash(
                prev, self.epoch, seq, body.type, body.version, wall_ms, mono_ms, encoded
            )
            rows.append((seq, body.type, body.version, wall_ms, mono_ms, prev, encoded))
        with self._one_commit():
            self._db.executemany(_INSERT_FACT, rows)
            for row, body in zip(rows, bodies, strict=True):
                for sql, values in statements(row[0], body):
                    self._db.execute(sql, values)
            if acked_seq is not None:
                self._db.execute("UPDATE sync_cursor SET acked_seq = ?", (acked_seq,))
        self.last_seq, self.last_hash = seq, prev
        if acked_seq is not None:
            self.acked_seq = acked_seq

    def save_cursor(self, acked_seq: int) -> None:
        """How far the bridge has it. Losing this costs a resend, nothing else."""
        self._db.execute("UPDATE sync_cursor SET acked_seq = ?", (acked_seq,))
        self.acked_seq = acked_seq

    def load_items(self, items: Iterable[Item], digest: str) -> bool:
        """Replace the item master, unless `digest` is the one that is loaded. True if replaced."""
        if self._meta("items_digest", "") == digest:
            return False
        with self._one_commit():
            self._db.execute("DELETE FROM item")
            self._db.executemany(
                "INSERT OR REPLACE INTO item VALUES (?,?,?,?,?,?)",
                (
                    (i.gtin, i.description, i.category, i.price_minor, i.sold_by, i.tax_rate_bp)
                    for i in items
                ),
            )
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'items_digest'", (digest,))
        return True

    def rebuild(self, rows: Iterable[FactRow] | None = None) -> None:
        """Throw the projections away and make them again, from `rows` or from all facts here."""
        with self._one_commit():
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  names from a constant
            for row in self.rows() if rows is None else rows:
                fact = decode_body(row.type, row.version, row.body)
                if fact is not None:
                    for sql, values in statements(row.seq, fact):
                        self._db.execute(sql, values)

    @contextmanager
    def _one_commit(self) -> Iterator[None]:
        """All or nothing, whatever goes wrong inside."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    # --- reading -------------------------------------------------------------------------------

    def lane_state(self) -> LaneState:
        """The state at the last fact: the open transaction is replayed from where it began."""
        row = self._db.execute("SELECT last_number, open_seq FROM lane_state").fetchone()
        if row is None:
            return LaneState()
        state = LaneState(last_number=row[0])
        if row[1] is not None:
            for fact in self.facts(row[1]):
                state = evolve(fact, state)
        return state

    def item(self, gtin: str) -> Item | None:
        row = self._db.execute("SELECT * FROM item WHERE gtin = ?", (gtin,)).fetchone()
        return Item(*row) if row else None

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
        findings = self._fact_at(row[2], facts.MissedScanSuspected).findings if row[2] else ()
        return outcome_of(settled, findings), row[0] == total_digest(total)

    def unprinted_jobs(
        self,
        tries_max: int,
        since_ms: int = 0,
        since_mono_ms: int = 0,
        earlier_runs_seq: int = _SEQ_MAX,
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
            PrintJobRow(job_id, self._fact_at(seq, facts.TransactionSettled), state, tries)
            for job_id, seq, state, tries in rows
        ]

    def rows(self, first: int = 1) -> Iterable[FactRow]:
        return _rows(self._db, first)

    def projections(self) -> Iterator[tuple[Any, ...]]:
        """Every row of every projection, its table's name first, in an order of their own."""
        return _projections(self._db)

    def facts(self, first: int = 1) -> Iterable[FactBody]:
        """The facts this release knows, decoded, from `first` on."""
        for row in self.rows(first):
            fact = decode_body(row.type, row.version, row.body)
            if fact is not None:
                yield fact

    def _fact_at(self, seq: int, cls: type[_F]) -> _F:
        row = FactRow(*self._db.execute(f"{_SELECT_FACT} WHERE seq = ?", (seq,)).fetchone())
        fact = decode_body(row.type, row.version, row.body)
        assert isinstance(fact, cls)
        return fact

    def _meta(self, key: str, default: str) -> str:
        self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, default))
        value: str = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
        return value


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

    def rows(self, first: int = 1, last: int = _SEQ_MAX) -> Iterator[FactRow]:
        return _rows(self._db, first, last)

    def projections(self) -> Iterator[tuple[Any, ...]]:
        """As `Journal.projections`."""
        return _projections(self._db)

    def damage(self) -> str:
        """SQLite's own first complaint about the file; "" if it has none."""
        word: str = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        return "" if word == "ok" else word

    def rows_after(self, seq: int, limit: int) -> list[FactRow]:
        sql = f"{_SELECT_FACT} WHERE seq > ? ORDER BY seq LIMIT ?"
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


def intact(rows: Iterable[FactRow], epoch: str) -> Iterator[FactRow]:
    """The same rows, from seq 1 on. Raises BrokenChain at the first that does not follow."""
    prev = GENESIS
    for expected, row in enumerate(rows, 1):
        if row.seq != expected:
            raise BrokenChain(expected, missing=True)
        prev = chain_hash(
            prev, epoch, row.seq, row.type, row.version, row.wall_ms, row.mono_ms, row.body
        )
        if row.hash != prev:
            raise BrokenChain(row.seq, missing=False)
        yield row


def _rows(db: sqlite3.Connection, first: int, last: int = _SEQ_MAX) -> Iterator[FactRow]:
    sql = f"{_SELECT_FACT} WHERE seq BETWEEN ? AND ? ORDER BY seq"
    for row in db.execute(sql, (first, last)):
        yield FactRow(*row)


def _projections(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    for table in TABLES:
        sql = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608  names from a constant
        for row in db.execute(sql):
            yield table, *row


def _opened(
    path: Path, connect: Callable[[Path], sqlite3.Connection]
) -> tuple[BinaryIO, sqlite3.Connection]:
    """The writer's lock, and a connection that keeps what it commits, its tables up to date.

    Raises JournalUnsafe.
    """
    from agent.schema import migrate

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            lock = undo.enter_context(_locked(path))
            db = connect(path)
            undo.callback(db.close)
            db.execute("PRAGMA busy_timeout = 5000")
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            db.execute("PRAGMA synchronous = FULL")
            safety = db.execute("PRAGMA synchronous").fetchone()[0]
            if mode != "wal" or safety != 2:
                raise JournalUnsafe(f"{path}: needs WAL and synchronous=FULL, got {mode}/{safety}")
            migrate(db)
            undo.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise JournalUnsafe(f"{path}: {error}") from error
    return lock, db


def _locked(path: Path) -> BinaryIO:
    """An open file whose lock the kernel takes back when this process ends, however it ends.

    Two writers would number their facts alike, and each would refuse the other's for ever. Not the
    journal itself: closing a second descriptor of it would drop SQLite's own locks
    (https://www.sqlite.org/howtocorrupt.html §2.2).
    """
    lock = path.with_suffix(".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise JournalUnsafe(f"{path}: another process runs this lane") from error
    except OSError:
        lock.close()
        raise
    return lock

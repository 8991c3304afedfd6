"""The power goes at any moment of a lane's day, again and again: what the journal has taken is
there, whole, and nothing half.

The journal is the real one, on a disk that loses its cache (`disk.py`); what is left is looked at
with the SQLite that ships with Python. What is not tried: a drive that says "synced" and lies, and
bits that rot.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import Random
from types import SimpleNamespace

import apsw
import pytest

from agent.domain.facts import DayClosed, DeviceLost, FactBody, ReceiptPrinted, TransactionSettled
from agent.domain.settlement import receipt_job_id
from agent.domain.transaction import LaneState
from agent.journal import Journal, JournalUnsafe, archive, intact, retention
from agent.journal import file as journal_file
from agent.journal.health import short_look
from agent.journal.retention import Rule, archive_next, delete_archived
from agent.wire import encode_body
from tests.durability.disk import Disk, DiskVFS, Mode, restored
from tests.durability.stand_in import Connection
from tests.lane_kit import DAY, ITEMS, MILK, STARTED, TEA, only, sale
from tests.seed_kit import blocks, repeat

SEEDS = 300
BLOCK = 25
CONTROL_SEEDS = 40
HERE = "tests/durability/test_power_cut.py"
SALES = 12
ARCHIVE_FACTS, KEPT_FACTS = 12, 8
#: Changes of the disk in an undisturbed day are about so many; measured below to stay true.
OPERATIONS_OF_OPENING = 260

#: What the journal's own setting is exchanged for in the control.
CARELESS = {
    "PRAGMA synchronous = FULL": "PRAGMA synchronous = NORMAL",
    "PRAGMA synchronous": "SELECT 2",
}

Deed = Callable[[Journal], object]
#: last seq, acknowledged seq, digest of the items
State = tuple[int, int, str]


# --- a lane's day --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """What a lane does, one commit after the other, and how its journal stands after each."""

    deeds: tuple[Deed, ...]
    states: tuple[State, ...]  #: one more than deeds: before the first
    bodies: tuple[FactBody, ...]


def _append(bodies: tuple[FactBody, ...], acked: int, journal: Journal) -> None:
    seq = journal.last_seq
    journal.append(bodies, wall_ms=seq * 1000, mono_ms=seq, acked_seq=acked)


def _load(digest: str, journal: Journal) -> None:
    journal.load_items(ITEMS.values(), digest)


def _archive(journal: Journal) -> None:
    """As the housekeeping does it: a file, its note, and one small commit after the other."""
    rule = Rule(10**15, keep_days=1, facts=ARCHIVE_FACTS, kept=KEPT_FACTS)
    while archive_next(journal._db, archive.folder_of(journal.path), rule):
        pass
    for _ in delete_archived(journal._db):
        pass


@cache
def busy_day() -> Day:
    """Sales in two commits each, paper, long facts; a cursor, items and a rebuild between them."""
    deeds: list[Deed] = []
    states: list[State] = [(0, 0, "")]
    bodies: list[FactBody] = []
    state = LaneState()

    def append(*new: FactBody) -> None:
        acked = max(states[-1][1], len(bodies) - 5)
        bodies.extend(new)
        deeds.append(partial(_append, new, acked))
        states.append((len(bodies), acked, states[-1][2]))

    append(STARTED)
    for number in range(SALES):
        step = sale(
            f"T{number}", LaneState(state.last_number), scans=(MILK, TEA) * (number % 3 + 1)
        )
        append(*step.facts[:2])
        append(*step.facts[2:])
        settled = only(TransactionSettled, step.facts)
        if number % 3:
            job = receipt_job_id(settled.transaction_id)
            append(ReceiptPrinted(settled.transaction_id, job, reprint=False))
        else:
            append(DeviceLost("scale", "x" * 3000 * number))  # up to nine pages in one fact
        if number % 4 == 1:
            seq, _, digest = states[-1]
            deeds.append(lambda journal, seq=seq: journal.save_cursor(seq))
            states.append((seq, seq, digest))
        if number % 5 == 2:
            seq, acked, _ = states[-1]
            deeds.append(partial(_load, f"items-{number}"))
            states.append((seq, acked, f"items-{number}"))
        append(DayClosed(DAY, number + 1, 0, "d" * 64, 1, 1))
        if number % 3 == 2:
            deeds.append(_archive)
            states.append(states[-1])
        if number % 5 == 4:
            deeds.append(lambda journal: journal.rebuild())
            states.append(states[-1])
        state = step.state
    return Day(tuple(deeds), tuple(states), tuple(bodies))


def state_of(journal: Journal) -> State:
    digest = journal._db.execute("SELECT value FROM meta WHERE key = 'items_digest'").fetchone()
    return journal.last_seq, journal.acked_seq, digest[0] if digest else ""


# --- a life: from switching on to the cut --------------------------------------------------------


@dataclass
class Life:
    """What a lane had been promised when the power went, and what the disk kept."""

    done: int  #: deeds of the day that returned
    epoch: str = ""  #: "" if the journal was not even open
    remains: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="module")
def vfs():
    mounted = DiskVFS()
    yield mounted
    mounted.unregister()


@dataclass
class Folder:
    """The archive's folder on the same disk: what was not synced is lost with the power too."""

    path: Path
    vfs: DiskVFS
    written: set[int] = field(default_factory=set)  #: inodes whose bytes are on the platter
    named: set[str] = field(default_factory=set)  #: names that are

    def fsync(self, handle: int) -> None:
        try:
            self.vfs.disk.operate()
        except apsw.IOError as error:
            raise OSError(5, "the power is off") from error
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            self.named = {file.name for file in self.path.iterdir()}
        else:
            self.written.add(status.st_ino)

    def lose(self, chance: Random) -> None:
        for file in list(self.path.iterdir()) if self.path.exists() else ():
            if file.name not in self.named and chance.random() < 0.5:
                file.unlink()
            elif file.stat().st_ino not in self.written:
                os.truncate(file, chance.randrange(file.stat().st_size + 1))


@pytest.fixture(autouse=True)
def archives(tmp_path, vfs, monkeypatch):
    """Where they are found after a cut too; and what is archived is deleted in many commits."""
    folder = Folder(tmp_path / "archive", vfs)
    monkeypatch.setattr(archive, "folder_of", lambda _journal: folder.path)
    monkeypatch.setattr(retention, "DELETE_FACTS", 3)
    shim = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)})
    shim.fsync = folder.fsync
    monkeypatch.setattr(journal_file, "os", shim)
    monkeypatch.setattr(journal_file, "remember_epoch", lambda *_: None)
    return folder


def live(
    path: Path,
    disk: Disk,
    done: int,
    mode: Mode,
    chance: Random,
    replaced: Mapping[str, str],
) -> Life:
    """Go on with the day after its first `done` deeds, until the power goes or the day is over."""
    life = Life(done)
    connections = []
    pages = chance.choice((5, 20, 1000))

    def connect(path: Path) -> sqlite3.Connection:
        connections.append(Connection(path, pages, replaced))
        return connections[-1]  # type: ignore[return-value]  # stands in for one

    try:
        with Journal(path, connect) as journal:
            life.epoch = journal.epoch
            for deed in busy_day().deeds[done:]:
                deed(journal)
                life.done += 1
            disk.is_off = True  # also at the end of a day: closing does not tidy up
    except (JournalUnsafe, OSError, sqlite3.OperationalError):
        assert disk.is_off
    life.remains = disk.after_cut(mode, chance)
    disk.be_forgotten()
    for connection in connections:
        connection.close()
    assert not life.epoch or connections[-1].used == set(replaced)
    return life


def found(folder: Path, *, careless: bool) -> tuple[str, State]:
    """As whom and how stock SQLite finds the journal: whole, chained, its projections those of its
    facts."""
    day = busy_day()
    # no cut is taken for damage; what a careless disk loses may be
    assert careless or short_look(folder / "journal.db").damage == ""
    with Journal(folder / "journal.db") as journal:
        assert journal._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = list(intact(journal.history(), journal.epoch))
        assert [row.body for row in rows] == [encode_body(b) for b in day.bodies[: len(rows)]]
        there = list(journal.projections())
        journal.rebuild()
        assert list(journal.projections()) == there
        return journal.epoch, state_of(journal)


def cut_again_and_again(
    seed: int, archives: Folder, folder: Path, replaced: Mapping[str, str] | None = None
) -> int:
    """Up to three lives of one lane. How many commits that had returned were gone after a cut,
    that of the epoch among them."""
    chance = Random(seed)
    folder /= str(seed)
    archives.path = folder / "archive"
    mode: Mode = chance.choice(("drop", "torn"))
    states = busy_day().states
    remains: dict[str, bytes] = {}
    done = lost = 0
    epoch = ""
    for _ in range(chance.randint(1, 3)):
        # some cuts fall into opening, most into the day, some after its end
        most = chance.choice((OPERATIONS_OF_OPENING, 500, 1600))
        disk = archives.vfs.disk = Disk(remains, chance.randrange(most))
        life = live(folder / "journal.db", disk, done, mode, chance, replaced or {})
        remains = life.remains
        archives.lose(chance)
        restored(remains, folder / "after")
        now, state = found(folder / "after", careless=bool(replaced))
        if state not in states[life.done : life.done + 2]:
            assert state in states[: life.done], f"nothing ever stood so: {state}"
            lost += life.done - states.index(state)
        epoch = life.epoch or epoch
        if epoch not in ("", now):
            lost += 1
            epoch = ""
        # the last of equal states: a rebuild between them changes nothing
        done = len(states) - 1 - states[::-1].index(state)
    return lost


# --- the proof -----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks(SEEDS, BLOCK), ids=lambda b: f"{b[0]}-{b[-1]}")
def test_nothing_that_was_committed_is_lost_and_nothing_is_half(block, archives, tmp_path):
    for seed in block:
        try:
            lost = cut_again_and_again(seed, archives, tmp_path)
        except AssertionError as error:
            pytest.fail(f"{error}\n\nto repeat: {repeat(seed, HERE)}")
        assert lost == 0, f"{lost} commits lost\n\nto repeat: {repeat(seed, HERE)}"


def test_the_same_cuts_do_lose_commits_where_sqlite_syncs_less(archives, tmp_path):
    """The control: without it, all of the above could be true of a test that cuts nothing."""
    losing = sum(
        cut_again_and_again(seed, archives, tmp_path, CARELESS) > 0 for seed in range(CONTROL_SEEDS)
    )
    assert losing > CONTROL_SEEDS // 4


def test_the_cuts_lie_in_opening_in_the_middle_and_after_the_day(vfs, tmp_path):
    vfs.disk = Disk({}, 10**9)
    life = live(tmp_path / "journal.db", vfs.disk, 0, "drop", Random(1), {})
    assert life.done == len(busy_day().deeds)
    assert 600 < vfs.disk.operations < 2200
    vfs.disk = Disk({}, 10**9)
    with Journal(tmp_path / "new.db", lambda path: Connection(path, 20, {})):
        assert OPERATIONS_OF_OPENING / 2 < vfs.disk.operations < OPERATIONS_OF_OPENING

"""A new epoch that takes over what an old one left: after damage, from a backup, from an export, on
a disk that was set back.

Never under the old epoch: whoever goes on from less than the last fact would give a seq a second
meaning, and head office would hold the second for damage. The old facts stand below seq 1 of the
new file (`writer.py`), so that the open transaction, unprinted receipts and every answered total go
on; those that head office has not acknowledged are sent under their own epoch and seq
(`agent.former`), so that nothing is posted twice. What is lost is told in the first fact.

The old file is put aside under a name with the date, never deleted. In which order:

1. the new file is built as `journal-next.part`, closed, synced, renamed to `journal-next.db`;
2. the old file and its log get their new name;
3. `journal-next.db` becomes `journal.db`.

Wherever the power goes, the next start finds `journal-next.db` and does the rest, or does not find
it and begins again with the old file.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from agent.domain.facts import JournalRecovered, SeqRange
from agent.domain.items import Item
from agent.journal import archive, setback
from agent.journal.archive import folder_of, lives_ago, position_of
from agent.journal.chain import follows, judged
from agent.journal.file import (
    INSERT_FACT,
    SELECT_FACT,
    SEQ_MAX,
    JournalUnsafe,
    connect,
    locked,
    new_epoch,
    one_commit,
    opened,
    remembered_epoch,
    sync_folder,
)
from agent.journal.health import is_marked_damaged, short_look, unmark_damaged
from agent.journal.reader import JournalReader
from agent.journal.salvage import Cursor, Fact, FormerEpoch, Found, Meta, mapped, salvaged
from agent.journal.setback import SetBack
from agent.journal.writer import Journal
from agent.wire import GENESIS, FactRow

log = logging.getLogger("lanetally.journal")

Cause: TypeAlias = Literal["damaged", "missing", "restored", "imported", "set_back"]

COMMIT_FACTS = 5000
LOST_RANGES_MAX = 100
UNSURE_FACTS_MAX = 10_000  #: how far beyond the last sure fact an unsure one may be
LOG, SHARED = "-wal", "-shm"  #: what SQLite keeps beside a file


@dataclass(slots=True)
class Estate:
    """What an old journal left."""

    found: Iterable[Found]
    cause: Cause
    reason: str = ""
    items: Sequence[Item] = ()
    items_digest: str = ""
    epoch: str = ""  #: where it is known without the file
    address: str = ""  #: as `epoch`
    again: Sequence[FactRow] = ()  #: facts of it that the new epoch is to have as its own


@dataclass(slots=True)
class _Heir:
    """The file that is being built."""

    db: sqlite3.Connection
    epochs: dict[int, str] = field(default_factory=dict)  #: by lives ago
    last_seqs: dict[int, int] = field(default_factory=dict)
    acked_seqs: dict[int, int] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    rivals: list[FactRow] = field(default_factory=list)


def open_journal(path: Path, wall_ms: int) -> tuple[Journal, JournalRecovered | None]:
    """The lane's journal, made sure of; what had to be recovered before, if anything.

    Raises JournalUnsafe where nothing can be made sure of: a full disk, a lock.
    """
    recovered = None
    with ExitStack() as stack:
        lock = stack.enter_context(locked(path))
        _remove(_part(path))
        _finish(path)
        estate = _estate_of(path, lock)
        if estate is not None:
            log.error("the journal is %s: %s", estate.cause, estate.reason)
            recovered = succeed(path, estate, wall_ms)
        unmark_damaged(path)
        setback.unmark(path)
        journal = Journal(path, lock=lock)
        stack.pop_all()
    return journal, recovered


def _estate_of(path: Path, lock: BinaryIO) -> Estate | None:
    """What is left of a journal that is damaged or gone; None if it is sound or never was."""
    epoch = remembered_epoch(lock)
    look = short_look(path, whole=is_marked_damaged(path))
    if look.blank:
        gone = Estate((), "missing", "the file is empty or not there", epoch=epoch)
        return gone if epoch else None
    if look.changed_seq:
        log.error("the fact at seq %d is not the one that was written", look.changed_seq)
    if look.damage:
        return damaged_estate(path, look.damage, epoch)
    seen = setback.marked(path)
    return set_back_estate(path, seen) if seen is not None else None


def damaged_estate(path: Path, reason: str, epoch: str = "") -> Estate:
    """What can be read of a damaged file and of its log."""
    items, digest = _items(path)
    return Estate(_salvaged(path), "damaged", reason, items, digest, epoch)


def _salvaged(path: Path) -> Iterator[Found]:
    with mapped(path) as file, mapped(path.with_name(path.name + LOG)) as written_ahead:
        yield from salvaged(file, written_ahead)


def sound_estate(path: Path, cause: Cause) -> Estate:
    """All of a sound file, such as a backup. Raises JournalUnsafe if it is none."""
    look = short_look(path, whole=True)
    if look.damage or look.blank:
        raise JournalUnsafe(f"{path}: {look.damage or 'is no journal'}")
    items, digest = _items(path)
    return Estate(_read(path), cause, "", items, digest)


def set_back_estate(path: Path, seen: SetBack) -> Estate | None:
    """All of a file whose numbers head office has given to other facts. None if it has gone on
    under another epoch since that was seen."""
    with closing(_read_only(path)) as db:
        again = setback.unsent_since(db, seen)
        last: int = db.execute("SELECT max(seq) FROM fact").fetchone()[0]
    until = again[0].seq - 1 if again else last
    if again is None:
        return None
    reason = f"head office has facts up to {seen.head_office_seq}, not those up to {last} here"
    items, digest = _items(path)
    return Estate(_read(path, until), "set_back", reason, items, digest, seen.epoch, again=again)


def _read(path: Path, until: int = SEQ_MAX) -> Iterator[Found]:
    with closing(_read_only(path)) as db:
        yield from (Meta(*row) for row in db.execute("SELECT key, value FROM meta"))
        yield from (Cursor(*row) for row in db.execute("SELECT acked_seq FROM sync_cursor"))
        sql = "SELECT ago, epoch, last_seq, acked_seq FROM former"
        yield from (FormerEpoch(*row) for row in db.execute(sql))
        rows = db.execute(f"{SELECT_FACT} WHERE seq <= ?", (until,))
        yield from (Fact(FactRow(*row)) for row in rows)


def _items(path: Path) -> tuple[list[Item], str]:
    """The item master, if all of it can be read: an old page must not bring back an old price."""
    try:
        with closing(_read_only(path)) as db:
            rows = db.execute("SELECT * FROM item").fetchall()
            sound = db.execute("PRAGMA quick_check(item)").fetchone() == ("ok",)
            digest = db.execute("SELECT value FROM meta WHERE key = 'items_digest'").fetchone()
    except sqlite3.Error:
        return [], ""
    return ([Item(*row) for row in rows], digest[0]) if sound and digest else ([], "")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


# --- the new file --------------------------------------------------------------------------------


def succeed(path: Path, estate: Estate, wall_ms: int) -> JournalRecovered:
    """Put a new journal in the old one's place, whose lock the caller holds. Raises JournalUnsafe
    with the old one where it was."""
    part = _part(path)
    _remove(part)
    try:
        recovered = _built(part, path, estate, wall_ms)
        if part.with_name(part.name + LOG).exists():  # SQLite could not tidy up: the disk is full
            raise JournalUnsafe(f"{part}: no room to write it all")
        for suffix in (LOG, SHARED):
            _next(path).with_name(_next(path).name + suffix).unlink(missing_ok=True)
        part.replace(_next(path))
        sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise JournalUnsafe(f"{part}: {error}") from error
    finally:
        _remove(part)
    _finish(path)
    return recovered


def _built(part: Path, path: Path, estate: Estate, wall_ms: int) -> JournalRecovered:
    with closing(opened(part, connect)) as db:
        heir, folder = _Heir(db), folder_of(path)
        _take_over(heir, estate)
        _settle_rivals(heir)
        _note_formers(heir, folder)
        _judge_formers(heir, folder)
        lost = list(_lost(heir, folder))
        with one_commit(db):
            db.execute("INSERT INTO meta VALUES ('epoch', ?)", (new_epoch(),))
            address = heir.meta.get("address") or estate.address
            if address:
                db.execute("INSERT INTO meta VALUES ('address', ?)", (address,))
    stamp = datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y%m%d-%H%M%S")
    recovered = JournalRecovered(
        cause=estate.cause,
        reason=estate.reason,
        former_epoch=heir.epochs.get(1, ""),
        former_last_seq=heir.last_seqs.get(1, 0),
        former_acked_seq=heir.acked_seqs.get(1, 0),
        lost=tuple(lost[:LOST_RANGES_MAX]),
        lost_count=sum(gap.last - gap.first + 1 for gap in lost),
        set_aside=f"journal-until-{stamp}.db" if path.exists() else "",
    )
    with Journal(part) as journal:
        if estate.items_digest:
            journal.load_items(estate.items, estate.items_digest)
        journal.rebuild()  # the archives lie in the same folder
        journal.append([recovered], wall_ms=wall_ms, mono_ms=0)
        setback.write_again(journal, recovered.former_epoch, list(estate.again))
    return recovered


def _take_over(heir: _Heir, estate: Estate) -> None:
    """Every row, one life further back; what is told of the old epochs."""
    pending: list[FactRow] = []
    for found in estate.found:
        match found:
            case Fact(row):
                pending.append(_one_life_back(row))
                if len(pending) >= COMMIT_FACTS:
                    _keep(heir, pending)
                    pending.clear()
            case Meta(key, value):
                heir.meta[key] = value
            case Cursor(acked_seq):
                _least(heir.acked_seqs, 1, acked_seq)
            case FormerEpoch(ago, epoch, last_seq, acked_seq):
                heir.epochs[ago + 1] = epoch
                heir.last_seqs[ago + 1] = last_seq
                _least(heir.acked_seqs, ago + 1, acked_seq)
    _keep(heir, pending)
    heir.epochs[1] = heir.meta.get("epoch") or estate.epoch


def _one_life_back(row: FactRow) -> FactRow:
    return FactRow(
        position_of(row.seq, 1), row.type, row.version, row.wall_ms, row.mono_ms, row.hash, row.body
    )


def _least(known: dict[int, int], ago: int, acked_seq: int) -> None:
    """Of two that differ the smaller: it costs a resend, the larger might cost facts."""
    known[ago] = min(acked_seq, known.get(ago, acked_seq))


def _keep(heir: _Heir, rows: Sequence[FactRow]) -> None:
    """Insert what is new; remember what contradicts a row that is there."""
    db = heir.db
    with one_commit(db):
        for row in rows:
            inserted = db.execute(
                INSERT_FACT.replace("INSERT", "INSERT OR IGNORE", 1), _columns(row)
            )
            if not inserted.rowcount and _there(db, row.seq) != _columns(row):
                heir.rivals.append(row)
    for row in rows:
        ago = lives_ago(row.seq)
        seq = row.seq - position_of(0, ago)
        if seq > heir.last_seqs.get(ago, 0):
            heir.last_seqs[ago] = seq


def _there(db: sqlite3.Connection, position: int) -> Any:
    return db.execute(f"{SELECT_FACT} WHERE seq = ?", (position,)).fetchone()


def _columns(row: FactRow) -> tuple[int, str, int, int, int, str, bytes]:
    return row.seq, row.type, row.version, row.wall_ms, row.mono_ms, row.hash, row.body


def _settle_rivals(heir: _Heir) -> None:
    """Of two rows with one seq, that one stays which follows from the row before it."""
    heir.db.execute("PRAGMA recursive_triggers = OFF")  # to replace a row that nobody has seen yet
    with one_commit(heir.db):
        for row in sorted(heir.rivals, key=lambda row: row.seq):
            ago = lives_ago(row.seq)
            seq = row.seq - position_of(0, ago)
            before = heir.db.execute(
                "SELECT hash FROM fact WHERE seq = ?", (row.seq - 1,)
            ).fetchone()
            prev = before[0] if before else GENESIS
            own = FactRow(seq, row.type, row.version, row.wall_ms, row.mono_ms, row.hash, row.body)
            if follows(prev, heir.epochs.get(ago, ""), own):
                heir.db.execute(INSERT_FACT.replace("INSERT", "REPLACE", 1), _columns(row))


def _note_formers(heir: _Heir, folder: Path) -> None:
    """Write down whose facts these are, and what of them lies in archives: each file says whose."""
    heir.epochs = {ago: epoch or f"unknown-{new_epoch()}" for ago, epoch in heir.epochs.items()}
    there = list(archive.found(folder, {epoch: ago for ago, epoch in heir.epochs.items()}))
    for one in there:
        seq = one.last - position_of(0, one.ago)
        heir.last_seqs[one.ago] = max(seq, heir.last_seqs.get(one.ago, 0))
        # else it had not been archived
        heir.acked_seqs[one.ago] = max(seq, heir.acked_seqs.get(one.ago, 0))
    with one_commit(heir.db):
        for ago, epoch in heir.epochs.items():
            last = heir.last_seqs.get(ago, 0)
            acked = min(last, heir.acked_seqs.get(ago, 0))
            heir.acked_seqs[ago] = acked
            heir.db.execute("INSERT INTO former VALUES (?,?,?,?,0)", (ago, epoch, last, acked))
        for one in there:
            archive.note(heir.db, one)


def _judge_formers(heir: _Heir, folder: Path) -> None:
    """How often each chain is broken, so that a later check can tell what broke since; and where it
    ends: a row far beyond the last that is sure is no row, but torn."""
    for ago, epoch in heir.epochs.items():
        count = sure = 0
        for row, is_sure in judged(_of_life(heir.db, folder, ago), epoch):
            count += not is_sure
            sure = row.seq if is_sure else sure
        heir.last_seqs[ago] = min(heir.last_seqs.get(ago, 0), sure + UNSURE_FACTS_MAX)
        with one_commit(heir.db):
            heir.db.execute(
                "UPDATE former SET breaks = ?, last_seq = ? WHERE ago = ?",
                (count, heir.last_seqs[ago], ago),
            )


def _of_life(db: sqlite3.Connection, folder: Path, ago: int) -> Iterator[FactRow]:
    ends = position_of(1, ago), position_of(0, ago - 1)
    return archive.moved(archive.history(db, folder, *ends), -position_of(0, ago))


def _lost(heir: _Heir, folder: Path) -> Iterator[SeqRange]:
    """The gaps in the last epoch, up to the last fact that is known of."""
    expected = 1
    for row in _of_life(heir.db, folder, 1):
        if row.seq > heir.last_seqs[1]:
            break
        if row.seq > expected:
            yield SeqRange(expected, row.seq - 1)
        expected = row.seq + 1
    if expected <= heir.last_seqs.get(1, 0):
        yield SeqRange(expected, heir.last_seqs[1])


# --- in its place --------------------------------------------------------------------------------


def _part(path: Path) -> Path:
    return path.with_name("journal-next.part")


def _next(path: Path) -> Path:
    return path.with_name("journal-next.db")


def _finish(path: Path) -> None:
    """Put the new file in the old one's place, if one is ready. May be done again half way."""
    ready = _next(path)
    if not ready.exists():
        return
    with closing(JournalReader(ready)) as reader:
        aside = reader.set_aside()
    for suffix in (LOG, SHARED, ""):  # the log first: it must never meet another file
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(path.with_name((aside or "journal-until-now.db") + suffix))
    for suffix in (LOG, SHARED):  # left by the look just taken
        ready.with_name(ready.name + suffix).unlink(missing_ok=True)
    sync_folder(path.parent)
    ready.replace(path)
    sync_folder(path.parent)


def _remove(part: Path) -> None:
    for name in (part.name, part.name + LOG, part.name + SHARED, part.with_suffix(".lock").name):
        part.with_name(name).unlink(missing_ok=True)

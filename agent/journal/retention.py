"""What is old and acknowledged leaves the journal's file: archived first, deleted then.

Each step is a commit of its own, so that a cut of the power finds the facts in the file, in the
archive, or in both. The lane writes in between: stretches are short, and so are the pauses it sees.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.journal import archive
from agent.journal.archive import LIFE_BITS, Archive, lives_ago, moved
from agent.journal.file import SEQ_MIN, meta_of, one_commit, rows_of

ARCHIVE_FACTS = 10_000  #: in one file: half a megabyte, read again in a tenth of a second
KEPT_FACTS = 1000  #: the newest stay, whatever their age; and all from the last sale on, and of a
#: day that is not closed
DELETE_FACTS = 200  #: in one commit: some milliseconds that the core may have to wait
VACUUM_PAGES = 256
#: Free pages are used again by the next facts; only what is far more than that goes back to the
#: disk, for moving pages wears out a card.
FREE_PAGES_MAX = 16_384

_EARLIEST = "SELECT min(seq) FROM fact WHERE seq > ?"
_BOUND = """
SELECT min(
    (SELECT coalesce(max(seq), 0) FROM fact) - ?,
    coalesce((SELECT open_seq - 1 FROM lane_state), 9223372036854775807),
    coalesce((SELECT min(open_seq) - 1 FROM suspended), 9223372036854775807),
    coalesce((SELECT min(first_seq) - 1 FROM day
        WHERE sales != closed_sales OR returns != closed_returns), 9223372036854775807),
    coalesce((SELECT seq - 1 FROM fact WHERE type = 'TransactionSettled'
        ORDER BY seq DESC LIMIT 1), 9223372036854775807))"""
_STRETCH = "SELECT seq, wall_ms FROM fact WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
_ARCHIVED_STILL_HERE = """
SELECT fact.seq FROM archive JOIN fact ON fact.seq BETWEEN first AND last LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Rule:
    """Facts older than `before_ms` may go, in files of `facts` at least."""

    now_ms: int
    keep_days: int
    facts: int = ARCHIVE_FACTS
    kept: int = KEPT_FACTS

    def is_old(self, wall_ms: int) -> bool:
        """Also if its clock was ahead of ours: it would keep its place for years."""
        return not self.now_ms - self.keep_days * 86_400_000 <= wall_ms <= self.now_ms


def archive_next(db: sqlite3.Connection, folder: Path, rule: Rule) -> Archive | None:
    """Write the next stretch that is due to a file and note it. None if no stretch is due.

    Raises OSError, JournalUnsafe or sqlite3.Error with nothing noted.
    """
    stretch = _due(db, rule)
    if stretch is None:
        return None
    first, last = stretch
    ago = lives_ago(first)
    epoch = _epoch(db, ago)
    rows = list(moved(rows_of(db, first, last), ago << LIFE_BITS))
    written = archive.write(folder, epoch, ago, rows)
    with one_commit(db):
        archive.note(db, written)
    return written


def _due(db: sqlite3.Connection, rule: Rule) -> tuple[int, int] | None:
    """The next stretch of positions without a gap, of one epoch, old and acknowledged."""
    done = db.execute("SELECT coalesce(max(last), ?) FROM archive", (SEQ_MIN,)).fetchone()[0]
    first = db.execute(_EARLIEST, (done,)).fetchone()[0]
    if first is None:
        return None
    ago = lives_ago(first)
    bound = min(db.execute(_BOUND, (rule.kept,)).fetchone()[0], _acknowledged(db, ago))
    last = first - 1
    for seq, wall_ms in db.execute(_STRETCH, (first, bound, rule.facts)):
        if seq != last + 1 or not rule.is_old(wall_ms):
            break
        last = seq
    # of a former epoch there comes no more: what is left of it need not fill a file
    whole = last - first + 1 >= rule.facts or (ago > 0 and last >= first)
    return (first, last) if whole else None


def _epoch(db: sqlite3.Connection, ago: int) -> str:
    if not ago:
        return meta_of(db, "epoch")
    epoch: str = db.execute("SELECT epoch FROM former WHERE ago = ?", (ago,)).fetchone()[0]
    return epoch


def _acknowledged(db: sqlite3.Connection, ago: int) -> int:
    """The last position that head office has."""
    if ago:
        sql = "SELECT acked_seq FROM former WHERE ago = ? AND epoch != ''"
        row = db.execute(sql, (ago,)).fetchone()
        return archive.position_of(row[0], ago) if row else SEQ_MIN
    acked: int = db.execute("SELECT acked_seq FROM sync_cursor").fetchone()[0]
    return acked


def delete_archived(db: sqlite3.Connection) -> Iterator[int]:
    """Delete what is archived, a short commit at each step; how many facts it took."""
    while seqs := db.execute(_ARCHIVED_STILL_HERE, (DELETE_FACTS,)).fetchall():
        with one_commit(db):
            db.executemany("DELETE FROM fact WHERE seq = ?", seqs)
        yield len(seqs)


def give_back_room(db: sqlite3.Connection, free_pages_max: int = FREE_PAGES_MAX) -> Iterator[int]:
    """Shorten the file, a few pages at each step, while far more of it is free than is soon used.

    Nothing to do in a file from before this was possible: it reuses its pages, and grows no more.
    """
    while (free := _pragma(db, "freelist_count")) > free_pages_max:
        # a row for each page that is moved: only fetching them moves it
        db.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
        if _pragma(db, "freelist_count") == free:
            return
        yield free


def _pragma(db: sqlite3.Connection, name: str) -> int:
    number: int = db.execute(f"PRAGMA {name}").fetchone()[0]
    return number

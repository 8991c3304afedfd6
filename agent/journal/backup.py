"""A copy of the running journal: of one moment, made beside the writer, checked before it counts.

By SQLite's own backup (https://www.sqlite.org/backup.html): bytes that are copied while somebody
writes them are no journal. Archives are files of their own that never change: they are not in it.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from agent.journal.file import Interrupted, JournalUnsafe, interruptible, sync_folder
from agent.journal.reader import JournalReader

PAGES = 64  #: at once: a quarter of a megabyte
PAUSE_S = 0.005  #: between: a card serves the core too
#: What must stay free on the disk afterwards: a backup may not be what stops the lane.
FREE_BYTES_MIN = 64 * 1024 * 1024
_NAME = re.compile(r"journal-\d{8}-\d{6}\.db")
_STAMP = "journal-%Y%m%d-%H%M%S.db"


def default_folder(journal: Path) -> Path:
    return journal.parent / "backup"


def name_at(now: datetime) -> str:
    return now.strftime(_STAMP)


def made_in(folder: Path) -> list[Path]:
    """The backups there are, oldest first."""
    with suppress(OSError):
        return sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name))
    return []


def made_at(file: Path) -> datetime:
    return datetime.strptime(file.name, _STAMP)  # noqa: DTZ007  local time, as in the name


def back_up(
    journal: Path, target: Path, go_on: Callable[[], bool] = lambda: True, pause_s: float = PAUSE_S
) -> None:
    """Copy a journal, which may be written meanwhile, to a file that is there once it is sound.

    Raises JournalUnsafe, OSError or sqlite3.Error; Interrupted once `go_on` says no.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        with closing(JournalReader(journal)) as reader:
            free = shutil.disk_usage(target.parent).free
            if free < reader.size_bytes() + FREE_BYTES_MIN:
                raise JournalUnsafe(f"{target.parent}: no room for a backup")
            with closing(sqlite3.connect(part, isolation_level=None)) as copy:
                _copied(reader, copy, go_on, pause_s)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
                with interruptible(copy, go_on):
                    word = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if word != "ok":
            raise JournalUnsafe(f"{journal}: {word}")
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _copied(
    reader: JournalReader, copy: sqlite3.Connection, go_on: Callable[[], bool], pause_s: float
) -> None:
    def progress(_status: int, _remaining: int, _total: int) -> None:
        if not go_on():
            raise Interrupted

    with reader.one_moment():
        reader.last_seq  # noqa: B018  the moment begins with the first look
        reader.backup_into(copy, PAGES, pause_s, progress)


def prune(folder: Path, keep: int) -> None:
    """Delete the oldest, so that so many are left."""
    for file in made_in(folder)[: -keep or None]:
        file.unlink()

"""What the journal needs beside the sales: its size watched, a copy each night, old facts archived,
all of it checked. A thread of its own, of low priority, in short steps with pauses between them.

It has a writing connection of its own, for the minutes in which it archives: each of its commits is
short, for the core waits for it. Whatever fails here is said, and tried again the next night.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from agent.domain.text import Text
from agent.journal import Journal, JournalReader, JournalUnsafe
from agent.journal import backup as backups
from agent.journal.archive import folder_of
from agent.journal.file import Interrupted, beside
from agent.journal.health import long_look, mark_damaged
from agent.journal.retention import Rule, archive_next, delete_archived, give_back_room
from agent.journal_settings import JournalSettings
from agent.memory import give_back

log = logging.getLogger("lanetally.housekeeping")

WATCH_S = 30.0
SETTLED_S = 600.0  #: a night that was missed is made up for when the lane has run so long
PAUSE_S = 0.05  #: between two steps
NICENESS = 19
#: Of `max_mb`: from here on facts are archived after a day; there it is said.
EARLY_PERCENT = 80
RESUME_PERCENT = 95  #: below this, sensors are written again
EARLY_KEEP_DAYS = 1


@dataclass(slots=True)
class Housekeeping:
    """`tell(problem)` is called with each change of what is wrong, with None once nothing is."""

    journal: Journal
    settings: JournalSettings
    now: Callable[[], datetime]
    tell: Callable[[Text | None], None]
    done_until: datetime | None = None  #: nights before this are done
    begun_s: float = 0.0
    problems: dict[str, Text] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Belongs to one thread; ends when `stop` is set."""
        with suppress(OSError):  # a system that does not allow it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        self.begun_s = time.monotonic()
        self.attempt("size", partial(self.watch_size, stop))
        while not stop.wait(WATCH_S):
            self.attempt("size", partial(self.watch_size, stop))
            if self.is_due():
                self.do_night(stop)

    @property
    def backup_folder(self) -> Path:
        named = self.settings.backup_dir
        return Path(named) if named else backups.default_folder(self.journal.path)

    # --- when ----------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Whether a night has come that is not done, or was missed while the lane was off."""
        now = self.now().replace(tzinfo=None)
        night = last_night(now, self.settings.nightly)
        made = [backups.made_at(file) for file in backups.made_in(self.backup_folder)]
        # a backup from the future was made by a clock that has been set since
        done = max(
            [t for t in (*made, self.done_until) if t is not None and t <= now], default=None
        )
        if done is not None and done >= night:
            return False
        is_now = now - night < timedelta(seconds=3 * WATCH_S)
        return is_now or time.monotonic() - self.begun_s >= SETTLED_S

    # --- what ----------------------------------------------------------------------------------

    def do_night(self, stop: threading.Event) -> None:
        self.done_until = self.now().replace(tzinfo=None)
        chores: dict[str, Callable[[threading.Event], Text | None]] = {
            "backup": self.back_up,
            "archive": partial(self.archive, keep_days=self.settings.keep_days),
            "check": self.check,
        }
        for name, chore in chores.items():
            if not stop.is_set():
                self.attempt(name, partial(chore, stop))
                give_back()

    def attempt(self, name: str, chore: Callable[[], Text | None]) -> None:
        """Do it, and say what is wrong with it or that nothing is any more."""
        try:
            self.note(name, chore())
        except Interrupted:
            log.info("%s: the lane stops, it is done the next time", name)
        except (OSError, sqlite3.Error, JournalUnsafe) as error:
            args: dict[str, str | int] = {"chore": name, "reason": str(error)}
            self.note(name, Text(_PROBLEM_TEXTS["failed"], args))

    def note(self, name: str, problem: Text | None) -> None:
        """Say it once, not with each figure that changes in it."""
        known = self.problems.get(name)
        if (problem and problem.id) == (known and known.id):
            return
        if problem is None:
            del self.problems[name]
        else:
            self.problems[name] = problem
            log.error("%s", problem.english())
        self.tell(next(iter(self.problems.values()), None))

    def back_up(self, stop: threading.Event) -> None:
        keep = self.settings.backup_keep
        if keep:
            target = self.backup_folder / backups.name_at(self.now())
            backups.back_up(self.journal.path, target, lambda: not stop.is_set())
            backups.prune(self.backup_folder, keep)
            log.info("backup: %s", target)

    def archive(self, stop: threading.Event, *, keep_days: int) -> None:
        rule = Rule(int(self.now().timestamp() * 1000), keep_days)
        folder = folder_of(self.journal.path)
        with beside(self.journal.path) as db:
            while not stop.wait(PAUSE_S) and (archived := archive_next(db, folder, rule)):
                log.info("archived: %s", archived.file)
            _step_by_step(delete_archived(db), stop)
            _step_by_step(give_back_room(db), stop)

    def check(self, stop: threading.Event) -> Text | None:
        """All of the file. What is damaged is put aside at the next start, not under a lane that
        sells."""
        with closing(JournalReader(self.journal.path)) as reader:
            for look in long_look(reader, lambda: not stop.is_set()):
                if look.damage:
                    mark_damaged(self.journal.path, look.damage)
                    args: dict[str, str | int] = {"reason": look.damage}
                    return Text(_PROBLEM_TEXTS["damaged"], args)
                if look.changed_seq:
                    return Text(_PROBLEM_TEXTS["changed"], {"seq": look.changed_seq})
                if stop.wait(PAUSE_S):
                    break
        return None

    def watch_size(self, stop: threading.Event) -> Text | None:
        """Leave out telemetry at the limit; before, archive what may go."""
        with closing(JournalReader(self.journal.path)) as reader:
            size = reader.size_bytes()
        percent = 100 * size // (self.settings.max_mb * 1024 * 1024)
        self.journal.shedding = percent >= (RESUME_PERCENT if self.journal.shedding else 100)
        if percent < EARLY_PERCENT:
            return None
        self.archive(stop, keep_days=EARLY_KEEP_DAYS)
        args: dict[str, str | int] = {"percent": percent, "limit": self.settings.max_mb}
        return Text(_PROBLEM_TEXTS["full" if self.journal.shedding else "early"], args)


_PROBLEM_TEXTS = {
    "failed": "The journal's upkeep ({chore}) failed: {reason}",
    "damaged": "The journal's file is damaged: {reason}. Restart the lane: it recovers what it can",
    "changed": "The fact at seq {seq} of the journal is not the one that was written",
    "early": "The journal has {percent} % of its {limit} MB: is head office connected?",
    "full": "The journal has reached its limit of {limit} MB: what the sensors tell is not kept",
}


def last_night(now: datetime, at: str) -> datetime:
    """The last time that it was `at` ("HH:MM"), local time."""
    hour, minute = map(int, at.split(":"))
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def _step_by_step(steps: Iterable[object], stop: threading.Event) -> None:
    for _ in steps:
        if stop.wait(PAUSE_S):
            return

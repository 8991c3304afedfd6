"""Whether systemd's watchdog is fed: only while the core turns and the journal is well.

A journal that cannot be written is no reason to restart by itself: what the lane owes to the disk
would be lost, a disk that is full or broken is so after the restart as well, and a lane that sells
from memory would become one that starts again and again. Where others can write beside the journal
and the core still cannot, the fault is in this process or in the file, and a new start mends both
(it looks at the file, see journal/succession.py). That is tried once an hour and not more often.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from agent.arrears import NOT_WRITTEN
from agent.domain.text import Text

log = logging.getLogger("lanetally")

REFUSED_S = 60.0  #: so long a journal may refuse before the fault is looked for
AGAIN_S = 3600.0  #: between two starts that are to mend it
PROBE_BYTES = 64 * 1024  #: more than a turn's facts, far less than the reserve

Verdict: TypeAlias = Literal["well", "core_stuck", "refused", "begin_anew"]


class Watchdog:
    """`look` belongs to one thread, which calls it every second or so."""

    def __init__(
        self,
        folder: Path,
        tell: Callable[[str], None],
        say: Callable[[Text], str],
        *,
        now_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """`folder`: the journal's. `tell`: to systemd."""
        self._probe = folder / "watchdog"
        self._tell = tell
        self._say = say
        self._now_s = now_s
        self._wall_s = wall_s
        self._refused_s: float | None = None  # since when; moved on by each look for the fault
        self._said = ""

    def look(self, *, turns: bool, written: bool) -> Verdict:
        """`turns`: the core's loop does. `written`: the journal takes what the core hands it.

        "begin_anew": nothing is fed any more, and the lane had better end by itself.
        """
        if not turns:
            return "core_stuck"
        if written:
            self._refused_s = None
            self._fed("")
            return "well"
        now_s = self._now_s()
        if self._refused_s is None:
            self._refused_s = now_s
        if now_s - self._refused_s >= REFUSED_S:
            self._refused_s = now_s
            if self._a_start_may_mend():
                log.error("others can write beside the journal: the lane begins anew")
                return "begin_anew"
        self._fed(self._say(NOT_WRITTEN))
        return "refused"

    def _fed(self, status: str) -> None:
        self._tell("WATCHDOG=1")
        if status != self._said:
            self._said = status
            self._tell(f"STATUS={status}")

    def _a_start_may_mend(self) -> bool:
        """Whether a file can be written here for good; its time says when that was tried last."""
        with suppress(FileNotFoundError):
            if abs(self._wall_s() - self._probe.stat().st_mtime) < AGAIN_S:
                return False
        try:
            with self._probe.open("wb") as file:
                file.write(bytes(PROBE_BYTES))
                file.flush()
                os.fsync(file.fileno())
                os.truncate(file.fileno(), 0)
        except OSError:
            with suppress(OSError):
                self._probe.unlink(missing_ok=True)  # not tried: the next look may
            return False
        return True

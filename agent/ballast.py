"""Room on the disk that is kept for the day on which the disk is full.

A file of real blocks beside the journal. When the journal finds no room, the file is given up: the
lane can write for the rest of the day, and somebody has time to make room. It is laid down again at
the next start that finds enough.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

log = logging.getLogger("lanetally.journal")

BALLAST_BYTES = 32 * 1024 * 1024  #: some 3,000 baskets of ten lines, and the log that is not merged
FULL_BYTES = 1024 * 1024  #: with less than this a disk is full
SHARE_OF_FREE = 4  #: it takes at most one part in so many of what is free


class Ballast:
    """Belongs to one lane; its file lies in the lane's data folder."""

    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self.path = path
        self._size = size

    @property
    def is_held(self) -> bool:
        return self.path.exists()

    def hold(self) -> bool:
        """Lay it down, if there is room for it and for others. False, and a word in the log, if
        there is none."""
        if self.is_held:
            return True
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            free = os.statvfs(self.path.parent)
            if free.f_bavail * free.f_frsize >= SHARE_OF_FREE * self._size:
                self._lay_down()
                return True
            reason = os.strerror(errno.ENOSPC)
        except OSError as error:
            reason = str(error)
        log.warning("no reserve of %d MB could be set aside: %s", self._size >> 20, reason)
        return False

    def _lay_down(self) -> None:
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self._size)
            os.fsync(file.fileno())
        partial.replace(self.path)

    def give_up_if_full(self) -> bool:
        """`give_up`, where there is next to no room: a journal is not opened for other reasons."""
        try:
            free = os.statvfs(self.path.parent)
        except OSError:
            return False
        return free.f_bavail * free.f_frsize < FULL_BYTES and self.give_up()

    def give_up(self) -> bool:
        """Free its room. False if there was none, or if the disk does not let go of it."""
        try:
            self.path.unlink()
        except OSError:
            return False
        log.error("the disk is full: the reserve of %d MB is given up", self._size >> 20)
        return True

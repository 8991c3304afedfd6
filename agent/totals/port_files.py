"""Files that another program writes into a folder: which are whole, and taking them, once.

    FOLDER/NAME             written by the POS
    FOLDER/taken/KEY-NAME   ours from here on; it is being settled
    FOLDER/done/KEY-NAME    settled, or refused with a reason in the journal
    FOLDER/unread/KEY-NAME  nobody could read it

Each step is a rename, made durable before the next. KEY is the time of the file's last change and
a digest of what it holds, so that the POS may use one name again and again.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.totals.keep import sync_folder
from drivers.base import DeviceMisconfigured, DeviceUnavailable

FILE_BYTES_MAX = 1 << 20
TAKEN, DONE, UNREAD = "taken", "done", "unread"


@dataclass(frozen=True, slots=True)
class Sight:
    """A file as it was seen; the same as long as nobody writes to it."""

    name: str
    size: int
    mtime_ns: int
    inode: int


def prepare(folder: Path) -> None:
    """Raises DeviceUnavailable (a network folder that is away) or DeviceMisconfigured."""
    if not folder.is_dir():
        raise DeviceUnavailable(f"{folder}: no such folder")
    try:
        for name in (TAKEN, DONE, UNREAD):
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise DeviceMisconfigured(f"{folder}: {error.strerror}") from error


def seen(folder: Path, pattern: str) -> list[Sight]:
    """The files that match, the oldest first. Raises DeviceUnavailable."""
    found = []
    try:
        for file in folder.glob(pattern):
            if file.name.startswith((".", "~")):  # as editors and copying programs begin a file
                continue
            with suppress(FileNotFoundError):
                state = file.lstat()
                if file.is_file() and not file.is_symlink():
                    found.append(Sight(file.name, state.st_size, state.st_mtime_ns, state.st_ino))
    except OSError as error:
        raise DeviceUnavailable(f"{folder}: {error.strerror}") from error
    return sorted(found, key=lambda sight: (sight.mtime_ns, sight.name))


def whole(file: Path) -> bytes | None:
    """What a file holds; None while somebody has it open for writing, or if it is gone.

    fcntl(2): a read lease is granted only if no program has the file open for writing. File systems
    without leases (most network mounts) cannot say; there the time of the last change must do.
    """
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeviceUnavailable(f"{file}: {error.strerror}") from error
    try:
        return None if _is_written(fd) else os.read(fd, FILE_BYTES_MAX)
    finally:
        os.close(fd)


def _is_written(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)  # a broken lease says so, to nobody
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def key_of(sight: Sight, data: bytes) -> str:
    """The same for the same file however often it is looked at."""
    return f"{sight.mtime_ns:x}-{hashlib.sha256(data).hexdigest()[:16]}"


def move(file: Path, to: Path) -> None:
    """Raises DeviceUnavailable."""
    try:
        file.rename(to)
        for folder in {file.parent, to.parent}:
            sync_folder(folder)
    except OSError as error:
        raise DeviceUnavailable(f"{file}: {error.strerror}") from error

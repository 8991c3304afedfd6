"""The lab's cache: what takes minutes to make, and is the same for each run.

It lies outside the checkout: $LANETALLY_LAB_CACHE, else the user's cache folder. What is in it is
called KIND-ARCH-DIGEST, by a digest of everything that it is made from. One of each kind is kept.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.arch import Arch


class LabUnprepared(Exception):
    """What is missing, and how to get it."""


def cache() -> Path:
    """The folder; made if it is not there."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(os.environ.get("LANETALLY_LAB_CACHE", base / "lanetally-lab")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(arch: Arch) -> Iterator[None]:
    """No other run takes or drops what is kept for this processor: boxes run on it.

    What a run that was killed had begun is dropped. Raises LabUnprepared.
    """
    folder = cache()
    with (folder / f"lock-{arch.name}").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabUnprepared(
                f"Another make lab is at work in {folder}: wait until it has ended, "
                "or name another folder with LANETALLY_LAB_CACHE"
            ) from None
        for begun in (f"tmp-{arch.name}-*", f"*-{arch.name}-*.part*"):
            for path in folder.glob(begun):
                _drop(path)
        yield


def scratch(arch: Arch) -> TemporaryDirectory[str]:
    """A folder from which what is whole can be renamed to where it is kept."""
    return TemporaryDirectory(dir=cache(), prefix=f"tmp-{arch.name}-")


def keep_only(newest: Path) -> None:
    """Drop all others of its kind."""
    kind = newest.name.rpartition("-")[0]
    for path in newest.parent.glob(f"{kind}-*"):
        if path != newest:
            _drop(path)


def _drop(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()

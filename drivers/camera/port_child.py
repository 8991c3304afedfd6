"""A child process whose output is read here and whose life ends with ours. Moves bytes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from drivers.base import DeviceUnavailable

READ_BYTES: Final = 65_536
END_S: Final = 0.5
BEGIN: Final = b"\n"  #: on its standard input
ROOT: Final = Path(__file__).parents[2]


class ChildPort:
    """`module`: run as `python -m module ARGUMENTS` by this same interpreter.

    It takes a second to be ready, and may be started before there is anything for it to do. One
    that still waits is not ended by `close`, but with this object.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._child: subprocess.Popen[bytes] | None = None
        self._is_told = False

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def prepare(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start it, if it is not there: it loads what it needs, and waits."""
        if self._child is not None and self._child.poll() is None:
            return self._child
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._child = subprocess.Popen(  # noqa: S603  this interpreter, our own module
            [sys.executable, "-m", self._module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,  # Ctrl-C in a terminal is for the agent alone
        )
        self._end = weakref.finalize(self, _end, self._child)
        return self._child

    def open(self, arguments: Sequence[str]) -> None:
        """Let it begin. Its standard input stays open as long as we live: at its end it goes."""
        self.close()
        child = self.prepare(arguments)
        assert child.stdin is not None
        self._is_told = True
        with suppress(BrokenPipeError):  # it is gone already: `read` tells
            child.stdin.write(BEGIN)

    def read(self, wait_ms: int) -> bytes:
        """What it said, b"" if nothing in `wait_ms`. Raises DeviceUnavailable when it has ended."""
        child = self._child
        if child is None or child.stdout is None:
            raise DeviceUnavailable("the camera's process is not running")
        if not select.select([child.stdout], [], [], wait_ms / 1000)[0]:
            return b""
        data = os.read(child.stdout.fileno(), READ_BYTES)
        if not data:
            with suppress(subprocess.TimeoutExpired):
                child.wait(END_S)
            raise DeviceUnavailable(f"the camera's process ended with {child.returncode}")
        return data

    def close(self) -> None:
        """End it at once: it has nothing to save, and the kernel gives its camera back."""
        if self._is_told:
            self._is_told, self._child = False, None
            self._end()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    with suppress(subprocess.TimeoutExpired):  # a driver of the kernel may hold it: not our wait
        child.wait(END_S)

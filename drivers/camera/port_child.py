"""A child process whose output is read here and whose life ends with ours. Moves bytes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from drivers.base import DeviceUnavailable

READ_BYTES: Final = 65_536
END_S: Final = 0.5
ROOT: Final = Path(__file__).parents[2]


class ChildPort:
    """`module`: run as `python -m module ARGUMENTS` by this same interpreter."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def open(self, arguments: Sequence[str]) -> None:
        """Start it. Its standard input stays open as long as we live: at its end the child goes."""
        self.close()
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._child = subprocess.Popen(  # noqa: S603  this interpreter, our own module
            [sys.executable, "-m", self._module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,  # Ctrl-C in a terminal is for the agent alone
        )

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
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(
            subprocess.TimeoutExpired
        ):  # a driver of the kernel may hold it: not our wait
            child.wait(END_S)

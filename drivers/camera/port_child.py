"""A child process whose output is read here and whose life ends with ours. Moves bytes.

Where a box has the camera's own unit, systemd starts it: `SOCKET_VARIABLE` names a socket behind
which each connection gets a child, with rights that the lane need not have.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from drivers.base import DeviceUnavailable

READ_BYTES: Final = 65_536
END_S: Final = 0.5
ROOT: Final = Path(__file__).parents[2]
SOCKET_VARIABLE: Final = "LANETALLY_CAMERA"  #: set by systemd/lanetally-agent@.service
UNIT: Final = "lanetally-camera.socket"


class ChildPort:
    """`module`: run as `python -m module` by this same interpreter, or by the unit.

    On its standard input the child gets a line of options, and an empty one when it is to begin. It
    takes a second to be ready, and may be started before there is anything for it to do. One that
    waits is not ended by `close`, but with this object.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_told = False
        self._end: Callable[[], object] = lambda: None

    @property
    def pid(self) -> int | None:
        """Of a child that was started here."""
        return None if self._process is None else self._process.pid

    def prepare(self, options: str) -> None:
        """Start it, if it is not there: it waits. DeviceUnavailable if systemd has none for us."""
        if self._line is not None and not _has_ended(self._line):
            return
        self._end()
        self._line = self._process = None
        if where := os.environ.get(SOCKET_VARIABLE):
            self._line = _connected(where)
        else:
            self._line, its = socket.socketpair()
            with its:
                self._process = self._started(its)
        self._end = weakref.finalize(self, _end, self._line, self._process)
        self._say(options)

    def open(self, options: str) -> None:
        """Let it begin. Its standard input stays open as long as we live: at its end it goes."""
        self.close()
        self.prepare(options)
        self._is_told = True
        self._say("")

    def read(self, wait_ms: int) -> bytes:
        """What it said, b"" if nothing in `wait_ms`. Raises DeviceUnavailable when it has ended."""
        if self._line is None:
            raise DeviceUnavailable("the camera's process is not running")
        if not select.select([self._line], [], [], wait_ms / 1000)[0]:
            return b""
        data = b""
        with suppress(ConnectionResetError):  # it ended with some of ours unread
            data = self._line.recv(READ_BYTES)
        if data:
            return data
        if self._process is None:
            raise DeviceUnavailable(
                "the camera's process ended: journalctl -u 'lanetally-camera@*'"
            )
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        raise DeviceUnavailable(f"the camera's process ended with {self._process.returncode}")

    def rest(self) -> None:
        """It has said that it waits again: to begin at the next `open`."""
        self._is_told = False

    def close(self) -> None:
        """End it at once: it has nothing to save, and the kernel gives its camera back."""
        if self._is_told:
            self._is_told, self._line, self._process = False, None, None
            self._end()

    def _started(self, its: socket.socket) -> subprocess.Popen[bytes]:
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        return subprocess.Popen(  # noqa: S603  this interpreter, our own module
            [sys.executable, "-m", self._module],
            stdin=its.fileno(),
            stdout=its.fileno(),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,  # Ctrl-C in a terminal is for the agent alone
        )

    def _say(self, line: str) -> None:
        assert self._line is not None
        with suppress(OSError):  # it is gone already: `read` tells
            self._line.sendall(line.encode() + b"\n")


def _connected(path: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(path)
    except OSError as error:
        line.close()
        raise DeviceUnavailable(f"{path}: {error.strerror}; systemctl start {UNIT}") from error
    return line


def _has_ended(line: socket.socket) -> bool:
    try:
        return not line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError as error:
        return not isinstance(error, BlockingIOError)


def _end(line: socket.socket, process: subprocess.Popen[bytes] | None) -> None:
    """A driver of the kernel may hold it: that is not waited for."""
    if process is not None:
        process.kill()
    deadline_s = time.monotonic() + END_S
    with suppress(OSError):
        line.shutdown(socket.SHUT_WR)
        while (left_s := deadline_s - time.monotonic()) > 0:
            line.settimeout(left_s)
            if not line.recv(READ_BYTES):
                break
    line.close()
    if process is not None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)

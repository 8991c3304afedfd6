"""A serial line as one end of a tap, or listened to. Bytes only; the kernel's own calls.

The lane's devices have `drivers.line` with pyserial; a tap needs what that has not: a line that
never waits, and flow control, because printers are slower than their lines.
"""

from __future__ import annotations

import errno
import fcntl
import os
import termios
import tty
from contextlib import suppress

from agent.totals.port_tcp import RECEIVE_BYTES
from drivers.base import DeviceMisconfigured, DeviceUnavailable

_MISCONFIGURED = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTTY, errno.EINVAL}


class LineEnd:
    """A serial line, raw and never waiting. `flow`: "none", "rts-cts", "xon-obeyed" (the printer
    stops us), "xon-sent" (we stop the POS) or "listen" (opened for reading only). Raises
    DeviceUnavailable or DeviceMisconfigured."""

    def __init__(self, path: str, baud: int, parity: str = "none", flow: str = "none") -> None:
        self._path = path
        access = os.O_RDONLY if flow == "listen" else os.O_RDWR
        try:
            self._fd = os.open(path, access | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _lost(path, error) from error
        try:
            fcntl.ioctl(self._fd, termios.TIOCEXCL)
            _set_raw(self._fd, baud, parity, flow)
        except (OSError, termios.error) as error:
            os.close(self._fd)
            raise _lost(path, error) from error

    def fileno(self) -> int:
        return self._fd

    def receive(self) -> bytes | None:
        try:
            data = os.read(self._fd, RECEIVE_BYTES)
        except BlockingIOError:
            return None
        if not data:
            raise OSError(errno.EIO, f"{self._path}: hung up")
        return data

    def send(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0

    def finish(self) -> None:
        """A line has no end."""

    def check(self) -> None:
        """A line that is open is there."""

    def close(self, *, reset: bool = False) -> None:  # noqa: ARG002  a line cannot be reset
        with suppress(OSError):
            os.close(self._fd)


def _lost(path: str, error: OSError | termios.error) -> Exception:
    number, reason = error.args[:2]
    kind = DeviceMisconfigured if number in _MISCONFIGURED else DeviceUnavailable
    return kind(f"{path}: {reason}")


def _set_raw(fd: int, baud: int, parity: str, flow: str) -> None:
    """termios(3): eight bits, nothing translated; IXON obeys the other side, IXOFF commands it."""
    tty.setraw(fd, termios.TCSANOW)
    mode = termios.tcgetattr(fd)
    mode[0] |= {"xon-obeyed": termios.IXON, "xon-sent": termios.IXOFF}.get(flow, 0)
    mode[2] |= termios.CLOCAL | (termios.CRTSCTS if flow == "rts-cts" else 0)
    mode[2] |= {"even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}.get(parity, 0)
    mode[4] = mode[5] = getattr(termios, f"B{baud}")
    termios.tcsetattr(fd, termios.TCSANOW, mode)

"""A USB printer through the kernel's own driver: /dev/usb/lp0 and its like (Linux, usblp.c)."""

from __future__ import annotations

import errno
import os
import select
import time
from contextlib import suppress

from drivers.base import DeviceMisconfigured, DeviceUnavailable

#: Errors that a person must mend: no permission, or a path through what is no folder.
_MISCONFIGURED = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR}

_READ_BYTES_MAX = 4096
_EMPTY_READ_PAUSE_S = 0.005


class LpPort:
    """The file at `path`, opened without blocking. usblp lets one program at a time have it.

    It hands the printer one transfer at a time and is writable again when the printer has taken it.
    """

    def __init__(self, path: str) -> None:
        """Open it. Raises DeviceUnavailable or DeviceMisconfigured."""
        self._path = path
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            kind = DeviceMisconfigured if error.errno in _MISCONFIGURED else DeviceUnavailable
            raise kind(f"printer at {path}: {error.strerror}") from error

    def write(self, data: bytes, timeout_ms: int) -> int:
        try:
            return os.write(self._fd, data) if self._is(select.POLLOUT, timeout_ms) else 0
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(error.strerror) from error

    def read(self, timeout_ms: int) -> bytes:
        """A printer without a way back is never readable; it is as silent as any other."""
        try:
            if not self._is(select.POLLIN, timeout_ms):
                return b""
            data = os.read(self._fd, _READ_BYTES_MAX)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error.strerror) from error
        if not data:  # an empty packet: some printers answer so where others let the host wait
            time.sleep(_EMPTY_READ_PAUSE_S)
        return data

    def pending_bytes(self) -> int:
        """1 while the printer has not taken the last transfer: usblp does not count them."""
        try:
            return 0 if self._is(select.POLLOUT, 0) else 1
        except DeviceUnavailable:
            return 0

    def _is(self, ready: int, timeout_ms: int) -> bool:
        """Whether it can be written to or read from. Raises DeviceUnavailable if it was pulled."""
        if self._fd < 0:
            raise self._lost("not open")
        poll = select.poll()
        poll.register(self._fd, ready)
        events = [event for _, event in poll.poll(timeout_ms)]
        if events and events[0] & select.POLLHUP:
            raise self._lost("unplugged")
        return bool(events)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)

    def _lost(self, reason: str | None) -> DeviceUnavailable:
        return DeviceUnavailable(f"printer at {self._path}: {reason}")

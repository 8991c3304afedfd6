"""The bytes of one input device: a keyboard under /dev/input, or a stream of the same structs.

A keyboard is opened through python-evdev and grabbed (EVIOCGRAB), so that what a scanner types
reaches nobody else, the console least of all. Give its name under `/dev/input/by-id/` or, for two
alike without a serial number, `/dev/input/by-path/`: `eventN` is whichever came first.
A FIFO or a Unix socket carries the same structs from a program; it is a device that is there as
long as somebody holds the other end. One thread owns a port; no call waits longer than it was told.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import socket
import stat
import struct
import time
from contextlib import closing, suppress
from pathlib import Path

import evdev

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Identity

#: Errors that a person must mend: no permission, or no input device. All others may pass.
_MISCONFIGURED = {errno.EACCES, errno.EPERM, errno.ENOTTY, errno.EINVAL}

#: linux/input.h: _IOW('E', 0xa0, int). Events then carry the clock that never jumps.
_EVIOCSCLOCKID = 0x400445A0
#: linux/input.h: _IOW('E', 0x93, struct input_mask): a type, the size of its bits, their address.
_EVIOCSMASK = 0x40104593
_MASK = struct.Struct("IIQ")

_READ_BYTES = 64 * 1024
_NONE = "neither an input device nor a FIFO nor a socket"


class InputEventsPort:
    """The events of the device at `path`, ours alone between `open` and `close`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1
        self._first = b""
        self._owner: evdev.InputDevice[str] | socket.socket | None = None

    def open(self) -> None:
        """Take the device. Raises DeviceUnavailable (absent, in use) or DeviceMisconfigured."""
        openers = {
            stat.S_IFCHR: self._open_device,
            stat.S_IFIFO: self._open_fifo,
            stat.S_IFSOCK: self._open_socket,
        }
        try:
            opener = openers.get(_kind_of(self.path))
            if opener is not None:
                return opener()
        except OSError as error:
            self.close()
            raise _explained(self.path, error) from error
        raise DeviceMisconfigured(f"{self.path}: {_NONE}")

    def _open_device(self) -> None:
        device = evdev.InputDevice(self.path)
        self._owner, self._fd = device, device.fd
        device.grab()
        fcntl.ioctl(self._fd, _EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
        _spare_queue(self._fd)

    def _open_fifo(self) -> None:
        self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        with suppress(BlockingIOError):  # a writer is there, and has nothing to say yet
            self._first = os.read(self._fd, _READ_BYTES)
            if not self._first:
                raise BrokenPipeError(errno.EPIPE, "nobody writes to it")

    def _open_socket(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._owner, self._fd = connection, connection.fileno()
        connection.connect(self.path)

    def read(self, wait_ms: int) -> bytes:
        """What has arrived, after waiting at most `wait_ms` for the first byte; b"" if nothing."""
        if self._fd < 0:
            raise DeviceUnavailable(f"{self.path}: not open")
        if self._first:
            data, self._first = self._first, b""
            return data
        try:
            if not select.select([self._fd], [], [], wait_ms / 1000)[0]:
                return b""
            data = os.read(self._fd, _READ_BYTES)
        except OSError as error:  # ENODEV: a keyboard was unplugged
            raise DeviceUnavailable(f"{self.path}: {error.strerror}") from error
        if not data:
            raise DeviceUnavailable(f"{self.path}: the other end was closed")
        return data

    def close(self) -> None:
        """Give the device back. Safe to call twice and on a device that is gone."""
        fd, owner = self._fd, self._owner
        self._fd, self._owner, self._first = -1, None, b""
        with suppress(OSError):
            if owner is not None:
                owner.close()
            elif fd >= 0:
                os.close(fd)


def _spare_queue(fd: int) -> None:
    """The kernel keeps 64 events of a keyboard, 21 reports of three; without what nobody reads here
    (MSC_SCAN) 32: a whole EAN-13 waits there, however long the reader is held up."""
    none = ctypes.c_uint64(0)
    mask = _MASK.pack(evdev.ecodes.EV_MSC, ctypes.sizeof(none), ctypes.addressof(none))
    with suppress(OSError):  # not before Linux 4.4
        fcntl.ioctl(fd, _EVIOCSMASK, mask)


def identity(path: str) -> Identity:
    """What the kernel knows of the device at `path`; it is not grabbed. Raises as `open` does.

    `serial` is the device's own or, where it has none, the USB port it is plugged into, which is
    all that tells two alike apart.
    """
    try:
        kind = _kind_of(path)
        if kind in (stat.S_IFIFO, stat.S_IFSOCK):
            return Identity(vendor="", product="stream of input events", serial="", path=path)
        if kind != stat.S_IFCHR:
            raise DeviceMisconfigured(f"{path}: {_NONE}")
        device = evdev.InputDevice(path)
    except OSError as error:
        raise _explained(path, error) from error
    with closing(device):
        ids = f"{device.info.vendor:04x}:{device.info.product:04x}"
        return Identity(ids, device.name, device.uniq or device.phys, path)


def _kind_of(path: str) -> int:
    return stat.S_IFMT(Path(path).stat().st_mode)


def _explained(path: str, error: OSError) -> Exception:
    kind = DeviceMisconfigured if error.errno in _MISCONFIGURED else DeviceUnavailable
    return kind(f"{path}: {error.strerror}")

"""The reports of one HID device under /dev/hidraw: whole reports in, whole reports out.

The kernel hands over one report a read, with its report id first where the device numbers its
reports; a report to write always begins with its id, 0 where they are not numbered
(Documentation/hid/hidraw.rst). `hidrawN` is whichever device came first: give a name that a udev
rule makes from the USB port or the serial number. A Unix socket of type SOCK_SEQPACKET carries the
same reports from a program, one a packet, both ways. One thread owns a port.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Identity

#: Errors that a person must mend: no permission, or no HID device. All others may pass.
_MISCONFIGURED = {errno.EACCES, errno.EPERM, errno.ENOTTY, errno.EINVAL, errno.EPROTOTYPE}

#: linux/hidraw.h: _IOR('H', 3, struct hidraw_devinfo) and _IOC(_IOC_READ, 'H', n, 256).
_HIDIOCGRAWINFO = 0x80084803
_HIDIOCGRAWNAME, _HIDIOCGRAWPHYS, _HIDIOCGRAWUNIQ = (0x81004800 | n for n in (0x04, 0x05, 0x08))

_REPORT_BYTES_MAX = 16 * 1024  # HID_MAX_BUFFER_SIZE in linux/hid.h
_NONE = "neither a hidraw device nor a socket"


class HidrawPort:
    """The device at `path` between `open` and `close`. Other readers are not shut out: Linux
    gives each its own copy of every report."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Take the device. Raises DeviceUnavailable (absent) or DeviceMisconfigured."""
        openers = {stat.S_IFCHR: self._open_device, stat.S_IFSOCK: self._open_socket}
        try:
            opener = openers.get(_kind_of(self.path))
            if opener is not None:
                return opener()
        except OSError as error:
            self.close()
            raise _explained(self.path, error) from error
        raise DeviceMisconfigured(f"{self.path}: {_NONE}")

    def _open_device(self) -> None:
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self._fd, _HIDIOCGRAWINFO, bytes(8))  # ENOTTY: some other character device

    def _open_socket(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket, self._fd = connection, connection.fileno()
        connection.connect(self.path)

    def read(self, wait_ms: int) -> bytes:
        """The next report, after waiting at most `wait_ms` for it; b"" if there is none."""
        fd = self._opened()
        try:
            if not select.select([fd], [], [], wait_ms / 1000)[0]:
                return b""
            report = os.read(fd, _REPORT_BYTES_MAX)
        except BlockingIOError:  # woken for a report that the kernel then dropped
            return b""
        except OSError as error:  # EIO or ENODEV: unplugged
            raise DeviceUnavailable(f"{self.path}: {error.strerror}") from error
        if not report:
            raise DeviceUnavailable(f"{self.path}: the other end was closed")
        return report

    def write(self, report: bytes) -> None:
        """Send one output report, id first. The kernel gives a silent USB device five seconds."""
        fd = self._opened()
        try:
            os.write(fd, report)
        except OSError as error:
            raise DeviceUnavailable(f"{self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Give the device back. Safe to call twice and on a device that is gone."""
        fd, connection = self._fd, self._socket
        self._fd, self._socket = -1, None
        with suppress(OSError):
            if connection is not None:
                connection.close()
            elif fd >= 0:
                os.close(fd)

    def _opened(self) -> int:
        if self._fd < 0:
            raise DeviceUnavailable(f"{self.path}: not open")
        return self._fd


def identity(path: str) -> Identity:
    """What the kernel knows of the device at `path`; nothing is sent. Raises as `open` does.

    `serial` is the device's own or, where it has none, the USB port it is plugged into.
    """
    try:
        kind = _kind_of(path)
        if kind == stat.S_IFSOCK:
            return Identity(vendor="", product="socket of HID reports", serial="", path=path)
        if kind != stat.S_IFCHR:
            raise DeviceMisconfigured(f"{path}: {_NONE}")
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            info = fcntl.ioctl(fd, _HIDIOCGRAWINFO, bytes(8))
            name, phys, uniq = (
                fcntl.ioctl(fd, request, bytes(256)).split(b"\0")[0].decode("utf-8", "replace")
                for request in (_HIDIOCGRAWNAME, _HIDIOCGRAWPHYS, _HIDIOCGRAWUNIQ)
            )
        finally:
            os.close(fd)
    except OSError as error:
        raise _explained(path, error) from error
    _bus, vendor, product = struct.unpack("=IHH", info)
    return Identity(f"{vendor:04x}:{product:04x}", name, uniq or phys, path)


def _kind_of(path: str) -> int:
    return stat.S_IFMT(Path(path).stat().st_mode)


def _explained(path: str, error: OSError) -> Exception:
    kind = DeviceMisconfigured if error.errno in _MISCONFIGURED else DeviceUnavailable
    return kind(f"{path}: {error.strerror}")

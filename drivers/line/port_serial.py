"""One serial line: moves bytes, knows no protocol. The only user of pyserial.

A port is opened by the path that the lane's configuration binds to a role. It never looks for
devices: a byte written to an unknown line may open a drawer or print a fiscal receipt. Give the
name under `/dev/serial/by-id/` (or `by-path/`): `/dev/ttyUSB0` is whichever adapter came first.
One thread owns a port; no call waits longer than it was told.
"""

from __future__ import annotations

import errno
import os
import select
import termios
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import serial
from serial.tools.list_ports_linux import SysFS

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Identity
from drivers.line.port_tty import let_go, read_damaged_characters_as_nul

#: Errors that a person must mend: no permission, no serial line, or one that cannot do the settings
#: (a Raspberry Pi's mini UART, ttyS0, has no parity). All others may pass by themselves.
_MISCONFIGURED = {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTTY, errno.EINVAL}
#: Where the system's own words would mislead.
_REASONS = {errno.ENOTTY: "no serial line", errno.EAGAIN: "in use by another program"}

_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Speed and character format. A pseudo-terminal accepts them all and heeds none."""

    baud: int
    data_bits: int = 8  #: 7 or 8
    parity: str = "none"  #: "none", "even" or "odd"
    stop_bits: int = 1  #: 1 or 2

    def __str__(self) -> str:
        return f"{self.baud} {self.data_bits}{self.parity[0].upper()}{self.stop_bits}"


class SerialPort:
    """A serial line at `path`, exclusively ours between `open` and `close`.

    With a parity, a damaged character is read as NUL: part of no frame, instead of a wrong digit.
    The others come as they are: on 8 data bits (and on a pseudo-terminal) a codec masks bit 7.
    """

    def __init__(self, path: str, settings: LineSettings) -> None:
        self.path = path
        self.settings = settings
        self._line: serial.Serial | None = None
        self._closing: threading.Thread | None = None

    def open(self) -> None:
        """Take the line. Raises DeviceUnavailable (absent, in use) or DeviceMisconfigured."""
        s = self.settings
        if self._closing is not None and self._closing.is_alive():  # opening would wait for that
            raise DeviceUnavailable(f"{self.path}: the line takes no bytes")
        try:
            self._line = serial.Serial(
                self.path,
                baudrate=s.baud,
                bytesize=s.data_bits,
                parity=s.parity[0].upper(),
                stopbits=s.stop_bits,
                timeout=0,
                exclusive=True,
            )
            if s.parity != "none":
                read_damaged_characters_as_nul(self._line.fileno())
        except (OSError, termios.error) as error:
            self.close()
            number = _error_number(error)
            reason = _REASONS.get(number) or (os.strerror(number) if number else str(error))
            if number in _MISCONFIGURED:
                raise DeviceMisconfigured(f"{self.path} at {s}: {reason}") from error
            raise DeviceUnavailable(f"{self.path}: {reason}") from error

    def read(self, wait_ms: int) -> bytes:
        """What has arrived, after waiting at most `wait_ms` for the first byte; b"" if nothing."""
        line = self._opened()
        try:
            ready, _, _ = select.select([line], [], [], wait_ms / 1000)
            data = os.read(line.fileno(), _READ_BYTES) if ready else b""
        except OSError as error:
            raise DeviceUnavailable(f"{self.path}: {error.strerror}") from error
        if ready and not data:
            raise DeviceUnavailable(f"{self.path}: hung up")
        return data

    def write(self, data: bytes, wait_ms: int) -> int:
        """How many bytes of `data` the line took within `wait_ms`: not all, if it is stuck."""
        line = self._opened()
        deadline = time.monotonic() + wait_ms / 1000
        taken = 0
        try:
            while taken < len(data):
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([], [line], [], left)[1]:
                    break
                with suppress(BlockingIOError):  # room for less than one more byte: wait again
                    taken += os.write(line.fileno(), data[taken:])
        except OSError as error:
            raise DeviceUnavailable(f"{self.path}: {error.strerror}") from error
        return taken

    def close(self) -> None:
        """Give the line back. Safe to call twice and on a line that is gone."""
        line, self._line = self._line, None
        if line is not None:
            self._closing = let_go(line.fileno(), line.close)

    def _opened(self) -> serial.Serial:
        if self._line is None:
            raise DeviceUnavailable(f"{self.path}: not open")
        return self._line


def identity(path: str) -> Identity:
    """What the kernel knows of the adapter behind `path` (USB descriptors); nothing is sent."""
    try:
        adapter = SysFS(path)
    except TypeError as error:  # pyserial, on an adapter pulled out while its files are being read
        raise DeviceUnavailable(f"{path}: unplugged") from error
    return Identity(
        vendor=adapter.manufacturer or "",
        product=adapter.product or "",
        serial=adapter.serial_number or "",
        path=path,
    )


def _error_number(error: OSError | termios.error) -> int:
    """0 if it has none: pyserial wraps some termios errors without theirs, lets others through."""
    cause = error.__context__ or error
    return int(cause.args[0]) if isinstance(cause, termios.error | OSError) else 0

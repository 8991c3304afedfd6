"""A serial line to a printer: flow control, without which long receipts overrun its buffer."""

from __future__ import annotations

import fcntl
import struct
import termios
from contextlib import suppress

from drivers.base import DeviceMisconfigured
from drivers.line.port_serial import LineSettings, SerialPort

#: Linux knows no DTR/DSR handshake: with a printer set to it (Epson's default), the cable leads the
#: printer's DTR to this side's CTS, and the setting here is "rts-cts".
FLOWS = ("none", "rts-cts", "xon-xoff")


class PrinterLine(SerialPort):
    """8 data bits, no parity, 1 stop bit."""

    def __init__(self, path: str, baud: int, flow: str) -> None:
        super().__init__(path, LineSettings(baud))
        self._flow = flow

    def open(self) -> None:
        super().open()
        fd = self._opened().fileno()
        attributes = termios.tcgetattr(fd)
        attributes[0] &= ~(termios.IXON | termios.IXOFF | termios.IXANY)
        attributes[2] &= ~termios.CRTSCTS
        if self._flow == "xon-xoff":
            attributes[0] |= termios.IXON
        elif self._flow == "rts-cts":
            attributes[2] |= termios.CRTSCTS
        try:
            termios.tcsetattr(fd, termios.TCSANOW, attributes)
        except termios.error as error:
            self.close()
            raise DeviceMisconfigured(f"{self.path} cannot do {self._flow}: {error}") from error

    def pending_bytes(self) -> int:
        if self._line is None:
            return 0
        answer = fcntl.ioctl(self._line.fileno(), termios.TIOCOUTQ, bytes(4))
        count: int = struct.unpack("i", answer)[0]
        return count

    def close(self) -> None:
        # Closing a line that a printer holds up would wait 30 s (setserial(8): closing_wait).
        if self._line is not None:
            with suppress(OSError, termios.error):
                termios.tcflush(self._line.fileno(), termios.TCOFLUSH)
        super().close()

"""Raw TCP to a printer (port 9100)."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct

from drivers.base import DeviceUnavailable

_READ_BYTES_MAX = 4096
#: linux/sockios.h: bytes that were not sent yet. Those that were sent but not acknowledged are left
#: out: acknowledgements alone come late, by 40 ms and more.
_SIOCOUTQNSD = 0x894B


class TcpPort:
    """One connection. Bytes count as written when the kernel has taken them."""

    def __init__(self, address: str, port: int, timeout_ms: int) -> None:
        """Connect. Raises DeviceUnavailable."""
        self._where = f"{address}:{port}"
        try:
            self._socket = socket.create_connection((address, port), timeout_ms / 1000)
        except OSError as error:
            raise self._lost(error) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def write(self, data: bytes, timeout_ms: int) -> int:
        try:
            self._socket.settimeout(timeout_ms / 1000)
            return self._socket.send(data)
        except (TimeoutError, BlockingIOError):
            return 0
        except OSError as error:
            raise self._lost(error) from error

    def read(self, timeout_ms: int) -> bytes:
        try:
            self._socket.settimeout(timeout_ms / 1000)
            data = self._socket.recv(_READ_BYTES_MAX)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise DeviceUnavailable(f"printer at {self._where} closed the connection")
        return data

    def pending_bytes(self) -> int:
        try:
            answer = fcntl.ioctl(self._socket, _SIOCOUTQNSD, bytes(4))
        except (OSError, ValueError):  # ValueError: closed
            return 0
        count: int = struct.unpack("i", answer)[0]
        return count

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _lost(self, error: OSError) -> DeviceUnavailable:
        return DeviceUnavailable(f"printer at {self._where}: {error}")

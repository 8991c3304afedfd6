"""One TCP connection to a reader: moves bytes, knows no protocol. As `SerialPort` in all else."""

from __future__ import annotations

import contextlib
import socket
import time

from drivers.base import DeviceUnavailable

_READ_BYTES = 65_536


class TcpPort:
    """A connection to `address`, ours from `open` to `close`. No call waits longer than told."""

    def __init__(self, address: str, port: int, connect_ms: int) -> None:
        self.path = f"{address}:{port}"
        self._peer = (address, port)
        self._connect_ms = connect_ms
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect. Raises DeviceUnavailable."""
        try:
            connection = socket.create_connection(self._peer, self._connect_ms / 1000)
        except OSError as error:
            raise DeviceUnavailable(f"{self.path}: {error}") from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection

    def read(self, wait_ms: int) -> bytes:
        """What has arrived, after waiting at most `wait_ms` for the first byte; b"" if nothing."""
        connection = self._opened()
        try:
            connection.settimeout(wait_ms / 1000)
            data = connection.recv(_READ_BYTES)
        except (TimeoutError, BlockingIOError):  # the latter with no time to wait
            return b""
        except OSError as error:
            raise DeviceUnavailable(f"{self.path}: {error}") from error
        if not data:
            raise DeviceUnavailable(f"{self.path}: the reader closed the connection")
        return data

    def write(self, data: bytes, wait_ms: int) -> int:
        """How many bytes of `data` were taken within `wait_ms`: not all, if it is stuck."""
        connection = self._opened()
        deadline = time.monotonic() + wait_ms / 1000
        taken = 0
        while taken < len(data) and (left := deadline - time.monotonic()) > 0:
            try:
                connection.settimeout(left)
                taken += connection.send(data[taken:])
            except TimeoutError:
                break
            except OSError as error:
                raise DeviceUnavailable(f"{self.path}: {error}") from error
        return taken

    def close(self) -> None:
        """Give the connection back. Safe to call twice and on one that is gone."""
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise DeviceUnavailable(f"{self.path}: not open")
        return self._socket

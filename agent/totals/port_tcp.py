"""The ends that a tap joins, and TCP connections as such. Bytes only.

Nothing here waits. `receive` gives None when there is nothing yet and b"" when the other side has
finished; both it and `send` raise OSError when the end is lost.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.base import DeviceMisconfigured, DeviceUnavailable

RECEIVE_BYTES = 65_536
#: A POS that lost its power must not hold the printer, which serves one connection at a time:
#: asked after half a minute of silence, given up after another half.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
#: Left alone, the kernel takes megabytes off a POS whose printer is out of paper.
_KERNEL_BYTES = 64 * 1024
#: Three tries, seven seconds: a POS waits about as long for a printer before it complains.
_CONNECT_TRIES = 2


class End(Protocol):
    def fileno(self) -> int: ...
    def receive(self) -> bytes | None: ...
    def send(self, data: memoryview) -> int: ...
    def finish(self) -> None: ...
    def check(self) -> None: ...
    def close(self, *, reset: bool = False) -> None: ...


class SocketEnd:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            connection.setsockopt(socket.SOL_SOCKET, name, _KERNEL_BYTES)
        for name, value in _KEEPALIVE:
            connection.setsockopt(socket.IPPROTO_TCP, name, value)

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> bytes | None:
        try:
            return self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None

    def send(self, data: memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def finish(self) -> None:
        """Say that nothing more follows; what the other side says is still heard."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def check(self) -> None:
        """Raises OSError if the call that was begun found nobody."""
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def close(self, *, reset: bool = False) -> None:
        """`reset`: the other side is told that something went wrong, as by a real printer."""
        with suppress(OSError):
            if reset:
                linger = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._socket.close()


def connecting(address: Address) -> SocketEnd:
    """An end that is on its way to the printer: writable once it is there. Raises OSError."""
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    end = SocketEnd(connection)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, _CONNECT_TRIES)
    code = connection.connect_ex(address.place)
    if code not in {0, errno.EINPROGRESS}:
        connection.close()
        raise OSError(code, os.strerror(code))
    return end


@dataclass(frozen=True, slots=True)
class Address:
    """Where a printer is, looked up: looking up may take long."""

    family: int
    place: tuple[Any, ...]


def found(host: str, port: int) -> Address:
    """Raises DeviceUnavailable: no name server answers, or none knows the host."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise DeviceUnavailable(f"{host}: {error.strerror}") from error
    return Address(family, place)


def listening(host: str, port: int) -> socket.socket:
    """Raises DeviceUnavailable (the port or the address is not ours yet) or DeviceMisconfigured."""
    address = found(host, port)
    listener = socket.socket(address.family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setblocking(False)
    try:
        listener.bind(address.place)
        listener.listen()
    except OSError as error:
        listener.close()
        kind = DeviceMisconfigured if error.errno == errno.EACCES else DeviceUnavailable
        raise kind(f"{host}:{port}: {error.strerror}") from error
    return listener

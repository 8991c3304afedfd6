"""The TCP port: it moves bytes, waits no longer than told, and names what is wrong."""

import socket
import time

import pytest

from drivers.base import DeviceUnavailable
from drivers.rfid.port_tcp import TcpPort


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def link(server):
    port = TcpPort("127.0.0.1", server.getsockname()[1], 1_000)
    port.open()
    far, _ = server.accept()
    with far:
        yield port, far
    port.close()


def test_bytes_go_both_ways(link):
    port, far = link
    assert port.write(b"hello", 1_000) == 5
    assert far.recv(10) == b"hello"
    far.sendall(b"hi")
    assert port.read(1_000) == b"hi"


@pytest.mark.parametrize("wait_ms", [0, 50])
def test_with_nothing_to_read_it_waits_as_told(link, wait_ms):
    before = time.monotonic()
    assert link[0].read(wait_ms) == b""
    assert time.monotonic() - before >= wait_ms / 1000


def test_a_peer_that_takes_nothing_more_is_noticed(link):
    port, _ = link
    data = bytes(50_000_000)
    assert port.write(data, 100) < len(data)


def test_a_closed_connection_is_unavailable(link):
    port, far = link
    far.close()
    with pytest.raises(DeviceUnavailable, match="closed the connection"):
        port.read(1_000)


def test_a_connection_that_was_reset_is_unavailable(link):
    port, far = link
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.close()
    with pytest.raises(DeviceUnavailable, match=port.path):
        port.read(1_000)
    with pytest.raises(DeviceUnavailable, match=port.path):
        port.write(b"x", 1_000)


def test_closed_twice_and_never_opened_it_is_not_open():
    port = TcpPort("127.0.0.1", 1, 100)
    port.close()
    port.close()
    for use in (lambda: port.read(0), lambda: port.write(b"x", 0)):
        with pytest.raises(DeviceUnavailable, match="not open"):
            use()

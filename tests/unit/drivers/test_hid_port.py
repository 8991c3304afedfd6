"""The port: FIFO, socket and character device; there, away, and back again."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Identity
from drivers.hid.port_input_events import InputEventsPort, identity


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "device"


@pytest.fixture
def port(path: Path) -> Iterator[InputEventsPort]:
    port = InputEventsPort(str(path))
    yield port
    port.close()


@pytest.fixture
def writer(path: Path) -> Iterator[int]:
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    yield fd
    os.close(fd)


def test_fifo_bytes_arrive(port: InputEventsPort, writer: int) -> None:
    port.open()
    assert port.read(0) == b""
    os.write(writer, b"abc")
    assert port.read(1_000) == b"abc"


def test_fifo_bytes_written_before_opening_arrive(port: InputEventsPort, writer: int) -> None:
    os.write(writer, b"abc")
    port.open()
    assert port.read(0) == b"abc"
    assert port.read(0) == b""


def test_fifo_without_a_writer_is_a_device_that_is_away(port: InputEventsPort, path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(DeviceUnavailable, match="nobody writes to it"):
        port.open()


def test_fifo_whose_writer_goes_is_lost_and_comes_back_with_it(
    port: InputEventsPort, path: Path
) -> None:
    os.mkfifo(path)
    first = os.open(path, os.O_RDWR)
    port.open()
    os.write(first, b"abc")
    os.close(first)
    assert port.read(1_000) == b"abc"
    with pytest.raises(DeviceUnavailable, match="the other end was closed"):
        port.read(1_000)
    port.close()
    with pytest.raises(DeviceUnavailable):
        port.open()
    second = os.open(path, os.O_RDWR)
    port.open()
    os.write(second, b"def")
    assert port.read(1_000) == b"def"
    os.close(second)


def test_unix_socket_is_connected_to(port: InputEventsPort, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        with pytest.raises(DeviceUnavailable, match="refused"):
            port.open()
        server.listen()
        port.open()
        far, _ = server.accept()
        with far:
            far.sendall(b"abc")
            assert port.read(1_000) == b"abc"
        with pytest.raises(DeviceUnavailable):
            port.read(1_000)


def test_missing_device_is_unavailable(port: InputEventsPort) -> None:
    with pytest.raises(DeviceUnavailable, match="No such file"):
        port.open()


def test_plain_file_is_misconfigured(port: InputEventsPort, path: Path) -> None:
    path.touch()
    with pytest.raises(DeviceMisconfigured, match="neither an input device nor"):
        port.open()


def test_character_device_that_is_no_input_device_is_misconfigured() -> None:
    with pytest.raises(DeviceMisconfigured):
        InputEventsPort("/dev/null").open()
    with pytest.raises(DeviceMisconfigured):
        identity("/dev/null")


def test_reading_before_opening_is_unavailable(port: InputEventsPort) -> None:
    with pytest.raises(DeviceUnavailable, match="not open"):
        port.read(0)


def test_closing_twice_is_safe(port: InputEventsPort, writer: int) -> None:
    port.open()
    port.close()
    port.close()
    with pytest.raises(DeviceUnavailable):
        port.read(0)


def test_identity_of_a_stream_disturbs_no_writer(path: Path, writer: int) -> None:
    os.write(writer, b"abc")
    assert identity(str(path)) == Identity("", "stream of input events", "", str(path))
    assert os.read(writer, 3) == b"abc"


def test_identity_of_nothing_is_unavailable(path: Path) -> None:
    with pytest.raises(DeviceUnavailable):
        identity(str(path))

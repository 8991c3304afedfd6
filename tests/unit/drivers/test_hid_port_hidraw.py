"""The hidraw port: whole reports both ways over a packet socket; what is no HID device is said."""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Identity
from drivers.hid import port_hidraw
from drivers.hid.port_hidraw import HidrawPort, identity


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hidraw"


@pytest.fixture
def port(path: Path) -> Iterator[HidrawPort]:
    port = HidrawPort(str(path))
    yield port
    port.close()


@pytest.fixture
def device(path: Path, port: HidrawPort) -> Iterator[socket.socket]:
    """The far end of an open port."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(str(path))
        server.listen()
        port.open()
        far, _ = server.accept()
        with far:
            yield far


def test_each_read_is_one_report(port: HidrawPort, device: socket.socket) -> None:
    assert port.read(0) == b""
    device.send(b"\x02" + bytes(63))
    device.send(b"\x03\x01")
    assert port.read(1_000) == b"\x02" + bytes(63)
    assert port.read(1_000) == b"\x03\x01"
    assert port.read(0) == b""


def test_report_written_arrives_whole(port: HidrawPort, device: socket.socket) -> None:
    port.write(b"\x02\x02")
    port.write(b"\x04\x01")
    assert device.recv(64) == b"\x02\x02"
    assert device.recv(64) == b"\x04\x01"


def test_device_that_goes_is_unavailable(port: HidrawPort, device: socket.socket) -> None:
    device.close()
    with pytest.raises(DeviceUnavailable, match="the other end was closed"):
        port.read(1_000)
    with pytest.raises(DeviceUnavailable):
        port.write(b"\x02\x02")


def test_unplugged_device_is_unavailable(
    port: HidrawPort, device: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int, size: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    device.send(b"\x02")
    with monkeypatch.context() as patched:
        patched.setattr(port_hidraw.os, "read", fail)
        with pytest.raises(DeviceUnavailable, match="Input/output error"):
            port.read(1_000)


def test_report_dropped_before_it_was_read_is_nothing(
    port: HidrawPort, device: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int, size: int) -> bytes:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    device.send(b"\x02")
    with monkeypatch.context() as patched:
        patched.setattr(port_hidraw.os, "read", fail)
        assert port.read(1_000) == b""
    assert port.read(1_000) == b"\x02"


def test_nobody_listening_and_nothing_there_are_unavailable(port: HidrawPort, path: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="No such file"):
        port.open()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(str(path))
    with pytest.raises(DeviceUnavailable, match="refused"):
        port.open()


def test_stream_socket_keeps_no_reports_apart_and_is_misconfigured(
    port: HidrawPort, path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        with pytest.raises(DeviceMisconfigured):
            port.open()


def test_plain_file_is_misconfigured(port: HidrawPort, path: Path) -> None:
    path.touch()
    with pytest.raises(DeviceMisconfigured, match="neither a hidraw device nor a socket"):
        port.open()


def test_character_device_that_is_no_hid_device_is_misconfigured() -> None:
    with pytest.raises(DeviceMisconfigured, match="/dev/null"):
        HidrawPort("/dev/null").open()
    with pytest.raises(DeviceMisconfigured, match="/dev/null"):
        identity("/dev/null")


def test_port_that_is_not_open_is_unavailable(port: HidrawPort) -> None:
    for use in (lambda: port.read(0), lambda: port.write(b"\x02")):
        with pytest.raises(DeviceUnavailable, match="not open"):
            use()
    port.close()
    port.close()


def as_the_kernel_answers(uniq: bytes):
    """linux/hidraw.h, with the ids of a Honeywell scanner."""
    answers = {
        0x80084803: struct.pack("=IHH", 3, 0x0C2E, 0x0B61),
        0x81004804: b"Honeywell Scanner".ljust(256, b"\0"),
        0x81004805: b"usb-0000:00:14.0-2/input0".ljust(256, b"\0"),
        0x81004808: uniq.ljust(256, b"\0"),
    }
    return lambda fd, request, buffer: answers[request]


@pytest.mark.parametrize(
    ("uniq", "serial"), [(b"12345", "12345"), (b"", "usb-0000:00:14.0-2/input0")]
)
def test_identity_is_the_serial_number_or_the_usb_port(
    uniq: bytes, serial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_hidraw.fcntl, "ioctl", as_the_kernel_answers(uniq))
    expected = Identity("0c2e:0b61", "Honeywell Scanner", serial, "/dev/null")
    assert identity("/dev/null") == expected
    port = HidrawPort("/dev/null")
    port.open()
    port.close()


def test_identity_of_a_socket_and_of_nothing(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(str(path))
        assert identity(str(path)) == Identity("", "socket of HID reports", "", str(path))
    path.unlink()
    with pytest.raises(DeviceUnavailable):
        identity(str(path))

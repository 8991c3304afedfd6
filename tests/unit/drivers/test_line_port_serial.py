"""The serial line port, on real pseudo-terminals through pyserial."""

import errno
import os
import termios
import threading
import tty

import pytest
import serial

from drivers.base import DeviceMisconfigured, DeviceUnavailable
from drivers.line import port_serial, port_tty
from drivers.line.port_serial import LineSettings, SerialPort, identity

SEVEN_EVEN = LineSettings(9600, data_bits=7, parity="even", stop_bits=1)


class Pty:
    """A line with a far end."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.is_open = True

    def hang_up(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.master)
            os.close(self.slave)


@pytest.fixture
def line():
    pty = Pty()
    yield pty
    pty.hang_up()


@pytest.fixture
def port(line):
    port = SerialPort(line.path, SEVEN_EVEN)
    port.open()
    yield port
    port.close()


def test_seven_bits_with_parity_open_on_a_pseudo_terminal_and_bytes_pass_as_they_are(line, port):
    every_byte = bytes(range(256))
    os.write(line.master, every_byte)
    assert port.read(1000) == every_byte
    assert port.write(every_byte, 1000) == 256
    assert os.read(line.master, 256) == every_byte


def test_with_a_parity_damaged_characters_are_to_be_read_as_nul(line, port):
    flags = termios.tcgetattr(line.slave)[0]
    assert flags & termios.INPCK
    assert not flags & (termios.IGNPAR | termios.PARMRK | termios.ISTRIP)


def test_without_parity_nothing_is_checked(line):
    port = SerialPort(line.path, LineSettings(115200))
    port.open()
    assert not termios.tcgetattr(line.slave)[0] & termios.INPCK
    assert termios.tcgetattr(line.slave)[4] == termios.B115200
    port.close()


def test_reading_nothing_gives_nothing_after_the_wait(port):
    assert port.read(1) == b""
    assert port.read(0) == b""


def test_reading_ends_with_the_first_bytes_and_not_with_the_wait(line, port):
    later = threading.Timer(0.02, os.write, (line.master, b"W"))
    later.start()
    assert port.read(60_000) == b"W"
    later.join()


def test_what_was_sent_before_the_line_was_opened_is_not_read(line):
    os.write(line.master, b"stale")
    port = SerialPort(line.path, SEVEN_EVEN)
    port.open()
    assert port.read(1) == b""
    port.close()


def test_a_stuck_line_takes_some_bytes_and_writing_ends_in_time(line, port):
    much = b"x" * 1_000_000  # nobody reads at the far end
    taken = port.write(much, 50)
    assert 0 < taken < len(much)
    assert port.write(much, 0) == 0


def test_writing_goes_on_when_a_stuck_line_moves_again(line, port):
    much = b"x" * 100_000
    got = bytearray()

    def drain() -> None:
        while len(got) < len(much):
            got.extend(os.read(line.master, 4096))

    reader = threading.Thread(target=drain)
    reader.start()
    assert port.write(much, 30_000) == len(much)
    reader.join()
    assert bytes(got) == much


def test_a_line_belongs_to_one_port_at_a_time(line, port):
    other = SerialPort(line.path, SEVEN_EVEN)
    with pytest.raises(DeviceUnavailable, match="in use by another program"):
        other.open()
    port.close()
    other.open()
    other.close()


def test_an_unplugged_line_is_unavailable_for_reading_and_writing(line, port):
    line.hang_up()
    with pytest.raises(DeviceUnavailable):
        port.read(1000)
    with pytest.raises(DeviceUnavailable):
        port.write(b"W", 1000)
    port.close()
    port.close()


def test_a_line_that_breaks_while_it_is_read_is_unavailable(line, port, monkeypatch):
    def fail(fd, size):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    os.write(line.master, b"W")
    monkeypatch.setattr(port_serial.os, "read", fail)
    with pytest.raises(DeviceUnavailable, match="Input/output error"):
        port.read(1000)


def test_end_of_file_is_a_hang_up_and_not_an_empty_read(port, monkeypatch):
    monkeypatch.setattr(port_serial.select, "select", lambda r, w, x, t: (r, w, x))
    monkeypatch.setattr(port_serial.os, "read", lambda fd, n: b"")  # as an unplugged ttyUSB reads
    with pytest.raises(DeviceUnavailable, match="hung up"):
        port.read(0)


def test_an_absent_line_is_unavailable(tmp_path):
    with pytest.raises(DeviceUnavailable, match="No such file"):
        SerialPort(str(tmp_path / "ttyUSB9"), SEVEN_EVEN).open()


def test_a_port_that_is_not_open_is_unavailable(line):
    port = SerialPort(line.path, SEVEN_EVEN)
    with pytest.raises(DeviceUnavailable, match="not open"):
        port.read(0)
    with pytest.raises(DeviceUnavailable, match="not open"):
        port.write(b"W", 0)
    port.close()


@pytest.mark.parametrize("path", ["/dev/null", "/dev"])
def test_what_is_no_serial_line_is_a_wrong_configuration(path):
    with pytest.raises(DeviceMisconfigured, match=f"^{path} at 9600 7E1: "):
        SerialPort(path, SEVEN_EVEN).open()


def test_a_line_without_permission_is_a_wrong_configuration(line, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(serial.serialposix.os, "open", refuse)  # tests may run as root
    with pytest.raises(DeviceMisconfigured, match="Permission denied"):
        SerialPort(line.path, SEVEN_EVEN).open()


def test_a_line_that_cannot_do_the_settings_is_a_wrong_configuration_and_is_given_back(
    line, monkeypatch
):
    def refuse(fd, when, attributes):
        raise termios.error(errno.EINVAL, "Invalid argument")  # as the mini UART refuses parity

    with monkeypatch.context() as patched:
        patched.setattr(termios, "tcsetattr", refuse)
        with pytest.raises(DeviceMisconfigured, match="7E1"):
            SerialPort(line.path, SEVEN_EVEN).open()
    port = SerialPort(line.path, SEVEN_EVEN)
    port.open()
    port.close()


def test_a_line_that_fails_while_it_is_opened_is_unavailable(line, monkeypatch):
    def fail(fd, when, attributes):
        raise termios.error(errno.EIO, "Input/output error")

    monkeypatch.setattr(termios, "tcsetattr", fail)
    with pytest.raises(DeviceUnavailable):
        SerialPort(line.path, SEVEN_EVEN).open()


def test_the_identity_of_a_line_without_an_adapter_is_its_path(line):
    assert identity(line.path) == port_serial.Identity("", "", "", line.path)


def test_an_adapter_pulled_out_while_it_is_looked_at_is_unavailable(monkeypatch):
    def half_gone(path):
        raise TypeError("int() argument must be a string")

    monkeypatch.setattr(port_serial, "SysFS", half_gone)
    with pytest.raises(DeviceUnavailable, match="unplugged"):
        identity("/dev/ttyUSB0")


def test_last_words_are_given_time_before_the_line_is_closed(port, monkeypatch):
    left = iter((3, 2, 1, 0))
    monkeypatch.setattr(port_tty, "_unsent_bytes", lambda _fd: next(left))

    port.close()

    assert list(left) == []


def test_a_device_that_takes_nothing_holds_up_nobody_who_closes_its_line(port, monkeypatch):
    """The kernel's own close waits for such a device; the one who owns the port goes on."""
    waits, given_back = threading.Event(), threading.Event()
    close = serial.Serial.close

    def as_the_kernel_does(line):
        waits.wait()
        close(line)
        given_back.set()

    monkeypatch.setattr(port_tty, "_unsent_bytes", lambda _fd: 3)
    monkeypatch.setattr(serial.Serial, "close", as_the_kernel_does)

    port.close()

    with pytest.raises(DeviceUnavailable):
        port.read(0)
    with pytest.raises(DeviceUnavailable, match="takes no bytes"):
        port.open()
    waits.set()
    assert given_back.wait(10)
    _opened_again(port)


def _opened_again(port: SerialPort) -> None:
    """As the supervisor does: until it can be."""
    for _ in range(1000):
        try:
            port.open()
        except DeviceUnavailable:
            threading.Event().wait(0.01)
        else:
            return
    port.open()

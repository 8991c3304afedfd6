"""The lines to a printer: bounded waits, honest counts, and what is lost is said."""

import errno
import os
import pty
import select
import socket
import termios
import time
import tty
from types import SimpleNamespace

import pytest
import usb.backend
import usb.core

from drivers.base import DeviceMisconfigured, DeviceUnavailable
from drivers.printer import port_usb
from drivers.printer.driver_escpos import EscposPrinter
from drivers.printer.port_serial import PrinterLine
from drivers.printer.port_tcp import TcpPort
from drivers.printer.port_usb import UsbPort, find, identify

HUNG_S = 10  # a bound for a hung test, not for a port


# --- TCP ---


@pytest.fixture
def server():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


@pytest.fixture
def tcp(server):
    port = TcpPort(*server.getsockname(), timeout_ms=1000)
    other, _ = server.accept()
    with other:
        yield port, other
    port.close()
    port.close()  # twice is no error


def test_bytes_go_both_ways_over_tcp(tcp):
    port, other = tcp
    assert port.write(b"job", 1000) == 3
    assert other.recv(10) == b"job"
    other.send(b"\x12")
    assert port.read(1000) == b"\x12"
    assert port.pending_bytes() == 0


@pytest.mark.parametrize("timeout_ms", [0, 20])
def test_a_silent_peer_costs_no_more_than_the_time_out(tcp, timeout_ms):
    started = time.monotonic()
    assert tcp[0].read(timeout_ms) == b""
    assert time.monotonic() - started < HUNG_S


@pytest.mark.parametrize("timeout_ms", [0, 20])
def test_a_peer_that_takes_nothing_is_told_by_a_count_of_zero(tcp, timeout_ms):
    port, _ = tcp
    while port.write(bytes(65536), timeout_ms):
        pass
    assert port.pending_bytes() > 0


def test_a_closed_connection_is_unavailable(tcp):
    port, other = tcp
    other.close()
    with pytest.raises(DeviceUnavailable, match="closed"):
        port.read(1000)
    port.write(b"the first bytes are taken, and answered by a reset", 1000)
    assert _soon_unavailable(lambda: port.write(b"x", 1000))


def test_a_connection_that_is_reset_is_unavailable(tcp):
    port, other = tcp
    port.write(b"never read", 1000)
    other.close()  # with bytes unread: the kernel sends a reset
    with pytest.raises(DeviceUnavailable):
        port.read(1000)


def _soon_unavailable(call) -> bool:
    end = time.monotonic() + HUNG_S
    while time.monotonic() < end:
        try:
            call()
        except DeviceUnavailable:
            return True
    return False


def test_a_port_that_was_closed_has_nothing_pending(tcp):
    tcp[0].close()
    assert tcp[0].pending_bytes() == 0


# --- serial ---


@pytest.fixture
def line():
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs), theirs
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("flow", "input_flags", "control_flags"),
    [
        ("none", 0, 0),
        ("xon-xoff", termios.IXON, 0),
        ("rts-cts", 0, termios.CRTSCTS),
    ],
)
def test_flow_control_is_set_as_asked(line, flow, input_flags, control_flags):
    _, path, theirs = line
    port = PrinterLine(path, 9600, flow)
    port.open()
    iflag, _, cflag = termios.tcgetattr(theirs)[:3]
    assert iflag & (termios.IXON | termios.IXOFF) == input_flags
    assert cflag & termios.CRTSCTS == control_flags
    port.close()


def test_a_line_that_cannot_do_the_flow_control_is_misconfigured(line, monkeypatch):
    _, path, _ = line
    port = PrinterLine(path, 9600, "rts-cts")
    real = termios.tcsetattr

    def refuse_rts_cts(fd, when, attributes):
        if attributes[2] & termios.CRTSCTS:
            raise termios.error(errno.EINVAL, "Invalid argument")
        real(fd, when, attributes)

    monkeypatch.setattr(termios, "tcsetattr", refuse_rts_cts)
    with pytest.raises(DeviceMisconfigured, match="rts-cts"):
        port.open()


def test_a_line_held_by_xoff_takes_bytes_that_stay_pending(line):
    ours, path, _ = line
    port = PrinterLine(path, 9600, "xon-xoff")
    port.open()
    os.write(ours, b"\x13")  # XOFF
    while port.write(bytes(4096), 50) == 4096:
        pass
    started = time.monotonic()
    port.close()
    port.close()
    assert time.monotonic() - started < HUNG_S
    assert port.pending_bytes() == 0


def test_a_line_that_takes_everything_has_nothing_pending(line):
    ours, path, _ = line
    port = PrinterLine(path, 9600, "none")
    port.open()
    assert port.write(b"\x1b@", 1000) == 2
    assert select.select([ours], [], [], HUNG_S)[0]
    assert os.read(ours, 10) == b"\x1b@"
    assert port.pending_bytes() == 0
    port.close()


# --- USB ---

VID, PID = 0x0416, 0x5011


class Bus(usb.backend.IBackend):
    """A bus below pyusb with one composite device on it: a keyboard, then a printer.

    It plays what a virtual device cannot: kernel drivers, refusals, transfers that time out.
    """

    def __init__(self, *, devices=1, in_endpoint=True, printer_class=7):
        self.devices = list(range(1, devices + 1))
        self.in_endpoint, self.printer_class = in_endpoint, printer_class
        self.calls: list[tuple] = []
        self.fail: dict[str, int] = {}  # call -> errno
        self.answers: list[bytes] = []
        self.configured = True

    def _did(self, call, *args):
        self.calls.append((call, *args))
        if call in self.fail:
            raise usb.core.USBError(os.strerror(self.fail[call]), errno=self.fail[call])

    def enumerate_devices(self):
        self._did("enumerate")
        return self.devices

    def get_device_descriptor(self, dev):
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x200, bDeviceClass=0, bDeviceSubClass=0,
            bDeviceProtocol=0, bMaxPacketSize0=64, idVendor=VID, idProduct=PID, bcdDevice=0x100,
            iManufacturer=0, iProduct=0, iSerialNumber=0, bNumConfigurations=1, bus=1, address=dev,
            port_number=dev, port_numbers=(1, dev), speed=2,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev, config):
        if config:
            raise IndexError
        return SimpleNamespace(
            bLength=9, bDescriptorType=2, wTotalLength=64, bNumInterfaces=2,
            bConfigurationValue=1, iConfiguration=0, bmAttributes=0x80, bMaxPower=50,
            extra_descriptors=(),
        )  # fmt: skip

    def get_interface_descriptor(self, dev, intf, alt, config):
        settings = [(0, 0, 3), (1, 0, 0xFF), (1, 1, self.printer_class)]
        chosen = [s for s in settings if s[0] == intf]
        if alt >= len(chosen):
            raise IndexError
        return SimpleNamespace(
            bLength=9, bDescriptorType=4, bInterfaceNumber=intf, bAlternateSetting=alt,
            bNumEndpoints=3 if chosen[alt][2] == 7 else 1, bInterfaceClass=chosen[alt][2],
            bInterfaceSubClass=1, bInterfaceProtocol=2, iInterface=0, extra_descriptors=(),
        )  # fmt: skip

    def get_endpoint_descriptor(self, dev, ep, intf, alt, config):
        #: an interrupt endpoint first: only bulk endpoints carry receipts
        address = (0x83, 0x04, 0x85 if self.in_endpoint else 0x06)[ep]
        return SimpleNamespace(
            bLength=7, bDescriptorType=5, bEndpointAddress=address,
            bmAttributes=3 if ep == 0 else 2, wMaxPacketSize=64, bInterval=0, bRefresh=0,
            bSynchAddress=0, extra_descriptors=(),
        )  # fmt: skip

    def open_device(self, dev):
        return dev

    def close_device(self, handle):
        self._did("close")

    def get_configuration(self, handle):
        self._did("get_configuration")
        return 1 if self.configured else 0

    def set_configuration(self, handle, value):
        self._did("set_configuration")
        self.configured = True

    def set_interface_altsetting(self, handle, intf, alt):
        self._did("altsetting", intf, alt)

    def claim_interface(self, handle, intf):
        self._did("claim", intf)

    def release_interface(self, handle, intf):
        self._did("release", intf)

    def is_kernel_driver_active(self, handle, intf):
        self._did("is_active", intf)
        return intf == 1

    def detach_kernel_driver(self, handle, intf):
        self._did("detach", intf)

    def attach_kernel_driver(self, handle, intf):
        self._did("attach", intf)

    def bulk_write(self, handle, ep, intf, data, timeout):
        self._did("write", ep, timeout)
        return min(len(data), 100)

    def bulk_read(self, handle, ep, intf, buff, timeout):
        self._did("read", ep, timeout)
        data = self.answers.pop(0)
        for i, byte in enumerate(data):
            buff[i] = byte
        return len(data)


def opened(bus):
    return UsbPort(find(VID, PID, "", "", bus))


def called(bus, *names):
    return [call for call in bus.calls if call[0] in names]


def test_the_printer_interface_is_taken_from_its_kernel_driver_and_given_back():
    bus = Bus()
    port = opened(bus)
    assert called(bus, "detach", "claim", "altsetting") == [
        ("detach", 1),
        ("claim", 1),
        ("altsetting", 1, 1),
    ]
    bus.calls.clear()
    port.close()
    port.close()
    assert called(bus, "release", "attach") == [("release", 1), ("attach", 1)]


def test_a_device_is_configured_only_if_it_is_not():
    bus = Bus()
    opened(bus)
    assert not called(bus, "set_configuration")
    bus = Bus()
    bus.configured = False
    opened(bus)
    assert called(bus, "set_configuration")


def test_a_system_without_kernel_drivers_is_no_obstacle(monkeypatch):
    def not_here(self, handle, intf):
        raise NotImplementedError

    monkeypatch.setattr(Bus, "is_kernel_driver_active", not_here)
    bus = Bus()
    opened(bus).close()
    assert not called(bus, "detach", "attach")


def test_a_transfer_that_is_taken_in_part_is_counted():
    bus = Bus()
    assert opened(bus).write(bytes(300), 500) == 100
    assert called(bus, "write") == [("write", 0x04, 500)]
    assert opened(bus).pending_bytes() == 0


def test_no_time_out_of_ours_is_for_ever():
    bus = Bus()
    bus.answers = [b"\x12"]
    port = opened(bus)
    port.write(b"x", 0)
    port.read(0)
    assert called(bus, "write", "read") == [("write", 0x04, 1), ("read", 0x85, 1)]


def test_a_time_out_is_nothing_and_an_unplugged_device_is_unavailable():
    bus = Bus()
    port = opened(bus)
    bus.fail = {"write": errno.ETIMEDOUT, "read": errno.ETIMEDOUT}
    assert (port.write(b"x", 10), port.read(10)) == (0, b"")
    bus.fail = {"write": errno.ENODEV, "read": errno.ENODEV, "release": errno.ENODEV}
    with pytest.raises(DeviceUnavailable):
        port.write(b"x", 10)
    with pytest.raises(DeviceUnavailable):
        port.read(10)
    port.close()


def test_an_empty_packet_is_nothing_yet():
    bus = Bus()
    bus.answers = [b"", b"\x12"]
    port = opened(bus)
    assert (port.read(10), port.read(10)) == (b"", b"\x12")


def test_a_printer_that_cannot_speak_is_heard_as_silent():
    bus = Bus(in_endpoint=False)
    assert opened(bus).read(10) == b""
    assert not called(bus, "read")


@pytest.mark.parametrize(
    ("call", "number", "error"),
    [
        ("claim", errno.EBUSY, DeviceUnavailable),
        ("detach", errno.EACCES, DeviceMisconfigured),
        ("enumerate", errno.EIO, DeviceUnavailable),
    ],
)
def test_a_refusal_says_who_can_mend_it(call, number, error):
    bus = Bus()
    bus.fail[call] = number
    with pytest.raises(error):
        opened(bus)


def test_a_device_without_a_printer_interface_is_no_printer():
    with pytest.raises(DeviceUnavailable):
        find(0, 0, "", "", Bus(printer_class=8))


def test_of_several_printers_one_must_be_named():
    bus = Bus(devices=2)
    with pytest.raises(DeviceMisconfigured, match=r"1-1\.1, 1-1\.2"):
        find(VID, PID, "", "", bus)
    assert find(VID, PID, "", "1-1.2", bus).address == 2
    with pytest.raises(DeviceUnavailable):
        find(VID, PID, "serial it has not", "", bus)


def test_a_device_without_strings_is_known_by_its_port():
    identity = identify(find(VID, PID, "", "", Bus()))
    assert (identity.vendor, identity.product, identity.path) == ("", "", "1-1.1")


def test_strings_that_cannot_be_read_are_empty(monkeypatch):
    def refused(device, index, langid=None):
        raise usb.core.USBError("Pipe error", errno=errno.EPIPE)

    monkeypatch.setattr(usb.util, "get_string", refused)
    assert identify(find(VID, PID, "", "", Bus())).serial == ""


def test_a_usb_printer_is_opened_and_probed_by_its_options(monkeypatch):
    bus = Bus()
    monkeypatch.setattr(port_usb.find, "__defaults__", (bus,))
    driver = EscposPrinter("printer", EscposPrinter.Options(transport="usb", vid=VID))
    assert driver.probe().path == "1-1.1"
    assert not called(bus, "claim", "write")
    driver.open()
    driver.close()
    assert called(bus, "claim", "release") == [("claim", 1), ("release", 1)]


def test_without_libusb_the_technician_is_told(monkeypatch):
    def no_library(**_):
        raise usb.core.NoBackendError("No backend available")

    monkeypatch.setattr(usb.core, "find", no_library)
    with pytest.raises(DeviceMisconfigured, match="libusb"):
        find(VID, PID, "", "")

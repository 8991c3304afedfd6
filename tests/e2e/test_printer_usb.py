"""The USB port against a whole virtual USB device: descriptors, bulk endpoints, real transfers.

The device is served over USB/IP on loopback by the PyPI package `usbip` and reached through the
pyusb backend `pyusb-usbip-backend`; nobody here wrote either of them.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from drivers.base import DeviceUnavailable, PrinterStatus, PrintFinished, PrintJob
from drivers.printer.connect import Options
from drivers.printer.driver_escpos import EscposPrinter
from drivers.printer.port_usb import UsbPort, find, identify
from drivers.printer.sim import VirtualPrinter

usbip = pytest.importorskip("usbip")
backend = pytest.importorskip("usbip_backend.backend")

VID, PID = 0x04B8, 0x0E28


class KeyboardFirst(usbip.Interface):
    """Another function on interface 0: the printer's number must be looked up, not assumed."""

    bInterfaceClass = 0x03  # noqa: N815  the name in the USB standard, and in the library
    reports = usbip.In(0x81, "interrupt", mps=8)


class PrinterFunction(usbip.Interface):
    """Printer class, bidirectional, on endpoints that are not python-escpos' defaults."""

    bInterfaceClass = 0x07  # noqa: N815  as above
    bInterfaceSubClass = 0x01  # noqa: N815  as above
    bInterfaceProtocol = 0x02  # noqa: N815  as above
    answers = usbip.In(0x83, "bulk", mps=64)
    data = usbip.Out(0x02, "bulk", mps=64)

    def __init__(self, printer: VirtualPrinter) -> None:
        super().__init__()
        self.printer = printer
        take_or_park = self.answers.take_or_park
        # The backend cannot cancel a read: where a device would make the host wait, answer with an
        # empty packet, as some printers do.
        self.answers.take_or_park = lambda length, complete, seqnum=None: (
            take_or_park(length, complete, seqnum) if self.answers._q else b""
        )

    def on_out(self, ep: Any, data: bytes) -> None:
        answers = self.printer.feed(data)
        if answers:
            self.answers.write(answers)


@dataclass
class Bench:
    printer: VirtualPrinter
    backend: Any
    events: queue.Queue[Any] = field(default_factory=queue.Queue)

    def connect(self, options: Options) -> UsbPort:
        device = find(options.vid, options.pid, options.serial, options.path, self.backend)
        return UsbPort(device)


@pytest.fixture
def bench():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    printer = VirtualPrinter()
    device = usbip.USBDevice(VID, PID, product="TM-T20III", manufacturer="EPSON", serial="X1")
    device.add(KeyboardFirst())
    device.add(PrinterFunction(printer))
    with device.plug(via=usbip.USBIP("127.0.0.1", port)):
        host = backend.USBIPBackend("127.0.0.1", port)
        yield Bench(printer, host)
        for connection in host._conns.values():
            connection.close()


@contextlib.contextmanager
def running(bench):
    driver = EscposPrinter("printer", Options(transport="usb", vid=VID, pid=PID), bench.connect)
    driver.open()
    stop = threading.Event()
    thread = threading.Thread(target=driver.run, args=(bench.events.put, stop))
    thread.start()
    try:
        yield driver
    finally:
        stop.set()
        thread.join(10)
        driver.close()


def finished(bench):
    while True:
        event = bench.events.get(timeout=20)
        if isinstance(event, PrintFinished):
            return event


def test_a_receipt_is_printed_on_the_printer_interface_of_a_composite_device(bench):
    blocks = ({"left": "苹果", "right": "3.50"}, {"qr": "R-1"}, {"kick": True}, {"cut": True})
    with running(bench) as driver:
        driver.handle(PrintJob("j1", blocks))
        done = finished(bench)
    assert (done.outcome, done.reason) == ("printed", "")
    [receipt] = bench.printer.receipts
    assert receipt.lines[0] == "苹果" + " " * 40 + "3.50"
    assert (receipt.qr_codes, receipt.kicks) == (["R-1"], 1)


def test_an_open_cover_is_read_over_usb_and_nothing_is_sent(bench):
    bench.printer.faults.cover_open = True
    with running(bench) as driver:
        driver.handle(PrintJob("j1", ({"text": "receipt"},)))
        assert isinstance(status := bench.events.get(timeout=20), PrinterStatus)
        done = finished(bench)
    assert status.problems == ("cover_open", "offline")
    assert (done.outcome, done.reason) == ("failed", "cover_open")
    assert bench.printer.paper.raw == b""


def test_an_unplugged_printer_is_unavailable(bench):
    with pytest.raises(DeviceUnavailable):
        find(VID, PID + 1, "", "", bench.backend)


def test_the_device_is_known_by_its_port(bench):
    device = find(VID, PID, "", "", bench.backend)
    assert identify(device).path == "1-2"  # the backend knows no hub ports: bus and address

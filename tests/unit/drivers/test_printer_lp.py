"""The kernel's printer file: bounded waits, honest counts, and what is lost is said."""

from __future__ import annotations

import os
import queue
import threading
import tty

import pytest

from drivers.base import DeviceMisconfigured, DeviceUnavailable, PrintFinished, PrintJob
from drivers.plugged import Port
from drivers.printer import connect
from drivers.printer.driver_escpos import EscposPrinter
from drivers.printer.port_lp import LpPort
from drivers.printer.sim import VirtualPrinter, pty_printer

PATIENCE_S = 20


@pytest.fixture
def ends():
    """A file that is a printer, and the printer's end of it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    open_ends = [master, slave]
    yield os.ttyname(slave), open_ends
    for fd in open_ends:
        os.close(fd)


@pytest.fixture
def port(ends):
    port = LpPort(ends[0])
    yield port
    port.close()
    port.close()  # twice is no error


def test_bytes_go_both_ways(port, ends):
    master = ends[1][0]
    assert port.write(b"job", 1000) == 3
    assert os.read(master, 10) == b"job"
    os.write(master, b"\x12")
    assert port.read(1000) == b"\x12"
    assert port.pending_bytes() == 0


@pytest.mark.parametrize("timeout_ms", [0, 20])
def test_a_silent_printer_costs_no_more_than_the_time_out(port, timeout_ms):
    assert port.read(timeout_ms) == b""


@pytest.mark.parametrize("timeout_ms", [0, 20])
def test_a_printer_that_takes_nothing_is_told_by_a_count_of_zero(port, timeout_ms):
    while port.write(bytes(65536), timeout_ms):
        pass
    assert port.pending_bytes() > 0


def test_a_printer_that_is_pulled_out_is_unavailable(port, ends):
    while ends[1]:
        os.close(ends[1].pop())
    with pytest.raises(DeviceUnavailable, match="printer at"):
        port.read(1000)
    with pytest.raises(DeviceUnavailable, match="printer at"):
        port.write(b"x", 1000)


def test_a_closed_port_is_unavailable_and_owes_nothing(port):
    port.close()
    with pytest.raises(DeviceUnavailable):
        port.read(0)
    with pytest.raises(DeviceUnavailable):
        port.write(b"x", 0)
    assert port.pending_bytes() == 0


def test_a_file_that_says_it_is_ready_and_is_not_takes_and_gives_nothing(port, monkeypatch):
    def refuse(*_: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(os, "read", refuse)
    monkeypatch.setattr(LpPort, "_is", lambda *_: True)
    assert port.write(b"x", 0) == 0
    assert port.read(0) == b""


def test_an_error_of_the_transfer_is_unavailable(port, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "write", fail)
    monkeypatch.setattr(os, "read", fail)
    monkeypatch.setattr(LpPort, "_is", lambda *_: True)
    for call in (lambda: port.write(b"x", 0), lambda: port.read(0)):
        with pytest.raises(DeviceUnavailable, match="Input/output error"):
            call()


def test_an_empty_packet_is_no_answer_and_no_loss(port, monkeypatch):
    monkeypatch.setattr(os, "read", lambda *_: b"")
    monkeypatch.setattr(LpPort, "_is", lambda *_: True)
    assert port.read(0) == b""


def test_an_absent_printer_is_unavailable_and_a_folder_is_none():
    with pytest.raises(DeviceUnavailable):
        LpPort("/dev/usb/lp99")
    with pytest.raises(DeviceMisconfigured):
        LpPort("/dev")


def test_a_way_that_only_takes_bytes_is_a_printer_too(tmp_path):
    fifo = tmp_path / "lp0"
    os.mkfifo(fifo)
    port = LpPort(str(fifo))
    assert port.write(b"receipt", 1000) == 7
    port.close()


# --- the driver over it ---


def options(path: str, **more: object):
    return EscposPrinter.Options(transport="lp", path=path, **more)


def test_a_receipt_is_printed_and_confirmed():
    printer = VirtualPrinter()
    events: queue.Queue = queue.Queue()
    stop = threading.Event()
    with pty_printer(printer) as path:
        driver = EscposPrinter("printer", options(path))
        driver.open()
        thread = threading.Thread(target=driver.run, args=(events.put, stop))
        thread.start()
        driver.handle(PrintJob("j1", ({"text": "Milk"}, {"cut": True})))
        while not isinstance(event := events.get(timeout=PATIENCE_S), PrintFinished):
            pass
        stop.set()
        thread.join(PATIENCE_S)
        driver.close()
    assert event.outcome == "printed"
    assert printer.receipts[0].lines[0] == "Milk"


def test_without_a_path_it_is_misconfigured():
    with pytest.raises(DeviceMisconfigured, match="path is empty"):
        EscposPrinter("printer", options("")).open()


def test_it_is_probed_without_being_opened(ends, monkeypatch):
    path = ends[0]
    assert EscposPrinter("printer", options(path)).probe().path == path
    port = Port("printer", path, (), "04b8:0e28", "1-1", "EPSON", "TM-T20", "X1")
    other = Port("printer", "", (), "04b8:0e28", "1-2", "EPSON", "TM-T20", "X2")
    monkeypatch.setattr(connect, "ports", lambda: [other, port])
    found = EscposPrinter("printer", options(path)).probe()
    assert (found.vendor, found.product, found.serial, found.path) == (
        "EPSON",
        "TM-T20",
        "X1",
        path,
    )
    with pytest.raises(DeviceUnavailable):
        EscposPrinter("printer", options("/dev/usb/lp99")).probe()

"""What a printer says by itself (GS a), and logos out of its own memory."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager

import pytest

from drivers.base import PrinterStatus, PrintFinished, PrintJob
from drivers.printer.codec_escpos import Paper, encode
from drivers.printer.driver_escpos import EscposPrinter
from drivers.printer.sim import VirtualPrinter, tcp_printer

PATIENCE_S = 20
SELDOM_MS = 60_000  #: looked at so seldom that what is told was told unasked
RECEIPT = ({"text": "Milk"}, {"cut": True})


@contextmanager
def running(printer: VirtualPrinter, **options: object):
    """What the driver emits, and the driver."""
    events: queue.Queue = queue.Queue()
    stop = threading.Event()
    with tcp_printer(printer) as (host, port):
        chosen = {"status_interval_ms": SELDOM_MS, "drawer_open": "high"} | options
        driver = EscposPrinter("p", EscposPrinter.Options(host=host, port=port, **chosen))
        driver.open()
        thread = threading.Thread(target=driver.run, args=(events.put, stop))
        thread.start()
        try:
            yield events, driver
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            driver.close()


def next_of(kind: type, events: queue.Queue):
    while True:
        event = events.get(timeout=PATIENCE_S)
        if isinstance(event, kind):
            return event


def changes_are_told(printer: VirtualPrinter, events: queue.Queue) -> None:
    printer.faults.near_end = True
    assert next_of(PrinterStatus, events).warnings == ("paper_near_end",)
    printer.drawer_high = True
    assert next_of(PrinterStatus, events).drawer_open is True
    printer.faults.paper_out = True
    assert next_of(PrinterStatus, events).problems[0] == "paper_out"
    printer.faults.paper_out = printer.faults.near_end = printer.drawer_high = False


def test_paper_cover_and_drawer_are_told_at_once_not_at_the_next_look():
    printer = VirtualPrinter()
    with running(printer) as (events, _):
        assert next_of(PrinterStatus, events).problems == ()
        changes_are_told(printer, events)


def test_a_receipt_begins_with_a_reset_and_changes_are_told_after_it_as_before():
    printer = VirtualPrinter()
    with running(printer) as (events, driver):
        driver.handle(PrintJob("j1", RECEIPT))
        assert next_of(PrintFinished, events).outcome == "printed"
        changes_are_told(printer, events)


@pytest.mark.parametrize("options", [{"unasked": False}, {"confirm": "none"}])
def test_a_printer_can_be_left_alone(options):
    printer = VirtualPrinter()
    with running(printer, **options) as (events, driver):
        driver.handle(PrintJob("j1", RECEIPT))
        next_of(PrintFinished, events)
    assert not printer.speaks_unasked
    assert b"\x1da" not in printer.receipts[0].raw + printer.paper.raw


def test_the_simulated_printer_falls_silent_at_a_reset_and_when_told():
    printer = VirtualPrinter()
    assert printer.feed(b"\x1da\x0f") == printer.unasked_status()
    printer.feed(b"\x1b@")
    assert not printer.speaks_unasked
    assert printer.feed(b"\x1da\x0f\x1da\x00") == printer.unasked_status()
    assert not printer.speaks_unasked


# --- logos ---


def printed(paper: Paper, *blocks: dict):
    printer = VirtualPrinter()
    document = encode(blocks or RECEIPT, paper, None)
    printer.feed(b"".join(document.pieces))
    return [*printer.receipts, printer.paper][0], document


@pytest.mark.parametrize(
    ("paper", "logo"),
    [
        (Paper(logo=3), ["3"]),
        (Paper(logo_key="L1"), ["L1"]),
        (Paper(logo=3, logo_key="L1"), ["3"]),
        (Paper(), []),
    ],
)
def test_a_receipt_begins_with_the_stored_logo_of_its_number_or_key(paper, logo):
    receipt, document = printed(paper)
    assert receipt.logos == logo
    assert receipt.lines[0] == "Milk"
    assert document.warnings == ()


def test_a_job_that_only_opens_the_drawer_has_no_logo():
    receipt, _ = printed(Paper(logo=3), {"kick": True})
    assert (receipt.logos, receipt.kicks) == ([], 1)


def test_a_key_that_is_none_is_warned_of():
    receipt, document = printed(Paper(logo_key="logo"))
    assert receipt.logos == []
    assert document.warnings == ("logo_key has not two characters: no logo is printed",)

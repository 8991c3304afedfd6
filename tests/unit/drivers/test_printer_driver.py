"""The driver against the simulated printer, over real TCP and a real pseudo-terminal."""

import logging
import queue
import threading
import time
from collections import defaultdict
from contextlib import contextmanager

import pytest

from drivers.base import (
    Beep,
    DeviceMisconfigured,
    DeviceUnavailable,
    Driver,
    PrinterStatus,
    PrintFinished,
    PrintJob,
)
from drivers.printer import raster
from drivers.printer.driver_escpos import EscposPrinter, render
from drivers.printer.sim import VirtualPrinter, pty_printer, tcp_printer
from drivers.registry import load

PATIENCE_S = 20  # a bound for a hung test, not for the driver
FAST = {  # but slow enough for a busy machine: the simulator must get its turn
    "answer_timeout_ms": 300,
    "write_timeout_ms": 300,
    "print_timeout_ms": 700,
    "status_interval_ms": 200,
}
RECEIPT = ({"text": "和平路便利店 Café"}, {"left": "苹果", "right": "3.50"}, {"cut": True})
LONG = ({"qr": "x" * 2331},) * 60  # 140 kB: more than the kernel takes for a stuck printer


class Running:
    """A driver's thread and what it emitted."""

    def __init__(self, driver: EscposPrinter) -> None:
        self.driver = driver
        self.events: dict[type, queue.Queue] = defaultdict(queue.Queue)
        self.lost: DeviceUnavailable | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.driver.run(self._emit, self.stop)
        except DeviceUnavailable as lost:
            self.lost = lost

    def _emit(self, event) -> None:
        self.events[type(event)].put(event)

    def next(self, kind):
        return self.events[kind].get(timeout=PATIENCE_S)

    def prints(self, *blocks, job_id="j1") -> tuple[str, str]:
        self.driver.handle(PrintJob(job_id, tuple(blocks) or RECEIPT))
        return self.finished(job_id)

    def finished(self, job_id="j1") -> tuple[str, str]:
        done = self.next(PrintFinished)
        assert done.job_id == job_id
        return done.outcome, done.reason

    def status_is(self, *problems) -> PrinterStatus:
        while True:
            status = self.next(PrinterStatus)
            if status.problems == problems:
                return status


def driver_for(place, connect=None, **options) -> EscposPrinter:
    where = {"transport": "serial", "path": place} if isinstance(place, str) else {}
    if not where:
        where = {"host": place[0], "port": place[1]}
    chosen = EscposPrinter.Options(**where | FAST | options)
    return EscposPrinter("printer", chosen, *[connect] if connect else [])


@contextmanager
def running(place, **options):
    run = Running(driver_for(place, **options))
    run.driver.open()
    run.thread.start()
    try:
        yield run
    finally:
        run.stop.set()
        run.thread.join(PATIENCE_S)
        run.driver.close()
        assert not run.thread.is_alive()


@pytest.fixture
def printer():
    return VirtualPrinter()


@pytest.fixture(params=[tcp_printer, pty_printer], ids=["tcp", "serial"])
def place(request, printer):
    with request.param(printer) as place:
        yield place


@pytest.fixture
def tcp(printer):
    with tcp_printer(printer) as place:
        yield place


def test_it_is_the_registered_driver_and_keeps_the_contract(tcp):
    assert load("printer", "escpos") is EscposPrinter
    assert isinstance(driver_for(tcp), Driver)
    assert EscposPrinter.accepts == (PrintJob,)


def test_a_receipt_is_printed_and_confirmed(printer, place):
    with running(place) as run:
        run.status_is()
        assert run.prints() == ("printed", "")
    [receipt] = printer.receipts
    assert receipt.lines[:2] == ["和平路便利店 Café", "苹果" + " " * 40 + "3.50"]


def test_receipts_are_printed_in_the_order_in_which_they_came(printer, place):
    with running(place) as run:
        for number in range(5):
            run.driver.handle(PrintJob(f"j{number}", ({"text": f"no. {number}"}, {"cut": True})))
        assert [run.finished(f"j{number}") for number in range(5)] == [("printed", "")] * 5
    assert [receipt.lines[0] for receipt in printer.receipts] == [f"no. {n}" for n in range(5)]


@pytest.mark.parametrize(
    ("fault", "problems"),
    [
        ("paper_out", ("paper_out", "offline")),
        ("cover_open", ("cover_open", "offline")),
        ("offline", ("offline",)),
        ("error", ("error", "offline")),
        ("silent", ("silent",)),
    ],
)
def test_a_printer_that_cannot_print_gets_nothing_of_the_receipt(printer, place, fault, problems):
    with running(place) as run:
        run.status_is()
        setattr(printer.faults, fault, True)
        assert run.prints() == ("failed", problems[0])
        run.status_is(*problems)
        setattr(printer.faults, fault, False)
        if fault != "silent":
            run.status_is()
            assert run.prints() == ("printed", "")
    assert printer.paper.raw == b""


def test_paper_near_its_end_is_told_but_stops_nothing(printer, place):
    printer.faults.near_end = True
    with running(place) as run:
        assert run.next(PrinterStatus).warnings == ("paper_near_end",)
        assert run.prints() == ("printed", "")


def test_paper_that_ends_within_the_receipt_leaves_it_unconfirmed(printer, place):
    printer.faults.lines_left = 1
    with running(place) as run:
        assert run.prints() == ("unconfirmed", "paper_out")
        run.status_is("paper_out", "offline")
    assert printer.receipts == []


def test_a_printer_that_stops_taking_a_receipt_leaves_it_unconfirmed(printer, place):
    with running(place) as run:
        run.status_is()
        printer.faults.stall_after_bytes = 100
        assert run.prints(*LONG) == ("unconfirmed", "silent")
        run.status_is("silent")


def test_a_command_cut_by_a_stall_is_finished_before_anything_else(printer):
    picture = {"text": "한국어"}  # drawn, if there is a font: a long command
    with pty_printer(printer) as place, running(place, font=str(a_font())) as run:
        run.status_is()
        printer.faults.stall_after_bytes = 200
        assert run.prints(*[picture] * 200) == ("unconfirmed", "silent")
        printer.faults.stall_after_bytes = None
        run.status_is()  # read, although the query came where the printer was inside an image
        assert run.prints() == ("printed", "")
    assert printer.receipts[-1].lines[-8:-6] == ["和平路便利店 Café", "苹果" + " " * 40 + "3.50"]


def a_font():
    found = raster.find_font("")
    if found is None:
        pytest.skip("no font with Chinese glyphs is installed here")
    return found[0]


def test_a_printer_that_answers_nothing_after_the_receipt_leaves_it_unconfirmed(printer, place):
    with running(place) as run:
        run.status_is()
        printer.faults.stall_after_bytes = 12 + len(render(RECEIPT, run.driver.options))
        assert run.prints() == ("unconfirmed", "silent")
        run.status_is("silent")


def test_a_lost_connection_ends_the_job_and_then_the_run(printer, tcp):
    with running(tcp) as run:
        run.status_is()
        printer.faults.drop_after_bytes = 40
        assert run.prints() == ("unconfirmed", "io")
        run.thread.join(PATIENCE_S)
        assert run.lost is not None


def test_a_connection_lost_before_the_first_byte_is_a_failed_job(printer, tcp):
    with running(tcp) as run:
        run.status_is()
        printer.faults.drop_after_bytes = 3
        outcome, reason = run.prints()
        assert (outcome, reason) == ("failed", "io")
    assert printer.paper.raw == b""


def test_jobs_that_wait_survive_the_loss_of_the_line(printer, tcp):
    driver = driver_for(tcp)
    driver.handle(PrintJob("j1", RECEIPT))
    printer.faults.drop_after_bytes = 1
    for outcome in ("lost", "printed"):
        run = Running(driver)
        driver.open()
        run.thread.start()
        if outcome == "printed":
            run.status_is()
            assert run.finished() == ("printed", "")
        else:
            run.thread.join(PATIENCE_S)
            assert run.lost is not None
        run.stop.set()
        run.thread.join(PATIENCE_S)
        driver.close()


def test_a_printer_that_stays_silent_is_given_up_and_connected_anew(printer, place):
    printer.faults.silent = True
    with running(place) as run:
        run.status_is("silent")
        run.thread.join(PATIENCE_S)
        assert "does not answer" in str(run.lost)
    printer.faults.silent = False
    with running(place) as run:
        run.status_is()
        assert run.prints() == ("printed", "")


@pytest.mark.parametrize("fault", ["silent", "stall"])
def test_a_stuck_printer_does_not_hold_up_the_end_of_the_run(printer, place, fault):
    patient = {"answer_timeout_ms": 10_000, "write_timeout_ms": 60_000, "print_timeout_ms": 120_000}
    with running(place, **patient) as run:
        run.status_is()
        if fault == "silent":
            printer.faults.silent = True
        else:
            printer.faults.stall_after_bytes = 100
        run.driver.handle(PrintJob("j1", LONG))
        time.sleep(0.3)
        asked = time.monotonic()
        run.stop.set()
        run.thread.join(PATIENCE_S)
        assert time.monotonic() - asked < 5  # a bound far below the printer's own 10 s and more
        assert run.finished()[0] in {"failed", "unconfirmed"}


def test_status_is_told_on_change_only(printer, place):
    with running(place) as run:
        run.status_is()
        time.sleep(0.6)  # three looks
        assert run.events[PrinterStatus].empty()


def test_a_status_sent_unasked_is_heard_between_looks():
    printer = VirtualPrinter(speaks_unasked=True)
    with tcp_printer(printer) as place, running(place, status_interval_ms=60_000) as run:
        run.status_is()
        printer.faults.cover_open = True
        run.status_is("cover_open", "offline")


@pytest.mark.parametrize(
    ("drawer_open", "level", "told"),
    [("high", True, True), ("high", False, False), ("low", False, True), ("unknown", True, None)],
)
def test_the_drawer_is_read_by_the_level_of_its_switch(printer, tcp, drawer_open, level, told):
    printer.drawer_high = level
    with running(tcp, drawer_open=drawer_open) as run:
        assert run.next(PrinterStatus).drawer_open is told


def test_without_the_reply_in_turn_a_good_status_is_enough_if_configured(printer, tcp):
    with running(tcp, confirm="status") as run:
        assert run.prints() == ("printed", "")
        assert b"\x1dr" not in printer.receipts[0].raw


def test_a_printer_that_never_answers_can_be_trusted_by_configuration(printer, place):
    printer.faults.mute = True
    with running(place, confirm="none") as run:
        run.status_is()
        assert run.prints() == ("printed", "")
        printer.faults.stall_after_bytes = 0
        assert run.prints(*LONG)[0] == "unconfirmed"


def test_a_mute_printer_is_silent_to_a_driver_that_wants_proof(printer, tcp):
    printer.faults.mute = True
    with running(tcp) as run:
        assert run.prints() == ("failed", "silent")


def test_what_is_on_paper_otherwise_than_asked_is_logged_once(printer, tcp, caplog):
    caplog.set_level(logging.WARNING, "lanetally.printer")
    with running(tcp, cjk="none") as run:
        assert run.prints({"text": "中文"}) == ("printed", "")
        assert run.prints({"text": "中文"}) == ("printed", "")
    assert printer.paper.lines == ["??", "??"]
    [record] = caplog.records
    assert record.getMessage() == (
        "printer: characters that the printer lacks are printed as ?: cjk is none"
    )


def test_other_commands_are_not_its_own(printer, tcp):
    with running(tcp) as run:
        run.driver.handle(Beep("good"))
        assert run.prints() == ("printed", "")
    assert len(printer.receipts) == 1


def test_nobody_listening_is_unavailable():
    with tcp_printer(VirtualPrinter()) as place:
        pass
    with pytest.raises(DeviceUnavailable):
        driver_for(place).open()
    with pytest.raises(DeviceUnavailable):
        driver_for(place).probe()


@pytest.mark.parametrize(
    "options",
    [
        {"transport": "tcp"},
        {"transport": "serial"},
        {"host": "127.0.0.1", "profile": "TM-T1000"},
        {"host": "127.0.0.1", "code_page": "CP0"},
        {"host": "127.0.0.1", "font": "/nowhere/font.ttf"},
    ],
)
def test_options_that_cannot_work_are_told_when_the_device_is_opened(options):
    with pytest.raises(DeviceMisconfigured):
        EscposPrinter("printer", EscposPrinter.Options(**options)).open()


def test_probing_sends_nothing(printer, place):
    identity = driver_for(place).probe()
    assert identity.path == (place if isinstance(place, str) else f"{place[0]}:{place[1]}")
    assert printer.paper.raw == b""


def test_a_driver_that_is_not_open_cannot_run(tcp):
    driver = driver_for(tcp)
    driver.close()
    with pytest.raises(DeviceUnavailable):
        driver.run(lambda event: None, threading.Event())

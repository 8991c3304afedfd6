"""A real lane whose POS only prints: its receipts become cashier totals, each exactly once."""

from __future__ import annotations

import json
import os
import pty
import socket
import threading
import time
import tty
from contextlib import contextmanager

import pytest

from agent.cli import run, totals_parts
from agent.config import load
from agent.domain.facts import ReceiptNotRead
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.totals import keep
from agent.totals.keep import Keep
from agent.totals.reader import Reader
from drivers.printer.sim import VirtualPrinter, tcp_printer
from tests.bench.rig import free_port, wait_for
from tests.core_kit import durable_facts

RECEIPT = (
    b"\x1b@Shop\nReceipt No: A-17  2026-11-22 10:15\n"
    b"6901234567892 Milk     2   3.50    7.00\nTOTAL  7.00\nCASH 10.00\nCHANGE 3.00\n\x1dV\x00"
)
SETTLED = SettlementOutcome("settled", Text("ok"))


class Till:
    """Takes totals in the core's place, as the lane hands them over."""

    def __init__(self, outcome=SETTLED, room=True):
        self.totals, self.outcome, self.room = [], outcome, room

    def submit(self, total, reply):
        if self.room:
            self.totals.append(total)
            if self.outcome is not None:
                reply(self.outcome)
        return self.room


@pytest.fixture
def till(monkeypatch):
    found = Till()
    monkeypatch.setattr(totals_parts, "submit_to", lambda _: found.submit)
    return found


@contextmanager
def lane(tmp_path, tables):
    file = tmp_path / "lane.toml"
    file.write_text(
        f'[store]\norg = "acme"\nid = "s1"\nname = "Shop"\n'
        f'[lane]\nid = "lane-1"\ndata_dir = "{tmp_path}/data"\n[mqtt]\nenabled = false\n'
        f'[api]\nport = {free_port()}\n[[api.client]]\nname = "pos"\ntoken = "pos-0123456789abcd"\n'
        f"{tables}"
    )
    stop, code = threading.Event(), []
    thread = threading.Thread(target=lambda: code.append(run.run_lane(load(file), stop)))
    thread.start()
    try:
        yield tmp_path / "data" / "totals"
    finally:
        stop.set()
        thread.join(20)
        assert code == [0]


@contextmanager
def tapped(tmp_path, printer_port, rules='["columns"]'):
    port = free_port()
    table = (
        f"[totals.printer_tap]\nenabled = true\nlisten_port = {port}\nrules = {rules}\n"
        f'printer_host = "127.0.0.1"\nprinter_port = {printer_port}\n'
    )
    with lane(tmp_path, table) as folder:
        wait_for(lambda: is_open(port), "the tap's port")
        yield port, folder


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def print_on(port, data=RECEIPT):
    with socket.create_connection(("127.0.0.1", port), 10) as pos:
        pos.sendall(data + b"\x10\x04\x01")
        assert pos.recv(1) == b"\x12"


def test_a_receipt_that_a_pos_prints_is_on_paper_and_is_a_total(tmp_path, till):
    printer = VirtualPrinter()
    with (
        tcp_printer(printer) as (_, printer_port),
        tapped(tmp_path, printer_port) as (port, folder),
    ):
        print_on(port)
        wait_for(lambda: till.totals, "the total")
        assert printer.receipts[0].lines[-1] == "CHANGE 3.00"
        (total,) = till.totals
        assert (total.source, total.item_count, total.amount_minor) == ("printer_tap", 2, 700)
        assert total.total_id.startswith("A-17-")
        wait_for(lambda: not list((folder / "printer_tap" / "pending").glob("*")), "answered")


def test_bytes_flow_and_receipts_print_when_the_reader_is_down_for_good(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.supervisor.BACKOFF_S", (0.0,))
    dead = threading.Event()

    def broken(self, stop):
        dead.set()
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Reader, "run", broken)
    printer = VirtualPrinter()
    with tcp_printer(printer) as (_, printer_port), tapped(tmp_path, printer_port) as (port, _):
        assert dead.wait(10)
        for _ in range(3):
            print_on(port)
        assert len(printer.receipts) == 3


def test_what_cannot_be_read_is_kept_for_the_technician_and_said(tmp_path, till, caplog, capfd):
    image = b"\x1dv0\x00\x01\x00\x08\x00" + bytes(8) + b"\x1dV\x00"
    printer = VirtualPrinter()
    with (
        tcp_printer(printer) as (_, printer_port),
        tapped(tmp_path, printer_port) as (port, folder),
    ):
        broken = RECEIPT.replace(b"TOTAL  7.00", b"TOTAL  7.01")
        print_on(port, broken)
        wait_for(lambda: list(folder.glob("printer_tap/unread/*.escpos")), "kept receipt")
        (kept,) = folder.glob("printer_tap/unread/*.escpos")
        assert kept.read_bytes() == broken
        print_on(port, image)
        wait_for(lambda: "receipt of 1 image(s) and no text" in caplog.text, "said")
        print_on(port, b"Z REPORT\n\x1dV\x00")
        print_on(port, b"\x1bp\x00\x19\xfa" + image)
        wait_for(lambda: len(unread_facts(tmp_path)) == 3, "facts")
    assert [(f.reason, f.images, f.cuts, f.kicks) for f in unread_facts(tmp_path)] == [
        ("sum_differs", 0, 1, 0),
        ("image", 1, 1, 0),
        ("image", 1, 1, 1),
    ]
    assert till.totals == []
    assert "The items add up to 700 minor units, the total says 701" in caplog.text
    out = capfd.readouterr().out
    assert "A receipt of the POS tells no total: 1 cut, 1 drawer kick counted" in out


def unread_facts(tmp_path):
    facts = durable_facts(tmp_path / "data" / "journal.db")
    return [fact for fact in facts if isinstance(fact, ReceiptNotRead)]


def test_a_total_that_was_not_answered_is_handed_over_again_after_a_restart(tmp_path, till):
    till.outcome = None
    with tcp_printer(VirtualPrinter()) as (_, printer_port):
        with tapped(tmp_path, printer_port) as (port, _):
            print_on(port)
            wait_for(lambda: till.totals, "the total")
        till.outcome = SETTLED
        with tapped(tmp_path, printer_port) as (_, folder):
            wait_for(lambda: len(till.totals) == 2, "the total again")
            wait_for(lambda: not list(folder.glob("printer_tap/pending/*")), "answered")
    assert till.totals[0] == till.totals[1]


def test_a_total_is_tried_again_until_there_is_room_and_until_the_lane_can_take_it(
    tmp_path, till, monkeypatch
):
    monkeypatch.setattr("agent.totals.deliver.RETRY_S", 0.05)
    till.room, till.outcome = False, SettlementOutcome("rejected", Text("busy"), "internal")
    with (
        tcp_printer(VirtualPrinter()) as (_, printer_port),
        tapped(tmp_path, printer_port) as (port, folder),
    ):
        print_on(port)
        wait_for(lambda: list(folder.glob("printer_tap/pending/*.json")), "kept")
        till.room = True
        wait_for(lambda: len(till.totals) > 1, "tried again")
        till.outcome = SettlementOutcome("rejected", Text("no"), "no_open_transaction")
        wait_for(lambda: not list(folder.glob("printer_tap/pending/*")), "refused for good")


def test_a_real_core_answers_and_journals_a_total_that_was_read(tmp_path, capfd):
    with (
        tcp_printer(VirtualPrinter()) as (_, printer_port),
        tapped(tmp_path, printer_port) as (port, folder),
    ):
        print_on(port)
        wait_for(lambda: "nothing to settle" in capfd.readouterr().out, "the core's word")
        wait_for(lambda: not list(folder.glob("printer_tap/pending/*")), "answered")


def test_a_journal_on_a_serial_line_is_read_after_a_silence(tmp_path, till):
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    table = (
        f'[totals.serial_journal]\nenabled = true\npath = "{os.ttyname(theirs)}"\n'
        'end_quiet_ms = 200\nrules = ["columns"]\n'
    )
    with lane(tmp_path, table):
        time.sleep(0.3)  # the line is opened by another thread; what came before it is not read
        os.write(ours, RECEIPT.removeprefix(b"\x1b@").removesuffix(b"\x1dV\x00"))
        wait_for(lambda: till.totals, "the total")
        assert till.totals[0].source == "serial_journal"
    os.close(ours)
    os.close(theirs)


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture
def watched(tmp_path, till, monkeypatch):
    monkeypatch.setattr("agent.totals.watch.PATIENCE_S", 0.5)
    monkeypatch.setattr("agent.totals.watch.RETRY_S", 0.05)
    folder = tmp_path / "sales"
    folder.mkdir()

    @contextmanager
    def opened(**more):
        words = {"format": "receipt", "settle_ms": 100, **more}
        keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in words.items())
        table = f'[totals.watch]\nenabled = true\nfolder = "{folder}"\nrules = ["columns"]\n{keys}'
        with lane(tmp_path, table):
            yield folder

    return opened


TEXT = RECEIPT[2:-3]


def names(folder, where):
    return sorted(file.name.split("-", 2)[2] for file in (folder / where).glob("*"))


def test_a_file_is_picked_up_once_and_put_aside(watched, till):
    with watched() as folder:
        (folder / "sale.txt").write_bytes(TEXT)
        wait_for(lambda: names(folder, "done") == ["sale.txt"], "put aside")
        assert [(t.source, t.amount_minor) for t in till.totals] == [("file", 700)]
        (folder / "sale.txt").write_bytes(TEXT.replace(b"A-17", b"A-18"))  # the same name again
        wait_for(lambda: names(folder, "done") == ["sale.txt"] * 2, "put aside")
        assert len({t.total_id for t in till.totals}) == 2
    assert not (folder / "sale.txt").exists()


def test_a_file_that_is_still_written_is_left_alone(watched, till):
    with watched() as folder:
        with (folder / "sale.txt").open("wb") as file:
            file.write(TEXT)  # all there, but the POS has not closed it yet
            file.flush()
            time.sleep(0.6)
            assert till.totals == []
        wait_for(lambda: till.totals, "the total")


def test_half_a_file_waits_for_its_other_half(watched, till, monkeypatch):
    monkeypatch.setattr("agent.totals.watch.PATIENCE_S", 60)
    with watched() as folder:
        (folder / "sale.txt").write_bytes(TEXT[:60])
        time.sleep(0.5)
        (folder / "sale.txt").write_bytes(TEXT)
        wait_for(lambda: till.totals, "the total")
        assert names(folder, "unread") == []


def test_a_file_that_nobody_can_read_is_put_aside_and_said(watched, till, capfd):
    with watched() as folder:
        (folder / "odd.txt").write_bytes(b"hello\n")
        (folder / "empty.txt").write_bytes(b"")
        wait_for(lambda: names(folder, "unread") == ["empty.txt", "odd.txt"], "put aside")
    assert "could not be read" in capfd.readouterr().out
    assert till.totals == []


def test_json_files_are_the_local_apis_totals(watched, till):
    with watched(format="json", pattern="*.json") as folder:
        (folder / "skip.txt").write_text("no")
        (folder / ".hidden.json").write_text("{}")
        (folder / "bad.json").write_text('{"total_id": "T1"}')
        (folder / "sale.json").write_text('{"total_id": "T2", "item_count": 2}')
        wait_for(lambda: names(folder, "done") == ["sale.json"], "put aside")
        wait_for(lambda: names(folder, "unread") == ["bad.json"], "put aside")
        assert [(t.total_id, t.source) for t in till.totals] == [("T2", "file")]
        assert (folder / "skip.txt").exists()


def test_a_file_that_was_not_answered_is_settled_after_a_restart_with_the_same_id(watched, till):
    till.outcome = None
    no_number = TEXT.replace(b"Receipt No: A-17", b"")
    with watched() as folder:
        (folder / "sale.txt").write_bytes(no_number)
        wait_for(lambda: till.totals, "the total")
    assert names(folder, "taken") == ["sale.txt"]
    till.outcome = SETTLED
    with watched():
        wait_for(lambda: names(folder, "done") == ["sale.txt"], "put aside")
    assert till.totals[0] == till.totals[1]
    assert till.totals[0].total_id.startswith("file-")


def test_what_is_kept_of_unread_receipts_is_bounded_and_a_full_disk_stops_nothing(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(keep, "UNREAD_MAX", 3)
    kept = Keep(tmp_path / "totals")
    for number in range(5):
        kept.unread(f"arrival-{number}", b"x")
    assert sorted(f.stem[-1] for f in (tmp_path / "totals" / "unread").iterdir()) == list("234")
    (tmp_path / "totals" / "pending").mkdir()
    (tmp_path / "totals" / "pending" / "bad.json").write_text("{")
    assert kept.pending() == {}
    (tmp_path / "file").touch()
    Keep(tmp_path / "file").unread("arrival", b"x")
    assert "cannot be kept" in caplog.text

"""The printer tap on real sockets and lines: every byte passes, whatever becomes of the copies."""

from __future__ import annotations

import os
import pty
import socket
import struct
import threading
import tty
from contextlib import ExitStack, closing, contextmanager, suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.totals import copies as copies_module
from agent.totals.copies import Copies
from agent.totals.port_line import LineEnd
from agent.totals.settings import PrinterTapSettings
from agent.totals.tap import LineTap, TcpTap
from drivers.base import DeviceMisconfigured, DeviceUnavailable
from drivers.printer.sim import VirtualPrinter, pty_printer, tcp_printer
from tests.bench.rig import free_port, wait_for

PATIENCE_S = 10


@contextmanager
def running(tap):
    tap.open()
    stop = threading.Event()
    thread = threading.Thread(target=tap.run, args=(None, stop))
    thread.start()
    try:
        yield tap
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        tap.close()
        assert not thread.is_alive()


@contextmanager
def tapping(port: int, host: str = "127.0.0.1", **more):
    told = []
    tap_port = free_port()
    config = PrinterTapSettings(
        enabled=True, listen_port=tap_port, printer_host=host, printer_port=port, **more
    )
    copies = Copies()
    with running(TcpTap(config, copies, told.append)) as tap:
        tap.copies, tap.told = copies, told
        yield tap


def called(tap) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", tap.port), PATIENCE_S)
    connection.settimeout(PATIENCE_S)
    return connection


def heard(tap) -> bytes:
    """What a call is answered with; it may be reset while it is being made."""
    with called(tap) as connection:
        return connection.recv(1)


@contextmanager
def listening(**more):
    """A printer that a test plays itself."""
    with socket.create_server(("127.0.0.1", 0), **more) as server:
        server.settimeout(PATIENCE_S)
        yield server


def answered(server) -> socket.socket:
    connection, _ = server.accept()
    connection.settimeout(PATIENCE_S)
    return connection


def all_of(connection, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(65536)
        assert piece, f"ended after {len(data)} of {size}"
        data += piece
    return data


def copied(copies) -> bytes:
    data = b""
    while (copy := copies.take(0.05)) is not None:
        data += copy.data
    return data


def test_a_receipt_is_printed_and_the_status_answered_as_without_a_tap():
    printer = VirtualPrinter()
    with tcp_printer(printer) as (_, port), tapping(port) as tap, called(tap) as pos:
        pos.sendall(b"\x1b@Milk 3.50\nTOTAL 3.50\n\x1dV\x00")
        pos.sendall(b"\x10\x04\x01")
        assert pos.recv(1) == b"\x12"
        wait_for(lambda: printer.receipts, "receipt")
        assert printer.receipts[0].lines == ["Milk 3.50", "TOTAL 3.50"]
        assert copied(tap.copies).startswith(b"\x1b@Milk")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(there=st.binary(max_size=5000), back=st.binary(max_size=5000), cut=st.integers(1, 999))
def test_any_bytes_pass_unchanged_in_both_directions(tap_and_server, there, back, cut):
    tap, server = tap_and_server
    with called(tap) as pos, answered(server) as printer:
        for start in range(0, len(there), cut):
            pos.sendall(there[start : start + cut])
        for start in range(0, len(back), cut):
            printer.sendall(back[start : start + cut])
        pos.shutdown(socket.SHUT_WR)
        printer.shutdown(socket.SHUT_WR)
        assert until_end(printer) == there
        assert until_end(pos) == back


@pytest.fixture(scope="module")
def tap_and_server():
    with listening() as server, tapping(server.getsockname()[1]) as tap:
        yield tap, server


def until_end(connection) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def test_bytes_flow_while_nobody_reads_the_copies_and_the_copies_end(monkeypatch):
    monkeypatch.setattr(copies_module, "BYTES_MAX", 10_000)
    data = os.urandom(1 << 20)
    with (
        listening() as server,
        tapping(server.getsockname()[1]) as tap,
        called(tap) as pos,
        answered(server) as printer,
    ):
        sender = threading.Thread(target=pos.sendall, args=(data,))
        sender.start()
        assert all_of(printer, len(data)) == data
        sender.join()
        assert tap.copies.waiting_bytes <= 10_000


def test_a_reader_that_fell_behind_is_told_where_copies_are_missing(monkeypatch):
    monkeypatch.setattr(copies_module, "BYTES_MAX", 4)
    copies = Copies()
    for data in (b"abcd", b"lost"):
        copies.put(1, data)
    assert copies.take(0) == copies_module.Copy(1, "data", b"abcd")
    copies.put(1, b"ef")
    copies.put(2, b"lost")
    copies.end(2)
    found = [copies.take(0) for _ in range(5)]
    assert [(c.stream, c.kind, c.data) for c in found if c] == [
        (1, "gap", b""),
        (1, "data", b"ef"),
        (2, "gap", b""),
        (2, "end", b""),
    ]


def sent_until_held(pos, data) -> int:
    sent = 0
    pos.settimeout(0.3)
    with suppress(TimeoutError):
        while sent < len(data):
            sent += pos.send(data[sent : sent + 65536])
    pos.settimeout(PATIENCE_S)
    return sent


def test_a_slow_printer_slows_its_pos_and_loses_nothing():
    data = os.urandom(16 << 20)
    with listening() as server, tapping(server.getsockname()[1]) as tap, called(tap) as pos:
        sent = sent_until_held(pos, data)
        assert sent < len(data)  # the tap does not swallow it all
        sender = threading.Thread(target=pos.sendall, args=(data[sent:],))
        sender.start()
        with answered(server) as printer:
            assert all_of(printer, len(data)) == data
        sender.join()


def test_a_pos_that_finished_sending_still_hears_the_answer():
    with listening() as server, tapping(server.getsockname()[1]) as tap, called(tap) as pos:
        with answered(server) as printer:
            pos.sendall(b"\x1dr\x01")
            pos.shutdown(socket.SHUT_WR)
            assert until_end(printer) == b"\x1dr\x01"
            printer.sendall(b"\x00")
        assert until_end(pos) == b"\x00"


def test_a_pos_that_hangs_up_with_answers_unread_is_printed_to_the_end():
    data = os.urandom(30_000)  # more may still lie in the POS, which drops it
    with listening() as server, tapping(server.getsockname()[1]) as tap:
        pos = called(tap)
        with answered(server) as printer:
            printer.sendall(b"\x14\x00\x00\x0f")
            assert pos.recv(1) == b"\x14"  # the rest stays unread: closing resets the connection
            pos.sendall(data)
            pos.close()
            assert until_end(printer) == data


def reset(connection) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_printer_that_resets_the_connection_resets_its_pos():
    with listening() as server, tapping(server.getsockname()[1]) as tap, called(tap) as pos:
        reset(answered(server))
        with pytest.raises(ConnectionResetError):
            pos.recv(1)


def test_a_printer_that_is_not_there_is_said_and_said_to_be_back():
    port = free_port()
    with tapping(port) as tap:
        with pytest.raises(ConnectionResetError):
            heard(tap)
        wait_for(lambda: tap.told, "told")
        assert tap.told == [("silent",)]
        with (
            socket.create_server(("127.0.0.1", port)) as server,
            called(tap) as pos,
            answered(server) as printer,
        ):
            pos.sendall(b"x")
            assert printer.recv(1) == b"x"
        wait_for(lambda: tap.told == [("silent",), ()], "told to be back")


def test_several_tills_print_at_once_each_on_its_own_connection():
    with listening() as server, tapping(server.getsockname()[1]) as tap, ExitStack() as stack:
        pairs = []
        for _ in range(8):
            pos = stack.enter_context(called(tap))
            pairs.append((pos, stack.enter_context(answered(server))))
        for number, (pos, _) in enumerate(pairs):
            pos.sendall(bytes([number]) * 1000)
        for number, (pos, printer) in enumerate(pairs):
            assert all_of(printer, 1000) == bytes([number]) * 1000
            printer.sendall(bytes([number]))
            assert pos.recv(1) == bytes([number])


def test_too_many_connections_are_refused_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("agent.totals.tap.CONNECTIONS_MAX", 1)
    with (
        listening() as server,
        tapping(server.getsockname()[1]) as tap,
        called(tap) as pos,
        answered(server) as printer,
    ):
        with pytest.raises(ConnectionResetError):
            heard(tap)
        pos.sendall(b"x")
        assert printer.recv(1) == b"x"


def test_a_printer_that_never_says_farewell_is_let_go_after_a_while(monkeypatch):
    monkeypatch.setattr("agent.totals.tap.FAREWELL_NS", 0)
    monkeypatch.setattr("agent.totals.tap.STOP_S", 0.01)
    with listening() as server, tapping(server.getsockname()[1]) as tap:
        pos = called(tap)
        with answered(server) as printer:
            pos.close()
            assert until_end(printer) == b""
            wait_for(lambda: not tap._board.pairs, "pair let go")


def test_a_port_that_is_taken_or_a_host_that_is_unknown_is_said():
    with listening() as server:
        taken = PrinterTapSettings(listen_port=server.getsockname()[1], printer_host="127.0.0.1")
        with pytest.raises(DeviceUnavailable, match="Address already in use"):
            TcpTap(taken, Copies(), print).open()
    nobody = PrinterTapSettings(listen_port=free_port(), printer_host="no.such.host.invalid")
    with pytest.raises(DeviceUnavailable, match=r"no\.such\.host"):
        TcpTap(nobody, Copies(), print).open()


# --- serial --------------------------------------------------------------------------------------


@contextmanager
def line():
    """A serial line: our end, and the path of the other."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    path = os.ttyname(theirs)
    try:
        yield ours, path
    finally:
        os.close(ours)
        os.close(theirs)


@contextmanager
def line_tapping(pos_path, printer_path, **more):
    copies = Copies()
    config = PrinterTapSettings(pos_path=pos_path, printer_path=printer_path, **more)
    with running(LineTap(config, copies)):
        yield copies


@pytest.mark.parametrize("flow", ["none", "xon-xoff"])
def test_a_receipt_passes_from_line_to_line_and_the_status_back(flow):
    printer = VirtualPrinter()
    with (
        pty_printer(printer) as printer_path,
        line() as (pos, pos_path),
        line_tapping(pos_path, printer_path, flow=flow, parity="even") as copies,
    ):
        os.write(pos, b"\x1b@Milk\n\x10\x04\x01\x1dV\x00")
        assert os.read(pos, 10) == b"\x12"
        wait_for(lambda: printer.receipts, "receipt")
        assert printer.receipts[0].lines == ["Milk"]
        assert copied(copies) == b"\x1b@Milk\n\x10\x04\x01\x1dV\x00"


@pytest.fixture(scope="module")
def lines():
    with (
        line() as (pos, pos_path),
        line() as (printer, printer_path),
        line_tapping(pos_path, printer_path),
    ):
        yield pos, printer


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(there=st.binary(max_size=3000), back=st.binary(max_size=3000))
def test_any_bytes_pass_unchanged_from_line_to_line(lines, there, back):
    pos, printer = lines
    os.write(pos, there)
    os.write(printer, back)
    assert read_all(printer, len(there)) == there
    assert read_all(pos, len(back)) == back


def read_all(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(fd, 4096)
    return data


def test_a_line_that_is_pulled_out_is_unavailable():
    ours, theirs = pty.openpty()
    with line() as (_, pos_path):
        config = PrinterTapSettings(pos_path=pos_path, printer_path=os.ttyname(theirs))
        tap = LineTap(config, Copies())
        tap.open()
        os.close(theirs)
        os.close(ours)
        with pytest.raises(DeviceUnavailable):
            tap.run(None, threading.Event())
        tap.close()


def test_a_line_that_is_not_there_or_is_none_is_said(tmp_path):
    with pytest.raises(DeviceUnavailable, match="No such file"):
        LineEnd(str(tmp_path / "none"), 9600)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DeviceMisconfigured):
        LineEnd(str(file), 9600)
    with line() as (_, path):
        tap = LineTap(PrinterTapSettings(pos_path=path, printer_path=str(file)), Copies())
        with closing(tap), pytest.raises(DeviceMisconfigured):
            tap.open()

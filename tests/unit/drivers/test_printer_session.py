"""The dialogue with a printer: what is owed goes first, every wait ends, answers are kept apart."""

import threading
import time
from collections import deque

import pytest

from drivers.base import DeviceUnavailable
from drivers.printer.codec_status import SILENT
from drivers.printer.session import Patience, Session
from drivers.printer.sim import VirtualPrinter

PATIENCE = Patience(write_ms=30, answer_ms=30, print_ms=60)
HUNG_S = 10  # a bound for a hung test, not for the session


class Wire:
    """A line that takes as many bytes as it is told to, with a printer at its end."""

    def __init__(self, printer=None):
        self.printer = printer or VirtualPrinter()
        self.room: deque[int] = deque()  # what the next writes take; then everything
        self.taken = b""
        self.pending: deque[int] = deque()
        self.answers = b""
        self.gone = False

    def write(self, data, timeout_ms):
        if self.gone:
            raise DeviceUnavailable("gone")
        count = min(self.room.popleft(), len(data)) if self.room else len(data)
        self.taken += data[:count]
        self.answers += self.printer.feed(data[:count])
        time.sleep(0 if count else min(timeout_ms, 5) / 1000)
        return count

    def read(self, timeout_ms):
        answers, self.answers = self.answers, b""
        time.sleep(0 if answers else timeout_ms / 1000)
        return answers

    def pending_bytes(self):
        return self.pending.popleft() if self.pending else 0

    def close(self):
        pass


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def session(wire):
    return Session(wire, PATIENCE, threading.Event())


def stuck(*room):
    """So many bytes at a time, then none for long."""
    return deque([*room, *[0] * 100])


def test_a_document_is_handed_over_in_what_bites_the_printer_takes(wire, session):
    wire.room = deque([1, 0, 2, 3])
    assert session.send([b"abc", b"defg"])
    assert wire.taken == b"abcdefg"
    assert session.began


def test_a_document_of_which_nothing_was_taken_never_began(wire, session):
    wire.room = stuck()
    assert not session.send([b"abc"])
    assert not session.began


def test_stuck_inside_a_command_the_rest_of_that_command_goes_before_a_query(wire, session):
    wire.room = stuck(4)
    assert not session.send([b"\x1b@", b"\x1b!\x00", b"never printed"])
    assert session.began
    wire.room.clear()
    assert session.condition().problems == ()
    assert wire.taken.startswith(b"\x1b@\x1b!\x00\x10\x04\x01")
    assert b"never" not in wire.taken


def test_stuck_between_commands_nothing_is_owed(wire, session):
    wire.room = stuck(2)
    assert not session.send([b"\x1b@", b"\x1b!\x00"])
    wire.room.clear()
    session.condition()
    assert wire.taken.startswith(b"\x1b@\x10\x04\x01")


def test_while_it_cannot_take_what_is_owed_it_is_silent_and_gets_nothing_else(wire, session):
    wire.room = stuck(1)
    session.send([b"\x1b@"])
    assert session.condition() == SILENT
    assert not session.send([b"next"])
    assert not session.began
    assert not session.in_turn()
    assert wire.taken == b"\x1b"


def test_the_rest_of_a_query_that_stuck_half_way_is_owed_too(wire, session):
    wire.room = stuck(1)
    assert session.condition() == SILENT
    wire.room.clear()
    assert session.condition().problems == ()
    assert wire.taken.startswith(b"\x10\x04\x01\x10\x04\x01")


def test_bytes_that_never_leave_this_machine_are_not_sent(wire, session):
    wire.pending = deque([100] * 1000)
    assert not session.send([b"abc"])
    assert session.began


def test_bytes_that_leave_slowly_are_waited_for(wire, session):
    wire.pending = deque([300, 200, 200, 100])
    assert session.send([b"abc"])


def test_a_late_answer_to_an_earlier_query_is_not_taken_for_a_new_one(wire, session):
    wire.answers = b"\x7e"  # paper out, said before
    assert session.condition().problems == ()


def test_an_answer_in_turn_is_waited_for_while_the_printer_works(wire, session):
    assert session.in_turn()
    wire.printer.faults.mute = True
    assert not session.in_turn()


def test_waiting_for_the_end_of_a_receipt_ends_when_the_paper_does(wire):
    session = Session(wire, Patience(30, 30, 60_000), threading.Event())
    wire.printer.faults.paper_out = True
    started = time.monotonic()
    assert not session.in_turn()
    assert time.monotonic() - started < HUNG_S


def test_an_answer_in_turn_may_come_between_two_status_answers(wire):
    session = Session(wire, Patience(30, 30, 60_000), threading.Event())
    wire.printer.faults.mute = True

    def speak(timeout_ms, quiet=wire.read):
        answers = quiet(timeout_ms)
        wire.printer.faults.mute = wire.taken.count(b"\x10\x04") < 1
        return answers + b"\x00" * (b"\x10\x04\x04" in wire.taken)

    wire.read = speak
    assert session.in_turn()


def test_a_session_that_is_stopped_waits_for_nothing(wire):
    stop = threading.Event()
    session = Session(wire, Patience(60_000, 60_000, 60_000), stop)
    wire.room = stuck()
    stop.set()
    started = time.monotonic()
    assert session.stopped
    assert not session.send([b"abc"])
    assert session.condition() == SILENT
    assert not session.in_turn()
    assert time.monotonic() - started < HUNG_S


def test_a_line_that_is_lost_while_sending_may_have_taken_something(wire, session):
    wire.gone = True
    with pytest.raises(DeviceUnavailable):
        session.send([b"abc"])
    assert session.began

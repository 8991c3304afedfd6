"""The simulated scale keeps the manual's rules, so that tests against it mean something."""

import os
import select
import threading

import pytest

from drivers.scale.sim import SimulatedScale, serving, written

PATIENCE_S = 20


class Host:
    """The bare other end of the line: no codec, no driver."""

    def __init__(self, scale: SimulatedScale) -> None:
        self.fd = os.open(scale.path, os.O_RDWR | os.O_NOCTTY)

    def ask(self, command: bytes, answer_bytes: int, pause_s: float = 0.21) -> bytes:
        os.write(self.fd, command)
        answer = b""
        while len(answer) < answer_bytes:
            assert select.select([self.fd], [], [], PATIENCE_S)[0], f"only {answer!r}"
            answer += os.read(self.fd, 100)
        threading.Event().wait(pause_s)
        return answer


@pytest.fixture
def scale():
    with serving(SimulatedScale(settle_ms=0)) as scale:
        yield scale


@pytest.fixture
def host(scale):
    host = Host(scale)
    yield host
    os.close(host.fd)


@pytest.mark.parametrize(
    ("grams", "unit", "net", "frame"),
    [
        (0, "kg", False, b"\x0200.000\r"),
        (1235, "kg", True, b"\x0201.235N\r"),
        (454, "lb", False, b"\x02001.00\r"),
        (13_608, "lb", True, b"\x02030.00N\r"),
    ],
)
def test_weights_are_written_as_in_the_manual(grams, unit, net, frame):
    assert written(grams, unit, net=net) == frame


def test_a_load_is_shown_in_whole_divisions(scale, host):
    scale.place(1233)
    assert host.ask(b"W", 8) == b"\x0201.235\r"


def test_a_command_that_comes_too_early_is_ignored_and_counted(scale, host):
    assert host.ask(b"WW", 8, pause_s=0) == b"\x0200.000\r"
    assert not select.select([host.fd], [], [], 0.1)[0]
    assert (scale.commands_taken, scale.commands_too_early) == (1, 1)


def test_the_status_says_why_there_is_no_weight(scale, host):
    scale.place(20_000)
    assert host.ask(b"W", 4) == b"\x02?J\r"  # over capacity, outside zero capture range
    scale.place(-100)
    assert host.ask(b"W", 4) == b"\x02?D\r"  # under zero
    scale.tare(100)
    assert host.ask(b"W", 4) == b"\x02?d\r"  # net too


def test_zero_is_captured_near_zero_only_and_not_with_a_tare(scale, host):
    scale.place(100)
    assert host.ask(b"Z", 4) == b"\x02?P\r"
    assert host.ask(b"W", 8) == b"\x0200.000\r"
    scale.place(1000)
    assert host.ask(b"Z", 4) == b"\x02?H\r"
    scale.tare(50)
    scale.place(200)
    assert host.ask(b"Z", 4) == b"\x02?`\r"
    assert host.ask(b"W", 9) == b"\x0200.050N\r"


def test_echo_mode_echoes_until_f(host):
    assert host.ask(b"Ehello", 8) == b"\x02E\rhello"
    assert host.ask(b"W", 1) == b"W"
    assert host.ask(b"F", 3) == b"\x02F\r"
    assert host.ask(b"W", 8) == b"\x0200.000\r"


def test_an_unknown_command_is_not_answered(host):
    os.write(host.fd, b"?")
    assert not select.select([host.fd], [], [], 0.1)[0]

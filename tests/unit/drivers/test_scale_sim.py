"""The simulated scale keeps the manual's rules, so that tests against it mean something."""

import os
import select
import threading

import pytest

from drivers.line.serving import serving
from drivers.scale.sim import FAULTS, SimulatedScale
from drivers.scale.sim_plate import Plate
from drivers.scale.sim_voices import VOICES, written_8217

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
    assert written_8217(grams, unit, net=net) == frame


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


# --- the other voices, byte by byte as in the manuals that the codecs name ---


def voice(name, weight_g=0, *, unit="kg", tare_g=0, polls=0):
    plate = Plate(division_g=5, capacity_g=15_000, settle_ms=0, settle_polls=polls)
    plate.tare(tare_g)
    plate.place(weight_g)
    return VOICES[name](plate, unit)


@pytest.mark.parametrize(
    ("name", "load", "command", "answer"),
    [
        ("nci", {}, b"W\r", b"\n00.000KG\r\nS20\r\x03"),
        ("nci", {"weight_g": 1235}, b"W\r", b"\n01.235KG\r\nS00\r\x03"),
        ("nci", {"weight_g": 910, "unit": "lb"}, b"W\r", b"\n002.01LB\r\nS00\r\x03"),
        ("nci", {"weight_g": 1235, "tare_g": 35}, b"W\r", b"\n01.200KG\r\nS0p4\r\x03"),
        ("nci", {"weight_g": 1235, "polls": 1}, b"W\r", b"\nS10\r\x03"),
        ("nci", {"weight_g": 20_000}, b"W\r", b"\nS02\r\x03"),
        ("nci", {"weight_g": -50}, b"W\r", b"\nS01\r\x03"),
        ("nci", {"weight_g": 50}, b"Z\r", b"\nS20\r\x03"),
        ("nci", {"weight_g": 50}, b"S\r", b"\nS00\r\x03"),
        ("nci", {}, b"X\r", b"\n?\r\x03"),
        ("nci-scp-01", {"weight_g": 1235, "polls": 1}, b"W\r", b"\n  1.235kg\r\n10\r\x03"),
        ("nci-scp-01", {"weight_g": 20_000}, b"W\r", b"\n02\r\x03"),
        ("sma", {}, b"\nW\r", b"\nZ1G       0.000kg \r"),
        ("sma", {"weight_g": 1235, "polls": 1}, b"\nW\r", b"\n 1GM      1.235kg \r"),
        ("sma", {"weight_g": 1235, "tare_g": 35}, b"\nW\r", b"\n 1N       1.200kg \r"),
        ("sma", {"weight_g": 20_000}, b"\nW\r", b"\nO1G      20.000kg \r"),
        ("sma", {"weight_g": -50}, b"\nW\r", b"\nU1G      -0.050kg \r"),
        ("sma", {"weight_g": 50}, b"\nZ\r", b"\nZ1G       0.000kg \r"),
        ("sma", {}, b"\nQ\r", b"\n?\r"),
        ("mt-sics", {"weight_g": 1235}, b"SI\r\n", b"S S      1.235 kg\r\n"),
        ("mt-sics", {"weight_g": 1235, "polls": 1}, b"SI\r\n", b"S D      1.235 kg\r\n"),
        ("mt-sics", {"weight_g": 20_000}, b"SI\r\n", b"S +\r\n"),
        ("mt-sics", {"weight_g": -50}, b"SI\r\n", b"S -\r\n"),
        ("mt-sics", {"weight_g": 50}, b"Z\r\n", b"Z A\r\n"),
        ("mt-sics", {"weight_g": 5000}, b"Z\r\n", b"Z I\r\n"),
        ("mt-sics", {}, b"X\r\n", b"ES\r\n"),
        ("cas", {}, b"\x05", b"\x06"),
        ("cas", {"weight_g": 1235}, b"\x11", b"\x01\x02S 01.235KG\x64\x03\x04"),
        ("cas", {"weight_g": -50}, b"\x11", b"\x01\x02S-00.050KG\x69\x03\x04"),
        ("cas", {"weight_g": 20_000}, b"\x11", b"\x01\x02SFFFFFFFKG\x19\x03\x04"),
        ("cas", {}, b"\x12", b""),
        ("icl", {}, b"\x05", b"\x06"),
        ("icl", {"weight_g": 1235, "polls": 1}, b"\x05", b"\x18"),
        ("icl", {"weight_g": 1235}, b"\x11", b"\x02)01235\x1c\x03" * 2),
        ("icl", {"weight_g": 910, "unit": "lb"}, b"\x11", b"\x02*\x000201\x29\x03" * 2),
        ("icl", {"weight_g": -50}, b"\x11", b"\x029\0\0\0\0\0\x39\x03" * 2),
        ("icl", {}, b"\r", b""),
    ],
)
def test_an_asked_scale_answers_as_in_its_manual(name, load, command, answer):
    assert voice(name, **load).obey(command) == answer


@pytest.mark.parametrize(
    ("name", "load", "frame"),
    [
        ("toledo-continuous", {"weight_g": 1235}, b"\x02-0 001235000000\r\x29"),
        ("toledo-continuous", {"weight_g": 910, "unit": "lb"}, b"\x02,  000201000000\r\x42"),
        ("toledo-continuous", {"weight_g": -50}, b"\x02-2 000050000000\r\x2d"),
        ("cas-stream", {"weight_g": 1235}, b"ST,GS,1\xc4,0001.235 kg\r\n"),
        ("cas-stream", {"weight_g": 1235, "polls": 1}, b"US,GS,1\x84,0001.235 kg\r\n"),
        ("cas-stream", {"weight_g": 600, "tare_g": 100}, b"ST,NT,1\xc2,0000.500 kg\r\n"),
        ("cas-stream", {"weight_g": -50}, b"ST,GS,1\xc4,-000.050 kg\r\n"),
        ("cas-stream", {"weight_g": 20_000}, b"OL,GS,1\xc4,0020.000 kg\r\n"),
    ],
)
def test_a_scale_that_speaks_unasked_sends_frames_as_in_its_manual(name, load, frame):
    assert voice(name, **load).frame() == frame


def test_a_scale_that_speaks_unasked_keeps_its_pace_and_loses_what_nobody_reads():
    with serving(SimulatedScale(protocol="cas-stream", baud=115_200, settle_ms=0)) as scale:
        threading.Event().wait(0.35)
    assert 2 <= scale.frames_sent <= 5


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_spoils_so_many_answers_and_no_more(scale, host, fault):
    scale.fail(fault)
    os.write(host.fd, b"W")
    threading.Event().wait(0.25)
    if select.select([host.fd], [], [], 0)[0]:
        assert os.read(host.fd, 100) != b"\x0200.000\r"
    assert host.ask(b"W", 8, pause_s=0) == b"\x0200.000\r"

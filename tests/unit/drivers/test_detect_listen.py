"""Listening on a line that nobody has bound: nothing is sent, and only a whole message counts."""

from __future__ import annotations

import os
import select
import threading
import tty
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import DeviceUnavailable
from drivers.detect import SPEAKERS, listen, recognised
from drivers.registry import DRIVERS

CAS = b"ST,GS,\x01\x41,0001.235 kg\r\n"
A_AND_D = b"ST,GS,00001.23kg\r\n"


def continuous(weight: bytes = b"001235", *, checksum: bool = False) -> bytes:
    """A frame in kilograms, three decimals, and in bit 5 of each status word a 1."""
    frame = b"\x02\x2d\x30\x20" + weight + b"000000\r"
    return frame + bytes([-sum(frame) & 0x7F]) if checksum else frame


def with_even_parity(data: bytes) -> bytes:
    return bytes(byte | (byte.bit_count() & 1) << 7 for byte in data)


@pytest.fixture
def line():
    """The far end of a line, and its path."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def nothing_was_written(master: int) -> bool:
    return not select.select([master], [], [], 0)[0]


def known(data: bytes) -> list[tuple[str, bytes]]:
    return [(f"{speaker.kind}/{speaker.driver}", message) for speaker, message in recognised(data)]


@pytest.mark.parametrize(
    ("message", "driver"),
    [
        (CAS, "scale/cas-stream"),
        (A_AND_D, "scale/cas-stream"),
        (continuous(), "scale/toledo-continuous"),
        (continuous(checksum=True), "scale/toledo-continuous"),
    ],
)
def test_a_scale_that_speaks_unasked_is_known_by_its_frames(message, driver):
    assert known(message[5:] + message * 2) == [(driver, message)]
    assert known(with_even_parity(message * 2)) == [(driver, message)]


@pytest.mark.parametrize("message", [CAS, continuous(), continuous(checksum=True)])
def test_one_frame_alone_may_be_chance(message):
    assert known(message) == []


@pytest.mark.parametrize("message", [CAS, A_AND_D, continuous()])
def test_a_frame_that_lost_a_character_is_none(message):
    for at in range(len(message)):
        assert known((message[:at] + message[at + 1 :]) * 2) == []


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything(data):
    assert all(message for _, message in recognised(data))


def test_every_speaker_is_a_driver_that_there_is():
    assert {(speaker.kind, speaker.driver) for speaker in SPEAKERS} <= set(DRIVERS)


def test_what_was_heard_is_told_and_not_a_byte_is_written(line):
    master, path = line
    speaking = threading.Timer(0.05, os.write, (master, CAS * 2))
    speaking.start()
    heard = listen(path, seconds=30, baud=9600)
    speaking.join()
    assert heard.data == CAS * 2
    assert [(s.driver, message) for s, message in heard.matches] == [("cas-stream", CAS)]
    assert nothing_was_written(master)


def test_a_silent_line_is_listened_to_until_the_end_and_left_as_it_was(line):
    master, path = line
    heard = listen(path, seconds=1, baud=115_200)
    assert (heard.data, heard.matches) == (b"", ())
    assert nothing_was_written(master)


def test_noise_is_told_as_it_came_and_is_nobody(line):
    master, path = line
    speaking = threading.Timer(0.05, os.write, (master, b"\x00\xff noise"))
    speaking.start()
    heard = listen(path, seconds=1, baud=9600)
    speaking.join()
    assert (heard.data, heard.matches) == (b"\x00\xff noise", ())


def test_a_babbling_line_does_not_hold_the_listener_for_ever(line):
    master, path = line
    os.set_blocking(master, False)
    stop = threading.Event()

    def babble() -> None:
        while not stop.is_set():
            with suppress(BlockingIOError):
                os.write(master, bytes(256))

    babbling = threading.Thread(target=babble)
    babbling.start()
    heard = listen(path, seconds=60, baud=9600)
    stop.set()
    babbling.join()
    assert len(heard.data) >= 4096


def test_a_line_that_is_not_there_is_unavailable():
    with pytest.raises(DeviceUnavailable):
        listen("/dev/nowhere", seconds=1, baud=9600)

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
from drivers.scanner.codec_zebra_ssi import DECODE_DATA, FROM_SCANNER, Packet, encode

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


SSI = encode(Packet(DECODE_DATA, FROM_SCANNER, 0, b"\x0b4006381333931"))


@pytest.mark.parametrize(
    ("data", "driver", "message"),
    [
        (b"\x00" + SSI + b"\x07", "zebra-ssi", SSI),
        (b"\rS08F4006381333931\r", "magellan-single-cable", b"S08F4006381333931\r"),
        (b"S08A060992011187\r", "magellan-single-cable", b"S08A060992011187\r"),
        (b"\x0208FF96385074\x03\x55", "ncr-single-cable", b"\x0208FF96385074\x03"),
        (b"]E04006381333931\r\n", "serial", b"]E04006381333931\r"),
        (b"4006381333931\r\n96385074\r\n", "serial", b"4006381333931"),
        (b"\x024006381333931\x03\x02060992011187\x03", "serial", b"4006381333931"),
    ],
)
def test_a_scanner_is_known_by_what_it_sends_when_something_is_scanned(data, driver, message):
    assert known(data) == [(f"scanner/{driver}", message)]
    assert (
        known(with_even_parity(data)) == [(f"scanner/{driver}", message)] or driver == "zebra-ssi"
    )


@pytest.mark.parametrize(
    "data",
    [
        SSI[:-1] + b"\x00",
        encode(Packet(DECODE_DATA, FROM_SCANNER, 0, b"\x0b4006381333931"))[:-3],
        b"S08F4006381333932\r",
        b"S08F400638133393\r",
        b"]E04006381333932\r",
        b"4006381333931\r",
        b"4006381333931\r\n12345678\r\n",
        b"+00001234 g\r\n" * 5,
    ],
)
def test_a_wrong_check_and_a_single_number_are_nobody(data):
    assert known(data) == []


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

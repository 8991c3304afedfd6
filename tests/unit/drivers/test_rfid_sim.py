"""The simulated readers alone: they answer as the recordings do, and refuse what is wrong."""

import os
import select
from contextlib import contextmanager

import pytest

from drivers.line.serving import serving
from drivers.rfid.sim import FAULTS, Field
from drivers.rfid.sim_chafon import SimulatedChafon
from drivers.rfid.sim_m100 import SimulatedM100
from drivers.rfid.sim_thingmagic import SimulatedThingMagic, crc

EPC = bytes.fromhex("30751FEB705C5904E3D50D70")


def h(text: str) -> bytes:
    return bytes.fromhex(text)


@contextmanager
def silent(reader):
    """A reader on its line, with nobody who serves it: `hear` and `look` are called here."""
    try:
        yield reader
    finally:
        reader.close()


def test_m100_answers_as_the_manual_and_the_recordings():
    tags = Field()
    with silent(SimulatedM100(tags)) as reader:
        assert reader.hear(h("BB 00 28 00 00 28 7E")) == [h("BB 01 28 00 01 00 2A 7E")]
        assert reader.look() == []
        assert reader.hear(h("BB 00 27 00 03 22 00 02 4E 7E")) == []
        assert reader.look() == [h("BB 01 FF 00 01 15 16 7E")]
        tags.put(EPC, rssi=-55)
        [frame] = reader.look()
        # the manual's, but for the PC word, of which the manual's tag has a bit more
        assert frame[:6] + frame[8:20] == h("BB 02 22 00 11 C9") + EPC
        assert reader.look() == []
        assert reader.hear(h("BB 00 99 00 00 99 7E")) == [h("BB 01 FF 00 01 17 18 7E")]
        assert reader.hear(h("AA 00 28 00 00 28 DD")) == []


def test_thingmagic_answers_as_recorded():
    tags = Field()
    with silent(SimulatedThingMagic(tags)) as reader:
        assert reader.hear(h("FF 00 03 1D 0C")) == [
            h("FF 14 03 0000 14120800 30000002 20150310 01030147 00000010 EBFF")
        ]
        assert reader.hear(h("FF 03 2F 00 00 02 5E 86")) == [h("FF 01 2F 00 00 02 30 E6")]
        start = h("FF 10 2F 00 00 01 22 00 00 05 07 22 10 00 1B 03 E8 01 FF DD 2B")
        assert reader.hear(start)[0][3:5] == b"\x01\x01"  # no region yet
        assert reader.hear(h("FF 01 97 0D 4B B0")) == [h("FF 00 97 00 00 77 9E")]
        assert reader.hear(h("FF 03 91 02 01 01 42 C5")) == [h("FF 00 91 00 00 17 58")]
        assert reader.hear(start) == [h("FF 04 2F 00 00 01 22 00 00 6D C3")]
        assert [frame for _ in range(50) for frame in reader.look()] == [h("FF 00 22 04 00 84 E0")]
        tags.put(bytes(10) + h("1545"), rssi=-61)
        assert reader.look() == [
            h(
                "FF 28 22 00 00 10 00 1B 01 FF 01 01 C3 11 0E 06 A0 00 00 01 62 00 00 05 00 00 0F"
                "00 80 30 00 00 00 00 00 00 00 00 00 00 00 15 45 E9 4A 12 90"
            )
        ]


def test_thingmagic_refuses_regions_that_it_does_not_have_and_frames_that_are_broken():
    with silent(SimulatedThingMagic(Field())) as reader:
        body = h("01 97 77")
        assert reader.hear(h("FF 01 97 77 00 00")) == []
        assert reader.hear(b"\xff" + body + crc(body))[0][3:5] == b"\x01\x05"
        strange = h("00 55")
        assert reader.hear(b"\xff" + strange + crc(strange))[0][3:5] == b"\x01\x01"


def test_chafon_answers_as_recorded():
    tags = Field()
    tags.put(bytes(10) + h("0313"), rssi=0x6B - 120)
    with silent(SimulatedChafon(tags)) as reader:
        assert reader.hear(h("04 FF 21 19 95"))[0][2:4] == b"\x21\x00"
        assert reader.hear(h("0DFF0104000100000000800333F7")) == []
        [frame] = reader.look()
        recorded = h("15 00 01 03 01 01 0c 00 00 00 00 00 00 00 00 00 00 03 13 6b b1 a5")
        assert frame[4:-2] == recorded[4:-2]
        assert reader.look() == []


def test_chafon_refuses_what_is_wrong():
    with silent(SimulatedChafon(Field())) as reader:
        assert reader.hear(h("04 FF 21 00 00")) == []
        assert reader.hear(h("04 FF 01 1B B4"))[0][3] == 0xFF  # series 288 wants parameters
    with silent(SimulatedChafon(Field(), real_time=True)) as reader:
        assert reader.hear(h("04 FF 01 1B B4"))[0][3] == 0xFE


def test_a_field_hears_what_lies_there():
    tags = Field()
    tags.put(EPC, rssi=-50, antenna=1)
    tags.put(EPC, rssi=-60, antenna=2)
    tags.put(EPC, rssi=-55, antenna=1)
    assert {(echo.antenna, echo.rssi) for echo in tags.echoes()} == {(1, -55), (2, -60)}
    tags.take(EPC)
    assert tags.echoes() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_spoils_a_frame(fault):
    reader = SimulatedM100(Field())
    with serving(reader):
        fd = os.open(reader.path, os.O_RDWR | os.O_NOCTTY)
        reader.fail(fault)
        heard = b""
        for _ in range(2):
            os.write(fd, h("BB 00 28 00 00 28 7E"))
        while not heard.endswith(h("BB 01 28 00 01 00 2A 7E")):
            assert select.select([fd], [], [], 20)[0]
            heard += os.read(fd, 100)
        os.close(fd)
    assert heard != h("BB 01 28 00 01 00 2A 7E") * 2

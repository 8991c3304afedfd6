"""What each protocol's frames say, as the manuals named in the codecs write them."""

import pytest

from drivers.base import ProtocolError, ScaleState
from drivers.line.placement import Status, Weight
from drivers.scale import (
    codec_cas,
    codec_cas_stream,
    codec_icl,
    codec_mt_sics,
    codec_nci,
    codec_sma,
    codec_toledo_continuous,
)
from drivers.scale.codec_serial import Acknowledged, SerialCodec

MS = 1_000_000
NOT_READY, MOTION, ZERO = Status(None), Status("motion"), Status("zero")
OVER, UNDER = Status("over_capacity"), Status("under_zero")


def cas(data: bytes) -> bytes:
    bcc = 0
    for byte in data:
        bcc ^= byte
    return b"\x01\x02" + data + bytes([bcc]) + b"\x03\x04"


def icl(said: int, digits: bytes) -> bytes:
    data = bytes([said]) + digits
    bcc = 0
    for byte in data:
        bcc ^= byte
    return 2 * (b"\x02" + data + bytes([bcc]) + b"\x03")


def toledo(a: int, b: int, c: int = 0x20, weight: bytes = b"001235", *, checksum: bool = True):
    frame = b"\x02" + bytes([a, b, c]) + weight + b"000000\r"
    return frame + bytes([-sum(frame) & 0x7F]) * checksum


KG, LB, G = (0x2D, 0x30), (0x2C, 0x20), (0x2A, 0x20, 0x21)

FRAMES = {
    codec_nci.read_frame: [
        (b"\n01.235KG\r\nS00\r\x03", Weight(1235, net=False, width=6)),
        (b"\n02.72LB\r\nS00\r\x03", Weight(1234, net=False, width=5)),
        (b"\n0001.23kg\r\n00\r\x03", Weight(1230, net=False, width=7)),
        (b"\n  1235g \r\n00\r\x03", Weight(1235, net=False, width=6)),
        (b"\n  35.27oz\r\n00\r\x03", Weight(1000, net=False, width=7)),
        (b"\n01.235KG\r\nS0p4\r\x03", Weight(1235, net=True, width=6)),
        (b"\n01.235KG\r\nS0p0\r\x03", Weight(1235, net=False, width=6)),
        (b"\n01.235KG\r\nS0pp0\r\x03", Weight(1235, net=False, width=6)),
        (b"\n00.000KG\r\nS20\r\x03", Weight(0, net=False, width=6)),
        (b"\n-0.050kg\r\n00\r\x03", Weight(-50, net=False, width=6)),
        (b"\n01.235kg\r\n10\r\x03", MOTION),
        (b"\n01.235kg\r\n02\r\x03", OVER),
        (b"\n00.005kg\r\n20\r\x03", ZERO),
        (b"\nS10\r\x03", MOTION),
        (b"\nS20\r\x03", ZERO),
        (b"\nS30\r\x03", MOTION),
        (b"\nS01\r\x03", UNDER),
        (b"\nS02\r\x03", OVER),
        (b"\nS12\r\x03", MOTION),
        (b"\nS00\r\x03", NOT_READY),
        (b"\nS40\r\x03", Status("not_ready")),
        (b"\nS80\r\x03", Status("not_ready")),
        (b"\nS04\r\x03", Status("not_ready")),
        (b"\nS0p8\r\x03", Status("not_ready")),
        (b"\n?\r\x03", NOT_READY),
    ],
    codec_sma.read_frame: [
        (b"\n 1G       1.250kg_\r", Weight(1250, net=False)),
        (b"\n 1G       1.235kg \r", Weight(1235, net=False)),
        (b"\n 1N       7.025lb \r", Weight(3186, net=True)),
        (b"\n 1G      100000g  \r", Weight(100_000, net=False)),
        (b"\nZ1G       0.000kg \r", ZERO),
        (b"\nO1G      16.000kg \r", OVER),
        (b"\nU1G      -0.050kg \r", UNDER),
        (b"\n 1GM      1.230kg \r", MOTION),
        (b"\nZ1GM      0.000kg \r", MOTION),
        (b"\nE1G  ----------   \r", NOT_READY),
        (b"\nI1GM ----------   \r", NOT_READY),
        (b"\nT1N  ----------kg \r", NOT_READY),
        (b"\n?\r", NOT_READY),
    ],
    codec_mt_sics.read_frame: [
        (b"S S      1.235 kg\r\n", Weight(1235, net=False)),
        (b"S S     100.00 g\r\n", Weight(100, net=False)),
        (b"SI S      1.235 kg\r\n", Weight(1235, net=False)),
        (b"S S     -0.050 kg\r\n", Weight(-50, net=False)),
        (b"S S      0.000 kg\r\n", Weight(0, net=False)),
        (b"S D      1.230 kg\r\n", MOTION),
        (b"SI D      1.230 kg\r\n", MOTION),
        (b"S +\r\n", OVER),
        (b"SI -\r\n", UNDER),
        (b"S I\r\n", NOT_READY),
        (b"Z A\r\n", Acknowledged()),
        (b"Z I\r\n", NOT_READY),
        (b"Z +\r\n", OVER),
        (b"Z -\r\n", UNDER),
        (b"ES\r\n", NOT_READY),
        (b"ET\r\n", NOT_READY),
        (b"EL\r\n", NOT_READY),
    ],
    codec_cas.read_frame: [
        (b"\x06", Acknowledged(then=b"\x11")),
        (b"\x15", NOT_READY),
        (cas(b"S 01.235KG"), Weight(1235, net=False)),
        (cas(b"S 01.235kg"), Weight(1235, net=False)),
        (cas(b"S 002.72LB"), Weight(1234, net=False)),
        (cas(b"S-00.050KG"), Weight(-50, net=False)),
        (cas(b"U 01.230KG"), MOTION),
        (cas(b"SFFFFFFFKG"), OVER),
        (cas(b"UFFFFFFFKG"), OVER),
    ],
    codec_icl.read_frame: [
        (b"\x06", Acknowledged(then=b"\x11")),
        (b"\x18", MOTION),
        (b"\x00", NOT_READY),
        (b"\x15", NOT_READY),
        (icl(0x29, b"01235"), Weight(1235, net=False)),
        (icl(0x2A, b"\x000272"), Weight(1234, net=False)),
        (icl(0x2A, b"0272\0"), Weight(1234, net=False)),
        (icl(0x2B, b"05998"), Weight(5998, net=False)),
        (icl(0x29, b"00000"), Weight(0, net=False)),
        (icl(0x39, b"00000"), NOT_READY),
        (icl(0x39, b"\0\0\0\0\0"), NOT_READY),
    ],
    codec_toledo_continuous.PROTOCOLS[True].read: [
        (toledo(*KG), Weight(1235, net=False)),
        (toledo(*LB, weight=b"000272"), Weight(1234, net=False)),
        (toledo(*LB, weight=b"   272"), Weight(1234, net=False)),
        (toledo(*G), Weight(1235, net=False)),
        (toledo(0x28, 0x30, weight=b"000001"), Weight(100_000, net=False)),
        (toledo(0x2F, 0x30, weight=b"123500"), Weight(1235, net=False)),
        (toledo(0x2D, 0x20, 0x22, weight=b"000002"), Weight(2000, net=False)),
        (toledo(0x2D, 0x31), Weight(1235, net=True)),
        (toledo(0x15, 0x10), Weight(1235, net=False)),  # Liden, Fairbanks: other constant bits
        (toledo(0x2D, 0x32), UNDER),
        (toledo(0x2D, 0x36), UNDER),
        (toledo(0x2D, 0x34), OVER),
        (toledo(0x2D, 0x38), MOTION),
        (toledo(0x2D, 0x3E), MOTION),
        (toledo(0x2D, 0x70), Status("not_ready")),
        (toledo(0x2D, 0x30, 0x30), NOT_READY),
        (toledo(0x2D, 0x30, weight=b"000000"), Weight(0, net=False)),
    ],
    codec_toledo_continuous.PROTOCOLS[False].read: [
        (toledo(*KG, checksum=False), Weight(1235, net=False)),
        (toledo(0x2D, 0x38, checksum=False), MOTION),
    ],
    codec_cas_stream.read_frame: [
        (b"ST,GS,1\x45,0001.235 kg\r\n", Weight(1235, net=False)),
        (b"ST,NT,1\x43,0001.235 kg\r\n", Weight(1235, net=True)),
        (b"ST,GS,1\x0d,0001.235 kg\r\n", Weight(1235, net=False)),
        (b"ST,GS,00013.50lb\r\n", Weight(6123, net=False)),
        (b"ST,GS,+001.235kg\r\n", Weight(1235, net=False)),
        (b"ST,GS,-000.050kg\r\n", Weight(-50, net=False)),
        (b"ST,GS,0000.002 t\r\n", Weight(2000, net=False)),
        (b"US,GS,0001.230kg\r\n", MOTION),
        (b"US,GS,1\x04,0001.230 kg\r\n", MOTION),
        (b"OL,GS,        kg\r\n", OVER),
        (b"ST,GS,1\x55,0001.235 kg\r\n", NOT_READY),
    ],
}

BROKEN = {
    codec_nci.read_frame: [
        b"\n01.235KG\r\nS0\r\x03",
        b"\n01.235KG\rS00\r\x03",
        b"\n01.235KG\r\nS0P\r\x03",
        b"\n01.235KG\r\nS0p\r\x03",  # "another follows", and none does
        b"\n01.235KG\r\nS000\r\x03",
        b"\n1LB 02.5OZ\r\nS00\r\x03",
        b"\n01.235PC\r\nS00\r\x03",
        b"\n01.235\r\nS00\r\x03",
        b"\n\r\x03",
        b"",
    ],
    codec_sma.read_frame: [
        b"\n 1G      1.235kg \r",
        b"\n 1T       1.235kg \r",
        b"\n 1g       1.235kg \r",
        b"\n 1G       1.235xx \r",
        b"\n 1G  ----------kg \r",
        b"\nX1G       1.235kg \r",
        b"",
    ],
    codec_mt_sics.read_frame: [
        b"S S     1.235 kg\r\n",
        b"S S       1.235 kg\r\n",
        b"S S      1.235 pcs\r\n",
        b"S S      1,235 kg\r\n",
        b"S X      1.235 kg\r\n",
        b"S S      1.235 kg\n",
        b"EX\r\n",
        b"Z S\r\n",
        b"",
    ],
    codec_cas.read_frame: [
        cas(b"S 01.235KG")[:-1],
        cas(b"S 01.235KG").replace(b"5", b"6"),
        cas(b"X 01.235KG"),
        cas(b"SX01.235KG"),
        cas(b"S 01.235PC"),
        b"",
    ],
    codec_icl.read_frame: [
        icl(0x29, b"01235")[:9],
        icl(0x29, b"01235")[:9] + icl(0x29, b"01635")[9:],
        icl(0x29, b"01235").replace(b"5", b"6"),
        icl(0x29, b"01 35"),
        icl(0x29, b"0\0001"),
        icl(0x29, b"\0\0\0\0\0"),
        icl(0x2C, b"01235"),  # a capacity that nobody documents
        icl(0x69, b"01235"),  # "non-AVR"
        icl(0x31, b"01235"),
        b"",
    ],
    codec_toledo_continuous.PROTOCOLS[True].read: [
        toledo(*KG, checksum=False),
        toledo(*KG)[:-1] + b"\x00",
        toledo(*KG, weight=b"00123 "),
        toledo(*KG, weight=b"      "),
        toledo(*KG, weight=b"00-123"),
        toledo(0x2D, 0x30, 0x23),
        toledo(*KG).replace(b"\r", b"\n"),
        b"",
    ],
    codec_toledo_continuous.PROTOCOLS[False].read: [toledo(*KG), b""],
    codec_cas_stream.read_frame: [
        b"ST,GS,0001.235kg\r",
        b"ST,GS,001.235kg\r\n",
        b"ST,XX,0001.235kg\r\n",
        b"ST,GS,0001,235kg\r\n",
        b"ST,GS,0001.235pc\r\n",
        b"ST,GS,        kg\r\n",
        b"",
    ],
}


def cases(table):
    return [(read, *case) for read, rows in table.items() for case in rows]


@pytest.mark.parametrize(("read", "frame", "answer"), cases(FRAMES))
def test_a_frame_says_what_its_manual_says(read, frame, answer):
    assert read(frame) == answer


@pytest.mark.parametrize(
    ("read", "frame"), [(read, frame) for read, frames in BROKEN.items() for frame in frames]
)
def test_what_is_no_frame_is_a_protocol_error(read, frame):
    with pytest.raises(ProtocolError):
        read(frame)


# --- conversations that are not an 8217's ---


def codec(protocol, **options) -> SerialCodec:
    return SerialCodec(
        protocol, "scale", **({"division_g": 5, "poll_ms": 5, "timeout_ms": 500} | options)
    )


def said(events) -> list:
    return [e.condition if isinstance(e, ScaleState) else e.weight_g for e in events]


def test_a_cas_scale_is_enquired_and_then_told_to_send():
    c = codec(codec_cas.PROTOCOL)
    assert c.command(0) == b"\x05"
    assert c.feed(b"\x06", 2 * MS) == []
    assert c.command(2 * MS) == b"\x11"
    assert said(c.feed(cas(b"S 01.235KG"), 20 * MS)) == [1235]
    assert c.command(24 * MS) == b""
    assert c.command(25 * MS) == b"\x05"


def test_a_cas_scale_that_has_nothing_to_send_is_not_ready_and_enquired_again():
    c = codec(codec_cas.PROTOCOL)
    c.command(0)
    assert said(c.feed(b"\x15", 2 * MS)) == ["not_ready"]
    assert c.command(7 * MS) == b"\x05"


def test_an_acknowledgement_that_nobody_asked_for_sends_nothing():
    c = codec(codec_cas.PROTOCOL)
    assert c.feed(b"\x06", 0) == []
    assert c.command(0) == b"\x05"
    c.feed(b"\x06", 1 * MS)
    assert c.command(1 * MS) == b"\x11"
    assert c.feed(b"\x06", 2 * MS) == []
    assert c.command(2 * MS) == b""
    assert said(c.feed(cas(b"S 01.235KG"), 20 * MS)) == [1235]


def test_a_cas_scale_that_acknowledges_and_says_no_more_is_not_ready():
    c = codec(codec_cas.PROTOCOL)
    c.command(0)
    c.feed(b"\x06", 2 * MS)
    c.command(2 * MS)
    assert said(c.expire(502 * MS)) == ["not_ready"]
    assert c.command(502 * MS) == b"\x05"


def test_a_scale_without_a_command_to_zero_is_asked_for_its_weight():
    c = codec(codec_cas.PROTOCOL)
    c.zero()
    assert c.command(0) == b"\x05"


def test_an_mt_sics_scale_takes_its_time_to_zero_and_says_nothing_of_the_weight():
    c = codec(codec_mt_sics.PROTOCOL)
    c.zero()
    assert c.command(0) == b"Z\r\n"
    assert c.feed(b"Z A\r\n", 300 * MS) == []
    assert c.command(305 * MS) == b"SI\r\n"
    assert said(c.feed(b"S S      0.000 kg\r\n", 320 * MS)) == ["zero"]


def test_a_zero_refused_says_nothing_of_the_weight_either():
    c = codec(codec_mt_sics.PROTOCOL)
    c.zero()
    c.command(0)
    assert c.feed(b"Z I\r\n", 300 * MS) == []


@pytest.mark.parametrize(
    "protocol", [*codec_toledo_continuous.PROTOCOLS.values(), codec_cas_stream.PROTOCOL]
)
def test_a_scale_that_speaks_unasked_is_sent_nothing_and_missed_when_silent(protocol):
    c = codec(protocol, poll_ms=0)
    assert c.command(0) == b""
    assert c.wake_ns == 500 * MS
    assert said(c.expire(500 * MS)) == ["not_ready"]
    assert c.command(500 * MS) == b""
    assert c.wake_ns == 1000 * MS


def test_a_frame_in_pieces_survives_the_pauses_of_a_scale_that_speaks_unasked():
    c = codec(codec_toledo_continuous.PROTOCOLS[True], poll_ms=0)
    c.command(0)
    one, other = toledo(*KG), toledo(0x2D, 0x38)
    assert said(c.feed(one + other[:7], 100 * MS)) == [1235]
    c.command(100 * MS)
    assert said(c.feed(other[7:], 200 * MS)) == ["motion"]
    assert (c.protocol_errors, c.stray_bytes) == (0, 0)


def test_half_a_frame_of_a_scale_that_falls_silent_is_garbled_and_forgotten():
    c = codec(codec_toledo_continuous.PROTOCOLS[True], poll_ms=0)
    c.command(0)
    c.feed(toledo(*KG)[:9], 1 * MS)
    assert said(c.expire(500 * MS)) == ["garbled"]
    c.command(500 * MS)
    assert said(c.expire(1000 * MS)) == ["not_ready"]
    c.command(1000 * MS)
    assert said(c.feed(toledo(*KG), 1100 * MS)) == [1235]


def test_a_status_word_that_looks_like_a_start_is_none():
    c = codec(codec_toledo_continuous.PROTOCOLS[True], poll_ms=0)
    assert said(c.feed(toledo(0x02, 0x02, 0x00), 0)) == ["under_zero"]
    assert c.protocol_errors == 0


def test_a_lost_digit_does_not_cost_the_toledo_frame_behind_it():
    c = codec(codec_toledo_continuous.PROTOCOLS[True], poll_ms=0)
    broken = toledo(0x2D, 0x38).replace(b"5", b"", 1)
    assert said(c.feed(broken + toledo(*KG), 0)) == ["garbled", 1235]


def test_an_nci_frame_that_lost_its_end_gives_way_to_the_frame_behind_it():
    c = codec(codec_nci.PROTOCOL)
    assert said(c.feed(b"\n01.235KG\r\nS0" + b"\nS10\r\x03", 0)) == ["garbled", "motion"]


# --- numbers of unknown width ---

POUND = b"\n10.00LB\r\nS00\r\x03"
LOST = b"\n1.00LB\r\nS00\r\x03"


def test_the_first_number_of_a_scale_must_come_three_times_alike():
    c = codec(codec_nci.PROTOCOL)
    assert [said(c.feed(POUND, n)) for n in range(4)] == [[], [], [4536], []]


def test_an_empty_plate_is_enough_to_know_how_wide_a_scale_writes():
    c = codec(codec_nci.PROTOCOL)
    for n in range(3):
        c.feed(b"\n00.00LB\r\nS20\r\x03", n)
    assert said(c.feed(POUND, 9)) == [4536]


def test_a_number_that_lost_a_digit_is_not_believed():
    c = codec(codec_nci.PROTOCOL)
    for n in range(3):
        c.feed(POUND, n)
    c.feed(b"\nS10\r\x03", 5)
    assert said(c.feed(LOST + LOST, 6)) == []
    assert said(c.feed(POUND, 7)) == [4536]
    assert said(c.feed(LOST, 8)) == []


def test_two_numbers_that_lost_different_digits_are_not_alike():
    c = codec(codec_nci.PROTOCOL)
    other = b"\n0.00LB\r\nS00\r\x03"
    assert said(c.feed((LOST + other) * 5, 0)) == []


def test_a_scale_that_writes_no_leading_zeros_is_believed_after_three():
    c = codec(codec_nci.PROTOCOL)
    for n in range(3):
        c.feed(LOST, n)
    assert said(c.feed(POUND * 2, 5)) == []
    assert said(c.feed(POUND, 6)) == [4536]

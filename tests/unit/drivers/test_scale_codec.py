"""The conversation with a serial scale, in an 8217's words: when it is asked, what is noise."""

import pytest

from drivers.base import ProtocolError, ScaleState
from drivers.line.placement import Status, Weight
from drivers.scale.codec_serial import SerialCodec
from drivers.scale.codec_toledo_8217 import PROTOCOLS, read_frame

MS = 1_000_000
ZERO_KG = b"\x0200.000\r"
APPLES = b"\x0201.235\r"
MOTION = b"\x02?A\r"


def codec(unit="kg", **options) -> SerialCodec:
    defaults = {"division_g": 5, "poll_ms": 200, "timeout_ms": 500}
    return SerialCodec(PROTOCOLS[unit], "scale", **(defaults | options))


def said(events) -> list:
    """Events without role, bytes and time."""
    return [e.condition if isinstance(e, ScaleState) else e.weight_g for e in events]


class Conversation:
    """Asks and answers every 210 ms, as a prompt scale does."""

    def __init__(self, **options) -> None:
        self.codec = codec(**options)
        self.now_ns = 1_000 * MS

    def answer(self, frame: bytes) -> list:
        assert self.codec.command(self.now_ns) != b""
        events = self.codec.feed(frame, self.now_ns + 10 * MS)
        self.now_ns += 210 * MS
        return said(events)

    def silence(self) -> list:
        assert self.codec.command(self.now_ns) != b""
        self.now_ns = self.codec.wake_ns
        return said(self.codec.expire(self.now_ns))


# --- frames ---


@pytest.mark.parametrize(
    ("frame", "unit", "weight"),
    [
        (b"\x0201.235\r", "kg", Weight(1235, net=False)),
        (b"\x0201.235N\r", "kg", Weight(1235, net=True)),
        (b"\x02 1.235\r", "kg", Weight(1235, net=False)),
        (b"\x0200.000\r", "kg", Weight(0, net=False)),
        (b"\x0299.999\r", "kg", Weight(99_999, net=False)),
        (b"\x02001.00\r", "lb", Weight(454, net=False)),  # 453.59237 g
        (b"\x02  1.00N\r", "lb", Weight(454, net=True)),
        (b"\x02030.00\r", "lb", Weight(13_608, net=False)),  # 13607.7711 g
    ],
)
def test_a_numeric_answer_is_a_weight_in_whole_grams(frame, unit, weight):
    assert read_frame(frame, unit=unit) == weight


@pytest.mark.parametrize(
    ("status", "condition"),
    [
        (0b100_0001, "motion"),
        (0b100_0010, "over_capacity"),
        (0b100_0100, "under_zero"),
        (0b101_0000, "zero"),
        (0b100_1101, "motion"),
        (0b100_1110, "over_capacity"),
        (0b110_0100, "under_zero"),
        (0b000_0001, "motion"),  # bit 6 means opposite things in two sources: not looked at
        (0b000_0010, "over_capacity"),  # looks like STX
        (0b000_1101, "motion"),  # looks like CR
        (0b100_0000, None),
        (0b110_1000, None),
    ],
)
def test_a_status_answer_is_a_condition_and_never_a_weight(status, condition):
    frame = bytes([0x02, 0x3F, status, 0x0D])
    assert read_frame(frame, unit="kg") == Status(condition)
    assert read_frame(frame, unit="lb") == Status(condition)


@pytest.mark.parametrize(
    ("frame", "unit"),
    [
        (b"", "kg"),
        (b"\x02\r", "kg"),
        (b"\x02E\r", "kg"),
        (b"\x021.235\r", "kg"),  # a lost character must not make a smaller weight
        (b"\x02101.235\r", "kg"),
        (b"\x02-1.235\r", "kg"),
        (b"\x02  .235\r", "kg"),
        (b"\x021 .235\r", "kg"),
        (b"\x0201,235\r", "kg"),
        (b"\x0201.2\x005\r", "kg"),  # NUL: how the line hands over a damaged character
        (b"\x0201.235G\r", "kg"),
        (b"\x0201.235\r\n", "kg"),
        (b"\x02001.23\r", "kg"),  # pounds, told kilograms
        (b"\x0201.235\r", "lb"),  # kilograms, told pounds
        (b"\x02?A\x00", "kg"),
        (b"\x02?\r", "kg"),
    ],
)
def test_what_is_no_frame_is_a_protocol_error(frame, unit):
    with pytest.raises(ProtocolError):
        read_frame(frame, unit=unit)


# --- asking ---


def test_it_asks_at_once_and_then_200_ms_after_each_answer():
    c = codec()
    assert c.command(0) == b"W"
    assert c.command(100 * MS) == b""  # one question at a time
    c.feed(ZERO_KG, 30 * MS)
    assert c.wake_ns == 230 * MS
    assert c.command(229 * MS) == b""
    assert c.command(230 * MS) == b"W"


def test_it_never_asks_faster_than_the_scale_allows_whatever_it_is_told():
    c = codec(poll_ms=1, timeout_ms=1)
    c.command(0)
    assert c.expire(199 * MS) == []
    c.feed(ZERO_KG, 0)
    assert c.wake_ns == 200 * MS


def test_a_scale_that_does_not_answer_is_not_ready_and_asked_again_after_the_time_out():
    c = codec(timeout_ms=500)
    c.command(0)
    assert c.wake_ns == 500 * MS
    assert c.expire(499 * MS) == []
    assert c.expire(500 * MS) == [ScaleState("scale", "not_ready", b"", 500 * MS)]
    assert c.command(500 * MS) == b"W"
    assert c.expire(1000 * MS) == []
    assert c.protocol_errors == 0


def test_nothing_expires_while_nothing_is_awaited():
    assert codec().expire(10_000 * MS) == []


def test_half_an_answer_is_garbled_and_does_not_spoil_the_next():
    c = codec()
    c.command(0)
    c.feed(b"\x0201.2", 5 * MS)
    assert c.expire(500 * MS) == [ScaleState("scale", "garbled", b"\x0201.2", 500 * MS)]
    c.command(500 * MS)
    assert said(c.feed(APPLES, 510 * MS)) == [1235]


def test_a_weight_that_outlasts_a_faulty_answer_and_a_silence_is_steady():
    talk = Conversation()
    assert talk.answer(APPLES) == [1235]
    assert talk.answer(b"\x0201.2\r") == ["garbled"]
    assert talk.answer(APPLES) == ["steady"]
    assert talk.silence() == ["not_ready"]
    assert talk.answer(APPLES) == ["steady"]
    assert talk.answer(APPLES) == []


def test_a_scale_that_talks_without_being_asked_does_not_put_off_the_next_question():
    c = codec()
    c.command(0)
    c.feed(ZERO_KG, 0)
    c.feed(MOTION, 150 * MS)
    assert c.command(200 * MS) == b"W"


def test_zero_is_sent_next_and_its_answer_is_heard():
    talk = Conversation()
    talk.answer(b"\x0200.010\r")
    talk.codec.zero()
    assert talk.codec.command(talk.now_ns) == b"Z"
    assert said(talk.codec.feed(b"\x02?P\r", talk.now_ns)) == ["zero"]
    assert talk.codec.command(talk.now_ns + 200 * MS) == b"W"


def test_zero_that_is_still_to_be_captured_says_nothing():
    c = codec()
    c.zero()
    assert c.command(0) == b"Z"
    assert c.feed(b"\x02?@\r", 10 * MS) == []
    assert c.wake_ns == 210 * MS


def test_a_scale_left_in_echo_mode_is_told_to_stop_echoing():
    c = codec()
    assert c.command(0) == b"W"
    c.feed(b"W", 2 * MS)
    assert said(c.expire(500 * MS)) == ["garbled"]
    assert c.command(500 * MS) == b"F"
    c.feed(b"\x02F\r", 510 * MS)
    assert c.command(710 * MS) == b"W"


# --- garbage ---


def test_noise_before_a_frame_is_counted_and_changes_nothing():
    c = codec()
    assert said(c.feed(b"\xff\x00A\r" + APPLES, 0)) == [1235]
    assert (c.stray_bytes, c.protocol_errors) == (4, 0)


def test_a_broken_frame_is_counted_told_and_left_at_the_next_start():
    c = codec()
    events = c.feed(b"\x0201.2" + APPLES, 0)
    assert said(events) == ["garbled", 1235]
    assert events[0].raw == b"\x0201.2\x02"
    assert c.protocol_errors == 1


def test_a_status_cut_short_gives_way_to_the_frame_behind_it():
    assert said(codec().feed(b"\x02?" + APPLES, 0)) == ["garbled", 1235]
    assert said(codec().feed(b"\x02?A" + APPLES, 0)) == ["garbled", 1235]


def test_an_endless_frame_is_cut():
    c = codec()
    assert said(c.feed(b"\x02" + b"1" * 50, 0)) == ["garbled"]
    assert (c.protocol_errors, c.stray_bytes) == (1, 42)


def test_parity_bits_are_masked():
    c = codec()
    with_parity = bytes([0x82, 0x30, 0xB1, 0x2E, 0xB2, 0x33, 0x35, 0x8D])
    assert said(c.feed(with_parity, 0)) == [1235]

"""Status bytes: every bit of the tables, and what is no status at all."""

import pytest

from drivers.base import ProtocolError
from drivers.printer.codec_status import (
    AnswerDecoder,
    Condition,
    InTurn,
    RealTime,
    Unasked,
    decode_real_time,
    decode_unasked,
    is_real_time,
)

WELL = {1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}


@pytest.mark.parametrize(
    ("n", "byte", "problems", "warnings"),
    [
        (1, 0x12, (), ()),
        (1, 0x1A, ("offline",), ()),
        (1, 0x32, (), ()),  # waiting for recovery: told by its cause
        (1, 0x52, (), ()),  # feed button
        (2, 0x16, ("cover_open",), ()),
        (2, 0x1A, (), ()),  # fed by the button
        (2, 0x32, ("paper_out",), ()),
        (2, 0x52, ("error",), ()),
        (2, 0x36, ("paper_out", "cover_open"), ()),
        (3, 0x16, ("error",), ()),
        (3, 0x1A, ("error",), ()),  # cutter
        (3, 0x32, ("error",), ()),  # unrecoverable
        (3, 0x52, ("error",), ()),  # recovers by itself
        (4, 0x1E, (), ("paper_near_end",)),
        (4, 0x72, ("paper_out",), ()),
        (4, 0x7E, ("paper_out",), ("paper_near_end",)),
    ],
)
def test_each_bit_of_a_real_time_answer_says_one_thing(n, byte, problems, warnings):
    condition = decode_real_time(WELL | {n: byte})
    assert (condition.problems, condition.warnings) == (problems, warnings)


def test_causes_are_named_before_consequences():
    condition = decode_real_time({1: 0x1A, 2: 0x76, 3: 0x12, 4: 0x7E})
    assert condition.problems == ("paper_out", "cover_open", "error", "offline")


def test_the_drawer_is_known_only_if_the_printer_was_asked():
    assert decode_real_time({1: 0x16}).drawer_high is True
    assert decode_real_time({1: 0x12}).drawer_high is False
    assert decode_real_time({4: 0x12}).drawer_high is None


@pytest.mark.parametrize("byte", [0x00, 0x10, 0x13, 0x11, 0x92, 0xFF, ord("A")])
def test_a_byte_with_other_fixed_bits_is_never_trusted(byte):
    assert not is_real_time(byte)
    with pytest.raises(ProtocolError):
        decode_real_time({4: byte})


@pytest.mark.parametrize(
    ("frame", "condition"),
    [
        ("10 00 00 00", Condition(drawer_high=False)),
        ("14 00 00 00", Condition(drawer_high=True)),
        ("18 00 00 00", Condition(("offline",), (), False)),
        ("38 00 00 00", Condition(("cover_open", "offline"), (), False)),
        ("50 00 00 00", Condition(drawer_high=False)),  # feed button
        ("10 04 00 00", Condition(("error",), (), False)),
        ("10 08 00 00", Condition(("error",), (), False)),
        ("10 20 00 00", Condition(("error",), (), False)),
        ("10 40 00 00", Condition(("error",), (), False)),
        ("10 00 03 00", Condition((), ("paper_near_end",), False)),
        ("18 00 0f 00", Condition(("paper_out", "offline"), ("paper_near_end",), False)),
        ("10 00 00 0f", Condition(drawer_high=False)),  # reserved bits of the fourth byte
    ],
)
def test_each_bit_of_an_automatic_status_says_one_thing(frame, condition):
    assert decode_unasked(bytes.fromhex(frame)) == condition


@pytest.mark.parametrize("frame", ["", "10 00 00", "12 00 00 00", "10 10 00 00", "10 00 00 80"])
def test_other_bytes_are_no_automatic_status(frame):
    with pytest.raises(ProtocolError):
        decode_unasked(bytes.fromhex(frame))


def answers(*pieces):
    decoder = AnswerDecoder()
    return [answer for piece in pieces for answer in decoder.feed(bytes.fromhex(piece))]


def test_the_three_kinds_of_answer_are_told_apart():
    assert answers("12 18 00 00 00 03 72") == [
        RealTime(0x12),
        Unasked(Condition(("offline",), (), False)),
        InTurn(0x03),
        RealTime(0x72),
    ]


def test_an_automatic_status_may_come_in_pieces():
    assert answers("10", "00 03", "00") == [Unasked(Condition((), ("paper_near_end",), False))]


def test_bytes_inside_an_automatic_status_are_not_taken_for_an_answer_in_turn():
    assert answers("10 00 00") == []


def test_a_broken_automatic_status_is_dropped_and_what_broke_it_is_heard():
    assert answers("10 00 12 10 00 10 00 00 00") == [
        RealTime(0x12),
        Unasked(Condition(drawer_high=False)),
    ]


def test_flow_control_and_garbage_are_no_answers():
    assert answers("11 13 ff 93 f0") == []

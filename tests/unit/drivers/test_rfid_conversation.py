"""Asking, waiting and listening, in a protocol of single letters."""

import pytest

from drivers.base import ProtocolError
from drivers.rfid.conversation import Conversation, Frames, Said, Sighting, Step

MS = 1_000_000
TAG = Sighting(b"\1\2", 1, -50)


def measure(buffer: bytes) -> int:
    """`<x>` is a frame; it has a head of two bytes."""
    return 0 if buffer[:1] != b"<" else 3


def read(whole: bytes) -> Said:
    if whole[2:] != b">":
        raise ProtocolError("no frame")
    letter = whole[1:2]
    return {
        b"t": Said(sightings=(TAG,)),
        b"n": Said(answers=ord("n"), product="Toy"),
        b"r": Said(refused="no"),
        b"k": Said(reply=b"K"),
    }.get(letter, Said(answers=letter[0]))


def step(letter: str, *forms: bytes, required: bool = True) -> Step:
    return Step(f"step {letter}", forms or (letter.upper().encode(),), ord(letter), required)


def talk(*steps: Step, **changes) -> Conversation:
    options = {"answer_ms": 100, "tries": 2, "silence_ms": 500} | changes
    return Conversation(steps or (step("a"), step("b")), Frames(measure, read), **options)


def test_steps_follow_each_other_as_they_are_answered():
    t = talk()
    assert t.request(0) == b"A"
    assert t.request(1) == b""
    assert t.feed(b"<a>", 10 * MS) == []
    assert t.request(10 * MS) == b"B"
    t.feed(b"<b>", 20 * MS)
    assert t.request(20 * MS) == b""
    assert t.wake_ns == 520 * MS


def test_an_answer_that_does_not_come_is_asked_for_again_and_then_the_reader_is_lost():
    t = talk()
    assert [t.request(ms * MS) for ms in (0, 99, 100, 199, 200, 300)] == [
        b"A",
        b"",
        b"A",
        b"",
        b"",
        b"",
    ]
    assert t.lost == "no answer to step a"


def test_an_answer_to_another_question_is_none():
    t = talk()
    t.request(0)
    t.feed(b"<b>", 1)
    assert t.request(100 * MS) == b"A"


def test_an_answer_before_the_question_is_none():
    t = talk()
    t.feed(b"<a>", 0)
    assert t.request(0) == b"A"


def test_a_step_that_is_not_required_is_left_when_unanswered_or_refused():
    for refused in (False, True):
        t = talk(step("a", required=False), step("b"))
        t.request(0)
        if refused:
            t.feed(b"<r>", 1)
        assert t.request(100 * MS) == b"B"
        assert t.lost == ""


def test_a_refusal_is_a_loss_with_its_reason():
    t = talk()
    t.request(0)
    t.feed(b"<r>", 1)
    assert t.lost == "no"
    assert t.request(1_000 * MS) == b""


def test_a_refusal_while_listening_is_a_loss_too():
    t = talk(step("a"))
    t.request(0)
    t.feed(b"<a>", 1)
    t.feed(b"<r>", 2)
    assert t.lost == "no"


def test_silence_begins_the_steps_again_and_any_word_defers_it():
    t = talk(step("a"), step("b"), again_at=1)
    t.request(0)
    t.feed(b"<a>", 0)
    t.request(0)
    t.feed(b"<b>", 0)
    assert t.feed(b"<t>", 400 * MS) == [TAG]
    assert t.request(899 * MS) == b""
    assert t.request(900 * MS) == b"B"


def test_a_round_of_questions_goes_on_for_ever():
    t = talk(step("n"), step("a"), step("b"), silence_ms=0, again_at=1)
    asked = []
    for ms, answer in enumerate([b"<n>", b"<a>", b"<b>", b"<a>", b"<b>"]):
        asked.append(t.request(ms * MS))
        t.feed(answer, ms * MS)
    assert asked == [b"N", b"A", b"B", b"A", b"B"]


def test_the_form_that_was_answered_is_kept():
    t = talk(step("a", b"A", b"4"), step("b", b"B", b"8"), tries=4)
    assert [t.request(ms * MS) for ms in (0, 100)] == [b"A", b"4"]
    t.feed(b"<a>", 110 * MS)
    assert t.request(110 * MS) == b"8"
    assert [t.request(ms * MS) for ms in (210, 310)] == [b"B", b"8"]


def test_the_reader_is_known_by_its_own_name():
    t = talk(step("n"))
    assert t.product == ""
    t.request(0)
    t.feed(b"<n>", 0)
    t.feed(b"<t>", 1)
    assert t.product == "Toy"


def test_what_wants_a_reply_gets_it_once():
    t = talk()
    t.feed(b"<k><t><k>", 0)
    assert t.replies == b"KK"
    t.feed(b"", 1)
    assert t.replies == b""


@pytest.mark.parametrize(("pause_ms", "seen"), [(100, []), (0, [TAG])])
def test_a_pause_ends_a_frame_on_a_line_but_not_on_a_stream(pause_ms, seen):
    t = talk(pause_ms=pause_ms)
    t.feed(b"<", 0)
    t.feed(b"t", 100 * MS)
    assert t.feed(b">", 201 * MS) == seen


def test_a_frame_hidden_in_one_that_was_cut_short_is_found():
    frames = Frames(
        lambda buffer: 0 if buffer[:1] != b"<" else 9 if buffer[1:2] == b"<" else 3, read
    )
    assert frames.feed(b"<<t>") == []
    assert frames.give_up() == [Said(sightings=(TAG,))]
    assert (frames.protocol_errors, frames.stray_bytes) == (0, 1)


def test_broken_frames_and_strays_are_counted_and_cost_no_good_one():
    frames = Frames(measure, read)
    assert frames.feed(b"xx<t<t>y<t>") == [Said(sightings=(TAG,))] * 2
    assert (frames.protocol_errors, frames.stray_bytes) == (1, 4)

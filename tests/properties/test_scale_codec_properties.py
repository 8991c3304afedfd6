"""What holds for the 8217 codec whatever the line brings."""

from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.base import ProtocolError, ScaleState, StableWeight
from drivers.scale.codec_toledo_8217 import Toledo8217Codec, Weight, read_frame
from drivers.scale.sim import with_even_parity, written

MS = 1_000_000
GRAMS = st.integers(min_value=0, max_value=99_999)
UNITS = st.sampled_from(["kg", "lb"])
STATUS_FRAMES = st.integers(0x40, 0x7F).map(lambda bits: bytes([0x02, 0x3F, bits, 0x0D]))
WEIGHT_FRAMES = GRAMS.map(lambda grams: written(grams, "kg"))
LIKELY_BYTES = st.sampled_from(b"\x02?\r.N0159 AEW\x82\x8d")
LINE_NOISE = st.lists(st.one_of(LIKELY_BYTES, st.integers(0, 255)), max_size=60).map(bytes)


def codec(unit: str = "kg") -> Toledo8217Codec:
    return Toledo8217Codec("scale", unit=unit, division_g=5, poll_ms=200, timeout_ms=500)


@given(LINE_NOISE, UNITS)
def test_no_frame_raises_anything_but_a_protocol_error(frame, unit):
    with suppress(ProtocolError):
        read_frame(frame, unit)


@given(LINE_NOISE, UNITS, st.booleans())
def test_no_bytes_stop_the_codec_and_the_next_good_answer_is_understood(noise, unit, asked):
    c = codec(unit)
    if asked:
        c.command(0)
    c.feed(noise, 10 * MS)
    c.expire(600 * MS)
    c.command(1200 * MS)
    c.expire(1800 * MS)
    assert c.command(2000 * MS) == b"W" or c.command(2000 * MS) == b"F"
    before = c.protocol_errors
    c.feed(b"\x02?A\r", 2010 * MS)
    assert c.protocol_errors == before


@given(LINE_NOISE, UNITS, st.data())
def test_how_bytes_are_cut_into_reads_changes_nothing(line, unit, data):
    cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=5).map(sorted))
    edges = [0, *cuts, len(line)]
    whole, pieces = codec(unit), codec(unit)
    expected = whole.feed(line, 5)
    got = [e for a, b in pairwise(edges) for e in pieces.feed(line[a:b], 5)]
    assert got == expected
    assert (pieces.protocol_errors, pieces.stray_bytes) == (
        whole.protocol_errors,
        whole.stray_bytes,
    )


@given(GRAMS, st.booleans(), st.booleans())
def test_kilograms_arrive_as_the_exact_grams_that_the_scale_wrote(grams, net, parity):
    frame = written(grams, "kg", net=net)
    events = codec().feed(with_even_parity(frame) if parity else frame, 0)
    if grams == 0:
        assert [e.condition for e in events] == ["zero"]
    else:
        assert events == [StableWeight("scale", grams, net, frame, 0)]


@given(GRAMS)
def test_pounds_arrive_within_half_a_hundredth_of_a_pound_and_half_a_gram(grams):
    said = read_frame(written(grams, "lb"), "lb")
    assert isinstance(said, Weight)
    assert abs(said.weight_g - grams) <= 2  # 2.27 g + 0.5 g, both sides whole


@given(st.lists(st.one_of(WEIGHT_FRAMES, STATUS_FRAMES), min_size=1, max_size=12))
def test_a_stable_weight_is_the_first_number_of_its_placement(frames):
    """Against a plain restatement of the rule, answer by answer."""
    c, armed, last, now_ns = codec(), True, 0, 0
    for frame in frames:
        c.command(now_ns)
        events = c.feed(frame, now_ns)
        now_ns += 200 * MS
        if frame[1] == ord("?"):
            assert all(isinstance(e, ScaleState) for e in events)
            armed = armed or bool(frame[2] & 1) or (frame[2] & 0b0000_0110 == 0b100)
            armed = armed or (frame[2] & 0b0001_0111 == 0b1_0000)
            continue
        grams = int(frame[1:3] + frame[4:7])
        if grams == 0:
            armed = True
            assert not any(isinstance(e, StableWeight) for e in events)
            continue
        expected = [grams] if armed or abs(grams - last) > 5 else []
        assert [e.weight_g for e in events] == expected
        armed, last = False, grams


@given(st.lists(st.one_of(WEIGHT_FRAMES, STATUS_FRAMES), min_size=1, max_size=12), st.data())
def test_losing_bytes_never_makes_a_weight_that_the_scale_did_not_say(frames, data):
    c, now_ns = codec(), 0
    for frame in frames:
        kept = data.draw(st.lists(st.booleans(), min_size=len(frame), max_size=len(frame)))
        c.command(now_ns)
        for event in c.feed(bytes(b for b, keep in zip(frame, kept, strict=True) if keep), now_ns):
            if isinstance(event, StableWeight):
                assert written(event.weight_g, "kg") in frames
        c.expire(now_ns + 500 * MS)
        now_ns += 700 * MS

"""What holds for every serial scale's codec whatever the line brings."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import ProtocolError, ScaleState, StableWeight
from drivers.line.placement import Weight
from drivers.scale import (
    codec_cas,
    codec_cas_stream,
    codec_icl,
    codec_mt_sics,
    codec_nci,
    codec_sma,
    codec_toledo_8217,
    codec_toledo_continuous,
)
from drivers.scale.codec_hid_scale import HidScaleCodec, read_report
from drivers.scale.codec_serial import SerialCodec
from drivers.scale.sim import with_even_parity
from drivers.scale.sim_hid import STABLE, UNIT_GRAM, report
from drivers.scale.sim_plate import Plate
from drivers.scale.sim_voices import VOICES, written_8217

MS = 1_000_000
KG_8217 = codec_toledo_8217.PROTOCOLS["kg"]
#: (protocol, what a simulator of it is called, the question by which that says a weight)
SPOKEN = [
    (KG_8217, "toledo-8217", b"W"),
    (codec_nci.PROTOCOL, "nci", b"W\r"),
    (codec_nci.PROTOCOL, "nci-scp-01", b"W\r"),
    (codec_sma.PROTOCOL, "sma", b"\nW\r"),
    (codec_mt_sics.PROTOCOL, "mt-sics", b"SI\r\n"),
    (codec_cas.PROTOCOL, "cas", b"\x11"),
    (codec_icl.PROTOCOL, "icl", b"\x11"),
    (codec_toledo_continuous.PROTOCOLS[True], "toledo-continuous", b""),
    (codec_cas_stream.PROTOCOL, "cas-stream", b""),
]
PROTOCOLS = [
    *(protocol for protocol, _, _ in SPOKEN),
    codec_toledo_8217.PROTOCOLS["lb"],
    codec_toledo_continuous.PROTOCOLS[False],
]
ASKED = [protocol for protocol in PROTOCOLS if protocol.ask]
#: Of these a frame has one length only, and a question begins each: no bytes of two can be joined.
FIXED = [spoken for spoken in SPOKEN if spoken[0] != codec_nci.PROTOCOL and spoken[2]]

GRAMS = st.integers(min_value=0, max_value=99_999)
STATUS_FRAMES = st.integers(0x40, 0x7F).map(lambda bits: bytes([0x02, 0x3F, bits, 0x0D]))
WEIGHT_FRAMES = GRAMS.map(lambda grams: written_8217(grams, "kg"))
LIKELY_BYTES = st.sampled_from(b"\x00\x01\x02\x03\x04\x06\x15\x18\n\r?.,N0159 AEWSUZIkgKG\x82\x8d")
LINE_NOISE = st.lists(st.one_of(LIKELY_BYTES, st.integers(0, 255)), max_size=60).map(bytes)


def codec(protocol=KG_8217) -> SerialCodec:
    return SerialCodec(protocol, "scale", division_g=5, poll_ms=200, timeout_ms=500)


def says(name: str, ask: bytes, grams: int, unit: str = "kg") -> bytes:
    """What a simulated scale with so much on it sends."""
    plate = Plate(division_g=1, capacity_g=100_000, settle_ms=0, settle_polls=0)
    plate.place(grams)
    voice = VOICES[name](plate, unit)
    return voice.obey(ask) if ask else voice.frame()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(LINE_NOISE)
def test_no_frame_raises_anything_but_a_protocol_error(protocol, frame):
    with suppress(ProtocolError):
        protocol.read(frame)


@pytest.mark.parametrize("protocol", ASKED)
@given(LINE_NOISE, st.booleans())
def test_no_bytes_stop_the_codec_from_asking(protocol, noise, asked):
    c = codec(protocol)
    if asked:
        c.command(0)
    c.feed(noise, 10 * MS)
    c.expire(600 * MS)
    c.command(1200 * MS)
    c.expire(1800 * MS)
    assert c.command(2000 * MS) in (protocol.ask, protocol.echo_end)


@pytest.mark.parametrize(("protocol", "name", "ask"), SPOKEN)
@given(LINE_NOISE, st.integers(1, 99_999))
def test_whatever_came_before_a_good_answer_after_a_silence_is_understood(
    protocol, name, ask, noise, grams
):
    c = codec(protocol)
    c.command(0)
    c.feed(noise, 10 * MS)
    for n in range(1, 6):
        c.expire(600 * n * MS)
        c.command(600 * n * MS)
    before = c.frames
    c.feed(says(name, ask, grams), 3100 * MS)
    assert c.frames == before + 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(LINE_NOISE, st.data())
def test_how_bytes_are_cut_into_reads_changes_nothing(protocol, line, data):
    cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=5).map(sorted))
    edges = [0, *cuts, len(line)]
    whole, pieces = codec(protocol), codec(protocol)
    expected = whole.feed(line, 5)
    got = [e for a, b in pairwise(edges) for e in pieces.feed(line[a:b], 5)]
    assert got == expected
    assert (pieces.protocol_errors, pieces.stray_bytes, pieces.frames) == (
        whole.protocol_errors,
        whole.stray_bytes,
        whole.frames,
    )


@pytest.mark.parametrize(("protocol", "name", "ask"), SPOKEN)
@given(GRAMS, st.booleans())
def test_kilograms_arrive_as_the_exact_grams_that_the_scale_wrote(
    protocol, name, ask, grams, parity
):
    c = codec(protocol)
    frame = says(name, ask, grams)
    if protocol is codec_nci.PROTOCOL:
        c.feed(frame * 2, 0)  # how wide this scale writes
    [event] = c.feed(with_even_parity(frame) if parity else frame, 0)
    if grams == 0:
        assert event.condition == "zero"
    else:
        assert (event.weight_g, event.net) == (grams, False)
        assert event.raw == bytes(byte & 0x7F for byte in frame)


@pytest.mark.parametrize(("protocol", "name", "ask"), SPOKEN)
@given(GRAMS)
def test_pounds_arrive_within_half_a_hundredth_of_a_pound_and_half_a_gram(
    protocol, name, ask, grams
):
    spoken = codec_toledo_8217.PROTOCOLS["lb"] if protocol is KG_8217 else protocol
    said = spoken.read(says(name, ask, grams, "lb"))
    if isinstance(said, Weight):
        assert abs(said.weight_g - grams) <= 2  # 2.27 g + 0.5 g, both sides whole
    else:
        assert grams <= 2


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
        assert [e.weight_g for e in events if isinstance(e, StableWeight)] == expected
        assert {e.condition for e in events if isinstance(e, ScaleState)} <= {"steady"}
        armed, last = False, grams


@pytest.mark.parametrize(("protocol", "name", "ask"), FIXED)
@given(st.lists(GRAMS, min_size=1, max_size=12), st.data())
def test_losing_bytes_never_makes_a_weight_that_the_scale_did_not_say(
    protocol, name, ask, weights_g, data
):
    c, now_ns = codec(protocol), 0
    for grams in weights_g:
        frame = says(name, ask, grams)
        kept = data.draw(st.lists(st.booleans(), min_size=len(frame), max_size=len(frame)))
        c.command(now_ns)
        for event in c.feed(bytes(b for b, keep in zip(frame, kept, strict=True) if keep), now_ns):
            if isinstance(event, StableWeight):
                assert event.weight_g in weights_g
        c.expire(now_ns + 500 * MS)
        now_ns += 700 * MS


# --- HID ---


@given(st.lists(st.one_of(st.binary(max_size=8), st.binary(min_size=6, max_size=6)), max_size=9))
def test_no_reports_stop_the_hid_codec(reports):
    c = HidScaleCodec("scale", division_g=5)
    for number, raw in enumerate(reports):
        with suppress(ProtocolError):
            read_report(raw)
        c.feed(raw, number)
    good = report(STABLE, UNIT_GRAM, 0, 60_000)
    c.feed(good, 10)
    c.feed(report(3, UNIT_GRAM, 0, 0), 11)
    [event] = c.feed(good, 12)
    assert event == StableWeight("scale", 60_000, False, good, 12)


@given(st.integers(1, 65_535))
def test_hid_grams_arrive_as_they_were_sent(grams):
    assert read_report(report(STABLE, UNIT_GRAM, 0, grams)) == Weight(grams, net=False)

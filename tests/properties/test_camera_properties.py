"""What holds of the camera's pure parts for any input."""

import string

from hypothesis import given
from hypothesis import strategies as st

from drivers.base import ItemsCrossed, LabelSeen, ProtocolError
from drivers.camera.agreement import Agreement
from drivers.camera.codec_child import (
    NUMBER_MAX,
    SCAN_BYTES_MAX,
    TEXT_MAX,
    Alive,
    ChildCodec,
    Lost,
    Ready,
    Unfit,
    line,
    parse,
)
from drivers.camera.tracks import Blob, Tracker

MS = 1_000_000
COUNTS = st.integers(0, NUMBER_MAX)
SIZES = st.integers(1, 16_384)
TEXTS = st.text(max_size=TEXT_MAX)
AIMS = st.tuples(
    st.sampled_from(string.ascii_letters), st.sampled_from(string.ascii_letters + string.digits)
).map(lambda pair: "]" + "".join(pair))
MESSAGES = st.one_of(
    st.builds(Ready, SIZES, SIZES),
    st.builds(Alive, COUNTS, COUNTS, COUNTS),
    st.builds(Lost, TEXTS),
    st.builds(Unfit, TEXTS),
    st.builds(
        LabelSeen,
        st.just("cam"),
        st.binary(min_size=1, max_size=SCAN_BYTES_MAX),
        AIMS,
        COUNTS,
        COUNTS,
    ),
    st.builds(ItemsCrossed, st.just("cam"), st.integers(-1000, 1000), st.integers(0, 100), COUNTS),
)


@given(MESSAGES)
def test_what_the_child_writes_is_what_is_read(message):
    assert ChildCodec("cam").feed(line(message)) == [message]


@given(st.lists(st.binary(max_size=200), max_size=20), MESSAGES)
def test_no_bytes_stop_the_codec_and_the_next_line_is_understood(pieces, message):
    codec = ChildCodec("cam")
    for piece in pieces:
        codec.feed(piece)
    assert codec.feed(b"\n" + line(message))[-1] == message


@given(st.binary(max_size=300))
def test_a_line_is_a_message_or_a_protocol_error(written):
    try:
        parse("cam", written)
    except ProtocolError:
        return
    raise AssertionError("random bytes passed the sum")


@given(MESSAGES, st.data())
def test_one_wrong_byte_is_never_another_message(message, data):
    whole = line(message)[:-1]
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (whole[at], 0x0A)))
    heard = ChildCodec("cam").feed(whole[:at] + bytes([other]) + whole[at + 1 :] + b"\n")
    assert heard == []


class Sight:
    def __init__(self, data, x, votes):
        self.scan_data, self.symbology, self.votes = data, "]E0", votes
        self.x_px, self.y_px, self.reach_px = x, 0, 20


SIGHTS = st.builds(
    Sight, st.sampled_from([b"1", b"2", b"3"]), st.integers(0, 200), st.integers(1, 5)
)


@given(st.lists(st.lists(SIGHTS, max_size=3, unique_by=lambda s: s.scan_data), max_size=40))
def test_nothing_is_told_before_two_frames_agree_nor_twice_in_a_row(frames):
    agreement = Agreement(2, 1500 * MS)
    seen = {b"1": 0, b"2": 0, b"3": 0}
    told = []
    for n, sights in enumerate(frames):
        for sight in sights:
            seen[sight.scan_data] += 1
        for label in agreement.see(sights, n * 100 * MS):
            assert seen[label.scan_data] >= 2
            assert label.frames >= 2
            told.append((n, label.scan_data))
    for n, data in told:
        later = [m for m, other in told if other == data and m > n]
        assert not later or min(later) - n > 15  # only after it was away for 1.5 s


BLOBS = st.builds(
    Blob,
    st.integers(0, 300),
    st.integers(0, 200),
    st.integers(1, 120),
    st.integers(1, 120),
    st.integers(1, 14_400),
    st.booleans(),
)


@given(st.lists(st.lists(BLOBS, max_size=5), max_size=40))
def test_any_blobs_give_sane_crossings(frames):
    tracker = Tracker(150, 10, 60_000, 3)
    total_blobs = 0
    for blobs in frames:
        total_blobs += len(blobs)
        for crossing in tracker.step(blobs):
            assert crossing.count != 0
            assert abs(crossing.count) <= total_blobs
            assert 0 < crossing.confidence_pct < 100

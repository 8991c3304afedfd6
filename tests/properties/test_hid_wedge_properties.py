"""What must hold of the wedge codec for any label, any cut and any bytes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.base import KeyedNumber, ScanData
from drivers.hid.codec_input_event import EVENT, encode
from drivers.hid.keycodes import EV_KEY
from drivers.hid.layouts import LAYOUTS
from drivers.hid.sim import kernel_events
from drivers.keypad.codec_hid_numeric import DIGITS_MAX, NumericDecoder
from drivers.keypad.sim import reports as keypad_reports
from drivers.scanner.codec_hid_wedge import WedgeDecoder
from drivers.scanner.labels import LABEL_BYTES_MAX
from drivers.scanner.sim import Wedge

START_US = 1_700_000_000_000_000
LATER_US = START_US + 60_000_000
LATER_NS = 10**18

PRINTABLE_AND_GS = bytes([*range(0x20, 0x7F), 0x1D])
labels = st.lists(st.sampled_from(PRINTABLE_AND_GS), min_size=1, max_size=40).map(bytes)
symbologies = st.sampled_from(["]E0", "]C1", "]d2", "]Q3"])
exact_styles = st.sampled_from(["keys", "block", "alt", "alt_437"])
all_styles = st.sampled_from(["keys", "block", "alt", "alt_437", "alt_at_once"])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(labels, symbologies, exact_styles, st.lists(st.integers(0, 10_000), max_size=8))
def test_what_a_scanner_sends_is_what_is_read(
    label: bytes, symbology: str, style: str, places: list[int]
) -> None:
    data = encode(kernel_events(Wedge(style=style).reports(label, symbology), START_US))
    decoder = WedgeDecoder("scanner")
    scans = [scan for piece in cut(data, places) for scan in decoder.feed(piece, 3)]
    assert scans == [ScanData("scanner", label, symbology, lossy=False, mono_ns=3)]


@given(st.data(), st.sampled_from(sorted(LAYOUTS)))
def test_every_layout_reads_what_it_writes(data: st.DataObject, name: str) -> None:
    layout = LAYOUTS[name]
    chars = {*layout.plain.values(), *layout.shift.values(), *layout.altgr.values()}
    text = data.draw(st.text(st.sampled_from(sorted(chars)), min_size=1, max_size=20))
    label = text.encode("cp1252")
    stream = encode(kernel_events(Wedge(layout=name).reports(label, "]Q1"), START_US))
    [scan] = WedgeDecoder("scanner", layout=name).feed(stream, 3)
    assert scan == ScanData("scanner", label, "]Q1", lossy=False, mono_ns=3)


@given(labels)
def test_keys_all_at_once_are_read_right_or_not_trusted(label: bytes) -> None:
    stream = encode(kernel_events(Wedge(style="alt_at_once").reports(label, "]Q1"), START_US))
    [scan] = WedgeDecoder("scanner").feed(stream, 3)
    assert scan.lossy or scan.scan_data == label


@given(labels, all_styles, st.integers(0))
def test_one_lost_event_never_gives_a_wrong_label_that_is_trusted(
    label: bytes, style: str, which: int
) -> None:
    events = kernel_events(Wedge(style=style).reports(label, "]Q1"), START_US)
    keys = [n for n, event in enumerate(events) if event.kind == EV_KEY]
    del events[keys[which % len(keys)]]
    decoder = WedgeDecoder("scanner")
    scans = decoder.feed(encode(events), 3) + decoder.flush(LATER_NS)
    assert all(scan.lossy or scan.scan_data == label for scan in scans)


@given(labels, labels, st.integers(1, 400))
def test_two_scanners_interleaved_never_mix(left: bytes, right: bytes, step: int) -> None:
    streams = [
        encode(kernel_events(Wedge().reports(label, "]Q1"), START_US)) for label in (left, right)
    ]
    decoders = [WedgeDecoder("left"), WedgeDecoder("right")]
    scans: list[list[ScanData]] = [[], []]
    for at in range(0, max(map(len, streams)), step):
        for n in range(2):
            scans[n] += decoders[n].feed(streams[n][at : at + step], 3)
    assert scans == [
        [ScanData("left", left, "]Q1", lossy=False, mono_ns=3)],
        [ScanData("right", right, "]Q1", lossy=False, mono_ns=3)],
    ]


structs = st.builds(
    EVENT.pack,
    st.integers(0, 3),
    st.integers(0, 999_999),
    st.integers(0, 5),
    st.integers(0, 130),
    st.integers(0, 3),
)
streams = st.lists(st.one_of(structs, st.binary(max_size=60)), max_size=40)


@given(streams)
def test_no_bytes_raise_anything_and_labels_are_bounded(pieces: list[bytes]) -> None:
    wedge, keypad = WedgeDecoder("scanner"), NumericDecoder("keypad")
    scans: list[ScanData] = []
    numbers: list[KeyedNumber] = []
    for number, piece in enumerate(pieces):
        scans += wedge.feed(piece, number) + wedge.flush(number)
        numbers += keypad.feed(piece, number)
    assert all(len(scan.scan_data) <= LABEL_BYTES_MAX for scan in scans)
    assert all(len(number.digits) <= DIGITS_MAX for number in numbers)


@given(streams, labels)
def test_any_bytes_then_silence_leave_no_trace(pieces: list[bytes], label: bytes) -> None:
    decoder = WedgeDecoder("scanner")
    for piece in pieces:
        decoder.feed(piece, 1)
    decoder.flush(LATER_NS)
    stream = encode(kernel_events([b"\0" * 8, *Wedge().reports(label, "]Q1")], LATER_US))
    scans = decoder.feed(stream, LATER_NS)
    assert scans == [ScanData("scanner", label, "]Q1", lossy=False, mono_ns=LATER_NS)]


@given(st.text("0123456789", max_size=DIGITS_MAX))
def test_keypad_reads_the_digits_keyed(digits: str) -> None:
    stream = encode(kernel_events(keypad_reports(digits + "\r"), START_US))
    assert NumericDecoder("keypad").feed(stream, 3) == [KeyedNumber("keypad", digits, 3)]

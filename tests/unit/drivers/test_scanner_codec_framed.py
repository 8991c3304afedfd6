"""Labels as text on a line: what ends them, what is not trusted."""

import pytest

from drivers.base import ScanData
from drivers.scanner.codec_framed import BEL, FRAMINGS, FramedDecoder
from drivers.scanner.labels import LABEL_BYTES_MAX

MS = 1_000_000
EAN = b"4006381333931"


def scan(label: bytes, symbology: str = "", *, lossy: bool = False, mono_ns: int = 5) -> ScanData:
    return ScanData("scanner", label, symbology, lossy, mono_ns)


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        ("cr_or_lf", EAN + b"\r"),
        ("cr_or_lf", EAN + b"\n"),
        ("cr_or_lf", EAN + b"\r\n"),
        ("cr", EAN + b"\r"),
        ("lf", EAN + b"\n"),
        ("crlf", EAN + b"\r\n"),
        ("stx_etx", b"\x02" + EAN + b"\x03"),
    ],
)
def test_label_ends_as_the_scanner_is_set_up(framing: str, sent: bytes) -> None:
    decoder = FramedDecoder("scanner", framing=framing)
    assert decoder.feed(sent + sent, 5) == [scan(EAN), scan(EAN)]
    assert decoder.next_timeout() is None
    assert decoder.disconnected() == []


@pytest.mark.parametrize(
    ("framing", "label"),
    [("cr", b"a\nb"), ("lf", b"a\rb"), ("crlf", b"a\rb\nc"), ("crlf", b"\n\r")],
)
def test_what_does_not_end_a_label_is_part_of_it(framing: str, label: bytes) -> None:
    decoder = FramedDecoder("scanner", framing=framing)
    assert decoder.feed(label + FRAMINGS[framing].ends[0], 5) == [scan(label)]


def test_aim_identifier_prefix_and_suffix_are_taken_off() -> None:
    decoder = FramedDecoder("scanner", prefix="<", suffix=">")
    assert decoder.feed(b"<]C10104006381333931>\r", 5) == [scan(b"0104006381333931", "]C1")]
    assert decoder.feed(b"]C10104006381333931>\r", 5) == [
        scan(b"0104006381333931", "]C1", lossy=True)
    ]


def test_silence_ends_a_label_of_a_scanner_that_sends_nothing_after_it() -> None:
    decoder = FramedDecoder("scanner", framing="none", timeout_ms=100)
    assert decoder.feed(EAN[:5], 5) == []
    assert decoder.next_timeout() == 5 + 100 * MS
    assert decoder.feed(EAN[5:], 5 + 99 * MS) == []
    assert decoder.flush(5 + 198 * MS) == []
    assert decoder.flush(5 + 199 * MS) == [scan(EAN, mono_ns=5 + 99 * MS)]
    assert decoder.flush(9**18) == []


def test_labels_a_silence_apart_are_two_though_nobody_looked_between() -> None:
    decoder = FramedDecoder("scanner", framing="none", timeout_ms=100)
    decoder.feed(EAN, 5)
    assert decoder.feed(b"96385074", 5 + 100 * MS) == [scan(EAN)]


def test_a_late_reader_splits_no_label_that_has_an_end() -> None:
    decoder = FramedDecoder("scanner", timeout_ms=100)
    decoder.feed(EAN[:5], 5)
    assert decoder.feed(EAN[5:] + b"\r", 5 + 900 * MS) == [scan(EAN, mono_ns=5 + 900 * MS)]


def test_label_without_its_end_is_lossy_and_joins_no_other() -> None:
    decoder = FramedDecoder("scanner", timeout_ms=100)
    decoder.feed(b"40063", 5)
    assert decoder.flush(5 + 100 * MS) == [scan(b"40063", lossy=True)]
    assert decoder.feed(EAN + b"\r", 6) == [scan(EAN, mono_ns=6)]


def test_label_without_its_start_is_lossy() -> None:
    decoder = FramedDecoder("scanner", framing="stx_etx")
    assert decoder.feed(b"333931\x03\x02" + EAN + b"\x03", 5) == [
        scan(b"333931", lossy=True),
        scan(EAN),
    ]


def test_start_within_a_label_begins_another() -> None:
    decoder = FramedDecoder("scanner", framing="stx_etx")
    assert decoder.feed(b"\x0240063\x02" + EAN + b"\x03", 5) == [
        scan(b"40063", lossy=True),
        scan(EAN),
    ]


def test_disconnected_scanner_leaves_a_lossy_label() -> None:
    decoder = FramedDecoder("scanner")
    decoder.feed(b"40063", 5)
    assert decoder.disconnected() == [scan(b"40063", lossy=True)]


def test_character_with_a_parity_error_makes_the_label_lossy() -> None:
    decoder = FramedDecoder("scanner")
    assert decoder.feed(b"40063\x00133931\r", 5) == [scan(b"40063\x00133931", lossy=True)]


@pytest.mark.parametrize("framing", ["cr_or_lf", "crlf"])
def test_endless_label_is_bounded_lossy_and_ends(framing: str) -> None:
    decoder = FramedDecoder("scanner", framing=framing)
    [event] = decoder.feed(b"7" * (2 * LABEL_BYTES_MAX) + FRAMINGS[framing].ends[0], 5)
    assert isinstance(event, ScanData)
    assert event.lossy
    assert len(event.scan_data) <= LABEL_BYTES_MAX + 3
    assert decoder.feed(EAN + FRAMINGS[framing].ends[0], 5) == [scan(EAN)]


def test_longest_label_there_is_arrives_whole() -> None:
    decoder = FramedDecoder("scanner", framing="stx_etx")
    label = b"7" * LABEL_BYTES_MAX
    assert decoder.feed(b"\x02" + label + b"\x03", 5) == [scan(label)]


def test_bell_rings_once_for_good_and_three_times_for_bad() -> None:
    decoder = FramedDecoder("scanner")
    assert decoder.due(0) == b""
    decoder.beep("good")
    assert decoder.due(0) == BEL
    decoder.beep("bad")
    assert decoder.due(0) == BEL * 3
    assert decoder.due(0) == b""

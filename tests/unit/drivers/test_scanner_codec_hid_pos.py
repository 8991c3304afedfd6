"""HID POS reports: one label in one, or in several; layouts; what is no label."""

import pytest

from drivers.base import ProtocolError, ScanData
from drivers.scanner.codec_hid_pos import LAYOUTS, HidPosDecoder, read_report
from drivers.scanner.labels import LABEL_BYTES_MAX
from drivers.scanner.sim_pos import reports

MS = 1_000_000
EAN = b"4006381333931"
LINK = b"https://id.gs1.org/01/04006381333931/10/ABC123?3103=000195&17=271231"


def scan(label: bytes, symbology: str, *, lossy: bool = False) -> ScanData:
    return ScanData("scanner", label, symbology, lossy, 5)


@pytest.fixture
def decoder() -> HidPosDecoder:
    return HidPosDecoder("scanner")


def test_label_of_one_report(decoder: HidPosDecoder) -> None:
    [report] = reports(EAN, "]E0")
    assert len(report) == 64
    assert decoder.feed(report, 5) == [scan(EAN, "]E0")]
    assert decoder.next_timeout() is None


def test_label_of_several_reports_is_one_with_its_gs(decoder: HidPosDecoder) -> None:
    label = b"0104006381333931" + b"10" + b"L" * 20 + b"\x1d21" + b"S" * 20 + b"\x1d17271231"
    first, second = reports(label, "]d2")
    assert decoder.feed(first, 5) == []
    assert decoder.feed(second, 5) == [scan(label, "]d2")]


def test_label_of_exactly_one_report_is_not_waited_for(decoder: HidPosDecoder) -> None:
    [report] = reports(b"7" * 56, "]Q1")
    assert decoder.feed(report, 5) == [scan(b"7" * 56, "]Q1")]


def test_terminator_that_the_scanner_adds_is_no_part_of_the_label(decoder: HidPosDecoder) -> None:
    assert decoder.feed(reports(EAN + b"\r\n", "]E0")[0], 5) == [scan(EAN, "]E0")]


def test_label_that_does_not_go_on_is_lossy(decoder: HidPosDecoder) -> None:
    decoder.feed(reports(LINK, "]Q1")[0], 5)
    assert decoder.next_timeout() == 5 + 500 * MS
    assert decoder.flush(4 + 500 * MS) == []
    assert decoder.flush(5 + 500 * MS) == [scan(LINK[:56], "]Q1", lossy=True)]
    assert decoder.flush(9**18) == []


def test_label_whose_end_was_lost_joins_no_other(decoder: HidPosDecoder) -> None:
    decoder.feed(reports(LINK, "]Q1")[0], 5)
    assert decoder.feed(reports(EAN, "]E0")[0], 5) == [
        scan(LINK[:56], "]Q1", lossy=True),
        scan(EAN, "]E0"),
    ]


def test_broken_report_within_a_label_makes_it_lossy(decoder: HidPosDecoder) -> None:
    first, second = reports(LINK, "]Q1")
    decoder.feed(first, 5)
    assert decoder.feed(second[:20], 5) == []
    assert decoder.feed(second, 5) == [scan(LINK, "]Q1", lossy=True)]
    assert decoder.protocol_errors == 1


def test_broken_report_between_labels_costs_nothing(decoder: HidPosDecoder) -> None:
    assert decoder.feed(b"\x01\x02\x03", 5) == []
    assert decoder.feed(reports(EAN, "]E0")[0], 5) == [scan(EAN, "]E0")]


def test_disconnected_scanner_leaves_a_lossy_label(decoder: HidPosDecoder) -> None:
    assert decoder.disconnected() == []
    decoder.feed(reports(LINK, "]Q1")[0], 5)
    assert decoder.disconnected() == [scan(LINK[:56], "]Q1", lossy=True)]


def test_answer_to_a_command_and_an_empty_label_are_no_labels(decoder: HidPosDecoder) -> None:
    assert decoder.feed(reports(b"REVINF\x06.", "]Z6")[0], 5) == []
    assert decoder.feed(reports(b"", "]Q1")[0], 5) == []


def test_endless_label_is_bounded_and_lossy(decoder: HidPosDecoder) -> None:
    first = reports(LINK, "]Q1")[0]
    for _ in range(400):
        assert decoder.feed(first, 5) == []
    [event] = decoder.feed(reports(b"end", "]Q1")[0], 5)
    assert isinstance(event, ScanData)
    assert event.lossy
    assert len(event.scan_data) <= LABEL_BYTES_MAX


def test_layout_with_the_identifier_one_byte_later() -> None:
    report = (b"\x02\x0d\x00]E0" + EAN).ljust(64, b"\0")
    assert HidPosDecoder("scanner", layout="aim_shifted").feed(report, 5) == [scan(EAN, "]E0")]
    decoder = HidPosDecoder("scanner")
    assert decoder.feed(report, 5) == []
    assert decoder.protocol_errors == 1


def test_layout_without_an_identifier() -> None:
    report = (b"\x02\x0d" + EAN).ljust(64, b"\0")
    assert HidPosDecoder("scanner", layout="no_aim").feed(report, 5) == [scan(EAN, "")]


@pytest.mark.parametrize(
    "report",
    [
        b"",
        bytes(64),
        b"\x02" + bytes(62),
        b"\x01\x0d]E0" + bytes(59),
        b"\x02\x39]E0" + bytes(59),
        b"\x02\x0dxE0" + bytes(59),
    ],
)
def test_what_is_no_report_of_a_label_is_an_error(report: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_report(report, LAYOUTS["aim"])

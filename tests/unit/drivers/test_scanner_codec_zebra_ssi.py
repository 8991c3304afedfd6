"""Zebra SSI: packets and their check, answers, labels in one packet and in several."""

import pytest

from drivers.base import DeviceEvent, ProtocolError, ScanData
from drivers.scanner.codec_zebra_ssi import (
    ACK,
    DECODE_DATA,
    NAK_RESEND,
    Packet,
    SsiDecoder,
    decode,
    encode,
)
from drivers.scanner.labels import LABEL_BYTES_MAX
from drivers.scanner.sim_line import ssi_packet

S = 1_000_000_000
EAN_13, QR, CODE_128 = 0x0B, 0x1C, 0x03
EAN = b"4006381333931"


@pytest.fixture
def decoder() -> SsiDecoder:
    return SsiDecoder("scanner")


def label(data: bytes = EAN, kind: int = EAN_13, status: int = 0) -> bytes:
    return ssi_packet(DECODE_DATA, status, bytes([kind]) + data)


def scan(data: bytes = EAN, symbology: str = "]E0", *, lossy: bool = False) -> ScanData:
    return ScanData("scanner", data, symbology, lossy, 5)


def answers(decoder: SsiDecoder) -> bytes:
    return decoder.due(0)


# --- packets ---


def test_acknowledgement_is_the_one_of_the_manuals() -> None:
    assert bytes.fromhex("04d00400ff28") == ACK
    assert decode(ACK) == Packet(0xD0, 4, 0, b"")


def test_packet_with_a_wrong_length_or_checksum_is_none() -> None:
    for frame in (b"", b"\x04\xd0", ACK[:-1] + b"\x29", b"\x05" + ACK[1:], ACK + b"\0"):
        with pytest.raises(ProtocolError):
            decode(frame)


def test_packet_is_bounded() -> None:
    assert len(encode(Packet(0xF3, 0, 0, bytes(251)))) == 257
    with pytest.raises(ProtocolError, match="do not fit"):
        encode(Packet(0xF3, 0, 0, bytes(252)))


# --- labels ---


@pytest.mark.parametrize(
    ("kind", "symbology"),
    [(0x0B, "]E0"), (0x0A, "]E4"), (0x0F, "]C1"), (0x30, "]e0"), (0xC1, "]d2"), (0x69, "")],
)
def test_label_is_acknowledged_and_has_the_symbology_of_its_type(
    decoder: SsiDecoder, kind: int, symbology: str
) -> None:
    assert decoder.feed(label(kind=kind), 5) == [scan(symbology=symbology)]
    assert answers(decoder) == ACK
    assert answers(decoder) == b""


def test_aim_identifier_in_the_data_counts_more_than_the_type(decoder: SsiDecoder) -> None:
    assert decoder.feed(label(b"]C10104006381333931", CODE_128), 5) == [
        scan(b"0104006381333931", "]C1")
    ]


def test_label_in_several_packets_is_one(decoder: SsiDecoder) -> None:
    parts = [(b"https://id.gs1.org/", 2), (b"01/04006381", 2), (b"333931", 0)]
    events: list[DeviceEvent] = []
    for part, status in parts:
        events += decoder.feed(label(part, QR, status), 5)
        assert answers(decoder) == ACK
    assert events == [scan(b"https://id.gs1.org/01/04006381333931", "]Q1")]


def test_label_that_does_not_go_on_is_lossy(decoder: SsiDecoder) -> None:
    decoder.feed(label(b"https://", QR, 2), 5)
    assert decoder.next_timeout() == 5 + 6 * S
    assert decoder.flush(4 + 6 * S) == []
    assert decoder.flush(5 + 6 * S) == [scan(b"https://", "]Q1", lossy=True)]
    assert decoder.next_timeout() is None
    assert decoder.flush(9**18) == []


def test_another_type_goes_on_where_the_end_of_a_label_was_lost(decoder: SsiDecoder) -> None:
    decoder.feed(label(b"https://", QR, 2), 5)
    assert decoder.feed(label(), 5) == [scan(b"https://" + EAN, lossy=True)]
    assert decoder.feed(label(), 5) == [scan()]


def test_disconnected_scanner_leaves_a_lossy_label(decoder: SsiDecoder) -> None:
    assert decoder.disconnected() == []
    decoder.feed(label(b"https://", QR, 2) + b"\x10\xf3", 5)
    assert decoder.disconnected() == [scan(b"https://", "]Q1", lossy=True)]


def test_endless_label_is_bounded_and_lossy(decoder: SsiDecoder) -> None:
    for number in range(40):
        assert decoder.feed(label(bytes([number]) * 250, QR, 2), 5) == []
    [event] = decoder.feed(label(b"end", QR), 5)
    assert isinstance(event, ScanData)
    assert event.lossy
    assert len(event.scan_data) <= LABEL_BYTES_MAX


# --- sent again ---


def test_packet_sent_again_is_acknowledged_and_no_second_label(decoder: SsiDecoder) -> None:
    assert decoder.feed(label(), 5) == [scan()]
    assert decoder.feed(label(status=1), 2 * S) == []
    assert answers(decoder) == ACK * 2


def test_same_article_scanned_twice_counts_twice(decoder: SsiDecoder) -> None:
    assert decoder.feed(label() + label(), 5) == [scan(), scan()]


def test_packet_sent_again_whose_first_time_was_not_heard_counts(decoder: SsiDecoder) -> None:
    assert decoder.feed(label(status=1), 5) == [scan()]


def test_second_item_whose_first_packet_was_damaged_counts(decoder: SsiDecoder) -> None:
    damaged = label()[:6] + b"\x7f" + label()[7:]
    assert decoder.feed(label(), 5) == [scan()]
    assert decoder.feed(damaged, 5) == []
    assert answers(decoder) == ACK + NAK_RESEND
    assert decoder.feed(label(status=1), 5) == [scan()]
    assert decoder.protocol_errors == 1


def test_packet_sent_again_long_after_is_another_item(decoder: SsiDecoder) -> None:
    decoder.feed(label(), 5)
    [event] = decoder.feed(label(status=1), 60 * S)
    assert isinstance(event, ScanData)


def test_last_part_sent_again_is_not_a_label_of_its_own(decoder: SsiDecoder) -> None:
    decoder.feed(label(b"7777", QR, 2), 5)
    assert decoder.feed(label(b"7777", QR, 3), 5) == []
    assert decoder.feed(label(b"7777", QR, 0), 5) == [scan(b"77777777", "]Q1")]
    assert decoder.feed(label(b"7777", QR, 1), 5) == []


# --- what is no label ---


def test_stray_bytes_before_a_packet_cost_nothing(decoder: SsiDecoder) -> None:
    assert decoder.feed(b"\x00\x03" + label(), 5) == [scan()]
    assert answers(decoder) == ACK


def test_packet_behind_a_broken_one_is_read(decoder: SsiDecoder) -> None:
    broken = label()[:-1] + b"\x00"
    assert decoder.feed(broken + label(), 5) == [scan()]
    assert answers(decoder) == ACK


def test_packet_that_does_not_go_on_is_asked_for_again(decoder: SsiDecoder) -> None:
    assert decoder.feed(label()[:9], 5) == []
    assert decoder.next_timeout() == 5 + S // 10
    assert decoder.flush(4 + S // 10) == []
    assert decoder.flush(5 + S // 10) == []
    assert answers(decoder) == NAK_RESEND
    assert decoder.next_timeout() is None
    assert decoder.feed(label(status=1), 5) == [scan()]


def test_packet_cut_short_hides_none_behind_it(decoder: SsiDecoder) -> None:
    assert decoder.feed(b"\xf0" + label(), 5) == []
    assert decoder.flush(5 + S) == [scan()]
    assert answers(decoder) == ACK


@pytest.mark.parametrize(
    "packet",
    [
        encode(Packet(0xF3, 4, 0, b"\x0b4006")),
        ssi_packet(0xD0, 0, b""),
        ssi_packet(0xD1, 0, b"\x06"),
    ],
)
def test_own_echo_and_answers_are_not_answered(decoder: SsiDecoder, packet: bytes) -> None:
    assert decoder.feed(packet, 5) == []
    assert answers(decoder) == b""


@pytest.mark.parametrize("packet", [ssi_packet(0xF6, 0, b"\x01"), ssi_packet(0xF3, 0, b"")])
def test_other_messages_are_acknowledged(decoder: SsiDecoder, packet: bytes) -> None:
    assert decoder.feed(packet, 5) == []
    assert answers(decoder) == ACK


def test_beeps_are_packets_from_the_host(decoder: SsiDecoder) -> None:
    decoder.beep("good")
    decoder.beep("bad")
    due = answers(decoder)
    assert decode(due[:7]) == Packet(0xE6, 4, 0, b"\x00")
    assert decode(due[7:]) == Packet(0xE6, 4, 0, b"\x06")

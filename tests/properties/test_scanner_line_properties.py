"""What must hold of scanners on lines and in reports, for any label, any cut and any bytes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.base import ProtocolError, ScanData
from drivers.scanner.codec_framed import FRAMINGS, FramedDecoder
from drivers.scanner.codec_hid_pos import LAYOUTS, HidPosDecoder, read_report
from drivers.scanner.codec_single_cable import SingleCableDecoder, read_label, read_weight
from drivers.scanner.codec_zebra_ssi import Packet, SsiDecoder, decode, encode
from drivers.scanner.labels import LABEL_BYTES_MAX
from drivers.scanner.sim_line import SingleCableDevice, ssi_packet
from drivers.scanner.sim_pos import reports

LATER_NS = 10**18

printable = st.sampled_from([*range(0x20, 0x7F), 0x1D])
labels = st.lists(printable, min_size=1, max_size=120).map(bytes).filter(lambda b: b[:1] != b"]")
symbologies = st.sampled_from(["]E0", "]C1", "]d2", "]Q3"])
places = st.lists(st.integers(0, 10_000), max_size=8)
streams = st.lists(st.binary(max_size=60), max_size=30)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def scan(label: bytes, symbology: str, mono_ns: int = 3) -> ScanData:
    return ScanData("scanner", label, symbology, lossy=False, mono_ns=mono_ns)


@given(labels, symbologies, st.sampled_from(sorted(set(FRAMINGS) - {"none"})), places)
def test_text_is_read_as_it_was_sent(
    label: bytes, symbology: str, framing: str, places: list[int]
) -> None:
    how = FRAMINGS[framing]
    sent = how.start + symbology.encode() + label + how.ends[0]
    decoder = FramedDecoder("scanner", framing=framing)
    events = [event for piece in cut(sent, places) for event in decoder.feed(piece, 3)]
    assert events == [scan(label, symbology)]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=251))
def test_packet_is_decoded_as_it_was_encoded(
    opcode: int, source: int, status: int, data: bytes
) -> None:
    packet = Packet(opcode, source, status, data)
    assert decode(encode(packet)) == packet


@given(labels, st.sampled_from([(0x0B, "]E0"), (0xC1, "]d2")]), st.integers(1, 60), places)
def test_ssi_label_is_read_as_it_was_sent(
    label: bytes, kind: tuple[int, str], size: int, places: list[int]
) -> None:
    parts = [label[at : at + size] for at in range(0, len(label), size)]
    sent = b"".join(
        ssi_packet(0xF3, 0 if n == len(parts) - 1 else 2, bytes([kind[0]]) + part)
        for n, part in enumerate(parts)
    )
    decoder = SsiDecoder("scanner")
    events = [event for piece in cut(sent, places) for event in decoder.feed(piece, 3)]
    assert events == [scan(label, kind[1])]


@given(labels, st.integers(0), st.integers(1, 255))
def test_one_damaged_byte_of_a_packet_never_gives_a_wrong_label(
    label: bytes, place: int, damage: int
) -> None:
    sent = bytearray(ssi_packet(0xF3, 0, b"\x0b" + label))
    sent[place % len(sent)] ^= damage
    decoder = SsiDecoder("scanner")
    events = decoder.feed(bytes(sent), 3) + decoder.flush(LATER_NS)
    assert all(isinstance(e, ScanData) and e.scan_data == label for e in events)


@given(labels, symbologies)
def test_reports_are_read_as_they_were_sent(label: bytes, symbology: str) -> None:
    decoder = HidPosDecoder("scanner")
    events = [e for report in reports(label, symbology) for e in decoder.feed(report, 3)]
    assert events == [scan(label, symbology)]


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0))
def test_ean_that_lost_a_character_on_the_cable_is_never_trusted(digits: str, place: int) -> None:
    sent = bytearray(SingleCableDevice().message(b"08F" + digits.encode()))
    del sent[4 + place % 13]
    [event] = SingleCableDecoder("scanner", framing="magellan", unit="kg").feed(bytes(sent), 3)
    assert isinstance(event, ScanData)
    assert event.lossy


def decoders():
    yield from (FramedDecoder("scanner", framing=framing) for framing in FRAMINGS)
    yield SsiDecoder("scanner")
    for framing, bcc in (("magellan", False), ("ncr", False), ("ncr", True)):
        yield SingleCableDecoder("scanner", framing=framing, unit="lb", bcc=bcc)


@given(streams)
def test_no_bytes_raise_anything_and_labels_are_bounded(pieces: list[bytes]) -> None:
    for decoder in decoders():
        events = []
        for number, piece in enumerate(pieces):
            decoder.due(number)
            events += [*decoder.feed(piece, number), *decoder.flush(number)]
        events += [*decoder.flush(LATER_NS), *decoder.disconnected()]
        assert all(
            len(event.scan_data) <= LABEL_BYTES_MAX + 8
            for event in events
            if isinstance(event, ScanData)
        )


@given(st.lists(st.binary(min_size=60, max_size=68), max_size=20), st.sampled_from(sorted(LAYOUTS)))
def test_no_reports_raise_anything(pieces: list[bytes], layout: str) -> None:
    decoder = HidPosDecoder("scanner", layout=layout)
    for number, piece in enumerate(pieces):
        decoder.feed(piece, number)
        decoder.feed(b"\x02" + piece[1:64].ljust(63, b"\0"), number)
        decoder.flush(number)
    decoder.flush(LATER_NS)
    decoder.disconnected()


@given(st.binary(max_size=300))
def test_readers_of_frames_raise_nothing_but_protocol_errors(data: bytes) -> None:
    for read in (
        decode,
        read_label,
        lambda data: read_weight(data, "kg"),
        lambda data: read_report(data, LAYOUTS["aim"]),
    ):
        try:
            read(data)
        except ProtocolError:
            continue


@given(streams, st.text("0123456789", min_size=13, max_size=13))
def test_any_bytes_then_silence_leave_no_trace(pieces: list[bytes], digits: str) -> None:
    ssi, cable = SsiDecoder("scanner"), SingleCableDecoder("scanner", framing="ncr", unit="kg")
    for decoder in (ssi, cable):
        for piece in pieces:
            decoder.due(1)
            decoder.feed(piece, 1)
        decoder.due(1)
        decoder.flush(LATER_NS)
        decoder.flush(2 * LATER_NS)
    label = digits.encode()
    assert ssi.feed(ssi_packet(0xF3, 0, b"\x0b" + label), 3) == [scan(label, "]E0")]
    assert cable.feed(b"\x0208F" + label + b"\x03", 3) == [scan(label, "]E0")]

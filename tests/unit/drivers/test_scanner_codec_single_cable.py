"""Scanner and scale on one cable: labels, weights and states; broken messages; what is asked."""

import pytest

from drivers.base import DeviceEvent, ProtocolError, ScaleState, ScanData, StableWeight
from drivers.scanner.codec_single_cable import (
    FRAMINGS,
    SingleCableDecoder,
    check_character,
    read_label,
    read_weight,
)
from drivers.scanner.labels import LABEL_BYTES_MAX
from drivers.scanner.sim_line import SingleCableDevice

MS = 1_000_000


def magellan(unit: str = "kg") -> SingleCableDecoder:
    return SingleCableDecoder("checkout", framing="magellan", unit=unit)


def ncr(*, bcc: bool) -> SingleCableDecoder:
    return SingleCableDecoder("checkout", framing="ncr", unit="kg", bcc=bcc)


def scan(label: bytes, symbology: str, *, lossy: bool = False) -> ScanData:
    return ScanData("checkout", label, symbology, lossy, 5)


def state(condition: str, raw: bytes) -> ScaleState:
    return ScaleState("checkout", condition, raw, 5)


# --- labels ---


@pytest.mark.parametrize(
    ("sent", "label", "symbology"),
    [
        (b"A060992011187", b"060992011187", "]E0"),  # the manual's own examples
        (b"E09988750", b"09988750", "]E0"),
        (b"FF00210126", b"00210126", "]E4"),
        (b"F1101234567891", b"1101234567891", "]E0"),
        (b"R40101044123456789", b"0101044123456789", "]e0"),
        (b"R0101044123456789", b"0101044123456789", "]e0"),
        (b"B1ABC-1", b"ABC-1", "]A0"),
        (b"B20123456789", b"0123456789", "]I0"),
        (b"B3SCALES ARE US", b"SCALES ARE US", "]C0"),
        (b"QRhttps://id.gs1.org/01/04006381333931", b"https://id.gs1.org/01/04006381333931", "]Q1"),
        (b"]d20104006381333931", b"0104006381333931", "]d2"),
        (b"DmX1", b"DmX1", ""),
    ],
)
def test_label_has_the_symbology_of_its_identifier(
    sent: bytes, label: bytes, symbology: str
) -> None:
    assert magellan().feed(b"S08" + sent + b"\r", 5) == [scan(label, symbology)]


@pytest.mark.parametrize(
    "sent", [b"A06099201118", b"E0998875", b"FF0021012", b"F110123456789", b""]
)
def test_label_of_a_wrong_length_is_lossy(sent: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_label(sent)
    [event] = magellan().feed(b"S08" + sent + b"\r", 5)
    assert isinstance(event, ScanData)
    assert event.lossy


def test_character_with_a_parity_error_makes_the_label_lossy() -> None:
    assert magellan().feed(b"S08B3AB\0C\r", 5) == [scan(b"AB\0C", "]C0", lossy=True)]


# --- weights and states ---


def test_weight_is_stable_once_a_placement_and_states_are_told_on_change() -> None:
    decoder = magellan()
    said: list[DeviceEvent] = []
    for message in (b"S143", b"S143", b"S141", b"S14401234", b"S14401234", b"S141", b"S143"):
        said += decoder.feed(message + b"\r", 5)
    assert said == [
        state("zero", b"S143\r"),
        state("motion", b"S141\r"),
        StableWeight("checkout", 1234, False, b"S14401234\r", 5),
        state("motion", b"S141\r"),
        state("zero", b"S143\r"),
    ]


@pytest.mark.parametrize(
    ("message", "condition"),
    [
        (b"S140\r", "not_ready"),
        (b"S142\r", "over_capacity"),
        (b"S145\r", "under_zero"),
        (b"S14400000\r", "zero"),
        (b"S1440123\r", "garbled"),
        (b"S14401x34\r", "garbled"),
        (b"S146\r", "garbled"),
        (b"14401234\r", "garbled"),
        (b"\r", "garbled"),
    ],
)
def test_what_is_no_weight_is_a_state(message: bytes, condition: str) -> None:
    assert magellan().feed(message, 5) == [state(condition, message)]


def test_weight_that_was_asked_for_is_one_too() -> None:
    assert magellan().feed(b"S1101234\r", 5) == [
        StableWeight("checkout", 1234, False, b"S1101234\r", 5)
    ]


def test_pounds_have_four_digits() -> None:
    assert read_weight(b"0110", "lb").weight_g == 499
    with pytest.raises(ProtocolError):
        read_weight(b"0110", "kg")
    with pytest.raises(ProtocolError):
        read_weight(b"00110", "lb")


def test_label_between_question_and_weight_disturbs_neither() -> None:
    decoder = magellan()
    assert decoder.due(0) == b"S14\r"
    assert decoder.feed(b"S08F1101234567891\rS14401234\r", 5) == [
        scan(b"1101234567891", "]E0"),
        StableWeight("checkout", 1234, False, b"S14401234\r", 5),
    ]


# --- the conversation ---


def test_scale_is_asked_again_a_pause_after_its_answer() -> None:
    decoder = magellan()
    assert decoder.due(0) == b"S14\r"
    assert decoder.due(1) == b""
    decoder.feed(b"S143\r", 5)
    assert decoder.next_timeout() == 5 + 200 * MS
    assert decoder.due(4 + 200 * MS) == b""
    assert decoder.due(5 + 200 * MS) == b"S14\r"


def test_weight_sent_unasked_puts_no_question_off() -> None:
    decoder = magellan()
    decoder.due(0)
    decoder.feed(b"S143\r", 5)
    decoder.feed(b"S143\r", 100 * MS)
    assert decoder.next_timeout() == 5 + 200 * MS


def test_scale_that_does_not_answer_is_not_ready_and_is_asked_again() -> None:
    decoder = magellan()
    decoder.due(0)
    assert decoder.flush(999 * MS) == []
    assert decoder.flush(1_000 * MS) == [ScaleState("checkout", "not_ready", b"", 1_000 * MS)]
    assert decoder.due(1_000 * MS) == b"S14\r"
    assert decoder.flush(2_000 * MS) == []


def test_answer_that_is_cut_short_is_garbled_and_joins_no_other() -> None:
    decoder = magellan()
    decoder.due(0)
    decoder.feed(b"S1440", 5)
    assert decoder.flush(1_000 * MS) == [ScaleState("checkout", "garbled", b"S1440", 1_000 * MS)]
    assert decoder.feed(b"S08F1101234567891\r", 5) == [scan(b"1101234567891", "]E0")]


def test_garbled_answer_is_asked_for_again_soon() -> None:
    decoder = magellan()
    decoder.due(0)
    decoder.feed(b"S1x4\r", 5)
    assert decoder.next_timeout() == 5 + 200 * MS


def test_beeps_go_before_the_next_question() -> None:
    decoder = magellan()
    decoder.beep("good")
    assert decoder.due(0) == b"S334\rS14\r"
    decoder.beep("bad")
    assert decoder.due(1) == b"S334\r" * 3


def test_disconnected_device_leaves_a_label_that_it_had_begun() -> None:
    decoder = magellan()
    decoder.feed(b"S08F1101", 5)
    assert decoder.disconnected() == [scan(b"F1101", "", lossy=True)]
    decoder.feed(b"S144", 5)
    assert decoder.disconnected() == []


def test_endless_message_is_bounded() -> None:
    decoder = magellan()
    [event] = decoder.feed(b"S08B3" + b"7" * (LABEL_BYTES_MAX + 4), 5)
    assert isinstance(event, ScanData)
    assert event.lossy
    decoder.feed(b"\r", 5)
    assert decoder.feed(b"S08B3AB\r", 5) == [scan(b"AB", "]C0")]


# --- NCR ---


@pytest.mark.parametrize("bcc", [False, True])
def test_ncr_messages_stand_between_stx_and_etx(bcc: bool) -> None:
    device = SingleCableDevice(start=b"\x02", end=b"\x03", bcc=bcc)
    decoder = ncr(bcc=bcc)
    assert decoder.due(0) == device.message(b"14")
    weight = device.message(b"14401234")
    assert decoder.feed(device.message(b"08F1101234567891") + weight, 5) == [
        scan(b"1101234567891", "]E0"),
        StableWeight("checkout", 1234, False, weight, 5),
    ]


def test_check_character_leaves_stx_out() -> None:
    assert check_character(b"\x0214\x03") == bytes([ord("1") ^ ord("4") ^ 3])


def test_wrong_check_character_is_no_weight() -> None:
    assert ncr(bcc=True).feed(b"\x0214401234\x03\x00", 5) == [
        state("garbled", b"\x0214401234\x03\x00")
    ]


@pytest.mark.parametrize("digits", range(0, 3000, 37))
def test_every_check_character_is_read_though_it_be_stx_or_etx(digits: int) -> None:
    device = SingleCableDevice(start=b"\x02", end=b"\x03", bcc=True)
    message = device.message(b"144%05d" % (digits + 1))
    decoder = ncr(bcc=True)
    [first] = decoder.feed(message, 5)
    assert isinstance(first, StableWeight)
    assert decoder.feed(device.message(b"143"), 5) == [state("zero", device.message(b"143"))]


def test_message_that_lost_its_end_does_not_spoil_the_next() -> None:
    decoder = ncr(bcc=False)
    assert decoder.feed(b"\x0208F11012\x0214401234\x03", 5) == [
        StableWeight("checkout", 1234, False, b"\x0214401234\x03", 5)
    ]


def test_framings_differ_in_start_and_end_alone() -> None:
    assert sorted(FRAMINGS) == ["magellan", "ncr"]

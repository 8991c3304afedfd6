"""The kernel's structs to key events, whatever was cut, lost or put between."""

import pytest
from evdev import InputEvent as EvdevEvent
from evdev import _input

from drivers.hid.codec_input_event import EVENT, LOST, InputEvent, InputEventDecoder, encode
from drivers.hid.keycodes import EV_KEY, EV_MSC, EV_SYN, MSC_SCAN, SYN_DROPPED, SYN_REPORT

PRESS = InputEvent(1_700_000_000_000_001, EV_KEY, 30, 1)
RELEASE = InputEvent(1_700_000_000_001_001, EV_KEY, 30, 0)
SCAN_CODE = InputEvent(1_700_000_000_000_001, EV_MSC, MSC_SCAN, 0x70004)
REPORT = InputEvent(1_700_000_000_000_001, EV_SYN, SYN_REPORT, 0)
DROPPED = InputEvent(1_700_000_000_000_001, EV_SYN, SYN_DROPPED, 0)


@pytest.fixture
def decoder() -> InputEventDecoder:
    return InputEventDecoder()


def test_struct_is_the_kernels() -> None:
    sec, usec, kind, code, value = EVENT.unpack(encode([PRESS]))
    assert EVENT.size == 24
    assert EvdevEvent(sec, usec, kind, code, value).timestamp() == 1_700_000_000.000001
    assert _input  # python-evdev's own module is built against this machine's kernel headers


def test_only_key_events_are_reported(decoder: InputEventDecoder) -> None:
    data = encode([SCAN_CODE, PRESS, REPORT, SCAN_CODE, RELEASE, REPORT])
    assert decoder.feed(data) == [PRESS, RELEASE]


def test_struct_cut_in_two_is_read_once_whole(decoder: InputEventDecoder) -> None:
    data = encode([PRESS])
    assert decoder.feed(data[:23]) == []
    assert decoder.feed(data[23:] + data[:1]) == [PRESS]


def test_after_a_loss_the_rest_of_the_report_is_left_out(decoder: InputEventDecoder) -> None:
    assert decoder.feed(encode([PRESS, DROPPED, PRESS, REPORT, RELEASE])) == [PRESS, LOST, RELEASE]


@pytest.mark.parametrize(
    "nonsense",
    [
        EVENT.pack(1, 1_000_000, EV_KEY, 30, 1),
        EVENT.pack(1, -1, EV_KEY, 30, 1),
        EVENT.pack(-1, 0, EV_KEY, 30, 1),
        EVENT.pack(1 << 40, 0, EV_KEY, 30, 1),
        EVENT.pack(1, 0, 0x20, 30, 1),
        EVENT.pack(1, 0, EV_KEY, 0x300, 1),
        EVENT.pack(1, 0, EV_KEY, 30, 3),
        EVENT.pack(1, 0, EV_KEY, 0, 1),
        b"\xff",
        b"\xff" * 23,
        b"\xff" * 100,
    ],
)
def test_bytes_that_are_no_event_are_one_loss_and_skipped(
    decoder: InputEventDecoder, nonsense: bytes
) -> None:
    data = encode([PRESS]) + nonsense + encode([REPORT, RELEASE])
    assert decoder.feed(data) == [PRESS, LOST, RELEASE]


def test_half_a_struct_before_a_silence_is_forgotten(decoder: InputEventDecoder) -> None:
    assert decoder.feed(encode([PRESS])[:10]) == []
    decoder.realign()
    assert decoder.feed(encode([RELEASE])) == [RELEASE]


def test_half_a_report_before_a_silence_is_forgotten(decoder: InputEventDecoder) -> None:
    assert decoder.feed(encode([DROPPED])) == [LOST]
    decoder.realign()
    assert decoder.feed(encode([RELEASE])) == [RELEASE]

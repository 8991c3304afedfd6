"""The lines between the camera's child process and its driver."""

import random
import zlib
from pathlib import Path

import pytest

from drivers.base import ItemsCrossed, LabelSeen, ProtocolError
from drivers.camera.codec_child import (
    LINE_BYTES_MAX,
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

CAPTURES = Path(__file__).parents[2] / "captures" / "camera"
RECORDED = sorted(CAPTURES.glob("*.lines"))
MESSAGES = [
    Ready(1280, 720),
    Alive(frames=12, dropped=3, cpu_ms=450),
    Lost("frozen: the picture stands still"),
    Unfit("a library is missing: libzbar0"),
    LabelSeen("cam", b"010950110153000310A1\x1d217", "]d2", 2, 123),
    ItemsCrossed("cam", -2, 57, 456),
]


def golden(file: Path) -> list[str]:
    return file.with_suffix(".golden").read_text(encoding="utf-8").splitlines()


def told(message) -> str:
    match message:
        case LabelSeen():
            return f"label {message.symbology}{message.scan_data!r} frames {message.frames}"
        case ItemsCrossed():
            return f"crossed {message.count} sure {message.confidence_pct} %"
        case Ready():
            return f"ready {message.width_px} x {message.height_px}"
        case Alive():
            return f"alive {message.frames} dropped {message.dropped} cpu {message.cpu_ms} ms"
        case Lost():
            return f"lost {message.reason}"
    raise AssertionError(message)


def signed(body: bytes) -> bytes:
    return b"%08x %s" % (zlib.crc32(body), body)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_each_message_comes_back_as_it_was_said(message):
    assert ChildCodec("cam").feed(line(message)) == [message]


def test_there_are_recordings():
    assert len(RECORDED) >= 2


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_recording_is_understood_in_pieces_of_any_size(file, size):
    data, codec = file.read_bytes(), ChildCodec("camera")
    pieces = [data[n : n + size] for n in range(0, len(data), size)]
    assert [told(m) for piece in pieces for m in codec.feed(piece)] == golden(file)
    assert codec.garbled == 0


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
@pytest.mark.parametrize("seed", range(20))
def test_with_a_fifth_of_the_bytes_lost_nothing_is_made_up(file, seed):
    dice = random.Random(seed)
    data = file.read_bytes()
    thinned = bytes(byte for byte in data if dice.random() > 0.2)
    codec = ChildCodec("camera")
    heard = [told(m) for m in codec.feed(thinned + b"\n" + data)]
    assert heard[-len(golden(file)) :] == golden(file)  # what follows is understood
    assert set(heard) <= set(golden(file))
    assert codec.garbled > 0


def test_foreign_text_costs_the_line_that_it_hits():
    codec = ChildCodec("cam")
    noise = b"WARNING: zbar/decoder/databar.c:1248\n"
    first, second = line(Lost("a")), line(Lost("b"))
    heard = codec.feed(noise + first + second[:9] + noise + second[9:] + first)
    assert heard == [Lost("a"), Lost("a")]
    assert codec.garbled == 3


def test_endless_text_without_a_line_is_thrown_away():
    codec = ChildCodec("cam")
    for _ in range(10):
        assert codec.feed(b"x" * LINE_BYTES_MAX) == []
    assert codec.garbled >= 5
    assert codec.feed(b"\n" + line(Lost("a"))) == [Lost("a")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"[" * 3000,
        b"{}",
        b'{"say":7}',
        b'{"say":"hello"}',
        b'{"say":"lost"}',
        b'{"say":"lost","reason":7}',
        b'{"say":"lost","reason":"' + b"x" * (TEXT_MAX + 1) + b'"}',
        b'{"say":"lost","reason":"a","more":1}',
        b'{"say":"ready","width_px":true,"height_px":720}',
        b'{"say":"ready","width_px":0,"height_px":720}',
        b'{"say":"ready","width_px":1.5,"height_px":720}',
        b'{"say":"label","scan_data":"3","symbology":"]E0","frames":2,"mono_ns":1}',
        b'{"say":"label","scan_data":"zz","symbology":"]E0","frames":2,"mono_ns":1}',
        b'{"say":"label","scan_data":7,"symbology":"]E0","frames":2,"mono_ns":1}',
        b'{"say":"label","scan_data":"%s","symbology":"]E0","frames":2,"mono_ns":1}'
        % (b"30" * (SCAN_BYTES_MAX + 1)),
        b'{"say":"label","scan_data":"30","symbology":"E0","frames":2,"mono_ns":1}',
        b'{"say":"label","scan_data":"30","symbology":7,"frames":2,"mono_ns":1}',
        b'{"say":"crossed","count":5000,"confidence_pct":5,"mono_ns":1}',
        b'{"say":"crossed","count":1,"confidence_pct":101,"mono_ns":1}',
    ],
)
def test_a_line_that_is_no_message_is_a_protocol_error(body):
    with pytest.raises(ProtocolError):
        parse("cam", signed(body))


def test_a_line_with_a_wrong_sum_or_too_long_is_a_protocol_error():
    whole = line(Lost("a")).rstrip()
    assert parse("cam", whole) == Lost("a")
    with pytest.raises(ProtocolError):
        parse("cam", b"00000000" + whole[8:])
    with pytest.raises(ProtocolError):
        parse("cam", signed(b'{"say":"lost","reason":"a"' + b" " * LINE_BYTES_MAX + b"}"))

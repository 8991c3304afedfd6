"""Every capture gives its labels: whole, byte by byte, and is survived with loss and garbage."""

import json
import random
from pathlib import Path

import pytest

from drivers.base import ScanData
from drivers.hid.codec_input_event import EVENT, encode
from drivers.hid.sim import kernel_events
from drivers.scanner.codec_hid_wedge import WedgeDecoder
from drivers.scanner.sim import Wedge

CAPTURES = sorted((Path(__file__).parents[2] / "captures" / "scanner").glob("*.bin"))

LONG_AFTER_NS = 10**18

CLEAN = b"4006381333931"


def expected(capture: Path) -> list[ScanData]:
    lines = capture.with_suffix(".expected.jsonl").read_text("utf-8").splitlines()
    return [
        ScanData(role="scanner", mono_ns=7, **{**row, "scan_data": row["scan_data"].encode()})
        for row in map(json.loads, lines)
    ]


@pytest.fixture(params=CAPTURES, ids=lambda path: path.stem)
def capture(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_captures() -> None:
    assert len(CAPTURES) == 7


def test_capture_read_whole(capture: Path) -> None:
    decoder = WedgeDecoder("scanner")
    scans = decoder.feed(capture.read_bytes(), 7) + decoder.flush(LONG_AFTER_NS)
    assert scans == expected(capture)


def test_capture_read_byte_by_byte(capture: Path) -> None:
    decoder = WedgeDecoder("scanner")
    scans = [scan for byte in capture.read_bytes() for scan in decoder.feed(bytes([byte]), 7)]
    assert scans + decoder.flush(LONG_AFTER_NS) == expected(capture)


def damaged(data: bytes, seed: int) -> bytes:
    """A fifth of the structs lost, some of the others cut or with garbage before them."""
    chance = random.Random(seed)
    pieces = []
    for start in range(0, len(data), EVENT.size):
        piece = data[start : start + EVENT.size]
        roll = chance.random()
        if roll < 0.2:
            continue
        if roll < 0.25:
            piece = piece[: chance.randrange(EVENT.size)]
        elif roll < 0.3:
            piece = chance.randbytes(chance.randrange(60)) + piece
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("after_us", [2_000, 2_000_000], ids=["after Enter", "after silence"])
def test_label_after_a_damaged_one_is_whole(capture: Path, seed: int, after_us: int) -> None:
    data = capture.read_bytes()
    seconds, micros, *_ = EVENT.unpack(data[-EVENT.size :])
    enter = Wedge().reports(b"")
    clean = kernel_events(
        [*enter, *enter, *Wedge().reports(CLEAN)], seconds * 1_000_000 + micros + after_us
    )
    decoder = WedgeDecoder("scanner")
    scans = decoder.feed(damaged(data, seed) + encode(clean), 7)
    assert scans[-1] == ScanData("scanner", CLEAN, "", lossy=False, mono_ns=7)

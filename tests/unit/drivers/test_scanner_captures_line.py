"""Captures of scanners on lines and in reports: golden events, whole, in pieces, and damaged."""

import json
import random
from functools import partial
from pathlib import Path

import pytest

from drivers.base import DeviceEvent, ScanData, StableWeight
from drivers.scanner.codec_framed import FramedDecoder
from drivers.scanner.codec_hid_pos import HidPosDecoder
from drivers.scanner.codec_single_cable import SingleCableDecoder
from drivers.scanner.codec_zebra_ssi import SsiDecoder
from drivers.scanner.sim_line import SingleCableDevice, ssi_packet
from drivers.scanner.sim_pos import reports

CAPTURES = sorted((Path(__file__).parents[2] / "captures" / "scanner").glob("*.hex"))
LONG_AFTER_NS = 10**18

#: By the first word of a capture's name: its codec, and a good label as this device would send it.
CODECS = {
    "text": (FramedDecoder, b"96385074\r"),
    "ssi": (SsiDecoder, ssi_packet(0xF3, 0, b"\x0a96385074")),
    "pos": (HidPosDecoder, reports(b"96385074", "]E4")[0]),
    "magellan": (
        partial(SingleCableDecoder, framing="magellan", unit="kg"),
        SingleCableDevice().message(b"08FF96385074"),
    ),
    "ncr": (
        partial(SingleCableDecoder, framing="ncr", unit="kg", bcc=True),
        SingleCableDevice(start=b"\x02", end=b"\x03", bcc=True).message(b"08FF96385074"),
    ),
}
IN_REPORTS = ("pos",)


def kind(capture: Path) -> str:
    return capture.stem.partition("_")[0]


def messages(capture: Path) -> list[bytes]:
    return [bytes.fromhex(line) for line in capture.read_text("ascii").splitlines()]


def golden(capture: Path) -> list[dict]:
    lines = capture.with_suffix(".golden.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def said(events: list[DeviceEvent]) -> list[dict]:
    return [row(event) for event in events]


def row(event: DeviceEvent) -> dict:
    if isinstance(event, ScanData):
        label = event.scan_data.decode("latin-1")
        return {"scan": label, "symbology": event.symbology, "lossy": event.lossy}
    if isinstance(event, StableWeight):
        return {"weight_g": event.weight_g}
    return {"state": event.condition}


@pytest.fixture(params=CAPTURES, ids=lambda path: path.stem)
def capture(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def decoder(capture: Path):
    return CODECS[kind(capture)][0]("scanner")


def test_there_are_captures_of_every_codec() -> None:
    assert {kind(capture) for capture in CAPTURES} == set(CODECS)


def test_capture_message_by_message(capture: Path, decoder) -> None:
    events = [event for message in messages(capture) for event in decoder.feed(message, 7)]
    assert said(events) == golden(capture)


def test_capture_whole_and_byte_by_byte(capture: Path) -> None:
    if kind(capture) in IN_REPORTS:
        return  # a report comes whole or not at all
    data = b"".join(messages(capture))
    for pieces in ([data], [bytes([byte]) for byte in data]):
        decoder = CODECS[kind(capture)][0]("scanner")
        events = [event for piece in pieces for event in decoder.feed(piece, 7)]
        assert said(events) == golden(capture)


def damaged(capture: Path, seed: int) -> list[bytes]:
    """A fifth of the bytes (of the reports) lost, and garbage between some of the others."""
    chance = random.Random(seed)
    whole = messages(capture)
    if kind(capture) not in IN_REPORTS:
        whole = [bytes([byte]) for message in whole for byte in message]
    pieces = []
    for piece in whole:
        if chance.random() < 0.2:
            continue
        if chance.random() < 0.05:
            pieces.append(chance.randbytes(chance.randrange(1, 20)))
        pieces.append(piece)
    return pieces


@pytest.mark.parametrize("seed", range(8))
def test_label_after_damage_is_whole(capture: Path, decoder, seed: int) -> None:
    for piece in damaged(capture, seed):
        decoder.feed(piece, 7)
    if hasattr(decoder, "due"):
        decoder.due(8)  # a scale is asked again, and does not answer
    decoder.flush(LONG_AFTER_NS)  # the silence between two labels that people scan
    decoder.flush(2 * LONG_AFTER_NS)  # a label that was begun when a packet was given up
    [event] = decoder.feed(CODECS[kind(capture)][1], 3 * LONG_AFTER_NS)
    assert isinstance(event, ScanData)
    assert (event.scan_data, event.lossy) == (b"96385074", False)


@pytest.mark.parametrize("seed", range(8))
def test_no_weight_comes_out_of_damage_that_nobody_weighed(
    capture: Path, decoder, seed: int
) -> None:
    weighed = {row.get("weight_g") for row in golden(capture)}
    for piece in damaged(capture, seed):
        for event in decoder.feed(piece, 7):
            assert not isinstance(event, StableWeight) or event.weight_g in weighed

"""Whole conversations with scales: as they were, byte by byte, with noise and with loss."""

import random
from pathlib import Path

import pytest

from drivers.base import ScaleState, StableWeight
from drivers.scale import (
    codec_cas,
    codec_cas_stream,
    codec_icl,
    codec_mt_sics,
    codec_nci,
    codec_sma,
    codec_toledo_8217,
    codec_toledo_continuous,
)
from drivers.scale.codec_hid_scale import HidScaleCodec
from drivers.scale.codec_serial import Protocol, SerialCodec

CAPTURES = Path(__file__).parents[2] / "captures" / "scale"
LOGS = sorted(path for path in CAPTURES.glob("*.log") if not path.stem.startswith("hid_"))
HID_LOGS = sorted(CAPTURES.glob("hid_*.log"))

#: By the name in a log's first line, with its options.
PROTOCOLS = {
    "toledo-8217": lambda options: codec_toledo_8217.PROTOCOLS[options["unit"]],
    "nci": lambda _: codec_nci.PROTOCOL,
    "sma": lambda _: codec_sma.PROTOCOL,
    "mt-sics": lambda _: codec_mt_sics.PROTOCOL,
    "cas": lambda _: codec_cas.PROTOCOL,
    "icl": lambda _: codec_icl.PROTOCOL,
    "cas-stream": lambda _: codec_cas_stream.PROTOCOL,
    "toledo-continuous": lambda options: codec_toledo_continuous.PROTOCOLS[
        options["checksum"] == "1"
    ],
}


class Log:
    def __init__(self, path: Path) -> None:
        first, *rest = path.read_text().splitlines()
        self.options = dict(word.split("=") for word in first.split()[1:])
        self.division_g = int(self.options["division_g"])
        self.lines = [self._line(line) for line in rest if not line.startswith("#")]
        self.golden = path.with_suffix(".golden").read_text().splitlines()

    def _line(self, line: str) -> tuple[int, str, bytes]:
        ms, direction, *data = line.split()
        return int(ms), direction, bytes.fromhex("".join(data))

    @property
    def protocol(self) -> Protocol:
        return PROTOCOLS[self.options["protocol"]](self.options)

    def codec(self) -> SerialCodec:
        return SerialCodec(
            self.protocol, "scale", division_g=self.division_g, poll_ms=0, timeout_ms=500
        )


def told(event) -> str:
    ms = event.mono_ns // 1_000_000
    if isinstance(event, ScaleState):
        return f"{ms} state {event.condition}"
    return f"{ms} weight {event.weight_g} {'net' if event.net else 'gross'}"


def replay(log: Log, *, pieces=lambda data: [data]) -> list[str]:
    """The golden form of what the codec says, each answer fed in `pieces`."""
    codec, events, asks = log.codec(), [], log.protocol.ask
    for ms, direction, data in log.lines:
        now_ns = ms * 1_000_000
        if not asks:
            assert codec.command(now_ns) == b""
        if direction == ">":
            assert codec.command(now_ns) == data, f"at {ms} ms"
        elif direction == "<":
            events += [e for piece in pieces(data) for e in codec.feed(piece, now_ns)]
        else:
            events += codec.expire(now_ns)
        if not asks:  # it is listened to again at once
            assert codec.command(now_ns) == b""
    return [told(event) for event in events]


def weights(lines: list[str]) -> set[int]:
    return {int(line.split()[2]) for line in lines if "weight" in line}


@pytest.fixture(params=LOGS, ids=lambda path: path.stem)
def log(request) -> Log:
    return Log(request.param)


def test_there_are_conversations_to_replay_in_every_protocol():
    assert {Log(path).options["protocol"] for path in LOGS} == set(PROTOCOLS)
    assert HID_LOGS


def test_a_conversation_means_what_its_golden_file_says(log):
    assert replay(log) == log.golden


def test_byte_by_byte_it_means_the_same(log):
    assert replay(log, pieces=lambda data: [bytes([b]) for b in data]) == log.golden


@pytest.mark.parametrize("seed", range(5))
def test_noise_before_the_answers_changes_nothing(log, seed):
    dice = random.Random(seed)

    may_be_noise = [byte for byte in b"\x00\x7f ?0123.NW" if byte not in log.protocol.starts]

    def noisy(data: bytes) -> list[bytes]:
        noise = bytes(dice.choice(may_be_noise) for _ in range(dice.randrange(12)))
        return [noise if data[0] & 0x7F in log.protocol.starts else b"", data]

    assert replay(log, pieces=noisy) == log.golden


@pytest.mark.parametrize("seed", range(20))
def test_with_a_fifth_of_the_bytes_lost_no_weight_is_made_up_and_polling_goes_on(log, seed):
    dice = random.Random(seed)
    codec, events, asked = log.codec(), [], 0
    for ms, direction, data in log.lines:
        now_ns = ms * 1_000_000
        asked += bool(codec.command(now_ns))
        if direction == "<":
            events += codec.feed(bytes(b for b in data if dice.random() > 0.2), now_ns)
        else:
            events += codec.expire(now_ns)
    assert {e.weight_g for e in events if isinstance(e, StableWeight)} <= weights(log.golden)
    assert asked > 1 or not log.protocol.ask
    assert codec.wake_ns <= now_ns + 500_000_000


# --- HID: whole reports ---


def replay_reports(log: Log, spoil=lambda report: report) -> list[str]:
    codec, events = HidScaleCodec("scale", division_g=log.division_g), []
    for ms, _, report in log.lines:
        events += codec.feed(spoil(report), ms * 1_000_000)
    return [told(event) for event in events]


@pytest.fixture(params=HID_LOGS, ids=lambda path: path.stem)
def hid_log(request) -> Log:
    return Log(request.param)


def test_reports_mean_what_their_golden_file_says(hid_log):
    assert replay_reports(hid_log) == hid_log.golden


@pytest.mark.parametrize("seed", range(20))
def test_with_a_fifth_of_the_reports_cut_or_of_garbage_no_weight_is_made_up(hid_log, seed):
    dice = random.Random(seed)

    def spoil(report: bytes) -> bytes:
        if dice.random() > 0.2:
            return report
        return dice.choice([b"", report[:-1], b"\x09" + report[1:], report + b"\x00"])

    assert weights(replay_reports(hid_log, spoil)) <= weights(hid_log.golden)

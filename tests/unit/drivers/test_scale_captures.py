"""Whole conversations with scales: as they were, byte by byte, with noise and with loss."""

import random
from pathlib import Path

import pytest

from drivers.base import ScaleState, StableWeight
from drivers.scale.codec_toledo_8217 import Toledo8217Codec

LOGS = sorted((Path(__file__).parents[2] / "captures" / "scale").glob("toledo_8217_*.log"))


class Log:
    def __init__(self, path: Path) -> None:
        first, *rest = path.read_text().splitlines()
        options = dict(word.split("=") for word in first.split()[1:])
        self.unit, self.division_g = options["unit"], int(options["division_g"])
        self.lines = [self._line(line) for line in rest if not line.startswith("#")]
        self.golden = path.with_suffix(".golden").read_text().splitlines()

    def _line(self, line: str) -> tuple[int, str, bytes]:
        ms, direction, *data = line.split()
        return int(ms), direction, bytes.fromhex("".join(data))

    def codec(self) -> Toledo8217Codec:
        return Toledo8217Codec(
            "scale", unit=self.unit, division_g=self.division_g, poll_ms=200, timeout_ms=500
        )


def told(event) -> str:
    ms = event.mono_ns // 1_000_000
    if isinstance(event, ScaleState):
        return f"{ms} state {event.condition}"
    return f"{ms} weight {event.weight_g} {'net' if event.net else 'gross'}"


def replay(log: Log, *, pieces=lambda data: [data]) -> list[str]:
    """The golden form of what the codec says, each answer fed in `pieces`."""
    codec, events = log.codec(), []
    for ms, direction, data in log.lines:
        now_ns = ms * 1_000_000
        if direction == ">":
            assert codec.command(now_ns) == data, f"at {ms} ms"
        elif direction == "<":
            events += [e for piece in pieces(data) for e in codec.feed(piece, now_ns)]
        else:
            events += codec.expire(now_ns)
    return [told(event) for event in events]


@pytest.fixture(params=LOGS, ids=lambda path: path.stem)
def log(request) -> Log:
    return Log(request.param)


def test_there_are_conversations_to_replay():
    assert len(LOGS) >= 3


def test_a_conversation_means_what_its_golden_file_says(log):
    assert replay(log) == log.golden


def test_byte_by_byte_it_means_the_same(log):
    assert replay(log, pieces=lambda data: [bytes([b]) for b in data]) == log.golden


@pytest.mark.parametrize("seed", range(5))
def test_noise_before_the_answers_changes_nothing(log, seed):
    dice = random.Random(seed)

    def noisy(data: bytes) -> list[bytes]:
        noise = bytes(dice.choice(b"\x00\xff\r ?0123.NW") for _ in range(dice.randrange(12)))
        return [noise if data[0] & 0x7F == 0x02 else b"", data]

    assert replay(log, pieces=noisy) == log.golden


@pytest.mark.parametrize("seed", range(20))
def test_with_a_fifth_of_the_bytes_lost_no_weight_is_made_up_and_polling_goes_on(log, seed):
    dice = random.Random(seed)
    codec, events, asked = log.codec(), [], 0
    for ms, direction, data in log.lines:
        now_ns = ms * 1_000_000
        if direction == "<":
            events += codec.feed(bytes(b for b in data if dice.random() > 0.2), now_ns)
        else:
            events += codec.expire(now_ns)
            asked += bool(codec.command(now_ns))
    weights = {int(line.split()[2]) for line in log.golden if "weight" in line}
    assert {e.weight_g for e in events if isinstance(e, StableWeight)} <= weights
    assert asked > 1
    assert codec.wake_ns <= now_ns + 500_000_000

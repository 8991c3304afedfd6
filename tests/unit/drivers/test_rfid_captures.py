"""Whole conversations with RFID readers: as they were, byte by byte, with noise and with loss."""

import random
from pathlib import Path

import pytest

from drivers.base import TagPresence
from drivers.rfid import codec_chafon, codec_llrp, codec_m100, codec_thingmagic
from drivers.rfid.conversation import Conversation
from drivers.rfid.presence import Presence, Rules

LOGS = sorted((Path(__file__).parents[2] / "captures" / "rfid").glob("*.log"))
#: TCP has no noise and loses no byte; LLRP has no checksum that could tell.
SERIAL_LOGS = [path for path in LOGS if not path.stem.startswith("llrp")]
MS = 1_000_000


def ports(options) -> tuple[int, ...]:
    return tuple(map(int, options.get("antennas", "1").split(",")))


def chafon(options) -> Conversation:
    if options.get("mode") == "listen":
        return codec_chafon.listening(255, 1_000, silence_ms=2_000)
    scan_ms = int(options["scan_ms"])
    return codec_chafon.asking(
        options["series"], 255, 1_000, antennas=ports(options), scan_ms=scan_ms
    )


def thingmagic(options) -> Conversation:
    return codec_thingmagic.reading(
        2_000,
        region=options.get("region", "eu"),
        antennas=ports(options),
        power_cdbm=int(options.get("power_cdbm", "0")),
    )


PROTOCOLS = {
    "m100": lambda o: codec_m100.reading(o["framing"], int(o["answer_ms"])),
    "chafon": chafon,
    "thingmagic": thingmagic,
    "llrp": lambda o: codec_llrp.reading(5_000, antennas=ports(o)),
}


class Log:
    def __init__(self, path: Path) -> None:
        first, *rest = path.read_text().splitlines()
        self.options = dict(word.split("=") for word in first.split()[1:])
        self.asks = self.options.get("asks") != "no"
        self.protocol = self.options["protocol"]
        self.lines = [self._line(line) for line in rest if not line.startswith("#")]
        self.golden = path.with_suffix(".golden").read_text().splitlines()

    def _line(self, line: str) -> tuple[int, str, bytes]:
        ms, direction, *data = line.split()
        return int(ms) * MS, direction, bytes.fromhex("".join(data))


def told(event: TagPresence) -> str:
    words = [
        event.mono_ns // MS,
        "arrived" if event.present else "departed",
        event.epc,
        f"rssi={event.rssi_dbm}",
        f"antenna={event.antenna}",
    ]
    item = [f"(01){event.gtin}(21){event.serial}"] if event.gtin else []
    return " ".join(map(str, [*words, *item]))


class Replay:
    """A conversation and what is made of it."""

    def __init__(self, log: Log) -> None:
        self.talk = PROTOCOLS[log.protocol](log.options)
        self.presence = Presence("rfid", Rules(2, 1_000, 2_000, -128))
        self.told: list[str] = []

    def hear(self, data: bytes, now_ns: int) -> None:
        before = self.talk.product, self.talk.lost
        edges = self.presence.expire(now_ns)
        for sighting in self.talk.feed(data, now_ns):
            edges += self.presence.see(sighting, now_ns)
        self.told += map(told, edges)
        if self.talk.product != before[0]:
            self.told.append(f"{now_ns // MS} is {self.talk.product}")
        self.note_loss(before[1], now_ns)

    def ask(self, now_ns: int) -> bytes:
        before = self.talk.lost
        request = self.talk.replies + self.talk.request(now_ns)
        self.talk.replies = b""
        self.note_loss(before, now_ns)
        return request

    def note_loss(self, before: str, now_ns: int) -> None:
        if self.talk.lost != before:
            self.told.append(f"{now_ns // MS} lost: {self.talk.lost}")


def replay(log: Log, *, pieces=lambda data: [data]) -> list[str]:
    """The golden form of what is made of a log, each answer fed in `pieces`."""
    run = Replay(log)
    for now_ns, direction, data in log.lines:
        if direction == "<":
            for piece in pieces(data):
                run.hear(piece, now_ns)
        elif log.asks:
            assert run.ask(now_ns) == data, f"at {now_ns // MS} ms"
    return run.told


@pytest.fixture(params=LOGS, ids=lambda path: path.stem)
def log(request) -> Log:
    return Log(request.param)


def test_there_are_conversations_in_every_protocol():
    assert {Log(path).protocol for path in LOGS} == set(PROTOCOLS)


def test_a_conversation_means_what_its_golden_file_says(log):
    assert replay(log) == log.golden


def test_byte_by_byte_it_means_the_same(log):
    assert replay(log, pieces=lambda data: [bytes([b]) for b in data]) == log.golden


@pytest.fixture(params=SERIAL_LOGS, ids=lambda path: path.stem)
def serial_log(request) -> Log:
    return Log(request.param)


def arrived(lines: list[str]) -> set[str]:
    return {line.split()[2] for line in lines if line.split()[1] == "arrived"}


@pytest.mark.parametrize("seed", range(5))
def test_noise_around_the_frames_costs_no_tag(serial_log, seed):
    dice = random.Random(seed)
    run = Replay(serial_log)
    for now_ns, direction, data in serial_log.lines:
        if direction == "<":
            noise = bytes(dice.choice(b"\x00\x7e\xdd\x16\x80\x02\x03") for _ in range(9))
            run.hear(noise + data + noise, now_ns)
            run.hear(b"", now_ns + 101 * MS)  # noise that looks like a frame's head ends here
    assert arrived(run.told) == arrived(serial_log.golden)


@pytest.mark.parametrize("seed", range(20))
def test_with_a_fifth_of_the_bytes_lost_no_tag_is_made_up_and_talk_goes_on(serial_log, seed):
    dice = random.Random(seed)
    run = Replay(serial_log)
    for now_ns, direction, data in serial_log.lines:
        if direction == "<":
            run.hear(bytes(b for b in data if dice.random() > 0.2), now_ns)
    assert arrived(run.told) <= arrived(serial_log.golden)
    run.hear(b"", serial_log.lines[-1][0] + 1_000 * MS)  # what was cut short is given up
    last = next(data for _, direction, data in reversed(serial_log.lines) if direction == "<")
    assert run.talk.frames.feed(last)

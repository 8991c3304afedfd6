"""The RFID drivers against simulated readers: real bytes on pseudo-terminals and TCP."""

import os
import queue
import select
import socket
import threading
import tty
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from drivers.base import Beep, DeviceMisconfigured, DeviceUnavailable
from drivers.line.serving import serving
from drivers.registry import load
from drivers.rfid.sim import FAULTS, Field
from drivers.rfid.sim_chafon import SimulatedChafon
from drivers.rfid.sim_llrp import SimulatedLlrp
from drivers.rfid.sim_m100 import SimulatedM100
from drivers.rfid.sim_thingmagic import SimulatedThingMagic

PATIENCE_S = 20  # a bound for a hung test, not for a driver
SHIRT = bytes.fromhex("3034257BF7194E4000001A85")  # GTIN 80614141123458, serial 6789
COPY = bytes.fromhex("E28011606000020D")


@dataclass
class Kind:
    """A protocol: its driver, its simulator, and options that make a test quick."""

    model: str
    reader: Any
    sim: dict[str, Any]
    options: dict[str, Any]


KINDS = {
    "m100": Kind("m100", SimulatedM100, {}, {"answer_ms": 300}),
    "m100 AA": Kind("m100", SimulatedM100, {"head": 0xAA}, {"answer_ms": 100}),
    "chafon 288": Kind("chafon", SimulatedChafon, {}, {"answer_ms": 100}),
    "chafon 18": Kind(
        "chafon", SimulatedChafon, {"series": "18"}, {"series": "18", "answer_ms": 100}
    ),
    "chafon real time": Kind("chafon", SimulatedChafon, {"real_time": True}, {"mode": "listen"}),
    "thingmagic": Kind("thingmagic", SimulatedThingMagic, {}, {"region": "eu", "answer_ms": 200}),
    "llrp": Kind("llrp", SimulatedLlrp, {}, {"answer_ms": 500}),
}
SERIAL = [name for name in KINDS if name != "llrp"]


def made(kind: Kind, where, **options):
    cls = load("rfid", kind.model)
    place = {"host": "127.0.0.1", "port": where} if kind.model == "llrp" else {"path": where}
    return cls("gate", cls.Options(**(kind.options | place | options)))


def place(reader):
    return reader.port if isinstance(reader, SimulatedLlrp) else reader.path


class Running:
    """A driver's thread and what it emitted."""

    def __init__(self, driver) -> None:
        self.driver = driver
        self.events: queue.Queue = queue.Queue()
        self.lost: DeviceUnavailable | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.driver.run(self.events.put, self.stop)
        except DeviceUnavailable as lost:
            self.lost = lost

    def next(self) -> tuple[bool, str]:
        event = self.events.get(timeout=PATIENCE_S)
        return event.present, event.epc


@contextmanager
def running(driver):
    driver.open()
    run = Running(driver)
    run.thread.start()
    try:
        yield run
    finally:
        run.stop.set()
        run.thread.join(PATIENCE_S)
        driver.close()
        assert not run.thread.is_alive()


@contextmanager
def lane(name: str, **options):
    """A field of tags, a reader that sees it, and a driver that runs."""
    kind, tags = KINDS[name], Field()
    reader = kind.reader(tags, **kind.sim)
    with serving(reader), running(made(kind, place(reader), **options)) as run:
        yield tags, reader, run


@pytest.mark.parametrize("name", KINDS)
def test_tags_arrive_and_depart_once_each_and_the_item_is_known(name):
    with lane(name, departs_ms=500) as (tags, _, run):
        tags.put(SHIRT, rssi=-48)
        event = run.events.get(timeout=PATIENCE_S)
        assert (event.epc, event.present) == (SHIRT.hex().upper(), True)
        assert (event.gtin, event.serial) == ("80614141123458", "6789")
        assert event.rssi_dbm == (None if "chafon" in name else -48)
        assert event.antenna == (0 if "m100" in name or name == "chafon 18" else 1)
        tags.put(COPY)
        assert run.next() == (True, COPY.hex().upper())
        tags.take(SHIRT)
        assert run.next() == (False, SHIRT.hex().upper())
        tags.take(COPY)
        assert run.next() == (False, COPY.hex().upper())
    assert run.events.empty()
    assert run.lost is None


@pytest.mark.parametrize("name", KINDS)
def test_probe_knows_a_reader_by_its_name(name):
    kind = KINDS[name]
    reader = kind.reader(Field(), **kind.sim)
    with serving(reader):
        said = made(kind, place(reader)).probe()
    names = {"m100": "M100", "chafon": "UHFReader", "thingmagic": "M6E", "llrp": "model"}
    assert names[kind.model] in said.product
    assert said.path == (f"127.0.0.1:{place(reader)}" if name == "llrp" else reader.path)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("m100", {"bb0003000100047e", "aa000300010004dd"}),
        ("chafon 288", {"04ff211995"}),
        ("thingmagic", {"ff00031d0c"}),
    ],
)
def test_probe_asks_a_stranger_for_its_name_and_nothing_else(name, asked):
    master, slave = os.openpty()
    tty.setraw(slave)
    with pytest.raises(DeviceUnavailable, match="no answer to"):
        made(KINDS[name], os.ttyname(slave), answer_ms=50).probe()
    heard = b""
    while select.select([master], [], [], 0)[0]:
        heard += os.read(master, 1_000)
    for request in asked:
        heard = heard.replace(bytes.fromhex(request), b"")
    assert heard == b""
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("name", SERIAL)
def test_spoiled_frames_cost_only_themselves(name):
    quick = {"scan_ms": 100} if "chafon" in name else {}
    with lane(name, departs_ms=10_000, **quick) as (tags, reader, run):
        tags.put(SHIRT)
        assert run.next() == (True, SHIRT.hex().upper())
        for number, fault in enumerate(FAULTS):
            reader.fail(fault, frames=2)
            epc = COPY[:-1] + bytes([number])
            tags.put(epc)
            assert run.next() == (True, epc.hex().upper())
    assert run.events.empty()
    assert run.lost is None


@pytest.mark.parametrize("name", [*SERIAL, "llrp"])
def test_a_reader_that_falls_silent_is_lost_and_says_so(name, monkeypatch):
    monkeypatch.setattr("drivers.rfid.codec_llrp.KEEPALIVE_MS", 100)
    monkeypatch.setattr("drivers.rfid.codec_thingmagic.SILENCE_MS", 1_500)
    quick = {"silence_ms": 500, "answer_ms": 100} if "chafon" in name else {}
    with lane(name, **quick) as (tags, reader, run):
        tags.put(SHIRT)
        assert run.next() == (True, SHIRT.hex().upper())
        reader.fall_silent() if name == "llrp" else reader.fail("silent", frames=100_000)
        run.thread.join(PATIENCE_S)
    assert "no answer to" in str(run.lost)
    assert str(place(reader)) in str(run.lost)


@pytest.mark.parametrize("name", SERIAL)
def test_an_unplugged_reader_serves_the_same_role_when_it_is_back(name, tmp_path):
    kind, tags, link = KINDS[name], Field(), tmp_path / "usb-reader"
    tags.put(SHIRT)
    reader = kind.reader(tags, link=link, **kind.sim)
    driver = made(kind, str(link))
    with serving(reader), running(driver) as run:
        assert run.next() == (True, SHIRT.hex().upper())
        reader.unplug()
        run.thread.join(PATIENCE_S)
        assert run.lost is not None
    with pytest.raises(DeviceUnavailable):
        driver.open()
    tags.put(COPY)
    with serving(kind.reader(tags, link=link, **kind.sim)), running(driver) as again:
        assert again.next() == (True, COPY.hex().upper())  # and the other never left
    assert again.events.empty()


@pytest.mark.parametrize(("name", "stop"), [("m100", b"\x28"), ("thingmagic", b"\x2f")])
def test_stopping_switches_the_radio_off(name, stop):
    with lane(name) as (tags, reader, run):
        tags.put(SHIRT)
        run.next()
        before = len(reader.requests)
        run.stop.set()
        run.thread.join(PATIENCE_S)
        wait = threading.Event()
        while len(reader.requests) == before:
            assert not wait.wait(0.01)
    assert reader.requests[-1][2:3] == stop


def test_m100_polling_goes_on_when_its_polls_are_used_up():
    tags = Field()
    reader = SimulatedM100(tags, polls=5)
    with serving(reader), running(made(KINDS["m100"], reader.path, answer_ms=100)) as run:
        tags.put(SHIRT)
        assert run.next() == (True, SHIRT.hex().upper())
        run.stop.wait(1)
    assert sum(request[2] == 0x27 for request in reader.requests) > 2
    assert run.events.empty()


def test_chafon_antennas_are_read_in_turn_and_the_neighbours_tags_are_not_ours():
    with lane("chafon 288", antennas=(1, 2), neighbour_antennas=(2,)) as (tags, _, run):
        tags.put(COPY, rssi=-40, antenna=2)
        tags.put(COPY, rssi=-60, antenna=1)
        tags.put(SHIRT, rssi=-60, antenna=1)
        assert run.next() == (True, SHIRT.hex().upper())
        run.stop.wait(0.3)
    assert run.events.empty()


def test_chafon_many_tags_come_in_several_frames():
    with lane("chafon 288") as (tags, _, run):
        epcs = {SHIRT[:-1] + bytes([n]) for n in range(30)}
        for epc in epcs:
            tags.put(epc)
        assert {run.next() for _ in epcs} == {(True, epc.hex().upper()) for epc in epcs}


def test_thingmagic_is_set_up_with_region_power_and_antennas():
    with lane("thingmagic", antennas=(1, 2), power_cdbm=2_700) as (tags, reader, run):
        tags.put(SHIRT, antenna=2)
        run.next()
    assert reader.settings[0x97] == b"\x08"
    assert reader.settings[0x92] == bytes.fromhex("0A8C")
    assert reader.settings[0x91] == bytes.fromhex("02 0101 0202")
    assert reader.settings[0x93] == b"\x00\x05"


def test_llrp_answers_keepalives_and_takes_its_leave(monkeypatch):
    monkeypatch.setattr("drivers.rfid.codec_llrp.KEEPALIVE_MS", 50)
    with lane("llrp", antennas=(1, 2)) as (tags, reader, run):
        tags.put(SHIRT, antenna=2)
        run.next()
        run.stop.wait(0.3)
        run.stop.set()
        run.thread.join(PATIENCE_S)
        wait = threading.Event()
        while reader.kinds[-1] != 14:
            assert not wait.wait(0.01)
    assert reader.acknowledged > 1
    assert [kind for kind in reader.kinds if kind != 72] == [3, 21, 20, 24, 22, 21, 14]


def test_llrp_a_second_client_is_told_that_the_reader_is_taken():
    with (
        lane("llrp") as (_, reader, _run),
        pytest.raises(DeviceUnavailable, match="another client is connected"),
    ):
        made(KINDS["llrp"], reader.port).probe()


@pytest.mark.parametrize(
    ("kind", "words"),
    [(20, "adding what to read: 100 no such antenna"), (22, "starting to read: 100 ROSpec is dis")],
)
def test_llrp_a_refusal_is_told_in_the_readers_words(kind, words):
    reader = SimulatedLlrp(Field(), refuses=frozenset({kind}))
    with serving(reader), running(made(KINDS["llrp"], reader.port)) as run:
        run.thread.join(PATIENCE_S)
    assert words in str(run.lost)


def test_llrp_a_reader_that_will_not_delete_what_is_not_there_reads_all_the_same():
    tags = Field()
    tags.put(SHIRT)
    reader = SimulatedLlrp(tags, refuses=frozenset({21}))
    with serving(reader), running(made(KINDS["llrp"], reader.port)) as run:
        assert run.next() == (True, SHIRT.hex().upper())


def test_llrp_a_reader_that_hangs_up_is_lost_and_serves_again():
    tags = Field()
    tags.put(SHIRT)
    reader = SimulatedLlrp(tags)
    driver = made(KINDS["llrp"], reader.port)
    with serving(reader):
        with running(driver) as run:
            assert run.next() == (True, SHIRT.hex().upper())
            reader.hang_up()
            run.thread.join(PATIENCE_S)
            assert run.lost is not None
        tags.put(COPY)
        with running(driver) as again:
            assert again.next() == (True, COPY.hex().upper())


def test_llrp_where_nobody_listens_the_reader_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DeviceUnavailable, match=f"127.0.0.1:{port}"):
        made(KINDS["llrp"], port).open()


# --- what is the same for all ---


def test_a_reader_takes_no_command():
    with pytest.raises(TypeError, match="gate: an RFID reader takes no Beep"):
        made(KINDS["m100"], "/nowhere").handle(Beep("good"))


def test_a_reader_that_is_not_open_does_not_run():
    with pytest.raises(DeviceUnavailable, match="not open"):
        made(KINDS["m100"], "/nowhere").run(lambda event: None, threading.Event())


def test_a_line_that_takes_no_bytes_is_unavailable(monkeypatch):
    reader = SimulatedM100(Field())
    with serving(reader):
        driver = made(KINDS["m100"], reader.path)
        driver.open()
        monkeypatch.setattr(driver._port, "write", lambda data, wait_ms: 0)
        with pytest.raises(DeviceUnavailable, match="takes no bytes"):
            driver.run(lambda event: None, threading.Event())
        driver.close()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("chafon 288", {"rssi_min_by_antenna": (50, 256)}, "256 is not 0 to 255"),
        ("thingmagic", {"rssi_min_by_antenna": (5,)}, "5 is not -128 to 0"),
        ("llrp", {"rssi_min_by_antenna": (-129,)}, "-129 is not -128 to 0"),
        ("chafon 288", {"antennas": ()}, "are not some of"),
        ("thingmagic", {"antennas": (1, 5)}, r"\[1, 5\] are not some of 1, 2, 3, 4"),
        ("chafon 18", {"mode": "listen"}, "series 288 alone"),
    ],
)
def test_options_that_cannot_work_are_told_before_anything_is_opened(name, options, words):
    with pytest.raises(DeviceMisconfigured, match=words):
        made(KINDS[name], "/nowhere" if name != "llrp" else 1, **options).open()

"""The LLRP driver against a reader that nobody here wrote: the emulator of PyPI llrpkit.

The emulator runs in a process of its own, as its command starts it or with tags that the test puts
and takes. It decodes our messages strictly: one that does not fit ends the connection.
"""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pytest

from drivers.base import DeviceUnavailable, TagPresence
from drivers.rfid.driver_llrp import LlrpOptions, LlrpReader

pytest.importorskip("llrpkit", reason="llrpkit is not installed: no foreign LLRP reader to talk to")

PATIENCE_S = 30
COMMAND = "from llrpkit.cli import app; app()"
SHIRT = "3034257BF7194E4000001A85"  # GTIN 80614141123458, serial 6789
LONG = "36" + "00" * 15  # 128 bits: told as EPCData, not as EPC-96

#: The emulator with our tags; a line on stdin is what it has from then on: EPC, antenna, dBm.
WITH_TAGS = """
import asyncio, sys
from llrpkit.emulator import EmulatedTag, LLRPEmulator

async def main(port):
    async with LLRPEmulator(port=port, tags=[], reads_per_sec=400, antenna_count=2) as emulator:
        print("on port", emulator.port, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            said = [tag.split(",") for tag in line.split()]
            emulator.tags[:] = [
                EmulatedTag(bytes.fromhex(epc), (int(antenna),), float(dbm))
                for epc, antenna, dbm in said
            ]

asyncio.run(main(int(sys.argv[1])))
"""


@dataclass
class Foreign:
    process: subprocess.Popen[str]
    port: int

    def has(self, *tags: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(tags) + "\n")
        self.process.stdin.flush()


@contextmanager
def foreign(code: str, *arguments: str) -> Iterator[Foreign]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"on port (\d+)", process.stdout.readline())
        assert found is not None
        yield Foreign(process, int(found[1]))
    finally:
        process.kill()
        process.communicate()


def command(tags: int, antennas: int):
    options = {"port": 0, "tags": tags, "rate": 400, "antennas": antennas, "seed": 1}
    return foreign(COMMAND, "emulate", *(f"--{key}={value}" for key, value in options.items()))


class Lane:
    """A driver that runs, and what it tells."""

    def __init__(self, driver: LlrpReader) -> None:
        self.events: queue.Queue[TagPresence] = queue.Queue()
        self.lost: DeviceUnavailable | None = None
        self.stop = threading.Event()
        self._driver = driver
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._driver.run(self.events.put, self.stop)
        except DeviceUnavailable as lost:
            self.lost = lost

    def __enter__(self) -> Self:
        self._driver.open()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(PATIENCE_S)
        self._driver.close()

    def next(self) -> TagPresence:
        return self.events.get(timeout=PATIENCE_S)

    def wait_for_loss(self) -> DeviceUnavailable:
        self._thread.join(PATIENCE_S)
        assert self.lost is not None
        return self.lost


def reader(port: int, **options) -> LlrpReader:
    return LlrpReader("gate", LlrpOptions(host="127.0.0.1", port=port, **options))


def test_probe_reads_its_capabilities_and_leaves_it_free():
    with command(tags=1, antennas=1) as emulator:
        said = reader(emulator.port).probe()
        assert said.vendor == "Impinj"
        assert "model 700 firmware llrpkit-emu" in said.product
        assert reader(emulator.port).probe() == said


def test_each_tag_arrives_once_at_its_antenna_with_its_strength():
    with command(tags=8, antennas=4) as emulator, Lane(reader(emulator.port)) as lane:
        told = [lane.next() for _ in range(8)]
        lane.stop.wait(0.5)
        assert lane.events.empty()
    assert {event.epc for event in told} == {f"E2000017010B016210000{n:03X}" for n in range(8)}
    for event in told:
        n = int(event.epc[-2:], 16)
        assert event.present
        assert event.gtin is None
        assert event.antenna == n % 4 + 1
        assert event.rssi_dbm is not None
        assert -75 < event.rssi_dbm < -35


def four_tags_of_eight(**options) -> list[TagPresence]:
    """What arrives where each of four antennas sees two tags, and no more than four do."""
    with command(tags=8, antennas=4) as emulator, Lane(reader(emulator.port, **options)) as lane:
        told = [lane.next() for _ in range(4)]
        lane.stop.wait(0.5)
        assert lane.events.empty()
    return told


def test_only_the_antennas_that_are_asked_for_read():
    told = four_tags_of_eight(antennas=(1, 3))
    assert {event.antenna for event in told} == {1, 3}


def test_tags_at_the_neighbours_antenna_are_not_ours():
    told = four_tags_of_eight(neighbour_antennas=(2, 4))
    assert {event.antenna for event in told} == {1, 3}


def test_tags_come_and_go_and_items_are_known():
    with foreign(WITH_TAGS, "0") as emulator:
        with Lane(reader(emulator.port, departs_ms=1_000)) as lane:
            emulator.has(f"{SHIRT},1,-50", f"{LONG},2,-60")
            told = {event.epc: event for event in (lane.next(), lane.next())}
            assert (told[SHIRT].gtin, told[SHIRT].serial) == ("80614141123458", "6789")
            assert told[LONG].gtin is None
            assert told[LONG].antenna == 2
            emulator.has(f"{LONG},2,-60")
            gone = lane.next()
            assert (gone.epc, gone.present) == (SHIRT, False)
            emulator.has(f"{LONG},2,-60", f"{SHIRT},1,-50")
            back = lane.next()
            assert (back.epc, back.present) == (SHIRT, True)
        assert lane.events.empty()


def test_keepalives_keep_a_connection_on_which_nothing_is_read():
    with foreign(WITH_TAGS, "0") as emulator, Lane(reader(emulator.port)) as lane:
        lane.stop.wait(4)  # longer than the silence after which a reader is asked anew
        emulator.has(f"{SHIRT},1,-50")
        assert lane.next().epc == SHIRT
        assert lane.lost is None


def test_a_second_client_is_told_who_has_the_reader():
    with command(tags=1, antennas=1) as emulator, Lane(reader(emulator.port)) as lane:
        lane.next()
        with pytest.raises(DeviceUnavailable, match="another client is connected"):
            reader(emulator.port).probe()


def test_a_reader_that_died_serves_the_same_role_when_it_is_back():
    with foreign(WITH_TAGS, "0") as emulator:
        driver = reader(emulator.port)
        emulator.has(f"{SHIRT},1,-50")
        with Lane(driver) as lane:
            assert lane.next().epc == SHIRT
            emulator.process.kill()
            assert str(emulator.port) in str(lane.wait_for_loss())
    with pytest.raises(DeviceUnavailable):
        driver.open()
    with foreign(WITH_TAGS, str(emulator.port)) as again, Lane(driver) as lane:
        again.has(f"{SHIRT},1,-50", f"{LONG},2,-60")
        assert lane.next().epc == LONG  # the shirt never left
        assert lane.events.empty()

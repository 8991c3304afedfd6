"""A lane without devices, for the benchmarks of what comes after them: core, journal and sync."""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.cli.run import give_back_memory
from agent.core import Core
from agent.domain.items import Item
from agent.domain.transaction import StoreRules
from agent.inbox import Inbox
from agent.inputs import Acknowledged, CoreInput
from agent.journal import Journal
from agent.mqtt_settings import MqttSettings
from agent.sync import Birth, Sync
from agent.totals.keypad import read_keyed
from agent.wire import LaneAddress
from tests.silent import SilentOutlets

PYTHONS_OWN = gc.get_threshold()


class BenchLane(SilentOutlets):
    """Outlets, threads and the newest acknowledgement of one lane."""

    def __init__(self, folder: Path, mqtt: MqttSettings | int, items: list[Item]) -> None:
        """`mqtt`: of a broker that asks for nothing, its port alone."""
        self.journal = Journal(folder / "journal.db")
        self.journal.load_items(items, "bench")
        self.inbox: Inbox[CoreInput] = Inbox()
        self.acked_seq = 0
        self.ms_to_ack: dict[int, float] = {}  # last seq of a commit -> until acknowledged
        self._commits: deque[tuple[int, int]] = deque()
        self.moved = threading.Condition()
        self.sync = Sync(
            MqttSettings(port=mqtt) if isinstance(mqtt, int) else mqtt,
            LaneAddress("bench", "store", "lane-1"),
            Birth(self.journal.epoch, "boot", "0"),
            self.journal.path,
            0,
            self._acknowledged,
            fresh=self.journal.fresh,
        )
        rules = StoreRules("lane-1", self.journal.epoch, "TWD", 500)
        self.core = Core(self.journal, self.inbox, rules, self, read_keyed)

    def _acknowledged(self, seq: int) -> None:
        now = time.monotonic_ns()
        while self._commits and self._commits[0][0] <= seq:
            last_seq, began = self._commits.popleft()
            self.ms_to_ack[last_seq] = (now - began) / 1e6
        with self.moved:
            self.acked_seq = seq
            self.moved.notify_all()
        self.inbox.put_latest("acknowledged", Acknowledged(seq))

    def wait_for_ack(self, seq: int, seconds: float) -> None:
        with self.moved:
            if not self.moved.wait_for(lambda: self.acked_seq >= seq, seconds):
                raise TimeoutError(f"acknowledged {self.acked_seq} of {seq} after {seconds:g} s")

    def committed(self, last_seq: int) -> None:
        self._commits.append((last_seq, time.monotonic_ns()))
        self.sync.committed(last_seq)


@contextmanager
def running(lane: BenchLane) -> Iterator[BenchLane]:
    give_back_memory()  # as the daemon does once it has started
    stop = threading.Event()
    threads = [threading.Thread(target=run, args=(stop,)) for run in (lane.core.run, lane.sync.run)]
    for thread in threads:
        thread.start()
    try:
        yield lane
    finally:
        stop.set()
        lane.inbox.close()
        for thread in threads:
            thread.join()
        lane.journal.close()
        gc.unfreeze()
        gc.set_threshold(*PYTHONS_OWN)  # the yardsticks are plain Python

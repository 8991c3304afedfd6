"""Many lanes as light MQTT clients: real facts of real baskets, chained and batched as a lane does
it, several lanes on one connection. A lane sends its next sale when the last one is acknowledged.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from multiprocessing.synchronize import Barrier
from pathlib import Path

import paho.mqtt.client as paho

from agent import wire
from agent.core import Core
from agent.domain.facts import TransactionSettled
from agent.domain.transaction import StoreRules
from agent.inbox import Inbox
from agent.inputs import CoreInput
from agent.journal import Journal
from agent.sync import Birth
from agent.totals.keypad import read_keyed
from agent.wire import FactRow, LaneAddress
from tests.bench.latency import client
from tests.bench.rig import Line, inputs, items
from tests.silent import SilentOutlets

PROCESSES, CONNECTIONS = 2, 5  #: of each process
TURN = 256
DRAIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Journaled:
    """What a lane made of baskets. `sales`: its facts, cut after each sale."""

    epoch: str
    lane: str
    sales: list[list[FactRow]]


@dataclass(slots=True)
class Played:
    """Of one lane: facts that were acknowledged, and how long each sale waited for that."""

    facts: int = 0
    waits_s: list[float] = field(default_factory=list)


def journaled(folder: Path, chosen: list[list[Line]]) -> Journaled:
    """The facts of baskets as the real core makes them."""
    lane = "lane-1"
    with closing(Journal(folder / "source.db")) as journal:
        journal.load_items(items(chosen), "bench")
        rules = StoreRules(lane, journal.epoch, "TWD", 500)
        core = Core(journal, Inbox[CoreInput](), rules, SilentOutlets(), read_keyed)
        never, every = threading.Event(), inputs(chosen, lambda _outcome: None)
        while turn := list(islice(every, TURN)):
            core.process(turn, never)
        sales: list[list[FactRow]] = [[]]
        for row in journal.rows():
            sales[-1].append(row)
            if row.type == TransactionSettled.type:
                sales.append([])
        return Journaled(journal.epoch, lane, sales[:-1])


class _Lane:
    def __init__(self, number: int, source: Journaled) -> None:
        self.address = LaneAddress("bench", f"store-{number // 10}", f"lane-{number}")
        self.epoch = f"{number + 1:08x}" * 4
        self.played = Played()
        self._source = source
        self._number = number
        self._sold = 0
        self._prev = wire.GENESIS
        self.seq = 0
        self.sent_s = 0.0

    def next_sale(self) -> bytes:
        """A batch with the facts of one sale, under ids of this lane's own."""
        sales = self._source.sales
        assert self._sold < len(sales), "this lane has sold all it has"
        rows = sales[(self._number + self._sold) % len(sales)]
        before, batch = self._prev, []
        for row in rows:
            self.seq += 1
            head = (self.seq, row.type, row.version, row.wall_ms, row.mono_ms)
            body = self._own(row.body)
            self._prev = wire.chain_hash(self._prev, self.epoch, *head, body)
            batch.append(replace(row, seq=self.seq, hash=self._prev, body=body))
        self._sold += 1
        self.sent_s = time.monotonic()
        return wire.encode_batch(self.epoch, before, batch)

    def _own(self, body: bytes) -> bytes:
        source = self._source
        for theirs, ours in (
            (source.epoch[:8], self.epoch[:8]),
            (f"{source.lane}-{source.epoch[:4]}", f"{self.address.lane}-{self.epoch[:8]}"),
        ):
            body = body.replace(theirs.encode(), ours.encode())
        return body

    def acknowledged(self, payload: bytes) -> bool:
        """True if it is all that was sent."""
        ack = wire.decode_ack(payload)
        if ack.epoch != self.epoch or ack.hw < self.seq or not self.sent_s:
            return False
        self.played.waits_s.append(time.monotonic() - self.sent_s)
        self.played.facts, self.sent_s = self.seq, 0.0
        return True


class _Connection:
    """Some lanes on one connection, which lets as many messages go at once as a real lane's: paho's
    20. All of it is in paho's thread once `begin` was called."""

    def __init__(self, port: int, lanes: Sequence[_Lane], enough: threading.Event) -> None:
        self._lanes = {lane.address.topic("ack"): lane for lane in lanes}
        self._enough = enough
        self._client: paho.Client = client(port, f"fleet-{lanes[0].address.lane}")
        self._client.on_message = self._message
        taken = threading.Semaphore(0)
        self._client.on_subscribe = lambda *_: taken.release()
        topics = [(topic, 1) for topic in self._lanes]
        self._client.subscribe(topics)
        assert taken.acquire(timeout=20)

    def begin(self) -> None:
        for lane in self._lanes.values():
            birth = Birth(lane.epoch, "boot", "0").payload(online=True)
            self._client.publish(lane.address.topic("status"), birth, qos=1, retain=True)
            self._send(lane)

    def _send(self, lane: _Lane) -> None:
        self._client.publish(lane.address.topic("tx"), lane.next_sale(), qos=1)

    def _message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        lane = self._lanes[message.topic]
        if lane.acknowledged(message.payload) and not self._enough.is_set():
            self._send(lane)

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def play(port: int, source: Journaled, lanes: int, seconds: float) -> tuple[list[Played], float]:
    """All lanes at once for some seconds; what became of each, and how long it took in all."""
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(PROCESSES + 1), context.SimpleQueue()
    shares = [range(n, lanes, PROCESSES) for n in range(PROCESSES)]

    def share_of(numbers: Sequence[int]) -> None:
        answers.put(_play_share(port, source, numbers, seconds, start))

    children = [context.Process(target=share_of, args=(numbers,)) for numbers in shares]
    for child in children:
        child.start()
    start.wait(60)
    began = time.monotonic()
    played = [one for _ in children for one in answers.get()]
    took_s = time.monotonic() - began
    for child in children:
        child.join()
    return played, took_s


def _play_share(
    port: int, source: Journaled, numbers: Sequence[int], seconds: float, start: Barrier
) -> list[Played]:
    enough = threading.Event()
    lanes = [_Lane(number, source) for number in numbers]
    connections = [_Connection(port, lanes[n::CONNECTIONS], enough) for n in range(CONNECTIONS)]
    start.wait(60)
    for connection in connections:
        connection.begin()
    time.sleep(seconds)
    enough.set()
    deadline = time.monotonic() + DRAIN_S
    while any(lane.sent_s for lane in lanes) and time.monotonic() < deadline:
        time.sleep(0.01)
    for connection in connections:
        connection.end()
    return [lane.played for lane in lanes]

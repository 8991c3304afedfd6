"""The real month through one lane to the ledger's acknowledgement, beside bare paho."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.inputs import CoreInput, TotalSubmitted
from tests.bench.lane import BenchLane, running
from tests.bench.rig import baskets, bridge, inputs, items, mosquitto

ROUNDS = 3


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    chosen = baskets(1_000 if quick else 6_000)
    ours, bare = [], []
    with mosquitto(folder) as port:
        for number in range(1 if quick else ROUNDS):
            place = folder / str(number)
            place.mkdir()
            with bridge(place, port, chosen):
                lane = BenchLane(place, port, items(chosen))
                settled = threading.Semaphore(0)
                prepared = [*inputs(chosen, lambda _outcome, done=settled: done.release())]
                with running(lane):
                    ours.append(_whole_chain(lane, prepared, settled))
                    facts = lane.journal.last_seq
                    bodies = [row.body for row in lane.journal.rows(facts - 20_000)]
            bare.append(_bare_paho(port, bodies))
    a, b = sorted(ours)[len(ours) // 2], sorted(bare)[len(bare) // 2]
    return [
        {
            "figure": "lane → ledger → acknowledged",
            "ours": f"{a:,.0f} facts/s",
            "yardstick": f"{b:,.0f} messages/s",
            "ratio": f"{a / b:.2f}",
            "target": "≥ 1.0",
            "how": f"{len(chosen):,} real baskets, {facts:,} facts, median of {len(ours)} / "
            "bare paho, one QoS 1 message a fact, nobody subscribed; scans and messages both made "
            "beforehand",
        }
    ]


def _whole_chain(lane: BenchLane, prepared: list[CoreInput], settled: threading.Semaphore) -> float:
    """Facts a second from the first scan in the inbox to the last acknowledgement."""
    sales = sum(isinstance(item, TotalSubmitted) for item in prepared)
    began = time.perf_counter()
    for item in prepared:
        lane.inbox.put(item)
    for _ in range(sales):
        settled.acquire()
    lane.wait_for_ack(lane.journal.last_seq, 120)
    return lane.journal.last_seq / (time.perf_counter() - began)


def _bare_paho(port: int, bodies: list[bytes]) -> float:
    """Messages a second that the broker confirms, paho's own thread, twenty in flight."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare")
    client.max_inflight_messages_set(20)
    confirmed = threading.Semaphore(0)
    up = threading.Event()
    client.on_publish = lambda *_: confirmed.release()
    client.on_connect = lambda *_: up.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert up.wait(5)
    began = time.perf_counter()
    for body in bodies:
        client.publish("bare/tx", body, qos=1)
    for _ in bodies:
        confirmed.acquire()
    rate = len(bodies) / (time.perf_counter() - began)
    client.disconnect()
    client.loop_stop()
    return rate

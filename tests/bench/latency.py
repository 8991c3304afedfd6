"""Fifty sales a second: commit at the lane -> ledger -> acknowledged, beside a bare round trip."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.domain.facts import TransactionSettled
from tests.bench.lane import BenchLane, running
from tests.bench.rig import Line, baskets, bridge, inputs, items, mosquitto, percentile

RATE = 50


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    sales = 250 if quick else 1_500
    chosen = baskets(sales)
    with mosquitto(folder) as port, bridge(folder, port, chosen):
        lane = BenchLane(folder, port, items(chosen))
        with running(lane):
            ours, bodies = sold_at_rate(lane, chosen)
        bare = _round_trips(port, bodies)
    return [_figure(ours, bare, part, target) for part, target in ((0.5, 5), (0.99, 20))]


def sold_at_rate(lane: BenchLane, chosen: list[list[Line]]) -> tuple[list[float], list[bytes]]:
    """Milliseconds from commit to acknowledgement of each sale, and the sales as they travelled."""
    _at_rate(lane, chosen)
    lane.wait_for_ack(lane.journal.last_seq, 30)
    settled = [row for row in lane.journal.rows() if row.type == TransactionSettled.type]
    return [lane.ms_to_ack[row.seq] for row in settled], [row.body for row in settled]


def _at_rate(lane: BenchLane, chosen: list[list[Line]]) -> None:
    """One basket every 20 ms: its scans at once, its settlement half a slot later.

    At a till the customer pays seconds after the last scan; here the scans' own facts are on their
    way to the ledger while the settlement is committed.
    """
    began = time.monotonic()
    for number, basket in enumerate(chosen):
        _sleep_until(began + number / RATE)
        done = threading.Event()
        *scans, total = inputs([basket], lambda _outcome, done=done: done.set(), first=number)
        for scan in scans:
            lane.inbox.put(scan)
        _sleep_until(began + (number + 0.5) / RATE)
        lane.inbox.put(total)
        assert done.wait(5)


def _sleep_until(moment_s: float) -> None:
    wait_s = moment_s - time.monotonic()
    if wait_s > 0:
        time.sleep(wait_s)


def _round_trips(port: int, bodies: list[bytes]) -> list[float]:
    """Publish to subscriber and back, TCP_NODELAY at both ends, at the same rate and size."""
    back = threading.Event()
    publisher, echo = client(port, "bare-a"), client(port, "bare-b")
    echo.on_message = lambda _c, _u, m: echo.publish("bare/ack", b"1", qos=1)
    publisher.on_message = lambda *_: back.set()
    _subscribed(echo, "bare/tx")
    _subscribed(publisher, "bare/ack")
    times = []
    began = time.monotonic()
    for number, body in enumerate(bodies):
        _sleep_until(began + number / RATE)
        back.clear()
        sent = time.perf_counter()
        publisher.publish("bare/tx", body, qos=1)
        assert back.wait(5)
        times.append((time.perf_counter() - sent) * 1e3)
    for end in (publisher, echo):
        end.disconnect()
        end.loop_stop()
    return times


def client(port: int, name: str) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.on_socket_open = lambda _c, _u, s: s.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def _subscribed(client: paho.Client, topic: str) -> None:
    done = threading.Event()
    client.on_subscribe = lambda *_: done.set()
    client.subscribe(topic, qos=1)
    assert done.wait(5)


def _figure(ours: list[float], bare: list[float], part: float, target: int) -> dict[str, str]:
    a, b = percentile(ours, part), percentile(bare, part)
    return {
        "figure": f"commit → ledger → acknowledged at {RATE} sales/s (p{part * 100:g})",
        "ours": f"{a:.2f} ms",
        "yardstick": f"{b:.2f} ms",
        "ratio": f"{a / b:.2f}",
        "target": f"≤ {target} ms",
        "how": f"{len(ours):,} real baskets / bare paho publish → subscriber → back, TCP_NODELAY",
    }

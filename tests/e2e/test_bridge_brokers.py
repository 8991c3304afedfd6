"""The bridge as a process of its own, between a real broker and a real lane's journal and sync."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

import agent.sync
from agent import wire
from agent.domain.facts import LaneStarted
from agent.journal import Journal
from agent.mqtt import Incoming, MqttLink
from agent.mqtt_settings import MqttSettings
from cloud_bridge.ledger.port import Cursor
from tests.bridge_kit import (
    MOSQUITTO,
    PATIENCE_S,
    Bridge,
    Iotcore,
    Lane,
    Mosquitto,
    sale,
    wait_for,
)


@contextmanager
def listening(port: int, *topics: str) -> Iterator[tuple[MqttLink, list[Incoming]]]:
    """A bystander's connection and what it has heard."""
    heard: list[Incoming] = []
    link = MqttLink(
        MqttSettings(port=port),
        f"bystander-{time.monotonic_ns()}",
        on_up=lambda: link.subscribe(*topics) if topics else None,
        on_message=lambda message: (link.confirm(message), heard.append(message)),
    )
    with closing(link):
        while not link.up:
            link.turn(0.1)
        yield link, heard


def hear(link: MqttLink, heard: list[Incoming], enough: Callable[[Incoming], bool]) -> Incoming:
    deadline = time.monotonic() + PATIENCE_S
    while not any(map(enough, heard)):
        assert time.monotonic() < deadline, heard
        link.turn(0.1)
    return next(filter(enough, heard))


def told(message: Incoming) -> tuple[str, int]:
    """Epoch and high-water mark of an acknowledgement."""
    ack = wire.decode_ack(message.payload)
    assert ack is not None
    return ack.epoch, ack.hw


needs_mosquitto = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)
on_both_brokers = pytest.mark.parametrize(
    "broker", [pytest.param(Mosquitto, marks=needs_mosquitto), Iotcore], indirect=True
)


@pytest.fixture
def broker(request, tmp_path) -> Iterator[Mosquitto | Iotcore]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = getattr(request, "param", Mosquitto)(folder)
    yield broker
    broker.stop()


@pytest.fixture
def bridge(tmp_path, broker) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path, broker.port)
    yield bridge
    bridge.end(signal.SIGKILL)


@pytest.fixture
def new_lane(tmp_path, broker, monkeypatch) -> Iterator[Callable[..., Lane]]:
    monkeypatch.setattr(agent.sync, "STALL_S", 0.5)
    lanes: list[Lane] = []

    def open_lane(lane: str = "lane-1", file: str = "journal.db") -> Lane:
        lanes.append(Lane(tmp_path / file, broker.port, lane))
        return lanes[-1]

    yield open_lane
    for lane in lanes:
        lane.close()


@on_both_brokers
def test_two_lanes_reach_the_ledger_and_are_acknowledged(bridge, new_lane):
    lanes = [new_lane("lane-1", "one.db"), new_lane("lane-2", "two.db")]
    for _ in range(4):
        for lane in lanes:
            lane.sell(10)
    for lane in lanes:
        lane.wait_until_acknowledged()
    status = bridge.status()
    assert (status.facts, status.vouchers, status.ledger_sum_minor) == (800, 80, 0)
    assert (status.duplicates, status.quarantined) == (0, 0)
    assert [lane.cursor for lane in status.lanes] == [Cursor(400, 400)] * 2


@on_both_brokers
def test_a_killed_bridge_posts_each_sale_once(bridge, new_lane):
    lane = new_lane()
    for _ in range(3):
        lane.sell(30)
        bridge.end(signal.SIGKILL)
        lane.sell(10)
        bridge.start()
    lane.wait_until_acknowledged()
    status = bridge.status()
    assert (status.facts, status.vouchers, status.duplicates) == (1200, 120, 0)


@on_both_brokers
def test_a_broker_that_forgets_everything_costs_a_resend(bridge, broker, new_lane):
    lane = new_lane()
    lane.sell(30)
    broker.kill()
    lane.sell(10)
    broker.start()
    lane.sell(10)
    lane.wait_until_acknowledged()
    status = bridge.status()
    assert (status.facts, status.vouchers, status.duplicates) == (500, 50, 0)


@on_both_brokers
def test_a_reimaged_lane_is_not_fooled_by_the_old_acknowledgement(bridge, broker, new_lane):
    old = new_lane(file="old.db")
    old.sell(20)
    old.wait_until_acknowledged()
    with listening(broker.port, old.address.topic("ack")) as (link, heard):
        retained = hear(link, heard, lambda message: message.retain)
        assert told(retained) == (old.journal.epoch, 200)
        new = new_lane(file="new.db")
        born = hear(link, heard, lambda m: wire.decode_ack(m.payload).epoch == new.journal.epoch)
        assert told(born) == (new.journal.epoch, 0)
    new.sell(3)
    new.wait_until_acknowledged()
    status = bridge.status()
    assert (status.facts, status.vouchers, status.quarantined) == (230, 23, 0)
    assert sorted(lane.cursor.hw for lane in status.lanes) == [30, 200]


@needs_mosquitto
def test_no_acknowledgement_while_the_ledger_cannot_commit(bridge, broker, new_lane):
    lane = new_lane()
    lane.sell(1)
    lane.wait_until_acknowledged()
    with closing(sqlite3.connect(bridge.folder / "ledger.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        lane.sell(5)
        with listening(broker.port, lane.address.topic("ack")) as (link, heard):
            hear(link, heard, lambda message: message.retain)
            deadline = time.monotonic() + 1.5  # longer than the bridge waits for a lock
            while time.monotonic() < deadline:
                link.turn(0.1)
            assert {wire.decode_ack(message.payload).hw for message in heard} == {10}
        other.execute("COMMIT")
    lane.wait_until_acknowledged()
    assert bridge.status().vouchers == 6


@needs_mosquitto
def test_garbage_on_the_wire_stops_nobody(bridge, broker, new_lane):
    lane = new_lane()
    with listening(broker.port) as (link, _):
        for topic in ("edge/v1/acme/harbour/lane-1/tx", "edge/v1/acme/harbour/lane-9/tx"):
            link.publish(topic, b"\x00\xffgarbage")
        link.publish("edge/v1/acme/harbour/lane-1/status", b"\x00", retain=True)
        link.flush()
        lane.sell(2)
        lane.wait_until_acknowledged()
    wait_for(lambda: bridge.status().quarantined == 2, "both are in quarantine")
    assert bridge.status().vouchers == 2


@needs_mosquitto
def test_a_damaged_journal_reaches_its_end(bridge, new_lane, tmp_path):
    """What a worn disk changed is left out of the books; all else of the lane is posted."""
    file = tmp_path / "journal.db"
    with Journal(file) as journal:
        for number in range(100, 104):
            bodies = [LaneStarted("boot", "0.1")] * 9 + [sale(number)]
            journal.append(bodies, wall_ms=1_700_000_000_000, mono_ms=1)
    with closing(sqlite3.connect(file, isolation_level=None)) as disk:
        disk.execute("DROP TRIGGER fact_is_never_changed")
        disk.execute(
            "UPDATE fact SET body = CAST(replace(CAST(body AS TEXT), '11300', '99999') AS BLOB)"
            " WHERE seq IN (20, 40)"
        )
    lane = new_lane()
    lane.sell(2)
    lane.wait_until_acknowledged()
    status = bridge.status()
    assert (status.facts, status.vouchers, status.quarantined) == (60, 4, 2)
    assert status.lanes[0].cursor == Cursor(60, 60)


@needs_mosquitto
def test_a_stop_is_clean_and_what_comes_meanwhile_waits(bridge, new_lane):
    lane = new_lane()
    lane.sell(2)
    lane.wait_until_acknowledged()
    assert bridge.end(signal.SIGTERM) == 0
    lane.sell(2)
    bridge.start()
    lane.wait_until_acknowledged()
    assert bridge.status().vouchers == 4

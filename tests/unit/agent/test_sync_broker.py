"""A lane's facts reach the other end of a real broker, whatever is lost, repeated or restarted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import pytest

from agent import sync as module
from agent.domain.facts import DeviceLost
from agent.journal import Journal
from agent.mqtt_settings import MqttSettings
from agent.sync import Birth, Sync
from agent.wire import Ack, LaneAddress
from tests.broker_kit import MOSQUITTO, Iotcore, Listener, Mosquitto, wait_for
from tests.lane_kit import append

ROOT = Path(__file__).parents[3]
numbers = count(1)
needs_mosquitto = pytest.mark.skipif(
    not MOSQUITTO.exists() and not os.environ.get("CI"), reason="mosquitto is not installed"
)
FACT = DeviceLost("scale", "gone")

pytestmark = needs_mosquitto


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory):
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    yield broker
    broker.stop()


@pytest.fixture(autouse=True)
def _brisk(monkeypatch):
    monkeypatch.setattr(module, "TURN_S", 0.05)
    monkeypatch.setattr(module, "STALL_S", 0.3)
    monkeypatch.setattr(module, "REWIND_PAUSE_S", 0.05)


@pytest.fixture
def address():
    return LaneAddress("acme", "s1", f"lane-{next(numbers)}")


class SyncedLane:
    """A journal and its sync, running in a thread of its own."""

    def __init__(self, path, port, address):
        self.journal = Journal(path)
        self.acks = []
        self.sync = Sync(
            MqttSettings(port=port),
            address,
            Birth(self.journal.epoch, "boot-1", "0.1.0"),
            path,
            self.journal.acked_seq,
            self.acks.append,
            fresh=self.journal.fresh,
        )
        self.errors = []
        self.start()

    def start(self):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            self.sync.run(self.stop)
        except ZeroDivisionError as error:
            self.errors.append(error)

    def commit(self, facts, *, groups=1):
        for _ in range(groups):
            append(self.journal, [FACT] * facts)
            self.sync.committed(self.journal.last_seq)

    def wait_until_acknowledged(self):
        last = self.journal.last_seq
        wait_for(lambda: self.acks and self.acks[-1] == last, f"acknowledged up to {last}")

    def end(self):
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def close(self):
        self.end()
        self.journal.close()


@pytest.fixture
def start(tmp_path):
    """Start a lane, or the same one again on its journal."""
    started = []

    def begin(broker, address, path=None):
        lane = SyncedLane(path or tmp_path / "journal.db", broker.port, address)
        started.append(lane)
        return lane

    yield begin
    for lane in started:
        if lane.thread.is_alive():
            lane.close()


@pytest.fixture
def listen():
    listeners = []

    def begin(broker, address):
        listeners.append(Listener(broker.port, address))
        return listeners[-1]

    yield begin
    for listener in listeners:
        listener.close()


def whole(listener, lane):
    """Every fact arrived, in an unbroken chain."""
    assert listener.broken == []
    assert sorted(listener.facts) == list(range(1, lane.journal.last_seq + 1))
    assert listener.epochs == {lane.journal.epoch}
    return True


# --- the way -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Mosquitto, Iotcore])
def test_all_facts_arrive_and_their_acknowledgement_comes_back(
    kind, tmp_path, start, listen, address
):
    broker = kind(tmp_path)
    try:
        listener, lane = listen(broker, address), start(broker, address)
        lane.commit(1)
        lane.commit(30, groups=10)
        lane.wait_until_acknowledged()

        assert whole(listener, lane)
        assert lane.acks == sorted(lane.acks)
        lane.close()
    finally:
        broker.stop()


def test_facts_from_before_the_connection_are_sent_too(mosquitto, start, listen, address, tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        append(journal, [FACT] * 2000)  # more than a window holds
    listener = listen(mosquitto, address)
    lane = start(mosquitto, address)
    lane.commit(1)
    lane.wait_until_acknowledged()

    assert whole(listener, lane)
    assert all(last - first < 64 for first, last in listener.batches)


def test_a_restarted_lane_goes_on_after_what_was_acknowledged(mosquitto, start, listen, address):
    listener, lane = listen(mosquitto, address), start(mosquitto, address)
    lane.commit(5)
    lane.wait_until_acknowledged()
    lane.journal.save_cursor(lane.acks[-1])
    lane.close()
    listener.batches.clear()

    again = start(mosquitto, address, lane.journal.path)
    again.commit(3)
    again.wait_until_acknowledged()

    assert whole(listener, again)
    assert min(first for first, _ in listener.batches) == 6


# --- acknowledgements that are not what they seem ----------------------------------------------


def test_a_reimaged_lane_sends_everything_though_its_former_life_was_acknowledged(
    mosquitto, start, listen, address
):
    listener = listen(mosquitto, address)
    listener.say(Ack("the-former-life", 500))
    lane = start(mosquitto, address)
    lane.commit(7)
    lane.wait_until_acknowledged()

    assert whole(listener, lane)
    assert max(lane.acks) == 7


def test_an_acknowledgement_above_all_that_was_sent_is_not_believed(
    mosquitto, start, listen, address, tmp_path
):
    with Journal(tmp_path / "journal.db") as journal:
        append(journal, [FACT] * 3)
        epoch = journal.epoch
    listener = listen(mosquitto, address)
    listener.say(Ack(epoch, 3))
    lane = start(mosquitto, address)
    lane.commit(4)
    lane.wait_until_acknowledged()

    assert whole(listener, lane)
    assert max(lane.acks) == 7


def test_what_is_no_acknowledgement_is_ignored(mosquitto, start, listen, address):
    listener, lane = listen(mosquitto, address), start(mosquitto, address)
    for payload in (b"", b"{", b'{"hw": 3}', b"\xff"):
        listener._client.publish(address.topic("ack"), payload, qos=1)
    lane.commit(2)
    lane.wait_until_acknowledged()

    assert lane.thread.is_alive()
    assert whole(listener, lane)


# --- loss --------------------------------------------------------------------------------------


def test_a_lost_acknowledgement_costs_a_resend_and_nothing_else(mosquitto, start, listen, address):
    listener = listen(mosquitto, address)
    silent = iter([True, True, False])
    listener.judge = lambda first, last: (
        listener.honest(first, last)[:0] if next(silent, False) else listener.honest(first, last)
    )
    lane = start(mosquitto, address)
    lane.commit(3)
    lane.wait_until_acknowledged()

    assert listener.batches == [(1, 3)] * 3
    assert whole(listener, lane)


def test_facts_that_the_bridge_misses_are_sent_again_from_there(mosquitto, start, listen, address):
    listener = listen(mosquitto, address)
    lane = start(mosquitto, address)
    lane.commit(5)
    lane.wait_until_acknowledged()
    listener.hw = 2  # the bridge's database was put back to an older copy
    for seq in (3, 4, 5):
        del listener.facts[seq]
    threading.Event().wait(0.1)  # longer than the pause between two rewinds
    lane.commit(1)
    wait_for(lambda: listener.hw == 6, "the bridge has all again")

    assert whole(listener, lane)


def test_a_bridge_that_says_less_than_before_when_it_comes_back_is_filled_up(
    mosquitto, start, listen, address
):
    listener, lane = listen(mosquitto, address), start(mosquitto, address)
    lane.commit(5)
    lane.wait_until_acknowledged()
    lane.end()
    listener.hw, listener.facts = 0, {}

    lane.start()
    lane.sync.committed(5)
    wait_for(lambda: lane.sync._link.up, "connected again")
    threading.Event().wait(0.2)
    listener.say(Ack(lane.journal.epoch, 0))
    wait_for(lambda: listener.hw == 5, "the bridge has all again")

    assert whole(listener, lane)


def test_a_broker_that_forgot_everything_costs_a_resend(tmp_path, start, listen, address):
    broker = Mosquitto(tmp_path)
    try:
        first, lane = listen(broker, address), start(broker, address)
        lane.commit(4)
        lane.wait_until_acknowledged()
        broker.stop()
        first.close()
        lane.commit(3)
        broker.start()
        second = listen(broker, address)
        second.hw = 4
        lane.commit(1)
        lane.wait_until_acknowledged()

        assert second.broken == []
        assert sorted(second.facts)[-4:] == [5, 6, 7, 8]
        lane.close()
    finally:
        broker.stop()


def test_a_broker_that_is_not_there_is_waited_for(tmp_path, start, listen, address, caplog):
    broker = Mosquitto(tmp_path)
    broker.stop()
    lane = start(broker, address)
    lane.commit(2)
    lane.sync.post("alert", b"missed")
    wait_for(lambda: "not reachable" in caplog.text, "the loss is said")
    broker.start()
    try:
        listener = listen(broker, address)
        lane.wait_until_acknowledged()

        assert whole(listener, lane)
        assert caplog.text.count("not reachable") == 1
        lane.close()
    finally:
        broker.stop()


# --- status, alerts, ends ----------------------------------------------------------------------


def status_of(listener):
    return [json.loads(payload) for leaf, payload, _ in listener.other if leaf == "status"]


def test_the_lane_says_that_it_is_there_and_says_goodbye(mosquitto, start, listen, address):
    listener, lane = listen(mosquitto, address), start(mosquitto, address)
    wait_for(lambda: status_of(listener), "the lane's birth")
    lane.close()
    wait_for(lambda: len(status_of(listener)) == 2, "the lane's goodbye")

    birth = {"online": True, "epoch": lane.journal.epoch, "boot_id": "boot-1", "version": "0.1.0"}
    assert status_of(listener) == [birth, birth | {"online": False}]
    late = listen(mosquitto, address)
    wait_for(lambda: status_of(late), "the retained status")
    assert late.other == [("status", listener.other[-1][1], True)]


LANE = """
import sys, threading
from pathlib import Path
from agent.mqtt_settings import MqttSettings
from agent.sync import Birth, Sync
from agent.wire import LaneAddress
from agent.journal import Journal

path, port, lane = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
Journal(path).close()
address = LaneAddress("acme", "s1", lane)
sync = Sync(MqttSettings(port=port), address, Birth("e1", "boot-9", "0"), path, 0, print)
sync.run(threading.Event())
"""


def test_a_lane_that_is_killed_leaves_its_will_with_its_boot_id(
    mosquitto, listen, address, tmp_path
):
    listener = listen(mosquitto, address)
    command = [sys.executable, "-c", LANE, tmp_path / "j.db", str(mosquitto.port), address.lane]
    lane = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        wait_for(lambda: status_of(listener), "the lane's birth")
    finally:
        lane.send_signal(signal.SIGKILL)
        lane.wait()
    wait_for(lambda: len(status_of(listener)) == 2, "the lane's will")

    birth, will = status_of(listener)
    assert (birth["online"], will["online"]) == (True, False)
    assert birth["boot_id"] == will["boot_id"] == "boot-9"


def test_alerts_go_out_beside_the_facts_and_the_oldest_are_shed_while_offline(
    mosquitto, listen, address, tmp_path
):
    listener = listen(mosquitto, address)
    lane = SyncedLane(tmp_path / "journal.db", mosquitto.port, address)
    lane.end()
    for number in range(300):
        lane.sync.post("alert", b"%d" % number)
    lane.start()
    wait_for(lambda: any(p == b"299" for _, p, _ in listener.other), "the last alert")

    alerts = [int(payload) for leaf, payload, _ in listener.other if leaf == "alert"]
    assert alerts == list(range(300 - 256, 300))
    lane.close()


def test_sync_goes_on_when_it_is_run_again_after_a_bug(
    mosquitto, start, listen, address, monkeypatch
):
    listener = listen(mosquitto, address)
    original, bugs = module.wire.encode_batch, iter([True])

    def encode(*args):
        if next(bugs, False):
            raise ZeroDivisionError
        return original(*args)

    monkeypatch.setattr(module.wire, "encode_batch", encode)
    lane = start(mosquitto, address)
    lane.commit(3)
    lane.thread.join(10)
    assert len(lane.errors) == 1
    lane.commit(1)  # nobody listens now, and nothing breaks

    lane.start()
    lane.wait_until_acknowledged()

    assert whole(listener, lane)

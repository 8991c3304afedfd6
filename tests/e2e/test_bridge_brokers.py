"""The bridge as a process of its own, between a real broker and a real lane's journal and sync."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from iotcore import Broker

import agent.sync
from agent import wire
from agent.domain.facts import LaneStarted, SoldLine, TransactionSettled
from agent.domain.totals import TaxAmount, Tender
from agent.journal import Journal
from agent.mqtt import Incoming, MqttLink
from agent.mqtt_settings import MqttSettings
from agent.sync import Birth, Sync
from agent.wire import LaneAddress
from cloud_bridge.config import load
from cloud_bridge.ledger.port import Cursor, Status
from cloud_bridge.ledger.sqlite import SqliteLedger

ROOT = Path(__file__).parents[2]
MOSQUITTO = Path("/usr/sbin/mosquitto")
PATIENCE_S = 30.0

CONFIG = """
[mqtt]
port = {port}
[ledger]
path = "ledger.sqlite3"
chart = "cn_asbe"
"""


def wait_for(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        pause.wait(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """Debian's broker, set up as in production, but on loopback."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
            f"persistence true\npersistence_location {folder}/\n"
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self.start()

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", self._config], stdout=quiet, stderr=quiet
        )
        wait_for(lambda: answers(self.port), "mosquitto listens")

    def kill(self) -> None:
        """As a power cut: with mosquitto's default autosave, nothing of the sessions is left."""
        self._process.kill()
        self._process.wait()

    stop = kill


class Iotcore:
    """The demo's broker. It keeps nothing over a restart."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.start()

    def start(self) -> None:
        self._broker = Broker(self.port, "127.0.0.1", max_payload_size=1024 * 1024)
        self._broker.start()

    def kill(self) -> None:
        self._broker.stop()

    stop = kill


class Bridge:
    """`lanetally-bridge` as it is run in production."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.config = folder / "bridge.toml"
        self.config.write_text(CONFIG.format(port=port))
        self.start()

    def start(self) -> None:
        start = "import sys; from cloud_bridge.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", start, "run", "--config", str(self.config)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline().startswith("lanetally-bridge ready: ")

    def end(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE_S)
        self._process.stdout.close()
        return code

    def status(self) -> Status:
        config = load(self.config)
        with closing(SqliteLedger(config.ledger_path, config.books)) as ledger:
            return ledger.status()


def sale(number: int) -> TransactionSettled:
    line = SoldLine(1, "04710199010372", 1000, None, 11300, "Tea", "110411", 1300)
    return TransactionSettled(
        f"t{number}", f"R{number}", "2000-11-01", "CNY", f"p{number}", 1, 11300, 0, 0,
        (line,), (Tender("wechat", 11300),), (TaxAmount(1300, 10000, 1300),), 0,
    )  # fmt: skip


class Lane:
    """The real journal and the real sync of one lane; `sell` appends facts, a sale every tenth."""

    def __init__(self, file: Path, port: int, lane: str = "lane-1") -> None:
        self.address = LaneAddress("acme", "harbour", lane)
        self.journal = Journal(file)
        self.sold = 0
        self._sync = Sync(
            MqttSettings(port=port),
            self.address,
            Birth(self.journal.epoch, "boot", "0.1"),
            file,
            self.journal.acked_seq,
            self._acknowledged,
        )
        self.acked = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sync.run, args=(self._stop,))
        self._thread.start()

    def _acknowledged(self, seq: int) -> None:
        self.acked = seq

    def sell(self, sales: int) -> None:
        for _ in range(sales):
            self.sold += 1
            bodies = [LaneStarted("boot", "0.1")] * 9 + [sale(self.sold)]
            self.journal.append(bodies, wall_ms=1_700_000_000_000, mono_ms=self.sold)
            self._sync.committed(self.journal.last_seq)

    def wait_until_acknowledged(self) -> None:
        last = self.journal.last_seq
        wait_for(lambda: self.acked == last, f"{self.address.lane} acknowledged up to {last}")

    def close(self) -> None:
        self._stop.set()
        self._sync.committed(self.journal.last_seq)  # wakes it
        self._thread.join()
        self.journal.close()


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

"""Real brokers, the bridge as a process of its own, and a lane's real journal and sync."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from iotcore import Broker

from agent.domain.facts import LaneStarted, SoldLine, TransactionSettled
from agent.domain.totals import TaxAmount, Tender
from agent.journal import Journal
from agent.mqtt_settings import MqttSettings
from agent.sync import Birth, Sync
from agent.wire import LaneAddress
from cloud_bridge.config import load
from cloud_bridge.ledger.port import Status
from cloud_bridge.ledger.sqlite import SqliteLedger

ROOT = Path(__file__).parents[1]
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

    def __init__(self, folder: Path, port: int, config: str = CONFIG, name: str = "bridge") -> None:
        self.folder = folder
        self.config = folder / f"{name}.toml"
        self.config.write_text(config.format(port=port, name=name))
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
            fresh=self.journal.fresh,
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

"""Real brokers on free loopback ports, and a listener that stands where the bridge stands."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from iotcore import Broker
from paho.mqtt.enums import CallbackAPIVersion

from agent.wire import Ack, LaneAddress, UndecodableFact, decode_batch, encode_ack

MOSQUITTO = Path("/usr/sbin/mosquitto")
PATIENCE_S = 20.0


def wait_for(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        threading.Event().wait(0.005)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """Debian's broker without persistence: a restart forgets everything."""

    def __init__(self, folder: Path, *lines: str) -> None:
        """`lines`: more of its configuration, of the listener if they are TLS."""
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
            + "".join(f"{line}\n" for line in lines)
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self.start()

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self._child = subprocess.Popen([MOSQUITTO, "-c", self._config], stdout=quiet, stderr=quiet)
        wait_for(lambda: listens(self.port), "mosquitto listens")

    def stop(self) -> None:
        self._child.kill()
        self._child.wait()


class Iotcore:
    """The demo's broker."""

    def __init__(self, _folder: Path) -> None:
        self.port = free_port()
        self._broker = Broker(self.port, "127.0.0.1", max_payload_size=1024 * 1024)
        self._broker.start()
        wait_for(lambda: listens(self.port), "iotcore listens")

    def stop(self) -> None:
        self._broker.stop()


class Listener:
    """Hears a lane and answers each batch with the acknowledgements of `judge(first, last)`.

    By default it is an honest bridge: it keeps what follows on and acknowledges the highest.
    """

    def __init__(self, port: int, address: LaneAddress) -> None:
        self.address = address
        self.batches: list[tuple[int, int]] = []  # (first, last seq) of each batch that came
        self.broken: list[str] = []  # what could not be decoded
        self.facts: dict[int, str] = {}  # seq -> type, of what was kept
        self.epochs: set[str] = set()
        self.other: list[tuple[str, bytes, bool]] = []  # leaf, payload, retained
        self.hw = 0
        self.judge: Callable[[int, int], list[Ack]] = self.honest
        self.epoch = ""
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"listener-{id(self)}")
        self._client.on_message = self._heard
        self._subscribed = threading.Event()
        self._client.on_connect = lambda c, *_: c.subscribe(address.topic("#"), qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect_timeout = 5.0
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def honest(self, first: int, last: int) -> list[Ack]:
        gap = first > self.hw + 1
        if not gap:
            self.hw = max(self.hw, last)
        return [Ack(self.epoch, self.hw, gap)]

    def say(self, ack: Ack) -> None:
        """An acknowledgement, retained as the bridge sends it."""
        self._client.publish(self.address.topic("ack"), encode_ack(ack), qos=1, retain=True)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        found = LaneAddress.of_topic(message.topic)
        assert found is not None
        leaf = found[1]
        if leaf != "tx":
            if leaf != "ack":
                self.other.append((leaf, message.payload, message.retain))
            return
        try:
            batch = decode_batch(message.payload)
        except UndecodableFact as error:
            self.broken.append(str(error))
            return
        self.epoch = batch.epoch
        self.epochs.add(batch.epoch)
        first, last = batch.facts[0].seq, batch.facts[-1].seq
        self.batches.append((first, last))
        if first <= self.hw + 1:
            self.facts.update((fact.seq, fact.type) for fact in batch.facts)
        for ack in self.judge(first, last):
            self.say(ack)

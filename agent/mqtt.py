"""One MQTT connection, driven by the thread that owns it. The same few lines serve lane and bridge.

paho's own network thread is not used: its public external-loop calls (`loop_read`, `loop_write`,
`loop_misc`) run inside `MqttLink.turn`, so that the owner reads what has come, commits, and sends,
without a hand-over between threads. TCP_NODELAY is set when the socket opens: without it at both
ends of the connection a round trip takes 40 ms instead of 2.
"""

from __future__ import annotations

import contextlib
import logging
import random
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.mqtt_settings import MqttSettings

log = logging.getLogger("lanetally.mqtt")

WINDOW = 20  #: messages in flight: the receive maximum that common brokers advertise
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Will:
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message, not yet confirmed to the broker: `MqttLink.confirm` it once it is durable."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int


class MqttLink:
    """A reconnecting connection. Every method but `wake` belongs to the owning thread."""

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        *,
        on_up: Callable[[], None],
        on_message: Callable[[Incoming], None],
        will: Will | None = None,
        clean: bool = True,
    ) -> None:
        self._settings = settings
        self._on_up = on_up
        self._up_due = False
        self._failures = 0
        self._retry_at = 0.0
        self._unconfirmed: set[int] = set()  # message ids
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            protocol=paho.MQTTv311,
            manual_ack=True,
        )
        client.max_inflight_messages_set(WINDOW)
        client.connect_timeout = 5.0
        if settings.username:
            client.username_pw_set(settings.username, settings.password or None)
        if settings.tls:
            client.tls_set(ca_certs=settings.ca_file or None, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_socket_open = _no_delay
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = lambda _c, _u, m: on_message(
            Incoming(m.topic, bytes(m.payload), m.qos, m.retain, m.mid)
        )
        client.on_publish = lambda _c, _u, mid, _r, _p: self._unconfirmed.discard(mid)
        self._client = client

    @property
    def up(self) -> bool:
        return self._client.is_connected()

    @property
    def unconfirmed(self) -> int:
        """Messages that the broker has not confirmed; paho itself sends them again on reconnect."""
        return len(self._unconfirmed)

    def subscribe(self, *topics: str) -> None:
        self._client.subscribe([(topic, 1) for topic in topics])

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message to the connection at QoS 1."""
        self._unconfirmed.add(self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def confirm(self, message: Incoming) -> None:
        """Tell the broker that the message is durable here."""
        if message.qos:
            self._client.ack(message.mid, message.qos)

    def wake(self) -> None:
        """Make `turn` return soon. Any thread."""
        with contextlib.suppress(BlockingIOError):  # the pipe is full: it is awake already
            self._wake_w.send(b"\0")

    def turn(self, timeout_s: float) -> None:
        """Wait for traffic, a wake-up or the time-out; read and write what is due."""
        sock = self._client.socket()
        if sock is None:
            self._reconnect_if_due()
            sock = self._client.socket()
        watched: list[Any] = [self._wake_r] if sock is None else [self._wake_r, sock]
        writing = [sock] if sock is not None and self._client.want_write() else []
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            timeout_s = (
                0.0  # decrypted bytes wait inside the TLS layer where select cannot see them
            )
        readable, _, _ = select.select(watched, writing, [], max(0.0, timeout_s))
        if self._wake_r in readable:
            with contextlib.suppress(BlockingIOError):
                self._wake_r.recv(4096)
        if sock is not None:
            if sock in readable or timeout_s == 0.0:
                self._client.loop_read(WINDOW)
            self.flush()
            self._client.loop_misc()
        if self._up_due:
            self._up_due = False
            self._on_up()
            self.flush()

    def flush(self) -> None:
        """Send what is queued, as far as the socket takes it."""
        while self._client.socket() is not None and self._client.want_write():
            if self._client.loop_write() != paho.MQTT_ERR_SUCCESS:
                break

    def close(self) -> None:
        """Leave cleanly: no last will is sent."""
        self.flush()
        self._client.disconnect()
        self.flush()
        self._wake_r.close()
        self._wake_w.close()

    def _reconnect_if_due(self) -> None:
        if time.monotonic() < self._retry_at:
            return
        try:
            self._client.connect(
                self._settings.host, self._settings.port, keepalive=self._settings.keepalive_s
            )
        except (OSError, ValueError) as error:
            self._failed(str(error))

    def _failed(self, reason: str) -> None:
        if self._failures == 0:  # once on loss; the return is logged in _connected
            log.warning("broker %s:%d not reachable: %s", *self._where(), reason)
        step = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._retry_at = time.monotonic() + step * random.uniform(0.5, 1.0)  # noqa: S311  jitter

    def _where(self) -> tuple[str, int]:
        return self._settings.host, self._settings.port

    def _connected(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._failed(f"refused: {reason}")
            return
        log.info("connected to broker %s:%d", *self._where())
        self._failures = 0
        self._up_due = True

    def _disconnected(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._up_due = False
        if reason.is_failure:
            self._failed(f"lost: {reason}")


def _no_delay(_client: Any, _userdata: Any, sock: Any) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

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
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.domain.text import Text
from agent.mqtt_settings import MqttSettings
from agent.mqtt_tls import Context, TlsUnusable, context_of, hang_up, load_own, reason_of

log = logging.getLogger("lanetally.mqtt")

WINDOW = 20  #: messages in flight: the receive maximum that common brokers advertise
SESSION_S = 7 * 86_400  #: how long a broker of version 5 keeps what waits for the bridge
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
        say: Callable[[Text], str] = Text.english,
    ) -> None:
        self._settings = settings
        self._on_up = on_up
        self._say = say
        self._up_due = False
        self.window = WINDOW  #: how many messages the broker takes before it has confirmed one
        self._failures = 0
        self._retry_at = 0.0
        self._unconfirmed: set[int] = set()  # message ids
        #: beyond what the broker takes now: topic, payload, retained, seconds until it expires
        self._queued: deque[tuple[str, bytes, bool, int]] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._clean = clean
        self._tls: Context | None = None
        self._alert = ""  # what paho logged of TLS
        self._accepted = False  # by the broker, since this connection was begun
        is_5 = settings.version == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if is_5 else clean,
            protocol=paho.MQTTv5 if is_5 else paho.MQTTv311,
            manual_ack=True,
        )
        client.max_inflight_messages_set(WINDOW)
        client.connect_timeout = 5.0
        if settings.username:
            client.username_pw_set(settings.username, settings.password or None)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_socket_open = _no_delay
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_log = self._logged
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
        """Messages that the broker has not confirmed; they are sent again on reconnect."""
        return len(self._unconfirmed) + len(self._queued)

    def subscribe(self, *topics: str) -> None:
        self._client.subscribe([(topic, 1) for topic in topics])

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int = 0
    ) -> None:
        """Hand a message to the connection at QoS 1. `expires_s`: for how long a broker of version
        5 keeps it for who is away; 0: as long as it will."""
        self._queued.append((topic, payload, retain, expires_s))
        self._fill_window()

    def _fill_window(self) -> None:
        """paho keeps what is in flight and sends it again; how much a broker takes it ignores."""
        while self._queued and len(self._unconfirmed) < self.window and self.up:
            topic, payload, retain, expires_s = self._queued.popleft()
            properties = self._publish_properties(expires_s)
            sent = self._client.publish(topic, payload, 1, retain, properties)
            self._unconfirmed.add(sent.mid)

    def _publish_properties(self, expires_s: int) -> Properties | None:
        if not expires_s or self._settings.version != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own
        properties.MessageExpiryInterval = expires_s
        return properties

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
            self._fill_window()
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
        settings = self._settings
        try:
            self._secure()
            if settings.version == "5":
                self._client.connect(
                    settings.host,
                    settings.port,
                    keepalive=settings.keepalive_s,
                    clean_start=self._clean,
                    properties=self._connect_properties(),
                )
            else:
                self._client.connect(settings.host, settings.port, keepalive=settings.keepalive_s)
        except TlsUnusable as error:
            self._failed(
                Text("{key}: {reason}", {"key": error.key, "reason": self._say(error.text)})
            )
        except OSError as error:
            if self._tls is not None:
                self._tls.close_last()
            self._failed(reason_of(error))
        except ValueError as error:
            self._failed(Text("{reason}", {"reason": str(error)}))

    def _connect_properties(self) -> Properties:
        """What 3.1.1 leaves to the broker's configuration."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own
        properties.ReceiveMaximum = WINDOW
        if not self._clean:
            properties.SessionExpiryInterval = SESSION_S
        return properties

    def _secure(self) -> None:
        """Read the certificates, once more after a failure: they may have been renewed."""
        if self._settings.tls and self._tls is None:
            self._tls = context_of(self._settings)
            self._client.tls_set_context(self._tls)
        elif self._tls is not None and self._failures:
            load_own(self._tls, self._settings)

    def _failed(self, reason: Text) -> None:
        if self._failures == 0:  # once on loss; the return is logged in _connected
            words: dict[str, str | int] = {"reason": self._say(reason)}
            host, port = self._where()
            words |= {"host": host, "port": port}
            log.warning(
                "%s", self._say(Text("broker {host}:{port} not reachable: {reason}", words))
            )
        step = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        self._retry_at = time.monotonic() + step * random.uniform(0.5, 1.0)  # noqa: S311  jitter

    def _where(self) -> tuple[str, int]:
        return self._settings.host, self._settings.port

    def _connected(self, _c: Any, _u: Any, _f: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._failed(Text("refused: {reason}", {"reason": str(reason)}))
            return
        self.window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        log.info("connected to broker %s:%d", *self._where())
        self._failures = 0
        self._up_due = self._accepted = True

    def _logged(self, _c: Any, _u: Any, _level: Any, message: str) -> None:
        """In TLS 1.3 the broker judges our certificate after the handshake; paho only logs why."""
        if "[SSL: " in message:
            self._alert = message

    def _hang_up(self) -> Text:
        return hang_up(self._settings, self._alert, datetime.now(UTC), self._say)

    def _disconnected(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._up_due = False
        if reason.is_failure:
            lost = Text("lost: {reason}", {"reason": str(reason)})
            refused = self._tls is not None and not self._accepted
            self._failed(self._hang_up() if refused else lost)
        self._accepted, self._alert = False, ""


def _no_delay(_client: Any, _userdata: Any, sock: Any) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

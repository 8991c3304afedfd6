"""A broker and connections to it, as bad as MQTT allows, behind the methods of `MqttLink`.

A connection keeps the order of what it carries, as TCP does, until it breaks and loses what is on
its way. The broker is not so honest: what it has confirmed it may lose, deliver twice, late or in
another order, and when it restarts it may have forgotten everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from agent.mqtt import WINDOW, Incoming, Will
from tests.simulation.clockwork import Scheduler

LATENCY_S = 0.005, 0.05
RETRY_S = 0.2, 8.0
LATE_S = 0.1, 20.0
NOTICED_S = 0.0, 30.0  #: how long a dead connection looks alive


@dataclass
class Faults:
    """Of the broker with each message that it has confirmed: probabilities."""

    lose: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0


@dataclass
class Session:
    """What the broker knows of a client. `queue`: not yet sent to it; `flying`: not confirmed."""

    clean: bool
    topics: set[str] = field(default_factory=set)
    queue: deque[tuple[str, bytes, bool]] = field(default_factory=deque)
    flying: dict[int, tuple[str, bytes, bool]] = field(default_factory=dict)
    connection: Connection | None = None
    will: Will | None = None


class Connection:
    """One life of a TCP connection between a link and the broker."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._arrival_s = {"up": 0.0, "down": 0.0}
        self.dead = False

    def carry(self, direction: str, deliver: Callable[[], None]) -> None:
        scheduler = self._scheduler
        arrival = scheduler.now_s + scheduler.chance.uniform(*LATENCY_S)
        arrival = self._arrival_s[direction] = max(arrival, self._arrival_s[direction])

        def arrive() -> None:
            if not self.dead:
                deliver()

        scheduler.after(arrival - scheduler.now_s, arrive)


class Broker:
    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.faults = Faults()
        self.down = False
        self.unreachable: set[str] = set()  #: clients behind a partition
        self._mids = count(1)
        self._sessions: dict[str, Session] = {}
        self._links: dict[str, SimLink] = {}
        self._retained: dict[str, bytes] = {}

    # --- what goes wrong -----------------------------------------------------------------------

    def crash(self, *, forget: bool) -> None:
        """Every connection breaks. `forget`: and nothing is left of sessions and messages."""
        self.down = True
        for client_id in list(self._links):
            self.cut(client_id, 0.0)
        if forget:
            self._sessions.clear()
            self._retained.clear()

    def cut(self, client_id: str, noticed_s: float) -> None:
        """Break a connection. The client notices after `noticed_s`, the broker when it will."""
        link, session = self._links.get(client_id), self._sessions.get(client_id)
        if session is None or session.connection is None:
            return
        connection = session.connection
        connection.dead = True
        late = self.scheduler.chance.uniform(*NOTICED_S) if noticed_s else 0.0
        self.scheduler.after(late, lambda: self._closed(client_id, connection, clean=False))
        if link is not None:
            self.scheduler.after(noticed_s, lambda: link.broken(connection))

    # --- clients -------------------------------------------------------------------------------

    def connect(self, link: SimLink) -> Connection | None:
        """None if the broker cannot be reached."""
        if self.down or link.client_id in self.unreachable:
            return None
        session = self._sessions.get(link.client_id)
        if session is not None and session.connection is not None:
            session.connection.dead = True
            self._closed(link.client_id, session.connection, clean=False)
            session = self._sessions.get(link.client_id)
        if session is None or session.clean or link.clean:
            session = self._sessions[link.client_id] = Session(link.clean)
        connection = session.connection = Connection(self.scheduler)
        session.will = link.will
        self._links[link.client_id] = link
        connection.carry("down", link.accepted)
        session.queue.extendleft(reversed(session.flying.values()))
        session.flying.clear()
        self._deliver(session, link.client_id)
        return connection

    def closed(self, client_id: str, connection: Connection) -> None:
        """A client has said goodbye."""
        self._closed(client_id, connection, clean=True)

    def _closed(self, client_id: str, connection: Connection, *, clean: bool) -> None:
        session = self._sessions.get(client_id)
        if session is None or session.connection is not connection:
            return
        session.connection = None
        connection.dead = True
        if session.clean:
            del self._sessions[client_id]
        if session.will is not None and not clean and not self.down:
            self._route(session.will.topic, session.will.payload, retain=True)

    def subscribe(self, client_id: str, topics: tuple[str, ...]) -> None:
        session = self._sessions[client_id]
        session.topics.update(topics)
        for topic, payload in self._retained.items():
            if any(_matches(wanted, topic) for wanted in topics):
                session.queue.append((topic, payload, True))
        self._deliver(session, client_id)

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Take a message, and do with it what brokers have been seen to do."""
        chance, faults = self.scheduler.chance, self.faults

        def arrive() -> None:
            self._route(topic, payload, retain=retain)

        if chance.random() < faults.lose:
            return
        for _ in range(1 + (chance.random() < faults.repeat)):
            late = chance.uniform(*LATE_S) if chance.random() < faults.delay else 0.0
            if late:
                self.scheduler.after(late, arrive)
            else:
                arrive()

    def _route(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if self.down:
            return
        if retain:
            self._retained[topic] = payload
        for client_id in self._receivers(topic):
            session = self._sessions[client_id]
            session.queue.append((topic, payload, False))
            self._deliver(session, client_id)

    def _receivers(self, topic: str) -> list[str]:
        """Who has subscribed; of those who share a subscription one, connected if any is."""
        receivers, sharers = [], []
        for client_id, session in self._sessions.items():
            if any(_matches(wanted, topic) for wanted in session.topics):
                receivers.append(client_id)
            elif any(_matches(wanted, topic) for wanted in _shared(session.topics)):
                sharers.append(client_id)
        there = [name for name in sharers if self._sessions[name].connection is not None]
        return receivers + ([self.scheduler.chance.choice(there or sharers)] if sharers else [])

    def _deliver(self, session: Session, client_id: str) -> None:
        connection, link = session.connection, self._links[client_id]
        while connection is not None and session.queue and len(session.flying) < WINDOW:
            mid = next(self._mids)
            topic, payload, retain = session.flying[mid] = session.queue.popleft()
            message = Incoming(topic, payload, 1, retain, mid)
            connection.carry("down", lambda message=message: link.arrived(message))

    def confirmed(self, client_id: str, mid: int) -> None:
        session = self._sessions.get(client_id)
        if session is not None:
            session.flying.pop(mid, None)
            self._deliver(session, client_id)


def _shared(topics: Iterable[str]) -> Iterator[str]:
    """The filters of shared subscriptions: `$share/NAME/FILTER`."""
    return (topic.split("/", 2)[2] for topic in topics if topic.startswith("$share/"))


def _matches(wanted: str, topic: str) -> bool:
    ours, theirs = wanted.split("/"), topic.split("/")
    return len(ours) == len(theirs) and all(
        a in ("+", b) for a, b in zip(ours, theirs, strict=True)
    )


class SimLink:
    """`agent.mqtt.MqttLink` to the simulated broker. `turn` is where its process waits."""

    def __init__(
        self,
        broker: Broker,
        _settings: Any,
        client_id: str,
        *,
        on_up: Callable[[], None],
        on_message: Callable[[Incoming], None],
        will: Will | None = None,
        clean: bool = True,
        say: Any = None,
    ) -> None:
        process = broker.scheduler.current
        assert process is not None
        self.client_id, self.clean, self.will = client_id, clean, will
        self._broker, self._process = broker, process
        self._on_up, self._on_message = on_up, on_message
        self._connection: Connection | None = None
        self._inbox: deque[Callable[[], None]] = deque()
        self._out: dict[int, tuple[str, bytes, bool]] = {}  # what the broker has not confirmed
        self._mids = count(1)
        self._retry_at_s = 0.0
        self._up_due = False
        self.up = False
        self.window = WINDOW

    # --- as MqttLink ---------------------------------------------------------------------------

    @property
    def unconfirmed(self) -> int:
        return len(self._out)

    def subscribe(self, *topics: str) -> None:
        self._send(lambda: self._broker.subscribe(self.client_id, topics))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        mid = next(self._mids)
        self._out[mid] = topic, payload, retain
        self._send_out(mid)

    def confirm(self, message: Incoming) -> None:
        self._send(lambda: self._broker.confirmed(self.client_id, message.mid))

    def wake(self) -> None:
        self._process.wake()

    def turn(self, timeout_s: float) -> None:
        scheduler = self._broker.scheduler
        if self._connection is None and scheduler.now_s >= self._retry_at_s:
            self._connection = self._broker.connect(self)
            self._retry_at_s = scheduler.now_s + scheduler.chance.uniform(*RETRY_S)
        if not self._inbox:
            self._process.pause(timeout_s)
        for _ in range(min(WINDOW, len(self._inbox))):
            self._inbox.popleft()()
        if self._up_due:
            self._up_due = False
            self._on_up()

    def close(self) -> None:
        connection, self._connection, self.up = self._connection, None, False
        if connection is None:
            return
        if self._process.dying:  # the kernel closes the socket; nobody says goodbye
            self._broker.cut(self.client_id, 0.0)
        else:
            connection.carry("up", lambda: self._broker.closed(self.client_id, connection))

    # --- what the connection brings ------------------------------------------------------------

    def accepted(self) -> None:
        self._receive(self._now_up)

    def arrived(self, message: Incoming) -> None:
        self._receive(lambda: self._on_message(message))

    def broken(self, connection: Connection) -> None:
        if connection is self._connection:
            self._connection = None
            self._inbox.clear()
            self._receive(self._now_down)

    def _receive(self, what: Callable[[], None]) -> None:
        self._inbox.append(what)
        self._process.wake()

    def _now_up(self) -> None:
        self.up = self._up_due = True
        for mid in list(self._out):  # as paho does on every return
            self._send_out(mid)

    def _now_down(self) -> None:
        self.up = self._up_due = False

    def _send_out(self, mid: int) -> None:
        topic, payload, retain = self._out[mid]

        def arrive() -> None:
            self._broker.publish(topic, payload, retain=retain)
            connection.carry("down", lambda: self._receive(lambda: self._taken(mid)))

        connection = self._connection
        self._send(arrive)

    def _taken(self, mid: int) -> None:
        self._out.pop(mid, None)

    def _send(self, deliver: Callable[[], None]) -> None:
        if self._connection is not None:
            self._connection.carry("up", deliver)

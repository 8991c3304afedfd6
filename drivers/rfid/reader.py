"""The loop that every RFID reader shares: talk, sight, and tell who came and who left."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Protocol, TypeVar

from drivers.base import Command, DeviceUnavailable, Emit, Identity
from drivers.rfid.conversation import Conversation, Sighting
from drivers.rfid.options import PresenceOptions, rules
from drivers.rfid.presence import Presence

#: How long `run` may be deaf to `stop`.
_WAIT_MS_MAX = 200


class Port(Protocol):
    """`drivers.line.port_serial.SerialPort`, or as it."""

    path: str

    def open(self) -> None: ...
    def read(self, wait_ms: int) -> bytes: ...
    def write(self, data: bytes, wait_ms: int) -> int: ...
    def close(self) -> None: ...


OptionsT = TypeVar("OptionsT", bound=PresenceOptions)


class RfidReader(ABC, Generic[OptionsT]):
    """One reader in one role. A protocol's driver says how to talk; see `drivers.base.Driver`.

    Tags stay known while the reader is away: one that is still there when it is back never left.
    """

    accepts: ClassVar[tuple[type, ...]] = ()

    def __init__(self, role: str, options: OptionsT) -> None:
        self._role = role
        self._options = options
        self._port = self._port_to()
        self._presence: Presence | None = None

    # --- what a protocol's driver says ---

    @abstractmethod
    def _port_to(self) -> Port:
        """The port that the options name, closed."""

    @abstractmethod
    def _probing(self) -> Conversation:
        """A conversation that asks the reader's name and changes nothing."""

    @abstractmethod
    def _reading(self) -> Conversation:
        """A conversation in which it reports tags."""

    @abstractmethod
    def _farewell(self) -> bytes:
        """What ends reading, with the radio off."""

    @abstractmethod
    def _identity(self, product: str) -> Identity:
        """The reader that calls itself `product`."""

    # --- the contract ---

    def probe(self) -> Identity:
        """Ask the reader on this role's own port its name. Raises DeviceUnavailable."""
        self._port.open()
        try:
            talk = self._probing()
            while not talk.product:
                self._turn(talk, time.monotonic_ns())
        finally:
            self._port.close()
        return self._identity(talk.product)

    def open(self) -> None:
        if self._presence is None:
            self._presence = Presence(self._role, rules(self._options))
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Tell arrivals and departures until `stop`. Raises DeviceUnavailable on loss."""
        presence = self._presence
        if presence is None:
            raise DeviceUnavailable(f"{self._port.path}: not open")
        talk = self._reading()
        presence.resume(time.monotonic_ns())
        while not stop.is_set():
            for sighting in self._turn(talk, presence.wake_ns):
                for edge in presence.see(sighting, time.monotonic_ns()):
                    emit(edge)
            for edge in presence.expire(time.monotonic_ns()):
                emit(edge)
        self._port.write(self._farewell(), _WAIT_MS_MAX)

    def handle(self, command: Command) -> None:
        raise TypeError(f"{self._role}: an RFID reader takes no {type(command).__name__}")

    def close(self) -> None:
        self._port.close()

    def _turn(self, talk: Conversation, wake_ns: int | None) -> list[Sighting]:
        """Ask if it is time, hear what there is, answer. Raises DeviceUnavailable."""
        now_ns = time.monotonic_ns()
        self._send(talk.request(now_ns))
        due_ns = talk.wake_ns if wake_ns is None else min(talk.wake_ns, wake_ns)
        data = self._port.read(_wait_ms(due_ns - now_ns))
        sightings = talk.feed(data, time.monotonic_ns())
        self._send(talk.replies)
        if talk.lost:
            raise DeviceUnavailable(f"{self._port.path}: {talk.lost}")
        return sightings

    def _send(self, data: bytes) -> None:
        if self._port.write(data, _WAIT_MS_MAX) < len(data):
            raise DeviceUnavailable(f"{self._port.path}: takes no bytes")


def _wait_ms(left_ns: int) -> int:
    """Whole milliseconds to wait, rounded up so that a wait never ends just before its time."""
    return min(max(-(-left_ns // 1_000_000), 0), _WAIT_MS_MAX)

"""A driver that only listens: port → codec → emit, until told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from drivers.base import Command, DeviceEvent, DeviceUnavailable, Emit

_STOP_CHECK_MS = 400  # the contract asks for two looks a second


class Source(Protocol):
    """A port, as far as listening goes."""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self, wait_ms: int) -> bytes:
        """What has arrived, or b"" after `wait_ms`. Raises DeviceUnavailable."""
        ...


class Decoder(Protocol):
    """What the codec of a device that only speaks offers. Times are `time.monotonic_ns()`."""

    def feed(self, data: bytes, mono_ns: int) -> Sequence[DeviceEvent]: ...

    def next_timeout(self) -> int | None:
        """When to call `flush` if nothing comes before."""
        ...

    def flush(self, mono_ns: int) -> Sequence[DeviceEvent]: ...

    def disconnected(self) -> Sequence[DeviceEvent]:
        """The device is gone: what can be said of what it had begun."""
        ...


def read_until_stopped(port: Source, decoder: Decoder, emit: Emit, stop: threading.Event) -> None:
    """Emit what the decoder makes of the port's bytes. Raises DeviceUnavailable on loss."""
    while not stop.is_set():
        try:
            data = port.read(_wait_ms(decoder.next_timeout()))
        except DeviceUnavailable:
            _emit_all(decoder.disconnected(), emit)
            raise
        now_ns = time.monotonic_ns()
        _emit_all(decoder.feed(data, now_ns) if data else decoder.flush(now_ns), emit)


def _wait_ms(deadline_ns: int | None) -> int:
    if deadline_ns is None:
        return _STOP_CHECK_MS
    left_ms = -(-(deadline_ns - time.monotonic_ns()) // 1_000_000)  # rounded up: never too early
    return min(max(left_ms, 0), _STOP_CHECK_MS)


def _emit_all(events: Sequence[DeviceEvent], emit: Emit) -> None:
    for event in events:
        emit(event)


class Listener:
    """A driver for what is at `options.path`: a subclass says what it is, and how it speaks."""

    accepts: ClassVar[tuple[type, ...]] = ()
    Port: ClassVar[type[Any]]  #: made with the path

    def __init__(self, role: str, options: Any) -> None:
        self._role = role
        self._options = options
        self._port: Source = self.Port(options.path)

    def decoder(self) -> Decoder:
        """A new one: nothing of what was before a loss is in it."""
        raise NotImplementedError

    def open(self) -> None:
        self._port.open()

    def run(self, emit: Emit, stop: threading.Event) -> None:
        read_until_stopped(self._port, self.decoder(), emit, stop)

    def handle(self, command: Command) -> None:
        raise TypeError(f"{self._role}: this device takes no {type(command).__name__}")

    def close(self) -> None:
        self._port.close()

"""A scale driver in a thread, and what it says, for tests of every protocol and of the wire."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drivers.base import DeviceEvent, DeviceUnavailable, ScaleState, StableWeight
from drivers.registry import load

PATIENCE_S = 20  # a bound for a hung test, not for the driver


def driver_of(model: str, path: object, **options: Any) -> Any:
    driver = load("scale", model)
    return driver("scale", driver.Options(path=str(path), **options))


def said(event: DeviceEvent) -> str | int:
    """The event without role, bytes and time: a condition, or grams."""
    assert isinstance(event, ScaleState | StableWeight)
    return event.condition if isinstance(event, ScaleState) else event.weight_g


class Running:
    """A driver's thread and what it emitted."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.events: queue.Queue[DeviceEvent] = queue.Queue()
        self.lost: DeviceUnavailable | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.driver.run(self.events.put, self.stop)
        except DeviceUnavailable as lost:
            self.lost = lost

    def event(self) -> DeviceEvent:
        return self.events.get(timeout=PATIENCE_S)

    def next(self) -> str | int:
        return said(self.event())

    def until(self, last: str | int) -> list[str | int]:
        seen = [self.next()]
        while seen[-1] != last:
            seen.append(self.next())
        return seen

    def weight(self) -> StableWeight:
        """The next weight, whatever is told before it."""
        while not isinstance(event := self.event(), StableWeight):
            pass
        return event


@contextmanager
def started(run: Running) -> Iterator[Running]:
    """A driver of any kind, opened and running for the length of a `with` block."""
    run.driver.open()
    run.thread.start()
    try:
        yield run
    finally:
        run.stop.set()
        run.thread.join(PATIENCE_S)
        run.driver.close()
        assert not run.thread.is_alive()


@contextmanager
def running(model: str, path: object, **options: Any) -> Iterator[Running]:
    with started(Running(driver_of(model, path, **options))) as run:
        yield run

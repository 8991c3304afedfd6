"""A scanner's driver in its own thread, as the supervisor runs it, and what it emitted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from drivers.base import DeviceEvent, DeviceUnavailable, Driver, ScanData
from drivers.registry import load

WAIT_S = 20  # a bound for a hung test, not for the driver


@dataclass
class Worker:
    driver: Driver
    events: queue.Queue[DeviceEvent] = field(default_factory=queue.Queue)
    stop: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None

    def start(self) -> None:
        self.driver.open()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.driver.run(self.events.put, self.stop)
        except DeviceUnavailable as error:
            self.failure = error

    def event(self) -> DeviceEvent:
        return self.events.get(timeout=WAIT_S)

    def next(self) -> tuple[str, bytes, str, bool]:
        event = self.event()
        assert isinstance(event, ScanData)
        return event.role, event.scan_data, event.symbology, event.lossy

    def join(self) -> None:
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()

    def close(self) -> None:
        self.stop.set()
        self.join()
        self.driver.close()


@contextmanager
def running(model: str, path: object, role: str = "scanner", **options: object) -> Iterator[Worker]:
    """A driver of the registry, opened and running for the length of a `with` block."""
    cls = load("scanner", model)
    worker = Worker(cls(role, cls.Options(path=str(path), **options)))
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


def until(condition: Callable[[], object]) -> None:
    """Wait for something that a simulated device's thread will do."""
    deadline = threading.Event()
    for _ in range(int(WAIT_S * 100)):
        if condition():
            return
        deadline.wait(0.01)
    raise AssertionError("it never came")

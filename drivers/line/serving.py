"""A simulated device in a thread of its own, for the demo and for tests of every kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class Served(Protocol):
    def serve(self, stop: threading.Event) -> None:
        """Be the device until `stop`."""
        ...


ServedT = TypeVar("ServedT", bound=Served)


@contextmanager
def serving(device: ServedT) -> Iterator[ServedT]:
    """Run a simulated device's thread for the length of a `with` block."""
    stop = threading.Event()
    thread = threading.Thread(target=device.serve, args=(stop,), name="sim", daemon=True)
    thread.start()
    try:
        yield device
    finally:
        stop.set()
        thread.join()

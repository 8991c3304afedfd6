"""The next scan for somebody else than the basket: a screen that asks which item it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from drivers.base import DeviceEvent, Emit, ScanData


@dataclass(frozen=True, slots=True)
class Label:
    """What was scanned. `scan_data` is without its AIM identifier; lossy: not to be trusted."""

    scan_data: bytes
    symbology: str
    lossy: bool


class Aside:
    """One at a time waits: who asks later is the one. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: Callable[[Label], None] | None = None

    def next_scan(self, heard: Callable[[Label], None]) -> Callable[[], None]:
        """`heard` gets the next label, once, from its scanner's thread, unless the result is called
        before."""
        with self._lock:
            self._heard = heard

        def give_up() -> None:
            with self._lock:
                if self._heard is heard:
                    self._heard = None

        return give_up

    def before(self, emit: Emit) -> Emit:
        """`emit`, past which goes what somebody else waits for."""

        def emitted(event: DeviceEvent) -> None:
            if isinstance(event, ScanData):
                with self._lock:
                    heard, self._heard = self._heard, None
                if heard is not None:
                    heard(Label(event.scan_data, event.symbology, event.lossy))
                    return
            emit(event)

        return emitted

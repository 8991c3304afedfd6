"""A USB scale's own side: weight reports (HID usage page 0x8D) on a packet socket.

The socket carries whole reports both ways, as /dev/hidraw does. Like the scales that usbscale was
written for, it reports all the time and answers the opening with what it weighed before.
"""

from __future__ import annotations

import select
import socket
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from drivers.scale.sim_plate import Look, Plate

EVERY_MS: Final = 100
UNIT_GRAM, UNIT_OUNCE = 2, 11
ZERO_STABLE, IN_MOTION, STABLE, UNDER_ZERO, OVER_LIMIT = 2, 3, 4, 5, 6
ZERO_SCALE: Final = b"\x02\x02"


def report(status: int, unit: int, exponent: int, count: int) -> bytes:
    """A data report: id, status, unit, signed exponent, 16 bits of weight, low byte first."""
    return bytes([3, status, unit, exponent & 0xFF, count & 0xFF, count >> 8])


def tenths_oz(weight_g: int) -> int:
    """To the nearest tenth of an ounce of 28.349523125 g."""
    return (2 * weight_g * 10_000_000_000 + 28_349_523_125) // (2 * 28_349_523_125)


class SimulatedHidScale:
    """A scale at `path`. `serve` runs in a thread of its own; all the rest is for other threads."""

    def __init__(
        self,
        path: Path,
        *,
        unit: int = UNIT_GRAM,
        division_g: int = 2,
        capacity_g: int = 11_000,
        settle_ms: int = 300,
    ) -> None:
        self.zeroed = 0
        self.path = path
        self._unit = unit
        self._plate = Plate(
            division_g=division_g, capacity_g=capacity_g, settle_ms=settle_ms, settle_polls=0
        )
        self._before = report(ZERO_STABLE, unit, 0, 0)  # the report that nobody fetched
        self._silent = threading.Event()
        self._unplugged = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen(1)

    # --- what people do to a scale ---

    def place(self, weight_g: int) -> int:
        """Make `weight_g` the whole load on the plate; when it will be stable (monotonic ns)."""
        return self._plate.place(weight_g)

    def fall_silent(self) -> None:
        self._silent.set()

    def speak_again(self) -> None:
        self._silent.clear()

    def unplug(self) -> None:
        self._unplugged.set()

    # --- what the scale does ---

    def serve(self, stop: threading.Event) -> None:
        """Report to whoever opens the device, one at a time, until `stop` or `unplug`."""
        with closing(self._listener):
            while not (stop.is_set() or self._unplugged.is_set()):
                if select.select([self._listener], [], [], EVERY_MS / 1000)[0]:
                    host, _ = self._listener.accept()
                    with closing(host), suppress(OSError):
                        self._serve(host, stop)
        self.path.unlink()

    def _serve(self, host: socket.socket, stop: threading.Event) -> None:
        host.send(self._before)
        while not (stop.is_set() or self._unplugged.is_set()):
            if select.select([host], [], [], EVERY_MS / 1000)[0]:
                command = host.recv(64)
                if not command:
                    return
                if command == ZERO_SCALE:
                    self.zeroed += 1
                    self._plate.zero()
            if not self._silent.is_set():
                self._before = self._report(self._plate.look())
                host.send(self._before)

    def _report(self, look: Look) -> bytes:
        said = (
            (look.moving, IN_MOTION),
            (look.under, UNDER_ZERO),
            (look.over, OVER_LIMIT),
            (look.centre, ZERO_STABLE),
        )
        status = next((status for is_so, status in said if is_so), STABLE)
        shown_g = max(look.shown_g, 0)
        if self._unit == UNIT_OUNCE:
            return report(status, self._unit, -1, tenths_oz(shown_g))
        return report(status, self._unit, 0, shown_g)

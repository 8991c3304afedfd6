"""What lies on a simulated scale's plate, and what the scale makes of it, whatever it speaks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """The scale at one moment."""

    shown_g: int  #: in whole divisions, net of the tare
    moving: bool
    over: bool
    under: bool
    net: bool
    near_zero: bool  #: near enough to be zeroed
    centre: bool  #: of zero, within a quarter of a division

    @property
    def weighs(self) -> bool:
        return not (self.moving or self.over or self.under)


class Plate:
    """A plate that moves for a while after each change, then holds. For any thread.

    `settle_ms`, `settle_polls`: how long it moves, whichever is longer.
    """

    def __init__(
        self, *, division_g: int, capacity_g: int, settle_ms: int, settle_polls: int
    ) -> None:
        self._division_g, self._capacity_g = division_g, capacity_g
        self._settle_ns, self._settle_polls = settle_ms * 1_000_000, settle_polls
        self._lock = threading.Lock()
        self._load_g = self._zero_g = self._tare_g = 0
        self._stable_ns = time.monotonic_ns()
        self._polls_in_motion = 0

    def place(self, weight_g: int) -> int:
        """Make `weight_g` the whole load on the plate; when it will be stable (monotonic ns)."""
        with self._lock:
            self._polls_in_motion = self._settle_polls
            self._stable_ns = time.monotonic_ns() + self._settle_ns
            self._load_g = weight_g
            return self._stable_ns

    def tare(self, weight_g: int) -> None:
        with self._lock:
            self._tare_g = weight_g

    def zero(self) -> None:
        """Take the load for nothing, if it rests, is small, and no tare is set."""
        with self._lock:
            look = self._look()
            if not look.moving and look.near_zero and not look.net:
                self._zero_g = self._load_g

    def look(self, *, poll: bool = False) -> Look:
        """How the scale stands; `poll` if the weight was asked for, which is what it settles by."""
        with self._lock:
            look = self._look()
            if poll:
                self._polls_in_motion = max(self._polls_in_motion - 1, 0)
            return look

    def _look(self) -> Look:
        gross_g = self._load_g - self._zero_g
        net_g = gross_g - self._tare_g
        shown_g = (2 * net_g + self._division_g) // (2 * self._division_g) * self._division_g
        return Look(
            shown_g=shown_g,
            moving=self._polls_in_motion > 0 or time.monotonic_ns() < self._stable_ns,
            over=shown_g > self._capacity_g + 9 * self._division_g,  # 9 e, as is usual
            under=shown_g < 0,
            net=self._tare_g > 0,
            near_zero=50 * abs(self._load_g) <= self._capacity_g,  # 2 % of capacity, as is usual
            centre=4 * abs(gross_g) <= self._division_g,
        )

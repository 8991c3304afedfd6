"""One stable weight per placement, and a reason while there is none. Pure: no I/O, no clock.

Every scale driver tells what its frames say here, and emits what comes back, so that all scales
keep the same rules whatever they speak:

- a weight counts when the scale itself calls it stable; zero, motion and faults are states;
- it is reported once. What re-arms is the plate at or below zero, motion, or a step larger than the
  scale's division: an item can be added so quickly that nobody meets the plate in motion;
- a spell of silence or noise re-arms nothing. If the same weight still lies there afterwards, that
  is the state "steady" and not another item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from drivers.base import DeviceEvent, ScaleCondition, ScaleState, StableWeight

#: After one of these, what lies on the plate is another placement.
_REARMING: Final = frozenset({"zero", "under_zero", "motion"})


@dataclass(frozen=True, slots=True)
class Weight:
    """The scale says that this is stable. Below zero it is a state."""

    weight_g: int
    net: bool
    width: int = 0  #: characters of the number as written; 0 where the protocol fixes them


@dataclass(frozen=True, slots=True)
class Status:
    """The scale says why there is no weight."""

    condition: ScaleCondition | None  #: None if it gives no reason


Reading: TypeAlias = Weight | Status


class Placement:
    """What lies on one plate, by what has been read so far. Times are monotonic nanoseconds."""

    def __init__(self, role: str, *, division_g: int) -> None:
        self._role = role
        self._division_g = division_g
        self._condition: ScaleCondition | None = None  # the last one told; None after a weight
        self._armed = True
        self._weight_g = 0  # the last one read

    def hear(self, reading: Reading, raw: bytes, mono_ns: int) -> list[DeviceEvent]:
        """What a reading means; `raw` is its frame, kept as evidence."""
        if isinstance(reading, Status):
            return self.tell(reading.condition or "not_ready", raw, mono_ns)
        if reading.weight_g <= 0:
            return self.tell("under_zero" if reading.weight_g else "zero", raw, mono_ns)
        moved = abs(reading.weight_g - self._weight_g) > self._division_g
        self._weight_g = reading.weight_g
        if self._armed or moved:
            self._armed, self._condition = False, None
            return [StableWeight(self._role, reading.weight_g, reading.net, raw, mono_ns)]
        return [] if self._condition is None else self.tell("steady", raw, mono_ns)

    def tell(self, condition: ScaleCondition, raw: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Why there is no weight, if that is news."""
        self._armed = self._armed or condition in _REARMING
        if condition == self._condition:
            return []
        self._condition = condition
        return [ScaleState(self._role, condition, raw, mono_ns)]

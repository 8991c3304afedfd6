"""Which tags are at this lane: many sightings in, arrivals and departures out. No I/O, no clock.

A reader sees a tag many times a second, misses it now and then, and sees the next lane's tags too.
A tag arrives when enough sightings of it came within a window, and departs when none has come for a
while. A sighting counts only if it is strong enough, and only while no antenna that faces another
lane sees the same tag as strongly: where strengths are equal or not told, the tag is not ours.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from drivers.base import TagPresence
from drivers.rfid.conversation import Sighting
from drivers.rfid.epc import sgtin

_UNTOLD = -1_000  # below all strengths


@dataclass(frozen=True, slots=True)
class Rules:
    """Strengths are in the reader's own steps, as in `Sighting.strength`."""

    min_reads: int
    window_ms: int
    departs_ms: int
    strength_min: int
    strength_min_by_antenna: tuple[int, ...] = ()  #: antenna 1 first; the rest: `strength_min`
    neighbours: frozenset[int] = frozenset()

    def strong_enough(self, sighting: Sighting) -> bool:
        by_antenna = self.strength_min_by_antenna
        known = 0 < sighting.antenna <= len(by_antenna)
        least = by_antenna[sighting.antenna - 1] if known else self.strength_min
        return sighting.strength is None or sighting.strength >= least


@dataclass(slots=True)
class _Visit:
    """What is known of one tag since it was first seen."""

    counted: deque[int]  # when the latest sightings that count were, at most `min_reads` of them
    best: Sighting  # the strongest that counts
    seen_ns: int  # the latest, whether it counts or not
    present: bool = False
    peaks: dict[int, tuple[int, int]] = field(default_factory=dict)  # antenna: strength, when


class Presence:
    """The tags at one lane. Times are monotonic nanoseconds and never go back."""

    def __init__(self, role: str, rules: Rules) -> None:
        self._role = role
        self._rules = rules
        self._window_ns = rules.window_ms * 1_000_000
        self._departs_ns = rules.departs_ms * 1_000_000
        self._visits: dict[bytes, _Visit] = {}  # the tag that was seen longest ago comes first

    @property
    def wake_ns(self) -> int | None:
        """When `expire` has something to do, if no sighting comes before; None: never."""
        first = next(iter(self._visits.values()), None)
        return None if first is None else first.seen_ns + self._departs_ns

    def resume(self, mono_ns: int) -> None:
        """The reader was away and is back: tags that were here get a new time to be seen in."""
        self._visits = {epc: visit for epc, visit in self._visits.items() if visit.present}
        for visit in self._visits.values():
            visit.seen_ns = mono_ns
            visit.counted.append(mono_ns)

    def see(self, sighting: Sighting, mono_ns: int) -> list[TagPresence]:
        """The edge that one sighting makes: an arrival, a departure to another lane, or none."""
        epc = sighting.epc
        visit = self._visits.pop(epc, None) or _Visit(
            deque(maxlen=self._rules.min_reads), sighting, mono_ns
        )
        self._visits[epc] = visit
        visit.seen_ns = mono_ns
        if self._counts(visit, sighting, mono_ns):
            return self._arrive(visit, sighting, mono_ns)
        if visit.present and mono_ns - visit.counted[-1] >= self._departs_ns:
            del self._visits[epc]
            return [self._edge(visit, mono_ns, present=False)]
        return []

    def expire(self, mono_ns: int) -> list[TagPresence]:
        """The departures of tags that no antenna has seen for long enough."""
        gone: list[TagPresence] = []
        while (due_ns := self.wake_ns) is not None and mono_ns >= due_ns:
            visit = self._visits.pop(next(iter(self._visits)))
            if visit.present:
                gone.append(self._edge(visit, mono_ns, present=False))
        return gone

    def _counts(self, visit: _Visit, sighting: Sighting, mono_ns: int) -> bool:
        neighbours, antenna = self._rules.neighbours, sighting.antenna
        if antenna not in neighbours and not self._rules.strong_enough(sighting):
            return False
        fresh = {a: p for a, p in visit.peaks.items() if mono_ns - p[1] <= self._window_ns}
        peak = (_strength(sighting), mono_ns)
        fresh[antenna] = max(fresh.get(antenna, peak), peak)
        visit.peaks = fresh
        theirs = [strength for a, (strength, _) in fresh.items() if a in neighbours]
        ours = [strength for a, (strength, _) in fresh.items() if a not in neighbours]
        return antenna not in neighbours and (not theirs or max(ours) > max(theirs))

    def _arrive(self, visit: _Visit, sighting: Sighting, mono_ns: int) -> list[TagPresence]:
        if not visit.counted or _strength(sighting) > _strength(visit.best):
            visit.best = sighting
        visit.counted.append(mono_ns)
        enough = len(visit.counted) == self._rules.min_reads
        if visit.present or not enough or mono_ns - visit.counted[0] > self._window_ns:
            return []
        visit.present = True
        return [self._edge(visit, mono_ns, present=True)]

    def _edge(self, visit: _Visit, mono_ns: int, *, present: bool) -> TagPresence:
        best = visit.best
        item = sgtin(best.epc)
        return TagPresence(
            self._role,
            best.epc.hex().upper(),
            item.gtin if item else None,
            item.serial if item else None,
            present,
            best.strength if best.in_dbm else None,
            best.antenna,
            mono_ns,
        )


def _strength(sighting: Sighting) -> int:
    return _UNTOLD if sighting.strength is None else sighting.strength

"""When a label may be told: several frames agree on it, and nothing else is read in its place.

A single frame is not enough: genuine misreads whose check digit is right come once in some hundred
blurred frames. They seldom come twice, and when they do the true label is read far more often in
the same place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

Key: TypeAlias = tuple[bytes, str]  #: scan data, AIM identifier

WINDOW_NS: Final = 1_000_000_000
RIVAL_FACTOR: Final = 2
#: A partial EAN-13 passes for an EAN-8 more easily than for any other label: it needs more frames.
MORE_FRAMES: Final = {"]E4": 1}


class Seen(Protocol):
    """What is needed of a `drivers.camera.decoders.Sighting`."""

    @property
    def scan_data(self) -> bytes: ...
    @property
    def symbology(self) -> str: ...
    @property
    def x_px(self) -> int: ...
    @property
    def y_px(self) -> int: ...
    @property
    def reach_px(self) -> int: ...
    @property
    def votes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Agreed:
    scan_data: bytes
    symbology: str
    frames: int  #: how many of the last second's frames agreed


@dataclass(slots=True)
class _Label:
    last: Seen
    last_ns: int
    sights: list[tuple[int, int]] = field(default_factory=list)  #: (when, votes), oldest first
    told: bool = False

    def votes(self) -> int:
        return sum(votes for _, votes in self.sights)


class Agreement:
    """Frames in, labels out: each once, and again only after it was away for `forget_ns`."""

    def __init__(self, frames_min: int, forget_ns: int) -> None:
        self._frames_min = frames_min
        self._forget_ns = forget_ns
        self._labels: dict[Key, _Label] = {}

    def see(self, sightings: Iterable[Seen], now_ns: int) -> list[Agreed]:
        """A frame's sightings, each label at most once; what may now be told."""
        self._forget(now_ns)
        for sighting in sightings:
            key = (sighting.scan_data, sighting.symbology)
            label = self._labels.setdefault(key, _Label(sighting, now_ns))
            label.last, label.last_ns = sighting, now_ns
            label.sights.append((now_ns, sighting.votes))
        return [self._tell(key) for key in list(self._labels) if self._may_tell(key)]

    def still(self, now_ns: int) -> None:
        """Nothing moved since the last frame: what was seen then is there yet."""
        newest_ns = max((label.last_ns for label in self._labels.values()), default=0)
        for label in self._labels.values():
            if label.last_ns == newest_ns:
                label.last_ns = now_ns

    def _forget(self, now_ns: int) -> None:
        for key, label in list(self._labels.items()):
            label.sights = [sight for sight in label.sights if now_ns - sight[0] <= WINDOW_NS]
            if now_ns - label.last_ns > (self._forget_ns if label.told else WINDOW_NS):
                del self._labels[key]

    def _may_tell(self, key: Key) -> bool:
        label = self._labels[key]
        if label.told or len(label.sights) < self._frames_min + MORE_FRAMES.get(key[1], 0):
            return False
        rivals = (
            other for k, other in self._labels.items() if k != key and _near(label.last, other.last)
        )
        return all(label.votes() >= RIVAL_FACTOR * rival.votes() for rival in rivals)

    def _tell(self, key: Key) -> Agreed:
        label = self._labels[key]
        label.told = True
        return Agreed(*key, len(label.sights))


def _near(a: Seen, b: Seen) -> bool:
    reach_px = max(a.reach_px, b.reach_px)
    return abs(a.x_px - b.x_px) <= reach_px and abs(a.y_px - b.y_px) <= reach_px

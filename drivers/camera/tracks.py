"""Blobs in, crossings out: who is who from frame to frame, and which way it went over the line.

Integers only. `along_px` runs the way the items go; 0 is where they come from. The line has a
breadth (hysteresis): an item counts when its middle was on one side of the band and comes out on
the other, so that one that lies still on the line, or trembles, is not counted again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

#: Parts of one item that is just coming into view are apart, too, but not for long.
GROWN_FRAMES: Final = 10
FORGET_FRAMES: Final = 5  #: a track without a blob for longer than this is gone
CONFIDENCE_MAX_PCT: Final = 95  #: a picture is never sure
#: What is left of the confidence, in per cent, when an item …
MERGED_PCT: Final = 60  #: … came in one blob with another that had been seen apart
LARGE_PCT: Final = 55  #: … is much larger than usual, or of two parts: perhaps two items
SPLIT_PCT: Final = 60  #: … was torn off another's blob in view
LARGE_FACTOR_PCT: Final = 220  #: of the usual area …
KNOWN_ITEMS: Final = 5  #: … which is known after so many
CROWDED_FROM_PCT: Final = 25  #: of the zone covered; from here on each per cent costs one


@dataclass(frozen=True, slots=True)
class Blob:
    """Something that is not the belt, in pixels of the zone."""

    along_px: int  #: its middle
    across_px: int
    length_px: int  #: along the way
    width_px: int
    area_px: int
    whole: bool = True  #: False: its outline has a deep notch, as of two things that touch


@dataclass(frozen=True, slots=True)
class Crossing:
    count: int  #: backwards is negative
    confidence_pct: int


@dataclass(slots=True)
class Track:
    blob: Blob
    side: int  #: -1 before the line, 1 behind it, 0 born in the band
    age: int = 1
    missed: int = 0
    step_px: int = 0  #: along the way, from frame to frame
    items: int = 1
    doubt_pct: int = 100

    def expected_px(self) -> int:
        return self.blob.along_px + self.step_px * (1 + self.missed)


class Tracker:
    """The band is `line_px` ± `band_px`; `area_px` is the zone's; younger than `age_min` frames
    nothing counts.
    """

    def __init__(self, line_px: int, band_px: int, area_px: int, age_min: int) -> None:
        self._line_px, self._band_px = line_px, band_px
        self._area_px = max(area_px, 1)
        self._age_min = age_min
        self._tracks: list[Track] = []
        self._usual_px = 0
        self._known = 0

    def step(self, blobs: Iterable[Blob]) -> list[Crossing]:
        """One frame's blobs; what crossed since the last frame."""
        found = list(blobs)
        free = self._matched(found)
        self._merge()
        for blob in free:
            self._tracks.append(self._born(blob))
        self._tracks = [track for track in self._tracks if track.missed <= FORGET_FRAMES]
        covered_pct = 100 * sum(blob.area_px for blob in found) // self._area_px
        seen = [track for track in self._tracks if track.missed == 0]
        return [c for track in seen for c in self._crossed(track, covered_pct)]

    def _matched(self, blobs: list[Blob]) -> list[Blob]:
        """Give each track its nearest blob, the nearest pair first; the blobs left over."""
        pairs = sorted(
            (_apart(track, blob), t, b)
            for t, track in enumerate(self._tracks)
            for b, blob in enumerate(blobs)
            if _apart(track, blob) <= _reach(track)
        )
        taken_t: set[int] = set()
        taken_b: set[int] = set()
        for _, t, b in pairs:
            if t not in taken_t and b not in taken_b:
                taken_t.add(t)
                taken_b.add(b)
                _follow(self._tracks[t], blobs[b])
        for t, track in enumerate(self._tracks):
            if t not in taken_t:
                track.missed += 1
        return [blob for b, blob in enumerate(blobs) if b not in taken_b]

    def _merge(self) -> None:
        """A track that lost its blob within another's blob rides on with that one."""
        for lost in [track for track in self._tracks if track.missed == 1]:
            host = next((t for t in self._tracks if t.missed == 0 and _covers(t.blob, lost)), None)
            if host is not None and host.side == lost.side:
                if min(host.age, lost.age) >= GROWN_FRAMES:
                    host.items += lost.items
                    host.doubt_pct = min(host.doubt_pct, MERGED_PCT)
                self._tracks.remove(lost)

    def _born(self, blob: Blob) -> Track:
        """A new track; torn off another's blob, it takes that one's side and one of its items."""
        parent = next((t for t in self._tracks if t.missed == 0 and _torn(t, blob)), None)
        if parent is None:
            return Track(blob, self._side(blob.along_px))
        if parent.items > 1:
            parent.items -= 1
        return Track(blob, parent.side, parent.age, 0, parent.step_px, 1, SPLIT_PCT)

    def _side(self, along_px: int) -> int:
        if along_px < self._line_px - self._band_px:
            return -1
        return 1 if along_px > self._line_px + self._band_px else 0

    def _crossed(self, track: Track, covered_pct: int) -> list[Crossing]:
        if track.age < self._age_min:
            return []
        side = self._side(track.blob.along_px)
        if side in (0, track.side):
            return []
        came, track.side = track.side, side
        if came == 0:
            return []
        confidence_pct = self._confidence(track, covered_pct)
        if track.items == 1:
            self._known = min(self._known + 1, 8)
            self._usual_px += (track.blob.area_px - self._usual_px) // self._known
        return [Crossing(side * track.items, confidence_pct)]

    def _confidence(self, track: Track, covered_pct: int) -> int:
        large = 100 * track.blob.area_px > LARGE_FACTOR_PCT * self._usual_px
        doubt_pct = track.doubt_pct
        if (large and self._known >= KNOWN_ITEMS) or not track.blob.whole:
            doubt_pct = min(doubt_pct, LARGE_PCT)
        crowd_pct = max(covered_pct - CROWDED_FROM_PCT, 0)
        return max(CONFIDENCE_MAX_PCT * doubt_pct // 100 - crowd_pct, 5)


def _follow(track: Track, blob: Blob) -> None:
    moved_px = (blob.along_px - track.blob.along_px) // (1 + track.missed)
    track.step_px = moved_px if track.age == 1 else (track.step_px + moved_px) // 2
    track.blob, track.missed, track.age = blob, 0, track.age + 1


def _apart(track: Track, blob: Blob) -> int:
    """How far a blob lies from where the track should be; across counts double."""
    return abs(blob.along_px - track.expected_px()) + 2 * abs(blob.across_px - track.blob.across_px)


def _reach(track: Track) -> int:
    return max(track.blob.length_px, track.blob.width_px) // 2 + 2 * abs(track.step_px)


def _covers(blob: Blob, lost: Track) -> bool:
    return (
        2 * abs(lost.expected_px() - blob.along_px) <= blob.length_px
        and 2 * abs(lost.blob.across_px - blob.across_px) <= blob.width_px
    )


def _torn(parent: Track, blob: Blob) -> bool:
    """Whether a blob appears where the parent's blob was a frame ago, beside what it is now."""
    now = parent.blob
    return (
        2 * abs(blob.along_px - now.along_px) <= now.length_px + 2 * blob.length_px
        and 2 * abs(blob.across_px - now.across_px) <= now.width_px + 2 * blob.width_px
        and parent.items > 1
    )

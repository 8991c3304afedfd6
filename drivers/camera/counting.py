"""The counting pipeline: frames in, crossings out.

Background subtraction (MOG2) on at most 384 pixels' width, morphology, outlines, tracks. It knows
no goods: it counts things that cross a line, and says how sure it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from drivers.camera.image import Image
from drivers.camera.tracks import Blob, Crossing, Tracker

WIDTH_PX_MAX: Final = 384
HISTORY_FRAMES: Final = 200
#: The model's own rate would take the first goods for belt: it starts quickly and slows down late.
LEARN_FRAMES: Final = 10
#: Of what a pixel has shown lately, so much is belt; of a full belt, the model's own 90 % is goods.
BELT_SHARE: Final = 0.6
MIXTURES: Final = 3  #: belt, worn belt, goods; OpenCV's five take a fifth more time
VARIANCE: Final = 16  #: squared distance, in sigmas, from which a pixel is no belt
#: Every so many rows are enough to see that something moves …
MOTION_ROWS: Final = 8
#: … by the share of values that must change from frame to frame, in 1/10,000.
MOTION_MIN: Final = 5
CHANGE_MIN: Final = 18  #: grey levels
SOLID_MIN_PCT: Final = 88  #: of its convex hull; below, the outline has a notch

#: Turns a frame so that the items go to the right.
_TURNS: Final[dict[str, int | None]] = {
    "right": None,
    "left": cv2.ROTATE_180,
    "down": cv2.ROTATE_90_COUNTERCLOCKWISE,
    "up": cv2.ROTATE_90_CLOCKWISE,
}


@dataclass(frozen=True, slots=True)
class Zone:
    """What is looked at, in per cent of the frame."""

    left_pct: int = 0
    top_pct: int = 0
    right_pct: int = 100
    bottom_pct: int = 100

    def cut(self, frame: Image) -> Image:
        height, width = frame.shape[:2]
        rows = slice(height * self.top_pct // 100, height * self.bottom_pct // 100)
        columns = slice(width * self.left_pct // 100, width * self.right_pct // 100)
        return frame[rows, columns]


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Where the line lies and what an item is; per cent of the zone's length along the way."""

    direction: str = "right"
    line_pct: int = 50
    band_pct: int = 6
    smallest_pm: int = 4  #: of the zone's area, in 1/1000
    gap_pm: int = 5  #: parts nearer than this are one item, in 1/1000
    age_min: int = 3


class ItemCounter:
    """Call `step` with one BGR frame after the other."""

    def __init__(self, zone: Zone, settings: LineSettings) -> None:
        self._zone, self._settings = zone, settings
        self._model = cv2.createBackgroundSubtractorMOG2(
            HISTORY_FRAMES, VARIANCE, detectShadows=True
        )
        self._model.setShadowValue(0)  # a shadow on the belt is belt
        self._model.setNMixtures(MIXTURES)
        self._model.setBackgroundRatio(BELT_SHARE)
        self._tracker: Tracker | None = None
        self._last: Image | None = None
        self._area_min = 0
        self._frames = 0

    def step(self, frame: Image) -> list[Crossing]:
        small = self._small(frame)
        if self._tracker is None:
            self._begin(small)
        assert self._tracker is not None
        if not self._moved(small):
            return []  # the model learns nothing of goods on a belt that stands
        self._frames += 1
        rate = 1 / self._frames if self._frames <= LEARN_FRAMES else 1 / HISTORY_FRAMES
        return self._tracker.step(self._blobs(self._model.apply(small, learningRate=rate)))

    def _small(self, frame: Image) -> Image:
        """The zone, the way to the right, at most 384 wide."""
        cut = self._zone.cut(frame)
        factor = -(-max(cut.shape[:2]) // WIDTH_PX_MAX)
        if factor > 1:  # a whole factor: three times as fast as a broken one
            height, width = (side // factor for side in cut.shape[:2])
            cut = cut[: height * factor, : width * factor]
            cut = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA)
        turn = _TURNS[self._settings.direction]
        return cut if turn is None else cv2.rotate(cut, turn)

    def _begin(self, small: Image) -> None:
        s = self._settings
        height, width = small.shape[:2]
        self._area_min = max(height * width * s.smallest_pm // 1000, 4)
        gap_px = max(width * s.gap_pm // 1000, 1) | 1
        self._open = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
        self._close = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap_px, gap_px))
        line_px, band_px = width * s.line_pct // 100, max(width * s.band_pct // 200, 1)
        self._tracker = Tracker(line_px, band_px, height * width, s.age_min)

    def _moved(self, small: Image) -> bool:
        rows = small[::MOTION_ROWS].copy()
        last, self._last = self._last, rows
        if last is None:
            return True
        changed = np.count_nonzero(cv2.absdiff(last, rows) > CHANGE_MIN)
        return int(changed) * 10_000 >= MOTION_MIN * rows.size

    def _blobs(self, mask: Image) -> list[Blob]:
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._open)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._close)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        areas = ((outline, int(cv2.contourArea(outline))) for outline in outlines)
        return [_blob(outline, area) for outline, area in areas if area >= self._area_min]


def _blob(outline: Image, area: int) -> Blob:
    x, y, width, height = cv2.boundingRect(outline)
    hull = int(cv2.contourArea(cv2.convexHull(outline)))
    whole = 100 * area >= SOLID_MIN_PCT * hull
    return Blob(x + width // 2, y + height // 2, width, height, area, whole)

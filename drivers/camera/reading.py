"""The reading pipeline: frames in, agreed labels out; still scenes cost next to nothing."""

from __future__ import annotations

from typing import Final, Protocol

import cv2
import numpy as np

from drivers.camera.agreement import Agreed, Agreement
from drivers.camera.decoders import LabelDecoder, Sighting
from drivers.camera.image import Image

THUMB_WIDTH_PX: Final = 160
#: A pixel of the thumbnail that changes by more than this, in grey levels, is no noise.
CHANGE_MIN: Final = 20
CHANGED_PIXELS_MIN: Final = 6
#: A still scene is read this often, then once a second only.
STILL_LOOKS: Final = 6
STILL_PAUSE_NS: Final = 1_000_000_000


class Decoder(Protocol):
    def read(self, grey: Image) -> list[Sighting]: ...


class StillScene:
    """Tells whether a frame shows the same as the one before: a thumbnail's difference."""

    def __init__(self) -> None:
        self._last: Image | None = None

    def moved(self, grey: Image) -> bool:
        height = max(grey.shape[0] * THUMB_WIDTH_PX // grey.shape[1], 1)
        thumb = cv2.resize(grey, (THUMB_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        last, self._last = self._last, thumb
        if last is None or last.shape != thumb.shape:
            return True
        changed = np.count_nonzero(cv2.absdiff(last, thumb) > CHANGE_MIN)
        return int(changed) >= CHANGED_PIXELS_MIN


class LabelReader:
    """Call `step` with one frame after the other, as fast as it returns."""

    def __init__(self, frames_min: int, forget_ns: int, decoder: Decoder | None = None) -> None:
        self._agreement = Agreement(frames_min, forget_ns)
        self._decoder = decoder or LabelDecoder()
        self._scene = StillScene()
        self._looks = 0
        self._last_ns = 0

    def step(self, frame: Image, now_ns: int) -> list[Agreed]:
        """`frame`: grey or BGR, taken at `now_ns` (monotonic)."""
        grey = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        self._looks = 0 if self._scene.moved(grey) else self._looks + 1
        if self._looks > STILL_LOOKS and now_ns - self._last_ns < STILL_PAUSE_NS:
            self._agreement.still(now_ns)
            return []
        self._last_ns = now_ns
        return self._agreement.see(self._decoder.read(grey), now_ns)

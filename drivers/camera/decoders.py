"""What three barcode libraries see in one frame, as sightings with votes.

No library alone is good at everything: zbar loses labels in perspective, zxing those turned by 45°
and the dark ones, OpenCV the blurred ones (tests/bench/camera_reading.py has the figures). OpenCV's
detector, however, finds them all, so that the others are shown each label upright, in full contrast
and smoothed along its bars: at a fraction of a whole frame's cost they then read more than any of
them does alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from pyzbar import pyzbar

from drivers.camera.image import Image

Quad: TypeAlias = NDArray[np.float32]  #: 4 corners x (x, y), around a label

EAN_13: Final = "]E0"
EAN_8: Final = "]E4"

#: UPC-E is left out: a tilted EAN-13, read in part, makes a phantom of one (2 in 60 frames at 15°).
_LINEAR: Final = [
    zxingcpp.BarcodeFormat.EAN13,
    zxingcpp.BarcodeFormat.EAN8,
    zxingcpp.BarcodeFormat.UPCA,
    zxingcpp.BarcodeFormat.Code128,
    zxingcpp.BarcodeFormat.DataBar,
]
_ALL: Final = [
    *_LINEAR,
    zxingcpp.BarcodeFormat.QRCode,
    zxingcpp.BarcodeFormat.DataMatrix,
]
#: zbar and OpenCV do not say whether a Code 128 begins with FNC1: they are asked for these alone.
#: A zbar that may not say UPC-E says it as an EAN-13: so it may, and is not listened to.
_ZBAR: Final = {"EAN13": EAN_13, "EAN8": EAN_8}
_ZBAR_SYMBOLS: Final = [pyzbar.ZBarSymbol[name] for name in (*_ZBAR, "UPCE")]
_OPENCV: Final = {"EAN_13": EAN_13, "UPC_A": EAN_13, "EAN_8": EAN_8}
_DIGITS: Final = {EAN_13: 13, EAN_8: 8}

QUIET_SHARE: Final = 0.12  #: of a label's length, kept around it: the quiet zone
QUIET_PX_MIN: Final = 8
ALONG_BARS_PX: Final = 9
SHARPEN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One label in one frame."""

    scan_data: bytes  #: without AIM identifier; UPC-A and EAN-13 always with 13 digits
    symbology: str  #: AIM identifier
    x_px: int
    y_px: int
    reach_px: int  #: half its length: what lies nearer than this is the same label
    votes: int = 1  #: how many looks at the frame gave it


class LabelDecoder:
    """Keeps OpenCV's detector, which is costly to make."""

    def __init__(self) -> None:
        self._detector = cv2.barcode.BarcodeDetector()

    def read(self, grey: Image) -> list[Sighting]:
        """All labels in a frame, most votes first. Never raises for the picture's sake."""
        seen = list(_zxing(grey, _ALL))
        _, corners = self._detector.detectMulti(grey)
        quads = [] if corners is None else [np.asarray(c, np.float32) for c in corners]
        if quads:
            seen += self._opencv(grey, quads)
        for quad in quads:
            seen += _close_up(grey, quad)
        return counted(seen or list(_zbar(grey)))

    def _opencv(self, grey: Image, quads: list[Quad]) -> Iterator[Sighting]:
        _, texts, kinds = self._detector.decodeWithType(grey, np.array(quads))
        for text, kind, quad in zip(texts, kinds, quads, strict=True):
            if text and kind in _OPENCV:
                yield _sighting(text.encode(), _OPENCV[kind], quad)


def counted(seen: list[Sighting]) -> list[Sighting]:
    """The same label seen by several looks is one sighting with their votes."""
    merged: dict[tuple[bytes, str], Sighting] = {}
    for s in seen:
        key = (s.scan_data, s.symbology)
        votes = s.votes + (merged[key].votes if key in merged else 0)
        merged[key] = Sighting(*key, s.x_px, s.y_px, s.reach_px, votes)
    return sorted(merged.values(), key=lambda s: -s.votes)


def _close_up(grey: Image, quad: Quad) -> list[Sighting]:
    """Looks at one located label: as it is, twice as large, and sharpened if neither is read."""
    plain = cv2.blur(_upright(grey, quad, 1), (1, ALONG_BARS_PX))
    large = cv2.blur(_upright(grey, quad, 2), (1, 2 * ALONG_BARS_PX))
    seen = [*_zbar(plain), *_zxing(large, _LINEAR)]
    if not seen:
        # Undoes the lens' blur; only as a last resort, for it also invents bars.
        soft = cv2.GaussianBlur(plain, (0, 0), 2)
        seen = list(_zbar(cv2.addWeighted(plain, 1 + SHARPEN, soft, -SHARPEN, 0)))
    return [_sighting(s.scan_data, s.symbology, quad) for s in seen]


def _upright(grey: Image, quad: Quad, scale: int) -> Image:
    """The label cut out with its quiet zone, its bars vertical, from black to white."""
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1) * scale
    width, height = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    edge = max(QUIET_SHARE * max(width, height), QUIET_PX_MIN)
    right, bottom = edge + width, edge + height
    target = np.array([[edge, edge], [right, edge], [right, bottom], [edge, bottom]], np.float32)
    size = (int(right + edge), int(bottom + edge))
    turn = cv2.getPerspectiveTransform(quad, target)
    cut = cv2.warpPerspective(
        grey, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    if height > width:
        cut = cv2.rotate(cut, cv2.ROTATE_90_CLOCKWISE)
    black, white = np.percentile(cut, (3, 97))
    gain = 255 / max(white - black, 1)
    levels = np.clip((np.arange(256) - black) * gain, 0, 255).astype(np.uint8)
    return cv2.LUT(cut, levels)


def _zxing(grey: Image, formats: Any) -> Iterator[Sighting]:
    found = zxingcpp.read_barcodes(
        grey,
        formats=formats,
        try_invert=False,
        try_downscale=formats is _ALL,
        text_mode=zxingcpp.TextMode.Plain,
    )
    for barcode in found:
        p = barcode.position
        corners = (p.top_left, p.top_right, p.bottom_right, p.bottom_left)
        quad = np.array([(corner.x, corner.y) for corner in corners], np.float32)
        yield _sighting(barcode.bytes, barcode.symbology_identifier, quad)


def _zbar(grey: Image) -> Iterator[Sighting]:
    for symbol in pyzbar.decode(grey, symbols=_ZBAR_SYMBOLS):
        if symbol.type in _ZBAR:
            quad = np.array(symbol.polygon or [symbol.rect[:2]], np.float32)
            yield _sighting(symbol.data, _ZBAR[symbol.type], quad)


def _sighting(data: bytes, symbology: str, quad: Quad) -> Sighting:
    x, y = (int(v) for v in quad.mean(axis=0))
    reach_px = int(np.ptp(quad, axis=0).max()) // 2
    return Sighting(data.rjust(_DIGITS.get(symbology, 0), b"0"), symbology, x, y, reach_px)

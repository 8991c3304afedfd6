"""What can be set of a camera; read by the driver and by its child process."""

from __future__ import annotations

from dataclasses import MISSING, dataclass

from drivers.base import option

MODES = ("reading", "counting", "both")
DIRECTIONS = ("right", "left", "down", "up")


@dataclass(frozen=True, slots=True)
class CameraOptions:
    path: str = option(
        MISSING,
        "the camera's name under /dev/v4l/by-id/, the one that ends in -index0; or a video file, "
        "or a folder of images",
    )
    mode: str = option("reading", "what to look for: labels, items, or both", choices=MODES)
    width_px: int = option(1280, "width of the picture", unit="px", low=160, high=3840)
    height_px: int = option(720, "height of the picture", unit="px", low=120, high=2160)
    fps: int = option(15, "pictures asked of the camera", unit="1/s", low=5, high=60)
    frozen_ms: int = option(
        1500,
        "without a picture, or with the very same one, for this long, the camera is lost",
        unit="ms",
        low=500,
        high=10_000,
    )
    agree_frames: int = option(
        2, "in so many pictures a label must be read before it is told", low=2, high=10
    )
    forget_ms: int = option(
        1500, "a label out of sight for this long is a new one", unit="ms", low=500, high=60_000
    )
    direction: str = option("right", "way of the items in the picture", choices=DIRECTIONS)
    zone_left_pct: int = option(
        0, "left edge of the zone counted in", unit="%", low=0, high=99, below="zone_right_pct"
    )
    zone_top_pct: int = option(0, "its top edge", unit="%", low=0, high=99, below="zone_bottom_pct")
    zone_right_pct: int = option(100, "its right edge", unit="%", low=1, high=100)
    zone_bottom_pct: int = option(100, "its bottom edge", unit="%", low=1, high=100)
    line_pct: int = option(
        50,
        "where the line lies, from the zone's edge that items come from",
        unit="%",
        low=5,
        high=95,
    )
    band_pct: int = option(
        6, "breadth of the line: a trembling item counts once", unit="%", low=1, high=40
    )
    smallest_pm: int = option(
        4, "smallest item, as a share of the zone's area", unit="‰", low=1, high=500
    )
    gap_pm: int = option(
        5, "parts closer than this share of the zone are one item", unit="‰", low=1, high=200
    )
    age_min: int = option(3, "pictures in which an item was seen before it counts", low=2, high=30)

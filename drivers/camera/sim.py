"""What a camera sees of labels: frames with barcodes in them, for the demo, tests and benchmarks.

The camera's own side of the port: frames are written to a video file or a folder, which the real
child then opens through the real capture port. Barcodes are drawn by zxing-cpp's writer. Everything
else (desk, print, tilt, blur, light, noise, JPEG) is what a lens and a sensor add.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import zxingcpp

from drivers.camera.image import Image

DESK: Final = 150
PAPER: Final = 235
PAPER_EDGE_PX: Final = 12
PRINT: Final = "ABCDEFGHKLMNOPRSTabcdeimnorst0123456789 "


@dataclass(frozen=True, slots=True)
class View:
    """How the camera sees the label. The defaults are a good camera in good light."""

    angle_deg: float = 0.0
    tilt: float = 0.0  #: how much shorter the far edge is than the near one, 0 to 1
    blur_px: float = 0.0  #: standard deviation of the lens' blur
    light: float = 1.0
    noise: float = 2.0  #: standard deviation, in grey levels


#: The rows of the reading benchmark.
VIEWS: Final[dict[str, View]] = {
    "clean": View(),
    "turned 15°": View(angle_deg=15),
    "turned 45°": View(angle_deg=45),
    "perspective": View(tilt=0.3),
    "blurred": View(blur_px=1.5),
    "dark": View(light=0.15, noise=6),
}


def random_gtin(digits: int, dice: random.Random) -> str:
    """A GTIN-8, -12, -13 or -14 with its check digit (GS1 General Specifications, 7.9)."""
    body = "".join(str(dice.randrange(10)) for _ in range(digits - 1))
    return body + check_digit(body)


def check_digit(body: str) -> str:
    weighed = sum(int(digit) * (3, 1)[n % 2] for n, digit in enumerate(reversed(body)))
    return str(-weighed % 10)


def label(content: str, symbology: str = "EAN13", module_px: int = 3) -> Image:
    """A printed barcode with its quiet zone, on paper. `symbology`: a name of zxing-cpp's.

    "DataMatrix" with GS1 content: element strings in brackets, "(01)09501101530003(10)A1".
    """
    options = {"gs1": True} if content.startswith("(") else {}
    made = zxingcpp.create_barcode(content, zxingcpp.barcode_format_from_str(symbology), **options)
    drawn = np.array(made.to_image(scale=module_px, add_quiet_zones=True))
    edge = (PAPER_EDGE_PX,) * 4
    return cv2.copyMakeBorder(drawn, *edge, cv2.BORDER_CONSTANT, value=PAPER)


def clutter(width: int, height: int, dice: random.Random) -> Image:
    """A desk with boxes and print on it: what a decoder may take for a barcode."""
    desk = np.full((height, width), DESK, np.uint8)
    for _ in range(12):
        x, y = dice.randrange(width), dice.randrange(height)
        far = (x + dice.randrange(50, 400), y + dice.randrange(30, 250))
        cv2.rectangle(desk, (x, y), far, dice.randrange(60, 230), -1)
    for _ in range(25):
        words = "".join(dice.choice(PRINT) for _ in range(dice.randrange(4, 18)))
        place = (dice.randrange(width), dice.randrange(height))
        size, ink, weight = dice.uniform(0.4, 1.6), dice.randrange(0, 90), dice.randrange(1, 3)
        cv2.putText(desk, words, place, dice.randrange(4), size, ink, weight, cv2.LINE_AA)
    return desk


def looks(
    labels: Iterable[Image],
    view: View,
    frames: int,
    dice: random.Random,
    size: tuple[int, int] = (1280, 720),
) -> list[Image]:
    """The same still life in so many frames: a held label trembles a little, noise is new.

    Labels lie side by side. Grey frames of `size` (width, height), each through JPEG as a UVC
    camera sends it.
    """
    width, height = size
    desk = clutter(width, height, dice)
    papers = list(labels)
    share = width / (len(papers) + 1)
    spots = [
        (
            share * n + dice.uniform(-0.1, 0.1) * share,
            height / 2 + dice.uniform(-0.08, 0.08) * height,
        )
        for n in range(1, len(papers) + 1)
    ]
    taken = []
    for _ in range(frames):
        scene = desk.copy()
        for paper, (x, y) in zip(papers, spots, strict=True):
            spot = (x + dice.uniform(-2, 2), y + dice.uniform(-2, 2))
            _lay(scene, paper, spot, view, view.angle_deg + dice.uniform(-2, 2))
        taken.append(exposed(scene, view, dice))
    return taken


def _lay(scene: Image, paper: Image, spot: tuple[float, float], view: View, angle: float) -> None:
    height, width = paper.shape
    near, far = 0.5, 0.5 * (1 - view.tilt)
    corners = np.array(
        [
            [-far * width, -height * (0.5 - 0.35 * view.tilt)],
            [near * width, -height * 0.5],
            [near * width, height * 0.5],
            [-far * width, height * (0.5 - 0.35 * view.tilt)],
        ]
    )
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    target = (corners @ rotation + spot).astype(np.float32)
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    cv2.warpPerspective(
        paper,
        cv2.getPerspectiveTransform(source, target),
        scene.shape[::-1],
        dst=scene,
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def exposed(scene: Image, view: View, dice: random.Random) -> Image:
    """The scene through lens, sensor and JPEG."""
    if view.blur_px:
        scene = cv2.GaussianBlur(scene, (0, 0), view.blur_px)
    grain = np.random.default_rng(dice.randrange(1 << 30)).normal(0, view.noise, scene.shape)
    seen = np.clip(scene * view.light + grain, 0, 255).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, 85])
    unpacked = cv2.imdecode(packed, cv2.IMREAD_UNCHANGED)
    assert unpacked is not None
    return unpacked


def write_clip(path: Path, frames: Iterable[Image], fps: int) -> int:
    """Write frames as a Motion JPEG video, as most USB cameras send. Gives how many there were."""
    writer: cv2.VideoWriter | None = None
    count = 0
    for frame in frames:
        if writer is None:
            size = (frame.shape[1], frame.shape[0])
            code = cv2.VideoWriter.fourcc(*"MJPG")
            writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, code, fps, size)
        writer.write(frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
        count += 1
    if writer is not None:
        writer.release()
    return count


def write_images(folder: Path, frames: Iterable[Image]) -> int:
    """Write frames as numbered PNG files into `folder`. Gives how many there were."""
    folder.mkdir(exist_ok=True)
    count = 0
    for count, frame in enumerate(frames, start=1):
        cv2.imwrite(str(folder / f"{count:05}.png"), frame)
    return count

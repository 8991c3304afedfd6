"""Counting: time per picture beside bare MOG2 and morphology; errors on belts by density.

The yardstick is the model with OpenCV's own settings on pictures that are small already, so that
all the rest (making small, looking for motion, outlines, tracks) is what the ratio shows. Ours and
the yardstick take each picture in turn.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import cv2

from drivers.camera.counting import ItemCounter, LineSettings, Zone
from drivers.camera.image import Image
from drivers.camera.sim_belt import DENSITIES, items, ride

PEOPLE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
ITEMS = 30


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    cv2.setNumThreads(1)
    dice = random.Random(1)
    belt = list(ride(items(10, 40, dice), dice))
    sources = {"belt 640 x 360": belt}
    if PEOPLE.exists():
        sources = {"vtest.avi 768 x 576": people(200 if quick else 795)} | sources
    speed = [speed_figure(name, pictures) for name, pictures in sources.items()]
    clips = 2 if quick else 6
    return [*speed, *(error_figure(name, pct, clips) for name, pct in DENSITIES.items())]


def people(most: int) -> list[Image]:
    video = cv2.VideoCapture(str(PEOPLE))
    pictures = []
    while len(pictures) < most:
        good, picture = video.read()
        if not good:
            break
        pictures.append(picture)
    return pictures


def speed_figure(name: str, pictures: list[Image]) -> dict[str, str]:
    counter = ItemCounter(Zone(), LineSettings())
    model = cv2.createBackgroundSubtractorMOG2()
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    ours_s, bare_s = [], []
    for picture in pictures:
        factor = -(-picture.shape[1] // 384)
        size = (picture.shape[1] // factor, picture.shape[0] // factor)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        began_s = time.perf_counter()
        mask = model.apply(small)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
        between_s = time.perf_counter()
        counter.step(picture)
        ours_s.append(time.perf_counter() - between_s)
        bare_s.append(between_s - began_s)
    ours_ms, bare_ms = 1000 * median(ours_s), 1000 * median(bare_s)
    return {
        "figure": f"counting, time per picture, {name}",
        "ours": f"{ours_ms:.2f} ms",
        "yardstick": f"{bare_ms:.2f} ms",
        "ratio": f"{ours_ms / bare_ms:.2f}",
        "target": "≤ 1.30",
        "how": f"{len(pictures)} pictures at {size[0]} x {size[1]}, median, one thread; "
        "beside MOG2 and morphology alone",
    }


def error_figure(name: str, density_pct: int, clips: int) -> dict[str, str]:
    counted, wrong, sure_pct = 0, 0, []
    for seed in range(clips):
        dice = random.Random(f"{name}{seed}")
        found = list(crossings(ride(items(ITEMS, density_pct, dice), dice)))
        counted += sum(count for count, _ in found)
        wrong += abs(sum(count for count, _ in found) - ITEMS)
        sure_pct += [pct for _, pct in found]
    total = clips * ITEMS
    return {
        "figure": f"counting error, {name} belt ({density_pct} % covered)",
        "ours": f"{100 * wrong / total:.1f} %",
        "yardstick": "",
        "ratio": "",
        "target": "stated",
        "how": f"{total} items on {clips} clips, {counted} counted; "
        f"own confidence {sum(sure_pct) / max(len(sure_pct), 1):.0f} %",
    }


def crossings(pictures: Iterable[Image]) -> Iterable[tuple[int, int]]:
    counter = ItemCounter(Zone(), LineSettings())
    for picture in pictures:
        for crossing in counter.step(picture):
            yield crossing.count, crossing.confidence_pct

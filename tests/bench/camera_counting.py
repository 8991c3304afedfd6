"""Counting: time per picture beside bare MOG2 and morphology; errors on belts by density.

The yardsticks are OpenCV's model with all its own settings (five mixtures a pixel), and the same
with our three, followed by an opening and a closing, on pictures that somebody else has made small
already. Ours includes all the rest: making small, looking for motion, outlines, tracks. Each goes
through the clip by itself, in turn with the others, on one thread; what counts is its best round,
in processor time, so that a busy machine troubles all alike. Each picture is in the cache when it
is handed over, as it is when a camera has just delivered it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import cv2

from drivers.camera.counting import MIXTURES, WIDTH_PX_MAX, ItemCounter, LineSettings, Zone
from drivers.camera.image import Image
from drivers.camera.sim_belt import DENSITIES, items, ride

PEOPLE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
OPENCV_MIXTURES = 5
ITEMS = 30

#: What is done to a picture before the clock runs, and what is timed.
Step: TypeAlias = tuple[Callable[[Image], Image], Callable[[Image], Any]]


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    cv2.setNumThreads(1)
    dice = random.Random(1)
    belt = list(ride(items(10, 40, dice), dice))
    sources = {"belt 640 x 360": belt}
    if PEOPLE.exists():
        sources = {"vtest.avi 768 x 576": people(150 if quick else 400)} | sources
    rounds = 3 if quick else 5
    speed = [f for name, pictures in sources.items() for f in speed_figures(name, pictures, rounds)]
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


def speed_figures(name: str, pictures: list[Image], rounds: int) -> list[dict[str, str]]:
    factor = -(-pictures[0].shape[1] // WIDTH_PX_MAX)
    height, width = (side // factor for side in pictures[0].shape[:2])
    steps: dict[str, Callable[[], Step]] = {
        "ours": lambda: (lambda picture: picture, ItemCounter(Zone(), LineSettings()).step),
        "OpenCV's five mixtures": lambda: bare(OPENCV_MIXTURES, (width, height)),
        "three mixtures, as ours": lambda: bare(MIXTURES, (width, height)),
    }
    spent_ms: dict[str, float] = {}
    for _ in range(rounds):
        for who, made in steps.items():
            spent_ms[who] = min(mean_ms(made(), pictures), spent_ms.get(who, math.inf))
    ours_ms = spent_ms.pop("ours")
    return [
        {
            "figure": f"counting, time per picture, {name}",
            "ours": f"{ours_ms:.2f} ms",
            "yardstick": f"{bare_ms:.2f} ms",
            "ratio": f"{ours_ms / bare_ms:.2f}",
            "target": "≤ 1.30",
            "how": f"{len(pictures)} pictures at {width} x {height}, best of {rounds} rounds, "
            f"processor time; beside MOG2 with {who}, and morphology",
        }
        for who, bare_ms in spent_ms.items()
    ]


def bare(mixtures: int, size: tuple[int, int]) -> Step:
    model = cv2.createBackgroundSubtractorMOG2()
    model.setNMixtures(mixtures)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

    def step(small: Image) -> None:
        mask = cv2.morphologyEx(model.apply(small), cv2.MORPH_OPEN, kernel)
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)

    return lambda picture: cv2.resize(picture, size, interpolation=cv2.INTER_AREA), step


def mean_ms(step: Step, pictures: list[Image]) -> float:
    prepare, timed = step
    spent_s = 0.0
    for picture in pictures:
        prepared = prepare(picture.copy())
        began_s = time.thread_time()
        timed(prepared)
        spent_s += time.thread_time() - began_s
    return 1000 * spent_s / len(pictures)


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

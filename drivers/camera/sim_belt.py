"""What a camera above a checkout belt sees: items of all sorts carried across, sparse or crowded.

Whatever lies on the belt moves with it. The belt stops now and then, as a cashier's does, and light
and sensor flicker a little. `count` is known, so that a counter can be judged.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from drivers.camera.image import Image

WIDTH_PX: Final = 640
HEIGHT_PX: Final = 360
SPEED_PX: Final = 8  #: per frame
LANES: Final = 2
BELT_GREY: Final = 45
STOP_FRAMES: Final = 20
#: How much of each lane's length is covered by items. 100 %: each touches the next one.
DENSITIES: Final = {"sparse": 15, "normal": 30, "dense": 50, "heaped": 80}


@dataclass(frozen=True, slots=True)
class Item:
    x: int  #: its middle on the belt, from where the belt begins
    y: int
    length: int
    width: int
    colour: tuple[int, int, int]
    round: bool
    turn_deg: int


def items(count: int, density_pct: int, dice: random.Random) -> list[Item]:
    """Goods on two lanes of the belt, with gaps of random length between them."""
    placed = []
    ends = [0.0] * LANES
    for _ in range(count):
        lane = min(range(LANES), key=lambda n: ends[n])
        length, width = dice.randrange(50, 140), dice.randrange(45, 110)
        gap = length * (100 - density_pct) / density_pct * dice.uniform(0.4, 1.6)
        middle = ends[lane] + gap + length / 2
        ends[lane] = middle + length / 2
        placed.append(
            Item(
                int(middle),
                HEIGHT_PX * (2 * lane + 1) // (2 * LANES) + dice.randrange(-20, 21),
                length,
                width,
                (dice.randrange(40, 250), dice.randrange(40, 250), dice.randrange(90, 250)),
                dice.random() < 0.35,
                dice.randrange(-12, 13),
            )
        )
    return placed


def ride(goods: list[Item], dice: random.Random, stops: int = 1) -> Iterator[Image]:
    """The belt from empty to empty: BGR frames, everything moves to the right."""
    belt = _loaded_belt(goods, dice)
    journey = belt.shape[1] - WIDTH_PX
    places = list(range(journey, 0, -SPEED_PX))
    for stop in sorted((dice.randrange(len(places)) for _ in range(stops)), reverse=True):
        places[stop:stop] = [places[stop]] * STOP_FRAMES
    grain = np.random.default_rng(dice.randrange(1 << 30))
    for x in places:
        light = grain.normal(1, 0.004)
        shown = belt[:, x : x + WIDTH_PX] * light + grain.normal(0, 3, (HEIGHT_PX, WIDTH_PX, 1))
        yield np.clip(shown, 0, 255).astype(np.uint8)


def _loaded_belt(goods: list[Item], dice: random.Random) -> Image:
    """One long picture: a screen of empty belt, the goods, another screen of empty belt."""
    length = max(i.x + i.length for i in goods) if goods else 0
    belt = np.full((HEIGHT_PX, length + 2 * WIDTH_PX, 3), BELT_GREY, np.uint8)
    for _ in range(belt.shape[1] // 4):  # wear: it moves, too
        x, y = dice.randrange(belt.shape[1]), dice.randrange(HEIGHT_PX)
        grey = (BELT_GREY + dice.randrange(-6, 7),) * 3
        cv2.line(belt, (x, y), (x + dice.randrange(5, 40), y + dice.randrange(-4, 5)), grey, 2)
    for item in goods:
        # the first one to arrive lies farthest to the right
        _put(belt, item, belt.shape[1] - WIDTH_PX - item.x, dice)
    return belt


def _put(belt: Image, item: Item, x: int, dice: random.Random) -> None:
    box = ((x, item.y), (item.length, item.width), item.turn_deg)
    shadow = ((x + 4, item.y + 4), (item.length, item.width), item.turn_deg)
    for shape, colour in ((shadow, (30, 30, 30)), (box, item.colour)):
        if item.round:
            cv2.ellipse(belt, shape, colour, -1, cv2.LINE_AA)
        else:
            corners = cv2.boxPoints(shape).astype(np.int32)
            cv2.fillConvexPoly(belt, corners, colour, cv2.LINE_AA)
    for _ in range(3):  # print on the pack
        half = (item.length // 4, item.width // 4)
        at = (x + dice.randrange(-half[0], half[0]), item.y + dice.randrange(-half[1], half[1]))
        ink = tuple(dice.randrange(256) for _ in range(3))
        cv2.rectangle(belt, at, (at[0] + half[0], at[1] + half[1] // 2), ink, -1)

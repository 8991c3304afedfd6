"""From plugged in to usable, through the real supervisor: 50 cycles of each kind.

Usable is what a cashier would call so: the label typed by the scanner is there, the scale says its
zero, the printer says that it is well, the camera (a folder of pictures) has read the label before
it. Pulled out for up to three seconds, so that the pauses between tries have grown. The times of
the kernel and of udev are not in it: what is plugged in here is there at once.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.bench.rig import percentile
from tests.replug_kit import pluggables, replugged_at_once, supervised

LONGEST_PAUSE_S = 3.0
TARGET_MS = 2000


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    cycles = 8 if quick else 50
    logging.getLogger("lanetally.supervisor").setLevel(logging.ERROR)  # it says each loss
    devices = pluggables(folder)
    with supervised(devices) as (heard, _):
        waits_ms = replugged_at_once(devices, heard, partial(_pauses, cycles=cycles))
    return [
        {
            "figure": f"{role}: plugged in → usable, p99",
            "ours": f"{percentile(ms, 0.99):.0f} ms",
            "yardstick": f"{TARGET_MS} ms",
            "ratio": f"{percentile(ms, 0.99) / TARGET_MS:.2f}",
            "target": "≤ 1.00",
            "how": f"{cycles} cycles, p50 {percentile(ms, 0.5):.0f} ms; beside the promise of 2 s",
        }
        for role, ms in waits_ms.items()
    ]


def _pauses(role: str, cycles: int) -> Iterable[float]:
    dice = random.Random(role)
    return (dice.random() * LONGEST_PAUSE_S for _ in range(cycles))

"""From the moment a weight is stable to its event, beside the least that the protocol allows.

The simulated scale keeps the pace of a 9600 baud line. The protocol allows one question every
200 ms, so that a weight may settle just after one was answered: it is asked for a spacing and an
answer later, and known when that answer's last character is there.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from pathlib import Path

from drivers.base import DeviceEvent, ScaleState, StableWeight
from drivers.scale.driver_toledo_8217 import Toledo8217Scale
from drivers.scale.sim import SimulatedScale, serving
from tests.bench.rig import percentile

ANSWER_MS = 9 * 10 / 9600 * 1000  #: W and STX WW.WWW CR, ten bits a character
CYCLE_MS = 200 + ANSWER_MS
PATIENCE_S = 30


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    placements = 20 if quick else 100
    dice = random.Random(8217)
    events: queue.Queue[tuple[int, DeviceEvent]] = queue.Queue()
    stop = threading.Event()
    late_ms: list[float] = []
    with serving(SimulatedScale(settle_ms=50, link=folder / "scale")) as scale:
        driver = Toledo8217Scale("scale", Toledo8217Scale.Options(path=str(folder / "scale")))
        driver.open()

        def emit(event: DeviceEvent) -> None:
            events.put((time.monotonic_ns(), event))

        run = threading.Thread(target=driver.run, args=(emit, stop))
        run.start()
        for _ in range(placements):
            _emptied(events)
            stop.wait(dice.random() * CYCLE_MS / 1000)  # at any moment between two questions
            stable_ns = scale.place(dice.randrange(20, 3000) * 5)
            late_ms.append((_weighed(events) - stable_ns) / 1e6)
            scale.remove()
        stop.set()
        run.join()
        driver.close()
        assert scale.commands_too_early == 0
    least_ms = {"p50": CYCLE_MS / 2 + ANSWER_MS, "worst": CYCLE_MS + ANSWER_MS}
    ours_ms = {"p50": percentile(late_ms, 0.5), "worst": max(late_ms)}
    return [
        {
            "figure": f"weight stable → event, {which}",
            "ours": f"{ours_ms[which]:.0f} ms",
            "yardstick": f"{least_ms[which]:.0f} ms",
            "ratio": f"{ours_ms[which] / least_ms[which]:.2f}",
            "target": "≤ 1.20",
            "how": f"{placements} placements on a pty at 9600 baud; beside an ideal host at 200 ms",
        }
        for which in ("p50", "worst")
    ]


def _emptied(events: queue.Queue[tuple[int, DeviceEvent]]) -> None:
    while True:
        _, event = events.get(timeout=PATIENCE_S)
        if isinstance(event, ScaleState) and event.condition == "zero":
            return


def _weighed(events: queue.Queue[tuple[int, DeviceEvent]]) -> int:
    """When the next stable weight was emitted."""
    while True:
        emitted_ns, event = events.get(timeout=PATIENCE_S)
        if isinstance(event, StableWeight):
            return emitted_ns

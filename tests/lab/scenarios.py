"""What the box is put through. Each scenario leaves it running, with Lanetally installed.

Most are played by a module of `guest/`, in the box and by its clock; what the box itself cannot
live to tell is played from here.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.guest.result import MARK
from tests.lab.machine import GuestFailed, Machine

SCENARIO_S = 900.0
CUTS = int(os.environ.get("LANETALLY_LAB_CUTS", "3"))
CUT_AFTER_S = 0.0, 10.0
CUT_SEED = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures for the report; what did not hold."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


Scenario = Callable[[Machine, Path], Outcome]


def in_the_box(module: str, *arguments: str) -> Scenario:
    """A scenario that a module of `guest/` plays."""

    def play(box: Machine, results: Path) -> Outcome:
        command = box.python(f"tests.lab.guest.{module}", *arguments)
        said = box.run(command, timeout_s=SCENARIO_S, must=False).splitlines()
        (results / f"{module}.txt").write_text("\n".join(said), "utf-8")
        last = said[-1] if said else ""
        if not last.startswith(MARK):
            return Outcome({}, [f"it did not end by itself: {last}"])
        found = json.loads(last.removeprefix(MARK))
        return Outcome(found["figures"], found["broken"])

    return play


def power_cuts(box: Machine, results: Path) -> Outcome:
    """Killed at random moments while it sells, started again on what its disk holds."""
    chance = random.Random(CUT_SEED)
    outside: dict[str, list[str]] = {"settled": [], "printed": []}
    boots_s, figures, broken = [], {}, []
    for cut in range(CUTS):
        _sell_until_cut(box, cut, chance.uniform(*CUT_AFTER_S), outside)
        boots_s.append(round(box.start()))
        found = in_the_box("load", "check", json.dumps(outside))(box, results)
        figures = found.figures
        broken += [f"cut {cut}: {what}" for what in found.broken]
    counts = {name: len(ids) for name, ids in outside.items()}
    return Outcome({"cuts": CUTS, "boot_s": max(boots_s)} | counts | figures, broken)


def _sell_until_cut(box: Machine, cut: int, after_s: float, outside: dict[str, list[str]]) -> None:
    """The power goes `after_s` seconds after the first sale."""
    selling = threading.Event()

    def hear(line: str) -> None:
        what, _, which = line.partition(" ")
        if what in outside:
            outside[what].append(which)
            selling.set()

    def sell() -> None:
        command = box.python("tests.lab.guest.load", "sell", str(cut))
        with suppress(GuestFailed, OSError):
            box.run(command, hand=1, timeout_s=SCENARIO_S, heard=hear, must=False)
        selling.set()

    hand = threading.Thread(target=sell, daemon=True)
    hand.start()
    selling.wait(SCENARIO_S)
    time.sleep(after_s)
    if not hand.is_alive():
        raise GuestFailed("the box stopped selling by itself")
    box.cut_power()
    hand.join()


SCENARIOS: dict[str, Scenario] = {
    "day": in_the_box("day", "5"),
    "replug": in_the_box("replug"),
    "sandbox": in_the_box("sandbox"),
    "watchdog": in_the_box("watchdog"),
    "power": power_cuts,
}

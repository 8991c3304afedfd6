"""What the box is put through. Each scenario leaves it running, with Lanetally installed.

Each is played by a module of `guest/`, in the box and by its clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.guest.result import MARK
from tests.lab.machine import Machine

SCENARIO_S = 900.0


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


SCENARIOS: dict[str, Scenario] = {
    "day": in_the_box("day", "5"),
    "replug": in_the_box("replug"),
    "sandbox": in_the_box("sandbox"),
    "watchdog": in_the_box("watchdog"),
}

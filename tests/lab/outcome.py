"""What a scenario says at its end, and how one is played in the box."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.guest.result import MARK
from tests.lab.machine import Machine

SCENARIO_S = 1500.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures for the report; what did not hold."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def played(box: Machine, notes: Path, module: str, *arguments: str) -> Outcome:
    """A module of `guest/`, from its start to its last line. What it says lies in `notes`."""
    command = box.python(f"tests.lab.guest.{module}", *arguments)
    notes.mkdir(parents=True, exist_ok=True)
    with (notes / "said.txt").open("w", encoding="utf-8", buffering=1) as file:
        said = box.run(
            command,
            timeout_s=SCENARIO_S,
            must=False,
            heard=lambda line: print(line, file=file),
        )
    return told(said.rpartition("\n")[2])


def told(line: str) -> Outcome:
    """Of a scenario's last line."""
    if not line.startswith(MARK):
        return Outcome({}, [f"it did not end by itself: {line}"])
    found = json.loads(line.removeprefix(MARK))
    return Outcome(found["figures"], found["broken"])

"""What the box is put through: the table of scenarios.

Most are played by a module of `guest/`, in the box and by its clock; what the box itself cannot
live to tell is played from here.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.lab.lab import Lab
from tests.lab.outage import boot, clock
from tests.lab.outcome import Outcome, played
from tests.lab.power import power_cuts

Scenario = Callable[[Lab], Outcome]


def in_the_box(module: str, *arguments: str) -> Scenario:
    """A scenario that a module of `guest/` plays."""

    def scenario(lab: Lab) -> Outcome:
        with lab.woken(module) as box:
            return played(box, lab.results / module, module, *arguments)

    return scenario


def idle(lab: Lab) -> Outcome:
    """A lane at rest, for as long as the lab is told."""
    return in_the_box("idle", str(lab.options.idle_min))(lab)


SCENARIOS: dict[str, Scenario] = {
    "day": in_the_box("day", "5"),
    "replug": in_the_box("replug"),
    "twins": in_the_box("twins"),
    "lanes": in_the_box("lanes"),
    "sensing": in_the_box("sensing"),
    "printer": in_the_box("printer"),
    "network": in_the_box("network"),
    "clock": clock,
    "disk": in_the_box("disk"),
    "boot": boot,
    "watchdog": in_the_box("watchdog"),
    "sandbox": in_the_box("sandbox"),
    "remove": in_the_box("remove"),
    "idle": idle,
    "power": power_cuts,
}
#: Played in boxes beside the others when all are, and nicer from row to row: they hold no time.
ASIDE = (("power",), ("idle", "remove"))
MAIN = tuple(name for name in SCENARIOS if not any(name in row for row in ASIDE))
NICENESS = 5

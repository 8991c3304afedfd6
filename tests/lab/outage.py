"""The whole box is switched off and on: the power goes under load, and the clock is wrong."""

from __future__ import annotations

import time

from tests.lab.guest.devices import LANE
from tests.lab.guest.shop import BRIDGE
from tests.lab.lab import Lab
from tests.lab.outcome import Outcome, played
from tests.lab.world import World

AFTER_S = 3.0
UP_S = 180.0
#: When the lane said that it is ready, in microseconds since the kernel's start.
READY = f"systemctl show {LANE.unit} --property=ActiveEnterTimestampMonotonic --value"
#: As of a box without a battery. systemd then takes the day on which it was made itself.
CLOCK = "1970-01-01T00:00:00"


def boot(lab: Lab) -> Outcome:
    """The power goes while it sells; the lane is up by itself after a real start, and all is there.

    Its disk keeps what QEMU was given: what a disk's own cache may forget is played by `power`.
    """
    world = World(lab.results / "boot")
    with lab.woken("boot") as box:
        box.run("sync")
        world.live(box, 0, AFTER_S, waits=False)
        console_s = box.boot()
        for unit in (LANE.unit, BRIDGE):  # nobody starts them
            box.run(f"until systemctl -q is-active {unit}; do sleep 0.2; done", timeout_s=UP_S)
        world.live(box, 1, None, waits=False)
        ready_us = int(box.run(READY))
    outcome = world.outcome()
    times = {"power_to_shell_s": round(console_s), "kernel_to_ready_s": round(ready_us / 1e6, 1)}
    return Outcome(times | outcome.figures, outcome.broken)


def clock(lab: Lab) -> Outcome:
    """A start in 1970."""
    with lab.woken("clock") as box:
        box.run("sync")
        box.cut_power()
        box.boot(CLOCK)
        return played(box, lab.results / "clock", "clock", str(round(time.time())))

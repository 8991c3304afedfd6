"""A lane at rest, with all its devices: what that costs.

idle.py MINUTES
"""

from __future__ import annotations

import sys
import time

from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.usage import usage

SETTLED_S = 15.0  #: after the last receipt, until the lane rests
#: On this emulated processor, which takes a multiple of a real one's time.
CPU_MAX_PERCENT = 25.0
RESIDENT_MAX_MB = 150


def idle(findings: Findings) -> None:
    with shop.opened() as open_shop:
        open_shop.sell(1)
        open_shop.booked()
        time.sleep(SETTLED_S)
        before, began = usage(LANE.unit), time.monotonic()
        time.sleep(int(sys.argv[1]) * 60)
        spent, seconds = usage(LANE.unit).since(before), time.monotonic() - began
    findings.note("idle_s", round(seconds))
    findings.note("cpu_ms", spent.cpu_ms)
    percent = spent.cpu_ms / seconds / 10
    findings.hold("cpu_percent", round(percent, 2), held=percent <= CPU_MAX_PERCENT)
    findings.note("written_bytes", spent.written_bytes)
    resident_mb = spent.resident_kb / 1024
    findings.hold("resident_mb", round(resident_mb, 1), held=resident_mb <= RESIDENT_MAX_MB)
    findings.note("proportional_mb", round(spent.proportional_kb / 1024, 1))


if __name__ == "__main__":
    told(idle)

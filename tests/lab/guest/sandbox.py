"""The hardened unit: every device works in it, nothing is denied, nobody else hears the keys."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from pathlib import Path

from drivers.scanner.sim import Wedge
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import BRIDGE, Shop

EXPOSURE_MAX = 2.0
UNITS = {"lane": LANE.unit, "bridge": BRIDGE, "camera": "lanetally-camera@lab.service"}
KEYBOARD = LANE.device("scanner").path
CONSOLE = Path("/dev/tty1")
LISTEN_S = 3.0
DENIALS = re.compile(r"permission denied|not permitted|misconfigured|no right to", re.IGNORECASE)


def sandbox(findings: Findings) -> None:
    with shop.opened() as open_shop:
        open_shop.sell(2, seed=3)
        heard = {
            "console_bytes": _heard(CONSOLE, open_shop),
            "other_program_bytes": _heard(KEYBOARD, open_shop),
        }
        for name, size in heard.items():
            findings.hold(name, size, held=size == 0)
        said = _output("journalctl", "--no-pager", "--output=cat", "--boot", f"--unit={LANE.unit}")
        denied = [line for line in said.splitlines() if DENIALS.search(line)]
        findings.hold("denied", len(denied), held=not denied)
        findings.broken += denied[:5]
        _measured(findings)
        subprocess.run(["systemctl", "stop", LANE.unit], check=True)
        # the same ears, without the lane: they would have heard
        console = _heard(CONSOLE, open_shop)
        findings.hold("console_bytes_without_lane", console, held=console > 0)


def _heard(path: Path, open_shop: Shop) -> int:
    """How many bytes reach somebody who reads there while the scanner types a label."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        open_shop.keys["scanner"].send(Wedge().reports(b"4006381333931", "]E0"))
        end, size = time.monotonic() + LISTEN_S, 0
        while (left_s := end - time.monotonic()) > 0:
            if select.select([fd], [], [], left_s)[0]:
                size += len(os.read(fd, 4096))
        return size
    finally:
        os.close(fd)


def _measured(findings: Findings) -> None:
    for name, unit in UNITS.items():
        said = _output("systemd-analyze", "security", "--no-pager", unit)
        found = re.search(r"Overall exposure level for .*: ([\d.]+) ", said)
        level = float(found[1]) if found else 10.0
        findings.hold(f"exposure_{name}", level, held=level <= EXPOSURE_MAX)
    shown = _output("systemctl", "show", LANE.unit, "--property=MemoryPeak,NRestarts")
    for line in shown.splitlines():
        findings.note(*line.split("=", 1))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    told(sandbox)

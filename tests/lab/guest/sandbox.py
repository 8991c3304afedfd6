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
from tests.lab.guest.result import Findings, hold_nothing_denied, told
from tests.lab.guest.shop import BRIDGE, Shop

EXPOSURE_MAX = 2.0
RAW = "hidraw/hidraw*"
UNITS = {"lane": LANE.unit, "bridge": BRIDGE, "camera": "lanetally-camera@lab.service"}
KEYBOARD = LANE.device("scanner").path
EARS = {"console_bytes": Path("/dev/tty1"), "other_program_bytes": KEYBOARD}
LISTEN_S = 3.0


def sandbox(findings: Findings) -> None:
    with shop.opened() as open_shop:
        open_shop.sell_by_all()
        for name, path in EARS.items():
            size = _heard(path, open_shop)
            findings.hold(name, size, held=size == 0)
        hold_nothing_denied(findings)
        _hold_raw_closed(findings)
        _measured(findings)
        subprocess.run(["systemctl", "stop", LANE.unit], check=True)
        # the same ears, without the lane: they would have heard
        for name, path in EARS.items():
            size = _heard(path, open_shop)
            findings.hold(f"{name}_without_lane", size, held=size > 0)


def _hold_raw_closed(findings: Findings) -> None:
    """A keyboard's reports are to be had past its events, too: by root alone."""
    raw = next(Path("/sys/class/input", KEYBOARD.resolve().name).resolve().parents[2].glob(RAW))
    mode = Path("/dev", raw.name).stat()
    closed = (mode.st_uid, mode.st_mode & 0o077) == (0, 0)
    findings.hold("raw_reports", f"{mode.st_mode & 0o777:o}", held=closed)


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
        level = float(found[1]) if found else 10.0  # the worst there is
        findings.hold(f"exposure_{name}", level, held=level <= EXPOSURE_MAX)
    shown = _output("systemctl", "show", LANE.unit, "--property=MemoryPeak,NRestarts")
    for line in shown.splitlines():
        findings.note(*line.split("=", 1))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    told(sandbox)

"""Each device is pulled out in the middle of its work and plugged in again: right role, in time,
and nothing of the label that was being typed is taken for one."""

from __future__ import annotations

import tomllib
from pathlib import Path

from agent.cli.demo.plan import planned
from drivers.scanner.sim import Wedge
from tests.lab.guest import shop
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import GADGETS, SCANNER, Shop, waited

TIMES = 3
#: From its name under /dev to a device that works. Before that come kernel and udev, which on an
#: emulated processor take a multiple of their time; it is stated, not held.
LIMIT_S = 2.0
NAMES = {device["role"]: Path(device["path"]) for device in tomllib.loads(shop.LANE_TOML)["device"]}


def replug(findings: Findings) -> None:
    with shop.opened() as open_shop:
        visits = iter(planned(open_shop.baskets, TIMES * len(GADGETS), seed=2))
        for gadget in GADGETS:
            named_s, waits_s = [], []
            for _ in range(TIMES):
                if gadget is SCANNER:
                    _half_a_label(open_shop)
                open_shop.pull(gadget)
                waited(lambda role=gadget.name: open_shop.state(role) == "lost", "it is missed")
                gadget.plug()
                named_s.append(waited(NAMES[gadget.name].exists, "udev names it"))
                waits_s.append(
                    waited(lambda role=gadget.name: open_shop.state(role) == "up", "it is back")
                )
                open_shop.cashier.serve(next(visits))
            worst_s = max(waits_s)
            findings.figures[f"{gadget.name}_named_s"] = round(max(named_s), 2)
            findings.hold(f"{gadget.name}_back_s", round(worst_s, 2), held=worst_s <= LIMIT_S)
        report = open_shop.booked()
    for invariant in report.invariants:
        if not invariant.held:
            findings.broken.append(f"{invariant.text.english()}: {invariant.found}")
    findings.figures["scans"] = report.figures["scans"]


def _half_a_label(open_shop: Shop) -> None:
    """The plug is pulled before the scanner has typed all of it."""
    reports = Wedge().reports(b"4006381333931", "]E0")
    open_shop.keys[SCANNER.name].send(reports[: len(reports) // 2])


if __name__ == "__main__":
    told(replug)

"""Each device is pulled out in the middle of its work and plugged in again: right role, in time,
and nothing of the label that was being typed is taken for one."""

from __future__ import annotations

from agent.cli.demo.plan import planned
from drivers.scanner.sim import Wedge
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import Shop
from tests.lab.guest.waiting import waited

TIMES = 3
#: From its name under /dev to a device that works. Before that come kernel and udev, which on an
#: emulated processor take a multiple of their time; it is stated, not held.
LIMIT_S = 2.0


def replug(findings: Findings) -> None:
    with shop.opened() as open_shop:
        visits = iter(planned(open_shop.baskets, TIMES * len(LANE.devices), seed=2))
        for device in LANE.devices:
            role, named_s, waits_s = device.role, [], []
            for _ in range(TIMES):
                if role == "scanner":
                    _half_a_label(open_shop)
                open_shop.pull(device)
                waited(lambda role=role: open_shop.state(role) == "lost", "it is missed")
                device.gadget.plug()
                named_s.append(waited(device.path.exists, "udev names it"))
                waits_s.append(
                    waited(lambda role=role: open_shop.state(role) == "up", "it is back")
                )
                open_shop.cashier.serve(next(visits))
            worst_s = max(waits_s)
            findings.note(f"{role}_named_s", round(max(named_s), 2))
            findings.hold(f"{role}_back_s", round(worst_s, 2), held=worst_s <= LIMIT_S)
        report = open_shop.booked()
    findings.hold_all(report)
    findings.note("scans", report.figures["scans"])


def _half_a_label(open_shop: Shop) -> None:
    """The plug is pulled before the scanner has typed all of it."""
    reports = Wedge().reports(b"4006381333931", "]E0")
    open_shop.keys["scanner"].send(reports[: len(reports) // 2])


if __name__ == "__main__":
    told(replug)

"""Each device is pulled out in the middle of its work and plugged in again: right role, in time,
and nothing of what it was at is lost, or taken for something else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from agent.cli.demo.plan import Visit
from drivers.keypad import sim as keypad
from drivers.scanner.sim import Wedge
from tests.lab.guest import shop
from tests.lab.guest.cashier import is_keyed, is_weighed
from tests.lab.guest.devices import LANE, Device
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import Shop
from tests.lab.guest.usage import main_pid
from tests.lab.guest.waiting import waited

TIMES = 3
#: From its name under /dev to a device that works. Before that come kernel and udev, which on an
#: emulated processor take a multiple of their time; it is stated, not held.
LIMIT_S = 2.0
WITHIN_BYTES = 150  #: of a receipt
HELD_UP_S = 1.0

Replug = Callable[[], None]
Visits = Iterator[Visit]


def replug(findings: Findings) -> None:
    with shop.opened() as open_shop:
        plans: dict[str, Visits] = {
            "scanner": open_shop.visits(2),
            "keypad": open_shop.visits(20, is_keyed),
            "scale": open_shop.visits(21, is_weighed),
            "printer": open_shop.visits(22),
        }
        for device in LANE.devices:
            found: list[tuple[float, float]] = []
            for visit in islice(plans[device.role], TIMES):
                AT_WORK[device.role](open_shop, visit, _noting(open_shop, device, found))
            named_s, back_s = (max(times) for times in zip(*found, strict=True))
            findings.note(f"{device.role}_named_s", round(named_s, 2))
            findings.hold(f"{device.role}_back_s", round(back_s, 2), held=back_s <= LIMIT_S)
            findings.hold(f"{device.role}_times", len(found), held=len(found) == TIMES)
            if device.role == "scanner":  # what was left of a label costs no other one
                again = open_shop.cashier.scanned_again
                findings.hold("scanned_again", again, held=again < TIMES)
        report = open_shop.booked()
        cashier = open_shop.cashier
        _hold_up(findings, open_shop)
    findings.hold_all(report)
    findings.note("scans", report.figures["scans"])
    findings.hold("weighed", cashier.weighed, held=cashier.weighed >= TIMES)
    findings.hold("keyed", cashier.keyed, held=cashier.keyed >= TIMES)


def _hold_up(findings: Findings, open_shop: Shop) -> None:
    """The lane gets no processor while a label is typed: the kernel keeps it, whole."""
    screen, pid = open_shop.screen, main_pid(LANE.unit)
    screen.complaint = ""
    os.kill(pid, signal.SIGSTOP)
    open_shop.keys["scanner"].send(Wedge().reports(open_shop.label().encode()))
    time.sleep(HELD_UP_S)
    os.kill(pid, signal.SIGCONT)
    waited(lambda: bool(screen.item_count or screen.complaint), "the label is read")
    findings.hold("held_up", screen.complaint, held=screen.item_count == 1)


def _noting(open_shop: Shop, device: Device, found: list[tuple[float, float]]) -> Replug:
    return lambda: found.append(pulled(open_shop, device))


def pulled(open_shop: Shop, device: Device) -> tuple[float, float]:
    """Pull it and plug it in again: the seconds until it has its name, and from there until it is
    back in its role."""
    open_shop.pull(device)
    waited(lambda: open_shop.state(device.role) == "lost", f"{device.role} is missed")
    open_shop.printer.faults.stall_after_bytes = None
    device.gadget.plug()
    named_s = waited(device.path.exists, f"udev names {device.role}")
    return named_s, waited(lambda: open_shop.state(device.role) == "up", f"{device.role} is back")


def _typing(open_shop: Shop, visit: Visit, replug: Replug) -> None:
    """The plug is pulled before the scanner has typed all of a label."""
    reports = Wedge().reports(b"4006381333931", "]E0")
    open_shop.keys["scanner"].send(reports[: len(reports) // 2])
    replug()
    open_shop.cashier.serve(visit)


def _keying(open_shop: Shop, visit: Visit, replug: Replug) -> None:
    """Before Enter is pressed; what was keyed until then is not part of the next count."""
    open_shop.keys["keypad"].send(keypad.reports("1"))
    replug()
    open_shop.cashier.serve(visit)


def _weighing(open_shop: Shop, visit: Visit, replug: Replug) -> None:
    """While goods wait for their weight, once in a basket."""

    def befalls() -> None:
        open_shop.cashier.befalls = lambda: None
        replug()

    open_shop.cashier.befalls = befalls
    open_shop.cashier.serve(visit)


def printing(open_shop: Shop, visit: Visit, replug: Replug) -> None:
    """With the receipt half on paper."""
    open_shop.wait_until_nothing_is_owed()  # or an earlier receipt would be befallen
    faults = open_shop.printer.faults
    faults.stall_after_bytes = WITHIN_BYTES
    known = len(open_shop.printer.receipts)
    open_shop.cashier.serve(visit)
    waited(lambda: faults.stall_after_bytes == 0, "it is stuck in a receipt")
    replug()
    waited(lambda: len(open_shop.printer.receipts) > known, "the receipt is printed")


AT_WORK: Mapping[str, Callable[[Shop, Visit, Replug], None]] = {
    "scanner": _typing,
    "keypad": _keying,
    "scale": _weighing,
    "printer": printing,
}


if __name__ == "__main__":
    told(replug)

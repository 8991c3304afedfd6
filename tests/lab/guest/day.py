"""Real baskets through every device: the ledger is what was scanned, the paper what was sold."""

from __future__ import annotations

import statistics
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from agent.cli.demo.check import read_only
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import Shop
from tests.lab.guest.usage import usage, written_bytes

DISK = Path("/dev/disk/by-label/data")
MEASURED_BASKETS = 2
NAMES = ("baskets", "scans", "receipts_printed", "vouchers_posted", "amount_minor")


def day(findings: Findings) -> None:
    baskets = int(sys.argv[1])
    _give_disk()
    with shop.opened() as open_shop:
        open_shop.sell(1, seed=2)  # pages and statements are warm
        open_shop.wait_until_through()
        before, disk_before = usage(LANE.unit), written_bytes(DISK)
        open_shop.sell(baskets)
        open_shop.wait_until_through()
        spent, on_disk = usage(LANE.unit).since(before), written_bytes(DISK) - disk_before
        open_shop.sell_by_all()
        report = open_shop.booked()
        cashier = open_shop.cashier
        shown_ms = cashier.shown_ms[:]
        durable_ms = _durable_ms(open_shop)
    findings.hold_all(report)
    for name in NAMES:
        findings.note(name, report.figures[name])
    findings.note("scanned_again", cashier.scanned_again)
    findings.hold("weighed", cashier.weighed, held=cashier.weighed > 0)
    findings.hold("keyed", cashier.keyed, held=cashier.keyed > 0)
    for name, times in (("durable", durable_ms), ("screen", shown_ms)):
        findings.note(f"scan_to_{name}_ms_median", statistics.median(times))
        findings.note(f"scan_to_{name}_ms_max", max(times))
    findings.note("written_kb_per_basket", spent.written_bytes // baskets // 1024)
    findings.note("disk_kb_per_basket", on_disk // baskets // 1024)
    findings.note("cpu_ms_per_basket", spent.cpu_ms // baskets)
    findings.note("resident_mb", spent.resident_kb // 1024)
    findings.note("proportional_mb", spent.proportional_kb // 1024)


def _give_disk() -> None:
    """What the lane owns goes to a disk of its own: all that is written there is the lane's, with
    what the file system adds."""
    shop.close_books([LANE])
    subprocess.run(["mount", DISK, LANE.journal.parents[1]], check=True)
    shop.open_books([LANE])


def _durable_ms(open_shop: Shop) -> list[int]:
    """Of some scans more: looking into the journal all the time takes what the lane would have."""
    with closing(read_only(LANE.journal)) as journal:
        open_shop.cashier.journal = journal
        open_shop.sell(MEASURED_BASKETS, seed=6)
    return open_shop.cashier.durable_ms


if __name__ == "__main__":
    told(day)

"""Real baskets through every device: the ledger is what was scanned, the paper what was sold."""

from __future__ import annotations

import statistics
import sys

from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.usage import usage

NAMES = ("baskets", "scans", "receipts_printed", "vouchers_posted", "amount_minor")


def day(findings: Findings) -> None:
    baskets = int(sys.argv[1])
    with shop.opened() as open_shop:
        open_shop.sell(1, seed=2)  # pages and statements are warm
        open_shop.wait_until_through()
        before = usage(LANE.unit)
        open_shop.sell(baskets)
        report = open_shop.booked()
        spent = usage(LANE.unit).since(before)
        cashier = open_shop.cashier
    findings.hold_all(report)
    for name in NAMES:
        findings.note(name, report.figures[name])
    findings.note("scanned_again", cashier.scanned_again)
    findings.note("scan_to_screen_ms_median", statistics.median(cashier.shown_ms))
    findings.note("scan_to_screen_ms_max", max(cashier.shown_ms))
    findings.note("written_kb_per_basket", spent.written_bytes // baskets // 1024)
    findings.note("cpu_ms_per_basket", spent.cpu_ms // baskets)
    findings.note("resident_mb", spent.resident_kb // 1024)
    findings.note("proportional_mb", spent.proportional_kb // 1024)


if __name__ == "__main__":
    told(day)

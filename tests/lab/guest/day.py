"""Real baskets through every device: the ledger is what was scanned, the paper what was sold."""

from __future__ import annotations

import sys

from tests.lab.guest import shop
from tests.lab.guest.result import Findings, told


def day(findings: Findings) -> None:
    baskets = int(sys.argv[1])
    with shop.opened() as open_shop:
        open_shop.sell(baskets)
        report = open_shop.booked()
        findings.figures["scanned_again"] = open_shop.cashier.scanned_again
    for invariant in report.invariants:
        if not invariant.held:
            findings.broken.append(f"{invariant.text.english()}: {invariant.found}")
    for name in ("baskets", "scans", "receipts_printed", "vouchers_posted", "amount_minor"):
        findings.figures[name] = report.figures[name]


if __name__ == "__main__":
    told(day)

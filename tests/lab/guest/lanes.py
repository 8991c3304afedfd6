"""Two lanes on one box sell at the same time, each with its own devices: nothing gets mixed."""

from __future__ import annotations

import threading

from agent.cli.demo.check import evidence, scanned
from agent.domain.facts import TransactionSettled
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE, OTHER_LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import LEDGER, Shop

BASKETS = 3


def lanes(findings: Findings) -> None:
    shop.open_books([LANE, OTHER_LANE])
    with shop.at_lane(LANE) as one, shop.at_lane(OTHER_LANE) as other:
        both = (one, other)
        for open_shop in both:
            open_shop.wait_until_up()
        failed: list[str] = []
        sellers = [
            threading.Thread(target=_sell, args=(open_shop, seed, failed))
            for seed, open_shop in enumerate(both, 11)
        ]
        for seller in sellers:
            seller.start()
        for seller in sellers:
            seller.join()
        findings.broken += failed
        sales = sum(_held(findings, open_shop) for open_shop in both)
        ledger = evidence(LANE.journal, LEDGER, []).ledger
    findings.hold("sales", sales, held=sales == ledger["sales"] == BASKETS * len(both))
    taken = sum(open_shop.cashier.played.amount_minor for open_shop in both)
    findings.hold("taken_minor", taken, held=taken == ledger["taken_minor"])
    for name in ("duplicates", "unbalanced", "sum_minor", "quarantined"):
        findings.hold(name, ledger[name], held=ledger[name] == 0)


def _sell(open_shop: Shop, seed: int, failed: list[str]) -> None:
    try:
        open_shop.sell(BASKETS, seed)
    except Exception as error:  # noqa: BLE001  a thread's error is a finding, whatever it is
        failed.append(f"{open_shop.lane.id}: {error}")


def _held(findings: Findings, open_shop: Shop) -> int:
    """The lane's sales; its journal and its printer know its own alone."""
    open_shop.wait_until_through()
    found = evidence(open_shop.lane.journal, LEDGER, [])
    settled = found.of(TransactionSettled)
    paper = {code for receipt in open_shop.printer.receipts for code in receipt.qr_codes}
    own = paper == {sale.receipt_number for sale in settled}
    name = open_shop.lane.id
    findings.hold(f"{name}_receipts", len(open_shop.printer.receipts), held=own)
    scans = scanned(found, open_shop.cashier.played)
    findings.hold(f"{name}_scans", scans.found, held=scans.held)
    return len(settled)


if __name__ == "__main__":
    told(lanes)

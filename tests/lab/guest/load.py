"""Sells without a pause until the power is cut, and says aloud what the world outside has got.

load.py sell NUMBER          `settled ID` once the POS has its answer, `printed NUMBER` once a
                             receipt is cut off; NUMBER counts the starts of the box
load.py check '{"settled": […], "printed": […]}'
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

from agent.cli.demo.check import Evidence, evidence
from agent.cli.demo.plan import planned
from agent.domain.facts import TransactionSettled
from tests.lab.guest import shop
from tests.lab.guest.result import Findings, told
from tests.lab.guest.shop import JOURNAL, LANE, LEDGER, SETTINGS, Shop, waited

MANY = 10_000


def sell(start: int) -> None:
    with shop.opened(fresh=start == 0, cut=_tell_printed) as open_shop:
        settle_what_is_open(open_shop, f"rest-{start}")
        for visit in planned(open_shop.baskets, MANY, seed=start):
            total_id = f"{start}-{visit.total_id}"
            open_shop.cashier.serve(replace(visit, total_id=total_id))
            if visit.manner != "keypad":  # which has no id that outlives it
                print("settled", total_id, flush=True)


def _tell_printed(receipt_number: str) -> None:
    print("printed", receipt_number, flush=True)


def settle_what_is_open(open_shop: Shop, total_id: str) -> None:
    """What was scanned before the cut is still there to be paid."""
    lane = open_shop.pos.lane()
    if lane["transaction_id"] is None:
        return
    total = {"total_id": total_id, "item_count": lane["item_count"]}
    if lane["amount_minor"] is not None:
        total["amount_minor"] = lane["amount_minor"]
    code, answer = open_shop.pos.settle(total)
    if code != 200:
        raise shop.LabFailed(f"the open basket cannot be settled: {code} {answer}")


def check(findings: Findings) -> None:
    outside = json.loads(sys.argv[2])
    with shop.opened(fresh=False) as open_shop:
        settle_what_is_open(open_shop, f"rest-check-{len(outside['settled'])}")

        def all_through() -> bool:
            lane = open_shop.pos.lane()
            return bool(lane["journal_seq"] == lane["acknowledged_seq"])

        waited(all_through, "the facts are acknowledged")
        found = evidence(JOURNAL, LEDGER, [])
    _hold_all(findings, found, outside)
    for program, file in (("lanetally journal", LANE), ("lanetally-bridge", "bridge")):
        command = [*f"/usr/local/bin/{program} verify --config".split(), f"{SETTINGS}/{file}.toml"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        findings.hold(f"{program} verify", ended.returncode, held=ended.returncode == 0)
        if ended.returncode:
            findings.broken.append(ended.stdout + ended.stderr)


def _hold_all(findings: Findings, found: Evidence, outside: dict[str, list[str]]) -> None:
    settled = found.of(TransactionSettled)
    numbers = {sale.receipt_number for sale in settled}
    lost = sorted(set(outside["settled"]) - {sale.total_id for sale in settled})
    unknown = sorted(set(outside["printed"]) - numbers)
    findings.hold("answered_but_lost", lost, held=not lost)
    findings.hold("printed_but_lost", unknown, held=not unknown)
    for name in ("duplicates", "unbalanced", "sum_minor", "quarantined"):
        findings.hold(name, found.ledger[name], held=found.ledger[name] == 0)
    findings.hold("sales", len(settled), held=len(settled) == found.ledger["sales"])


if __name__ == "__main__":
    if sys.argv[1] == "sell":
        sell(int(sys.argv[2]))
    else:
        told(check)

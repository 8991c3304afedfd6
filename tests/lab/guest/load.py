"""The lane under load, before and after the power went: what it has promised must be there.

    load.py ORDERS   starts it all, judges what is there of what was told, and sells
    load.py wait     takes its orders from one pipe and speaks into another, when it is told to

ORDERS are JSON: {"start": 0, "promises": ["settled ID 1", …], "sells": true}: how often it was
started before, what was promised until then, and whether it sells, without end, or only judges.
Each promise is said as soon as it is made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.cli.demo.plan import planned
from drivers.printer.sim_press import Receipt
from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.promises import (
    VERIFIES,
    Promise,
    heard,
    hold_promises,
    settle_what_is_open,
    verified,
)
from tests.lab.guest.result import Findings, say, told
from tests.lab.guest.shop import BRIDGE, Shop, is_copy

MANY = 200
ORDERS, SAID = Path("/run/lab-orders"), Path("/run/lab-said")


def main() -> None:
    with shop.at_lane(LANE, cut=_tell_printed) as open_shop:
        open_shop.cashier.told = _tell_shown
        sell(open_shop, _ordered() if sys.argv[1] == "wait" else json.loads(sys.argv[1]))


def sell(open_shop: Shop, orders: dict[str, Any]) -> None:
    start = orders["start"]
    began = time.monotonic()
    subprocess.run(["systemctl", "start", LANE.unit, BRIDGE], check=True)
    open_shop.wait_until_up()
    ready_s = round(time.monotonic() - began, 1)

    def judge(findings: Findings) -> None:
        findings.note("ready_s", ready_s)
        settle_what_is_open(open_shop, f"rest-{start}")
        open_shop.wait_until_through()
        hold_promises(findings, [one for line in orders["promises"] if (one := heard(line))])

    told(judge)
    for visit in planned(open_shop.baskets, MANY if orders["sells"] else 0, seed=start):
        total_id = f"{start}-{visit.total_id}"
        open_shop.cashier.serve(replace(visit, total_id=total_id))
        if visit.manner != "keypad":  # which has no id that outlives it
            say(Promise("settled", total_id))


def _tell_shown(transaction_id: str, item_count: int) -> None:
    say(Promise("shown", transaction_id, item_count))


def _tell_printed(receipt: Receipt) -> None:
    for number in receipt.qr_codes:
        say(Promise("copied" if is_copy(receipt) else "printed", number))


def _ordered() -> dict[str, Any]:
    """What the pipe says, once it says anything. From then on the other pipe is told all."""
    os.chdir("/")
    for name in VERIFIES:  # of books that are not there yet: all of it is loaded then
        verified(name)
    for pipe in (ORDERS, SAID):
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
    orders: dict[str, Any] = json.loads(ORDERS.read_text())
    said = os.open(SAID, os.O_WRONLY)
    os.dup2(said, sys.stdout.fileno())
    os.dup2(said, sys.stderr.fileno())
    return orders


if __name__ == "__main__":
    main()

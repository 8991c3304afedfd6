"""The demo from opening time to closing time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from agent.cli.demo import baskets, check, plan, store
from agent.cli.demo.cashier import Cashier
from agent.cli.demo.check import Report
from agent.cli.demo.incidents import Incidents
from agent.cli.demo.store import Shop
from agent.cli.demo.summary import Show
from agent.domain.text import Text
from agent.i18n import translator
from agent.journal import JournalReader
from drivers.printer.sim_press import Receipt

DRAIN_S = 60.0
LOOK_S = 0.1
CUT = "- " * 24


def played(
    folder: Path, count: int, seed: int, speed: float, language: str, show: Show
) -> tuple[Report, float]:
    """Open the shop, sell, wait until all has arrived, close it, and look at the books.

    Also the seconds from the first label to the last acknowledgement.
    """
    say = translator(language)
    sample = baskets.sample()
    items = baskets.item_figures(sample)
    prices = {item.gtin: item.price_minor for item in items.values()}
    with store.opened(folder, items, language, say) as shop:
        incidents = Incidents(shop, count, show.tell)

        def tick() -> None:
            incidents.tick()
            shop.check()

        cashier = Cashier(shop.devices, shop.screen, shop.pos, prices, speed=speed, tick=tick)
        began = time.monotonic()
        with show.running():
            for number, visit in enumerate(plan.planned(sample, count, seed)):
                incidents.begin(number)
                tick()
                cashier.serve(visit)
                show.step(shop.screen.alerts)
            acknowledged = _drained(shop, incidents)
        seconds = time.monotonic() - began
        shop.close()
        found = check.evidence(shop.journal, shop.ledger, shop.printer.receipts)
    _write_receipts(folder / "receipts.txt", found.paper)
    return check.report(found, cashier.played, acknowledged, say(Text("REPRINT"))), seconds


def _drained(shop: Shop, incidents: Incidents) -> int:
    """Wait until every receipt is printed and every fact acknowledged; how many are, at last."""
    deadline = time.monotonic() + DRAIN_S
    pause = threading.Event()
    with closing(JournalReader(shop.journal)) as journal:
        while True:
            incidents.tick()
            shop.check()
            waiting = journal.receipts_awaited() or not incidents.over
            journaled, acknowledged = shop.cursors()  # after the receipts: each is a fact, too
            if (acknowledged == journaled and not waiting) or time.monotonic() > deadline:
                return acknowledged
            pause.wait(LOOK_S)


def _write_receipts(path: Path, receipts: Sequence[Receipt]) -> None:
    """The paper as text, a rule where it was cut; a QR code by its content."""
    with path.open("w", encoding="utf-8") as file:
        for receipt in receipts:
            qr_codes = (f"[QR {content}]" for content in receipt.qr_codes)
            printed = "\n".join((*(line.rstrip() for line in receipt.lines), *qr_codes))
            file.write(f"{printed.rstrip()}\n{CUT}\n")

"""What goes wrong in the middle of the demo: the paper runs out, and the bridge is killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from agent.cli.demo.store import Shop
from agent.domain.text import Text

BASKETS_MIN = 50  #: a shorter demo runs undisturbed
LINES_LEFT = 5  #: on the roll: it ends within a receipt
REFILL_S = 2.0
RESTART_S = 1.5

#: What has to be true before an incident goes on.
Due = Callable[[], bool]


class Incidents:
    """`begin` what is due at a basket, `tick` as often as you can: it never waits."""

    def __init__(self, shop: Shop, baskets: int, tell: Callable[[Text], None]) -> None:
        scripts = {baskets // 3: _paper_out, baskets // 2: _bridge_killed}
        self._scripts = scripts if baskets >= BASKETS_MIN else {}
        self._shop = shop
        self._tell = tell
        self._going_on: list[tuple[Due, Iterator[Due]]] = []

    @property
    def over(self) -> bool:
        return not self._going_on

    def begin(self, number: int) -> None:
        script = self._scripts.get(number)
        if script is not None:
            self._advance(script(self._shop, self._tell))

    def tick(self) -> None:
        due = [script for is_due, script in self._going_on if is_due()]
        self._going_on = [waiting for waiting in self._going_on if waiting[1] not in due]
        for script in due:
            self._advance(script)

    def _advance(self, script: Iterator[Due]) -> None:
        is_due = next(script, None)
        if is_due is not None:
            self._going_on.append((is_due, script))


def _paper_out(shop: Shop, tell: Callable[[Text], None]) -> Iterator[Due]:
    faults = shop.printer.faults
    faults.lines_left = LINES_LEFT
    yield lambda: faults.paper_out
    tell(Text("The printer is out of paper: receipts wait, selling goes on"))
    yield _after(REFILL_S)
    faults.lines_left = None
    faults.paper_out = False
    tell(Text("A new roll is in: the receipts that waited are printed"))


def _bridge_killed(shop: Shop, tell: Callable[[Text], None]) -> Iterator[Due]:
    shop.bridge.kill()
    tell(Text("The bridge to the ledger was killed: facts wait in the journal, selling goes on"))
    yield _after(RESTART_S)
    shop.bridge.start()
    tell(Text("The bridge runs again: the facts that waited are sent"))


def _after(wait_s: float) -> Due:
    end = time.monotonic() + wait_s
    return lambda: time.monotonic() >= end

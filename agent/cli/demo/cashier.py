"""Plays one basket after another through the lane's devices, as a cashier and a POS would."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent.cli.demo.children import DemoFailed
from agent.cli.demo.plan import Visit
from agent.cli.demo.till import Pos, Screen
from drivers.hid.sim import Output
from drivers.keypad import sim as keypad
from drivers.scale.sim import SimulatedScale
from drivers.scanner.sim import Wedge

PATIENCE_S = 20.0  #: for the lane to show what was done
LOOK_S = 0.5  #: between two looks at whether everything still runs
TRIES = 5

SCAN_S = 1.0  #: at speed 1: from one label to the next
PAY_S = 4.0  #: at speed 1: the customer pays

#: AIM identifiers that scanners send with EAN-13 and EAN-8 (ISO/IEC 15424).
SYMBOLOGIES = {13: "]E0", 8: "]E4"}


@dataclass(frozen=True, slots=True)
class Devices:
    """The lane's devices, on their own side."""

    scanner: Output
    keypad: Output
    scale: SimulatedScale


@dataclass(slots=True)
class Played:
    """What was done, to be compared with what the lane and the ledger say."""

    baskets: int = 0
    line_items: int = 0
    scans: int = 0
    amount_minor: int = 0  #: what the customers paid
    missed: list[str] = field(default_factory=list)  #: transactions in which a scan was missed


class Cashier:
    """`serve` plays one visit. `prices` are those of the item master, in minor units by GTIN."""

    def __init__(
        self,
        devices: Devices,
        screen: Screen,
        pos: Pos,
        prices: dict[str, int],
        *,
        speed: float,
        tick: Callable[[], None],
    ) -> None:
        self.played = Played()
        self._devices = devices
        self._screen = screen
        self._pos = pos
        self._prices = prices
        self._speed = speed
        self._tick = tick
        self._wedge = Wedge()
        self._plate_free = 0, 0  # when the scale is at rest (ns), commands it must have had

    def serve(self, visit: Visit) -> None:
        """Scan, weigh and settle one basket. Raises DemoFailed if the lane does not follow."""
        scanned = weighed = 0
        for index in visit.scans:
            weight_g = visit.weights_g[index]
            self._scan(visit.basket.lines[index].gtin)
            scanned += 1
            if weight_g is not None:
                weighed += 1
                self._weigh(weight_g, weighed)
        self._wait(lambda: self._screen.item_count == scanned, f"item {scanned} of the basket")
        transaction_id = self._screen.transaction_id or ""
        if visit.missed_line is not None:
            self.played.missed.append(transaction_id)
        self._pause(PAY_S)
        if visit.manner == "keypad":
            self._key(visit)
        else:
            self._post(visit)
        self._wait(lambda: self._screen.transaction_id is None, "the settled basket")
        self.played.baskets += 1
        self.played.line_items += len(visit.basket.lines)

    # --- scanner and scale -----------------------------------------------------------------------

    def _scan(self, gtin: str) -> None:
        reports = self._wedge.reports(gtin.encode("ascii"), SYMBOLOGIES[len(gtin)])
        self._devices.scanner.send(reports)
        self.played.scans += 1
        self._pause(SCAN_S)

    def _weigh(self, weight_g: int, weighed: int) -> None:
        """Put the goods on the plate when it is free, and take them off when they are weighed."""
        scale = self._devices.scale
        at_rest_ns, asked = self._plate_free
        self._until(lambda: time.monotonic_ns() > at_rest_ns and scale.commands_taken >= asked)
        scale.place(weight_g)
        self._wait(lambda: self._screen.weighed_count == weighed, f"a weight of {weight_g} g")
        # free for the next goods when the lane has asked twice since: once may be under way
        self._plate_free = scale.remove(), scale.commands_taken + 2

    # --- totals ----------------------------------------------------------------------------------

    def _post(self, visit: Visit) -> None:
        total = total_of(visit)
        for expected in ("settled", "duplicate") if visit.repeated else ("settled",):
            status = self._sent(total)
            if status != expected:
                raise DemoFailed(f"total {visit.total_id}: {status}, expected was {expected}")
        self.played.amount_minor += visit.basket.amount_minor

    def _sent(self, total: dict[str, Any]) -> str:
        """What became of a total. No answer, or an answer that says "again": send it again."""
        answer: dict[str, Any] = {}
        for _ in range(TRIES):
            try:
                code, answer = self._pos.settle(total)
            except (OSError, http.client.HTTPException) as error:
                answer = {"detail": str(error)}
            else:
                if code not in (503, 504):
                    break
            self._tick()
        return str(answer.get("status") if "transaction_id" in answer else answer.get("detail"))

    def _key(self, visit: Visit) -> None:
        """Key the count. Asked to scan what is missing, scan it and key the count again."""
        keyed = f"{visit.basket.pieces}\r"
        self._devices.keypad.send(keypad.reports(keyed))
        self._wait(lambda: self._screen.transaction_id is None or self._screen.held, "the total")
        if self._screen.held:
            if visit.missed_line is not None:
                self._scan(visit.basket.lines[visit.missed_line].gtin)
                self._wait(lambda: self._screen.item_count == visit.basket.pieces, "the last item")
            self._devices.keypad.send(keypad.reports(keyed))
        self.played.amount_minor += sum(
            self._prices[line.gtin] * line.pieces for line in visit.basket.lines
        )

    # --- waiting ---------------------------------------------------------------------------------

    def _wait(self, seen: Callable[[], bool], what: str) -> None:
        """Wait for the lane's screen. Raises DemoFailed if it does not show it in time."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._screen.wait_until(seen, LOOK_S):
            self._tick()
            if time.monotonic() > deadline:
                said = self._screen.complaint or "nothing"
                raise DemoFailed(f"the lane does not show {what}; it complained of {said}")

    def _until(self, seen: Callable[[], bool]) -> None:
        while not seen():
            self._rest(0.02)

    def _pause(self, real_s: float) -> None:
        """As long as a person takes; at speed 0 nobody waits."""
        if self._speed:
            self._rest(real_s / self._speed)

    @staticmethod
    def _rest(wait_s: float) -> None:
        threading.Event().wait(wait_s)


def total_of(visit: Visit) -> dict[str, Any]:
    """The body of `POST /v1/settlements`."""
    basket = visit.basket
    total: dict[str, Any] = {
        "total_id": visit.total_id,
        "item_count": basket.pieces,
        "amount_minor": basket.amount_minor,
        "operator": "demo",
    }
    if visit.manner == "amount":
        return total
    return total | {
        "lines": [
            {
                "gtin": line.gtin,
                "quantity_milli": line.pieces * 1000,
                "weight_g": weight_g,
                "amount_minor": line.price_minor,
            }
            for line, weight_g in zip(basket.lines, visit.weights_g, strict=True)
        ],
        "tenders": [
            {"tender_type": tender_type, "amount_minor": amount_minor}
            for tender_type, amount_minor in visit.payment.tenders
        ],
        "change_minor": visit.payment.change_minor,
    }

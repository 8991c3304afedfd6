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
from agent.domain.text import Text
from drivers.hid.sim import Output
from drivers.keypad import sim as keypad
from drivers.scale.sim import SimulatedScale
from drivers.scanner.sim import Wedge

PATIENCE_S = 20.0  #: for the lane to show what was done
LOOK_S = 0.5  #: between two looks at whether everything still runs
REST_S = 0.01
RETRY_S = 0.5
TRIES = 5
AGAIN = (503, 504)  #: the lane is busy; the lane does not know
AHEAD_MAX = 16  #: labels the lane has not shown yet; the kernel's pipe takes about 28

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
    scanned: list[str] = field(default_factory=list)  #: the GTIN of each label
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
            self._show(scanned, ahead=AHEAD_MAX)
            if weight_g is not None:
                weighed += 1
                self._weigh(weight_g, weighed)
        self._show(scanned)
        transaction_id = self._screen.transaction_id or ""
        if visit.missed_line is not None:
            self.played.missed.append(transaction_id)
        self._pause(PAY_S)
        if visit.manner == "keypad":
            self._key(visit)
        else:
            self._post(visit)
        self._wait(
            lambda: self._screen.transaction_id is None,
            Text("The lane does not show the sale as settled"),
        )
        self.played.baskets += 1
        self.played.line_items += len(visit.basket.lines)

    # --- scanner and scale -----------------------------------------------------------------------

    def _scan(self, gtin: str) -> None:
        reports = self._wedge.reports(gtin.encode("ascii"), SYMBOLOGIES[len(gtin)])
        self._devices.scanner.send(reports)
        self.played.scanned.append(gtin)
        self._pause(SCAN_S)

    def _show(self, scanned: int, ahead: int = 0) -> None:
        """Wait until the lane shows what was scanned, but for the last `ahead` labels."""
        self._wait(
            lambda: self._screen.item_count >= scanned - ahead,
            Text("The lane does not show item {count} of the basket", {"count": scanned - ahead}),
        )

    def _weigh(self, weight_g: int, weighed: int) -> None:
        """Put the goods on the plate when it is free, and take them off when they are weighed."""
        scale = self._devices.scale
        at_rest_ns, asked = self._plate_free
        self._until(
            lambda: time.monotonic_ns() > at_rest_ns and scale.commands_taken >= asked,
            Text("The lane does not ask the scale"),
        )
        scale.place(weight_g)
        self._wait(
            lambda: self._screen.weighed_count == weighed,
            Text("The lane does not show the weight of {weight_g} g", {"weight_g": weight_g}),
        )
        # free for the next goods when the lane has asked twice since: once may be under way
        self._plate_free = scale.remove(), scale.commands_taken + 2

    # --- totals ----------------------------------------------------------------------------------

    def _post(self, visit: Visit) -> None:
        total = total_of(visit)
        for expected in ("settled", "duplicate") if visit.repeated else ("settled",):
            said = self._sent(total)
            if said != expected:
                words: dict[str, str | int] = {"total": visit.total_id, "said": said}
                raise DemoFailed(Text("The lane's answer to total {total}: {said}", words))
        self.played.amount_minor += visit.basket.amount_minor

    def _sent(self, total: dict[str, Any]) -> str:
        """What became of a total. No answer, or one that says "again": it is sent again."""
        said = ""
        for tries in range(TRIES):
            self._tick()
            self._rest(RETRY_S if tries else 0.0)
            try:
                code, answer = self._pos.settle(total)
            except (OSError, http.client.HTTPException) as error:
                said = str(error)
                continue
            if code not in AGAIN:
                said = str(answer.get("detail") or answer["status"])
                # a lost answer leaves open whether the first try was taken
                return "settled" if tries and said == "duplicate" else said
            said = answer["detail"]
        return said

    def _key(self, visit: Visit) -> None:
        """Key the count. Asked to scan what is missing, scan it and key the count again."""
        keyed = f"{visit.basket.pieces}\r"
        self._devices.keypad.send(keypad.reports(keyed))
        self._wait(
            lambda: self._screen.transaction_id is None or self._screen.held,
            Text("The lane does not answer the keyed count"),
        )
        if self._screen.held:
            if visit.missed_line is not None:
                self._scan(visit.basket.lines[visit.missed_line].gtin)
                self._show(visit.basket.pieces)
            self._devices.keypad.send(keypad.reports(keyed))
        self.played.amount_minor += sum(
            self._prices[line.gtin] * line.pieces for line in visit.basket.lines
        )

    # --- waiting ---------------------------------------------------------------------------------

    def _wait(self, seen: Callable[[], bool], failure: Text) -> None:
        """Wait for the lane's screen. Raises DemoFailed with `failure` if nothing comes in time."""
        self._until(lambda: self._screen.wait_until(seen, LOOK_S), failure)

    def _until(self, seen: Callable[[], bool], failure: Text) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            self._tick()
            if time.monotonic() > deadline:
                complaint = Text("Its last complaint: {said}", {"said": self._screen.complaint})
                raise DemoFailed(failure, complaint)
            self._rest(REST_S)

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

"""Paid, and not deducted from stock, as the books see it: what to tell whom, and when. No I/O.

Each lane has a retained message with its orders that are open, empty once there is none; an order
that is new is told of once, as an alert. What the lane itself knows of it (items not scanned,
totals that settled nothing) stands in the lane's own messages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from cloud_bridge.ledger.port import Undeducted

LOOK_S = 2.0  #: after facts came
IDLE_S = 30.0  #: while none come: costs and decisions are made by commands
ORDERS_MAX = 200  #: told in one message, oldest first
KIND = "stock_not_deducted"

Lane: TypeAlias = tuple[str, str, str]  #: tenant, store, lane


@dataclass(frozen=True, slots=True)
class Message:
    lane: Lane
    leaf: str
    payload: bytes
    retain: bool


class StockWatch:
    def __init__(self) -> None:
        self._looked_s = float("-inf")
        self._stirred = True
        self._said: dict[Lane, bytes] = {}
        self._known: set[Undeducted] | None = None  # None: what was told before is not known

    @property
    def is_new(self) -> bool:
        """Nothing was told yet, so what is retained may be out of date for any lane."""
        return self._known is None

    def stir(self) -> None:
        """Facts have come."""
        self._stirred = True

    def is_due(self, now_s: float) -> bool:
        if now_s - self._looked_s < (LOOK_S if self._stirred else IDLE_S):
            return False
        self._looked_s, self._stirred = now_s, False
        return True

    def messages(self, lanes: Collection[Lane], orders: Sequence[Undeducted]) -> list[Message]:
        """What has changed since it was told; of each of `lanes` that nothing was told of, all."""
        by_lane: dict[Lane, list[Undeducted]] = defaultdict(list)
        for order in orders:
            by_lane[order.stream[:3]].append(order)
        said = []
        for lane in sorted({*lanes, *self._said, *by_lane}):
            payload = _state(by_lane[lane]) if by_lane[lane] else b""
            if self._said.get(lane) != payload:
                self._said[lane] = payload
                said.append(Message(lane, "undeducted", payload, retain=True))
        new = [order for order in orders if self._known is not None and order not in self._known]
        self._known = set(orders)
        return said + [Message(o.stream[:3], "alert", _alert(o), retain=False) for o in new]


def _state(orders: Sequence[Undeducted]) -> bytes:
    told = [_body(order) for order in orders[:ORDERS_MAX]]
    return msgspec.json.encode({"kind": KIND, "count": len(orders), "orders": told})


def _alert(order: Undeducted) -> bytes:
    return msgspec.json.encode({"kind": KIND, "body": _body(order)})


def _body(order: Undeducted) -> dict[str, str | int | None]:
    return {
        "epoch": order.stream.epoch,
        "seq": order.seq,
        "reason": order.reason,
        "detail": order.detail,
        "amount_minor": order.amount_minor,
    }

"""What is open at the lane, to head office: one retained message, empty once nothing is.

The journal says it, so it is the same after a restart; it goes out when it has changed.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from agent.domain.text import Text
from agent.handle import LaneNotice
from agent.sales import OpenMatter, Sales, matter_texts

log = logging.getLogger("lanetally.todo")

LEAF = "todo"
AGAIN_S = 60.0  #: looked at even if nothing was heard
CHANGES = frozenset(
    {
        "settled",
        "missed_scan_suspected",
        "suspicion_confirmed",
        "suspicion_dismissed",
        "total_rejected",
        "item_backfilled",
        "backfill_reversed",
        "stock_not_deducted",
    }
)


class Post(Protocol):
    """`agent.sync.Sync.post`."""

    def __call__(self, leaf: str, payload: bytes, /, *, retain: bool = False) -> None: ...


class OpenBody(msgspec.Struct, frozen=True):
    kind: str
    transaction_id: str
    total_id: str
    receipt_number: str
    since_ms: int
    amount_minor: int
    owed: int
    text: str
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Todo:
    """`heard` belongs to the core's thread, `run` to one of its own."""

    sales: Sales
    post: Post
    say: Callable[[Text], str]
    _changed: threading.Event = field(default_factory=threading.Event)
    _said: bytes | None = None

    def heard(self, notice: LaneNotice) -> None:
        if notice.kind in CHANGES:
            self._changed.set()

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. May be called again."""
        while not stop.is_set():
            self._changed.clear()
            self._tell()
            self._wait(stop)

    def _wait(self, stop: threading.Event) -> None:
        left_s = AGAIN_S
        while left_s > 0 and not stop.is_set() and not self._changed.wait(1.0):
            left_s -= 1.0

    def _tell(self) -> None:
        try:
            matters = self.sales.todo()
        except sqlite3.Error as error:
            log.warning("what is open cannot be read: %s", error)
            return
        payload = self._payload(matters) if matters else b""
        if payload != self._said:
            self.post(LEAF, payload, retain=True)
            self._said = payload

    def _payload(self, matters: list[OpenMatter]) -> bytes:
        return msgspec.json.encode({"open": [self._body(matter) for matter in matters]})

    def _body(self, matter: OpenMatter) -> OpenBody:
        text, *why = map(self.say, matter_texts(matter))
        return OpenBody(
            matter.kind,
            matter.transaction_id,
            matter.total_id,
            matter.receipt_number,
            matter.wall_ms,
            matter.amount_minor,
            matter.owed,
            text,
            tuple(why),
        )

"""What one client is told of the lane: first the whole of it, then no more than what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.api.answers import BasketChange, Say, alert_change, lane_answer, status_change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.handle import LaneSnapshot

#: How often a journal that grows and is sent is worth a word; a device's trouble is at once.
COUNTED_S = 1.0


class Told:
    """What a client knows. Times are seconds of any clock that runs on."""

    def __init__(self, snapshot: LaneSnapshot, say: Say, now_s: float) -> None:
        self._known = snapshot
        self._say = say
        self._counted = _count_of(snapshot)
        self._counted_s = now_s

    def whole(self) -> bytes:
        """The event `lane`, before all others."""
        return _event("lane", lane_answer(self._known, self._say))

    def changes(self, now: LaneSnapshot, now_s: float) -> Iterator[bytes]:
        """The events `basket`, `alert` and `status` that make of what the client knows `now`."""
        known, self._known = self._known, now
        if _basket_of(known) != _basket_of(now):
            yield _event("basket", basket_change(known, now))
        if _alert_of(known) != _alert_of(now):
            yield _event("alert", alert_change(now, self._say))
        count = _count_of(now)
        is_news = count != self._counted and now_s - self._counted_s >= COUNTED_S
        if is_news or _status_of(known) != _status_of(now):
            self._counted, self._counted_s = count, now_s
            yield _event("status", status_change(now, self._say))


def basket_change(before: LaneSnapshot, now: LaneSnapshot) -> BasketChange:
    is_whole = before.transaction_id != now.transaction_id
    known = {} if is_whole else {line.line_no: line for line in before.lines}
    return BasketChange(
        now.transaction_id,
        is_whole,
        tuple(line for line in now.lines if known.get(line.line_no) != line),
        tuple(sorted(known.keys() - {line.line_no for line in now.lines})),
        now.item_count,
        now.amount_minor,
    )


def _basket_of(lane: LaneSnapshot) -> object:
    return lane.transaction_id, lane.item_count, lane.amount_minor, lane.lines


def _alert_of(lane: LaneSnapshot) -> object:
    is_held = lane.suspected is not None and lane.suspected.transaction_id == lane.transaction_id
    return lane.alert, lane.suspected, is_held


def _status_of(lane: LaneSnapshot) -> object:
    return lane.devices, lane.live_weights, lane.degraded


def _count_of(lane: LaneSnapshot) -> tuple[int, int]:
    return lane.journal_seq, lane.acknowledged_seq


def _event(kind: str, content: msgspec.Struct) -> bytes:
    """JSON holds no line break, so one `data:` line is enough."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(content))

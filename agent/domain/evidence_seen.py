"""What the sensors told of a basket, in their order, as evidence.

A sensor that was lost or came back while the basket was open did not see all of it: it is no
witness. What lay on a scale when the basket began, and is taken off meanwhile, is the last
customer's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from agent.domain.evidence import CameraEvidence, ScaleEvidence, Tag
from agent.domain.evidence_weight import MATCH_G
from agent.domain.facts import (
    BagWeightChanged,
    CrossingObserved,
    DeviceLost,
    DeviceReturned,
    LabelObserved,
    Observation,
    TagObserved,
)
from agent.domain.seen import SEEN_MAX, Seen

INCREMENTS_MAX = 300  #: a plate that moves oftener tells nothing of a single piece

Told = TypeVar("Told", bound=Observation)


def _told(seen: tuple[Seen, ...], cls: type[Told]) -> tuple[Told, ...]:
    """What sensors of one kind told; nothing if one of them did not see it all."""
    mine = tuple(fact for fact in seen if isinstance(fact, cls))
    blind = {fact.role for fact in seen if isinstance(fact, DeviceLost | DeviceReturned)}
    if len(seen) > SEEN_MAX or any(fact.role in blind for fact in mine):
        return ()
    return mine


def scale(seen: tuple[Seen, ...]) -> ScaleEvidence | None:
    """All scales together."""
    changes = _told(seen, BagWeightChanged)
    plates = [_plate(changes, role) for role in sorted({change.role for change in changes})]
    if not plates or None in plates:
        return None
    theirs = [plate for plate in plates if plate is not None]
    taken = {number for _, numbers in theirs for number in numbers}
    increments = tuple(
        change.delta_g
        for number, change in enumerate(changes)
        if change.delta_g and number not in taken
    )
    if len(increments) > INCREMENTS_MAX:
        return None
    return ScaleEvidence(increments, sum(total_g for total_g, _ in theirs))


def _plate(changes: tuple[BagWeightChanged, ...], role: str) -> tuple[int, Collection[int]] | None:
    """What was put on one plate, and the numbers of the changes that were the last customer's.

    None while something moves there.
    """
    mine = [(number, change) for number, change in enumerate(changes) if change.role == role]
    first, last = mine[0][1], mine[-1][1]
    if not last.steady:
        return None
    before_g = 0 if first.total_g is None else first.total_g - first.delta_g
    left_g = before_g
    own: list[int] = []
    theirs: dict[int, int] = {}
    for number, change in mine:
        undone = [put_g for put_g in own if abs(put_g + change.delta_g) <= MATCH_G]
        if change.delta_g >= 0:
            own.append(change.delta_g)
        elif undone:
            own.remove(undone[0])
        elif left_g > MATCH_G and -change.delta_g <= left_g + MATCH_G:
            theirs[number] = change.delta_g
            left_g += change.delta_g
    total_g = sum(change.delta_g for _, change in mine)
    if first.total_g is not None and last.total_g is not None:
        total_g = last.total_g - before_g
    return total_g - sum(theirs.values()), theirs


def tags(seen: tuple[Seen, ...]) -> tuple[Tag, ...] | None:
    """The tags that came and did not leave. Tags of another kind than SGTIN tell nothing."""
    edges = _told(seen, TagObserved)
    present: dict[str, TagObserved] = {}
    for number, edge in enumerate(edges):
        name = edge.epc or f"{edge.gtin} {number if edge.serial is None else edge.serial}"
        if edge.present:
            present[name] = edge
        else:
            present.pop(name, None)
    if not edges:
        return None
    return tuple(
        Tag(edge.gtin, name, edge.rssi_dbm)
        for name, edge in present.items()
        if edge.gtin is not None
    )


def camera(seen: tuple[Seen, ...]) -> CameraEvidence | None:
    crossings = _told(seen, CrossingObserved)
    read = tuple(label.gtin for label in _told(seen, LabelObserved))
    if not crossings:
        return CameraEvidence(None, labels=read) if read else None
    weights = [max(abs(crossing.count), 1) for crossing in crossings]
    sure = sum(c.confidence_pct * w for c, w in zip(crossings, weights, strict=True))
    crossed = sum(crossing.count for crossing in crossings)
    return CameraEvidence(crossed, sure // sum(weights), read)

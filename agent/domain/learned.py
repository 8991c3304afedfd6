"""What items weigh, learned from clean baskets: for the many that no item master has weighed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from agent.domain.evidence import (
    Catalogue,
    Evidence,
    KnownItem,
    Pieces,
    WeightRange,
    catalogue_of,
)
from agent.domain.evidence_weight import NOISE_G2
from agent.domain.facts import ItemDescribed, PieceWeighed

ENOUGH = 3  #: weighings that agree
WEIGHINGS_MAX = 12  #: of one item: the latest
AGREE_PERCENT = 10  #: of their median: another bag or a hand among them is left out
MARGIN_PERCENT = 2  #: more than was seen so far may still come
SHARP = 30  #: the rest of the basket may blur a piece's weight by one in so many, one sigma


def weighing(evidence: Evidence) -> tuple[Pieces, int] | None:
    """The one item of a clean basket that nobody ever weighed, and the grams of one piece."""
    if evidence.scale is None:
        return None
    count, known_g, variance = 0, 0, NOISE_G2
    item_weighed: Pieces | None = None
    for pieces in evidence.scanned:
        item = evidence.catalogue.items.get(pieces.gtin)
        weight = item.weight if item else None
        if pieces.weight_g is not None:
            known_g += pieces.weight_g
            variance += (pieces.weight_g // 50) ** 2
        elif weight is not None:
            known_g += weight.middle_g * pieces.count
            variance += weight.variance_g2 * pieces.count
        elif item_weighed is None or item_weighed.gtin == pieces.gtin:
            item_weighed, count = pieces, count + pieces.count
        else:
            return None
    rest_g = evidence.scale.total_g - known_g
    if item_weighed is None or count == 0:
        return None
    if rest_g <= 0 or SHARP * SHARP * variance > rest_g * rest_g:
        return None
    return item_weighed, rest_g // count


def learned_range(weighings: Sequence[int]) -> WeightRange | None:
    """The range of those weighings that agree; None before there are enough."""
    if len(weighings) < ENOUGH:
        return None
    median_g = sorted(weighings)[len(weighings) // 2]
    agreeing = [g for g in weighings if abs(g - median_g) * 100 <= AGREE_PERCENT * median_g]
    if len(agreeing) < ENOUGH:
        return None
    low_g, high_g = min(agreeing), max(agreeing)
    margin_g = 1 + high_g * MARGIN_PERCENT // 100
    return WeightRange(max(low_g - margin_g, 1), high_g + margin_g)


class Knowledge:
    """The items that a lane knows: as the item master described them, and as they were weighed."""

    def __init__(self) -> None:
        self._described: dict[str, KnownItem] = {}
        self._weighed: dict[str, KnownItem] = {}  #: by name, as last weighed
        self._weighings: dict[str, deque[int]] = {}
        self._catalogue: Catalogue | None = None  #: None: to be made again

    @property
    def catalogue(self) -> Catalogue:
        if self._catalogue is None:
            gtins = self._described.keys() | self._weighed.keys()
            known = (self._known(gtin) for gtin in sorted(gtins))
            self._catalogue = catalogue_of(item for item in known if item is not None)
        return self._catalogue

    def describe(self, fact: ItemDescribed) -> None:
        """What a description does not say, nobody says any more."""
        item = _described(fact)
        if item == KnownItem(fact.gtin):
            self._described.pop(fact.gtin, None)
        else:
            self._described[fact.gtin] = item
        self._catalogue = None

    def weigh(self, fact: PieceWeighed) -> None:
        latest = self._weighings.setdefault(fact.gtin, deque(maxlen=WEIGHINGS_MAX))
        latest.append(fact.weight_g)
        self._weighed[fact.gtin] = KnownItem(
            fact.gtin, fact.description, fact.category, fact.price_minor
        )
        self._catalogue = None

    def _known(self, gtin: str) -> KnownItem | None:
        described = self._described.get(gtin)
        if described is not None and described.weight is not None:
            return described
        weight = learned_range(tuple(self._weighings.get(gtin, ())))
        if weight is None:
            return described
        return replace(described or self._weighed[gtin], weight=weight)


def _described(fact: ItemDescribed) -> KnownItem:
    low_g, high_g = fact.weight_low_g, fact.weight_high_g
    weight = None
    if low_g is not None and high_g is not None and fact.sold_by == "each":
        weight = WeightRange(low_g, high_g)
    return KnownItem(
        fact.gtin,
        fact.description,
        fact.category,
        fact.price_minor,
        weight,
        fact.tagged_permille,
    )


def weighed_piece(transaction_id: str, evidence: Evidence) -> PieceWeighed | None:
    """What a clean basket teaches, if anything."""
    found = weighing(evidence)
    if found is None:
        return None
    pieces, weight_g = found
    item = evidence.item(pieces.gtin)
    return PieceWeighed(
        transaction_id, item.gtin, weight_g, item.description, item.category, item.price_minor
    )

"""What items weigh, learned from clean baskets: for the many that no item master has weighed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.domain.evidence import Evidence, WeightRange
from agent.domain.evidence_weight import NOISE_G2

ENOUGH = 3  #: weighings that agree
AGREE_PERCENT = 10  #: of their median: another bag or a hand among them is left out
MARGIN_PERCENT = 2  #: more than was seen so far may still come
SHARP = 30  #: the rest of the basket may blur a piece's weight by one in so many, one sigma


def weighing(evidence: Evidence) -> tuple[str, int] | None:
    """(GTIN, grams of one piece), where a clean basket holds but one item nobody ever weighed."""
    if evidence.scale is None:
        return None
    count, known_g, variance = 0, 0, NOISE_G2
    gtin = ""
    for pieces in evidence.scanned:
        item = evidence.catalogue.items.get(pieces.gtin)
        weight = item.weight if item else None
        if pieces.weight_g is not None:
            known_g += pieces.weight_g
            variance += (pieces.weight_g // 50) ** 2
        elif weight is not None:
            known_g += weight.middle_g * pieces.count
            variance += weight.variance_g2 * pieces.count
        elif gtin in ("", pieces.gtin):
            gtin, count = pieces.gtin, count + pieces.count
        else:
            return None
    rest_g = evidence.scale.total_g - known_g
    if count == 0 or rest_g <= 0 or SHARP * SHARP * variance > rest_g * rest_g:
        return None
    return gtin, rest_g // count


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


def learned(weighings: Mapping[str, Sequence[int]]) -> dict[str, WeightRange]:
    """GTIN -> range, of all that were weighed often enough."""
    found = {gtin: learned_range(grams) for gtin, grams in weighings.items()}
    return {gtin: weight for gtin, weight in found.items() if weight is not None}

"""Which items the missed ones may be: by what the plate holds too much, and what was charged more.

An item nobody knows of is always possible too, so that a poor fit names nobody.
"""

from __future__ import annotations

from agent.domain.case import Case
from agent.domain.evidence import Catalogue, KnownItem
from agent.domain.evidence_cashier import amount_gap
from agent.domain.evidence_weight import NOISE_G2, best_way, unknown_weight
from agent.domain.explanation import Explanation
from agent.domain.finding import Candidate
from agent.domain.likelihood import ln, ln_permille, normal, shares_permille

SHOWN_MAX = 5
SHOWN_PERMILLE = 10
FAR = 64  #: eight sigma, squared

_KNOWN, _OTHER = ln_permille(950), ln_permille(50)  #: items that the item master has, and others
_SAME_PRICE = ln_permille(900)  #: charged by hand at its price …
_OTHER_PRICE = ln_permille(2)  #: … or at some other one


def candidates_of(case: Case, explanation: Explanation) -> tuple[Candidate, ...]:
    """The items that the missed pieces may be, likeliest first; none where nothing tells."""
    missed = [event for event in explanation.events if event.kind == "missed_item"]
    named = {event.gtin: 1000 for event in missed if event.gtin is not None}
    unknown = sum(event.count for event in missed if event.gtin is None)
    found: dict[str, int] = {gtin: p for gtin, p in named.items() if gtin is not None}
    targets = _targets(case, explanation, unknown)
    gap_minor = amount_gap(case.evidence.scanned, case.evidence.charged_minor)
    if unknown != 1 or explanation.counted != 1:
        gap_minor = None
    if case.evidence.catalogue.items and (targets or gap_minor is not None):
        for target in targets or (None,):
            for gtin, share in _shares(case, target, gap_minor).items():
                found[gtin] = max(found.get(gtin, 0), share)
    likely = [(gtin, p) for gtin, p in found.items() if p >= SHOWN_PERMILLE]
    ranked = sorted(likely, key=lambda pair: (-pair[1], pair[0]))[: max(SHOWN_MAX, len(named))]
    known = ((case.item(gtin), p) for gtin, p in ranked)
    return tuple(Candidate(item.gtin, p, item.description, item.category) for item, p in known)


def _targets(case: Case, explanation: Explanation, unknown: int) -> tuple[tuple[int, int], ...]:
    """(weight, variance) of each unknown piece, where the plate tells them apart."""
    if not case.ways or unknown == 0:
        return ()
    way = best_way(case.ways, explanation.change)
    if unknown == 1:
        grams = way.loose_g - explanation.change.grams
        return ((max(grams, 1), way.loose_variance + explanation.change.variance),)
    lumps = tuple(increment for increment in way.loose_increments if increment > 0)
    return tuple((grams, NOISE_G2) for grams in lumps) if len(lumps) == unknown else ()


def _shares(case: Case, target: tuple[int, int] | None, gap_minor: int | None) -> dict[str, int]:
    catalogue, named = case.evidence.catalogue, case.evidence.named
    others = [gtin for gtin in named if gtin not in catalogue.items]
    each = _KNOWN - ln(len(catalogue.items) + len(others))
    fits = dict.fromkeys((*catalogue.items, *others), each)
    if target is not None:
        strange = each + unknown_weight(target[0], ())
        fits = dict.fromkeys((*catalogue.unweighed, *others), strange)
        fits |= _of_weight(catalogue, each, *target)
    other = _OTHER + (unknown_weight(target[0], ()) if target else 0)
    if gap_minor is not None:
        other += _OTHER_PRICE
        fits = {gtin: fit + _price(case.item(gtin), gap_minor) for gtin, fit in fits.items()}
    shares = shares_permille([*fits.values(), other])
    return dict(zip(fits, shares, strict=False))


def _of_weight(catalogue: Catalogue, each: int, grams: int, variance: int) -> dict[str, int]:
    """GTIN -> score of the items that are not far off: this runs over the whole item master."""
    return {
        gtin: each + normal(grams - middle_g, variance + its_variance)
        for middle_g, its_variance, gtin in catalogue.weighed
        if (grams - middle_g) ** 2 <= FAR * (variance + its_variance)
    }


def _price(item: KnownItem, gap_minor: int) -> int:
    return _SAME_PRICE if item.price_minor == gap_minor else _OTHER_PRICE

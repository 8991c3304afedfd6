"""The events that a basket's witnesses hint at: few, so that all of them can be tried."""

from __future__ import annotations

from collections.abc import Iterator

from agent.domain.case import Case, nearest_scanned
from agent.domain.evidence import by_gtin
from agent.domain.evidence_tags import surplus
from agent.domain.evidence_weight import NOTHING, WeightChange
from agent.domain.explanation import KIND_PERMILLE, Event, EventKind
from agent.domain.likelihood import ln, ln_permille

NAMED_MAX = 6  #: items of one sort that are tried by name

_HALF = ln_permille(500)  #: of what is amiss, the cashier sees half


def prior_of(kind: EventKind, count: int = 1) -> int:
    return count * ln_permille(KIND_PERMILLE[kind])


def hints(case: Case) -> Iterator[Event]:
    """Each event that may explain something, alone or with others."""
    for kinds in (_missed, _voided_kept, _not_there, _swapped, _not_charged):
        yield from kinds(case)


def seen_but_not_scanned(case: Case) -> tuple[str, ...]:
    """GTINs of which tags or the camera saw more than was scanned."""
    tagged = surplus(case.tags, case.scanned) if case.tags else {}
    return tuple(dict.fromkeys((*case.labels, *tagged)))[:NAMED_MAX]


def _missed(case: Case) -> Iterator[Event]:
    prior = prior_of("missed_item")
    for counted, share in _countings(case, 1):
        yield Event(
            "missed_item", prior + share, change=case.added(None), passed=1, counted=counted
        )
        for gtin in seen_but_not_scanned(case):
            yield Event(
                "missed_item",
                prior + share,
                gtin,
                change=case.added(gtin),
                passed=1,
                counted=counted,
                tags=((gtin, 1),),
            )


def _countings(case: Case, sign: int) -> tuple[tuple[int, int], ...]:
    """(change of the cashier's count, score): the cashier saw it, or did not."""
    if case.missing * sign > 0 and case.evidence.charged is None:
        return ((sign, _HALF), (0, _HALF))
    return ((0, _HALF if case.evidence.charged_count is not None else 0),)


def _voided_kept(case: Case) -> Iterator[Event]:
    voided = sorted(by_gtin(case.evidence.voided))
    for gtin in voided:
        for counted, share in _countings(case, 1):
            yield Event(
                "voided_kept",
                prior_of("voided_kept") + share - ln(len(voided)),
                gtin,
                change=case.added(gtin),
                passed=1,
                counted=counted,
                tags=((gtin, 1),),
            )


def _not_there(case: Case) -> Iterator[Event]:
    """Scanned twice, or scanned and taken elsewhere."""
    lacking = nearest_scanned(case, NAMED_MAX)
    untagged = _untagged(case)
    for gtin in dict.fromkeys((*lacking, *untagged, *case.repeated)):
        among = ln(case.scanned[gtin]) - ln(case.pieces)
        for counted, share in _countings(case, -1):
            if case.scanned[gtin] > 1:
                yield Event(
                    "double_scan",
                    prior_of("double_scan") + share + among,
                    gtin,
                    change=case.removed(gtin),
                    passed=-1,
                    counted=counted,
                    tags=((gtin, -1),),
                )
            if case.ways:
                yield Event(
                    "walk_around",
                    prior_of("walk_around") + share + among,
                    gtin,
                    change=case.removed(gtin),
                    counted=counted,
                )
    if not case.ways and any(n > 1 for n in case.scanned.values()):
        for counted, share in _countings(case, -1):
            yield Event("double_scan", prior_of("double_scan") + share, passed=-1, counted=counted)


def _untagged(case: Case) -> tuple[str, ...]:
    """Scanned GTINs with too few tags, those first whose tags are surest."""
    view = case.tags
    if view is None:
        return ()
    few = (g for g in case.odd_tags if len(view.seen.get(g, ())) < case.scanned.get(g, 0))
    sure = sorted(few, key=lambda g: (-view.tagged.get(g, view.usual_permille), g))
    return tuple(sure)[:NAMED_MAX]


def _swapped(case: Case) -> Iterator[Event]:
    """A dear item that passed under a cheap one's label."""
    lacking = tuple(dict.fromkeys((*nearest_scanned(case, 3), *_untagged(case)[:3])))
    if any(way.lumps for way in case.ways):  # something lies there that no scanned item explains
        for scanned in lacking:
            yield _swap(case, scanned, None)
    for gtin in seen_but_not_scanned(case):
        for scanned in dict.fromkeys((*lacking, *_alike(case, gtin))):
            yield _swap(case, scanned, gtin)
        if not case.ways and case.pieces:
            yield _swap(case, None, gtin)


def _swap(case: Case, scanned: str | None, gtin: str | None) -> Event:
    prior = prior_of("swap")
    off, on, instead = NOTHING, NOTHING, None
    tags: tuple[tuple[str, int], ...] = ()
    if case.ways and scanned is not None:
        off, on = case.removed(scanned), case.added(gtin)
        instead = case.weight(scanned)
    if scanned is not None:
        prior += ln(case.scanned[scanned]) - ln(case.pieces)
        tags = ((scanned, -1),)
    if gtin is not None:
        tags = (*tags, (gtin, 1))
    # the weight of the one was as uncertain as that of the other is now
    variance = max(on.variance - (instead.variance_g2 if instead else 0), 0)
    change = WeightChange(off.grams + on.grams, variance, on.added, off.removed, on.unknown)
    return Event("swap", prior, gtin, scanned, change=change, tags=tags)


def _alike(case: Case, gtin: str) -> tuple[str, ...]:
    """The scanned GTINs that weigh most nearly what this one does."""
    weight = case.weight(gtin)
    if weight is None or not case.ways:
        return ()
    off_g = {g: abs(w.middle_g - weight.middle_g) for g, w in case.weights.items()}
    return tuple(sorted(off_g, key=lambda g: (off_g[g], g))[:3])


def _not_charged(case: Case) -> Iterator[Event]:
    """Scanned, left out by the cashier and, as it seems, not taken by the customer."""
    if case.missing >= 0 or case.evidence.charged is not None:
        return
    prior = prior_of("scanned_not_charged")
    yield Event("scanned_not_charged", prior, counted=-1)
    for gtin in nearest_scanned(case, 3):
        among = ln(case.scanned[gtin]) - ln(case.pieces)
        yield Event(
            "scanned_not_charged",
            prior + among,
            gtin,
            change=case.removed(gtin),
            passed=-1,
            counted=-1,
            tags=((gtin, -1),),
        )

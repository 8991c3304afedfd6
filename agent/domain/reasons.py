"""Findings from an explanation: what, how many, worth how much, and why, in a cashier's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from agent.domain.case import Case
from agent.domain.evidence import Evidence, Pieces
from agent.domain.evidence_cashier import amount_gap, charged_value, line_differences
from agent.domain.evidence_weight import best_way
from agent.domain.explanation import Event
from agent.domain.finding import Candidate, Finding, FindingKind
from agent.domain.search import Judged
from agent.domain.text import Text

SURE_PERMILLE = 900  #: from here on a likely candidate is named in the finding itself
TELLING = 700  #: a witness speaks for an explanation that fits it e^0.7 = twice as well


def findings_of(
    case: Case, amiss: Judged, honest: Judged | None, candidates: tuple[Candidate, ...]
) -> tuple[Finding, ...]:
    """One finding for each kind and item, in the order in which the events explain."""
    grouped: dict[tuple[FindingKind, str | None, str | None], list[Event]] = {}
    for event in amiss.explanation.events:
        if event.kind != "keyed_quantity":
            grouped.setdefault((event.kind, event.gtin, event.scanned), []).append(event)
    return tuple(
        _finding(case, amiss, honest, kind, events, candidates)
        for (kind, _, _), events in grouped.items()
    )


def _finding(
    case: Case,
    amiss: Judged,
    honest: Judged | None,
    kind: FindingKind,
    events: list[Event],
    candidates: tuple[Candidate, ...],
) -> Finding:
    event, count = events[0], sum(event.count for event in events)
    gtin = event.gtin
    if kind == "missed_item" and gtin is None and count == 1:
        named = {other.gtin for other in amiss.explanation.events}
        open_ = (c for c in candidates if c.gtin not in named)
        best = next(open_, Candidate("", 0))
        gtin = best.gtin if best.probability_permille >= SURE_PERMILLE else None
    reasons = tuple(_reasons(case, amiss, honest, event, count)) or (
        Text("{count} item(s) not scanned", {"count": count}),
    )
    return Finding(
        kind,
        count,
        gtin,
        _category(case, gtin, candidates if kind == "missed_item" else ()),
        _value(case, kind, gtin, count),
        reasons[0],
        reasons[1:],
    )


# --- what it is and what it is worth -------------------------------------------------------------


def _name(case: Case, gtin: str | None) -> str:
    for pieces in _all_pieces(case.evidence):
        if pieces.gtin == gtin and pieces.description:
            return pieces.description
    return "" if gtin is None else case.item(gtin).description or gtin


def _all_pieces(evidence: Evidence) -> tuple[Pieces, ...]:
    return (*(evidence.charged or ()), *evidence.scanned, *evidence.voided)


def _category(case: Case, gtin: str | None, candidates: tuple[Candidate, ...]) -> str | None:
    """Of the item, else of the likely ones, else of those that cost what is charged too much."""
    if gtin is not None:
        known = (p.category for p in _all_pieces(case.evidence) if p.gtin == gtin and p.category)
        return next(known, case.item(gtin).category) or None
    weights: Counter[str] = Counter()
    for candidate in candidates:
        weights[case.item(candidate.gtin).category] += candidate.probability_permille
    if not weights:
        weights = Counter(case.evidence.gap_categories)
    return min(weights, key=lambda c: (-weights[c], c)) or None if weights else None


def _value(case: Case, kind: FindingKind, gtin: str | None, count: int) -> int | None:
    evidence = case.evidence
    if kind == "scanned_not_charged":
        return None
    if kind == "missed_item" and gtin is not None and _is_charged(evidence, gtin):
        return charged_value(evidence, gtin, count)
    if gtin is not None:
        price_minor = case.item(gtin).price_minor
        return None if price_minor is None else price_minor * count
    if kind == "missed_item":
        return amount_gap(evidence.scanned, evidence.charged_minor)
    return None


def _is_charged(evidence: Evidence, gtin: str | None) -> bool:
    """True if the cashier's lines have it oftener than the scanner."""
    if evidence.charged is None or gtin is None:
        return False
    return dict(line_differences(evidence)).get(gtin, 0) > 0


# --- why -----------------------------------------------------------------------------------------


def _reasons(
    case: Case, amiss: Judged, honest: Judged | None, event: Event, count: int
) -> Iterator[Text]:
    words: dict[str, str | int] = {"count": count, "item": _name(case, event.gtin)}
    yield from _of_kind(case, amiss, event, words)
    yield from _of_cashier(case, event)
    yield from _of_item(case, event, words)
    if honest is not None and amiss.fit.scale > honest.fit.scale + TELLING:
        yield _of_scale(case, honest)
    camera = case.evidence.camera
    if camera is None or camera.crossed is None or camera.crossed == case.pieces:
        return
    if honest is None or amiss.fit.camera > honest.fit.camera + TELLING:
        yield Text(
            "the camera saw {crossed} item(s) pass, {scanned} were scanned",
            {"crossed": camera.crossed, "scanned": case.pieces},
        )


def _of_kind(
    case: Case, amiss: Judged, event: Event, words: dict[str, str | int]
) -> Iterator[Text]:
    match event.kind:
        case "missed_item" if _is_charged(case.evidence, event.gtin):
            yield Text("{count} × {item} charged but not scanned", words)
        case "scanned_not_charged" if case.evidence.charged is not None:
            yield Text("{count} × {item} scanned but not charged", words)
        case "double_scan" if event.gtin in case.repeated:
            yield Text("one and the same label of {item} was scanned twice", words)
        case "double_scan" if event.gtin is not None:
            yield Text("{item} was scanned once too often", words)
        case "double_scan":
            yield Text("an item was scanned once too often")
        case "walk_around":
            yield Text("{item} was scanned and does not lie with the others", words)
        case "voided_kept":
            yield Text("{item} was voided and is still there", words)
        case "swap":
            yield _of_swap(case, amiss, event, words)
        case _:
            pass


def _of_swap(case: Case, amiss: Judged, event: Event, words: dict[str, str | int]) -> Text:
    scanned = _name(case, event.scanned)
    if event.gtin is None:
        change = amiss.explanation.change
        weight_g = best_way(case.ways, change).loose_g - change.grams
        return Text(
            "{scanned} was scanned, and something else of {weight_g} g passed",
            {"scanned": scanned, "weight_g": weight_g},
        )
    if event.scanned is None:
        return Text("{item} passed, and another item was scanned", words)
    return Text("{scanned} was scanned, and {item} passed", words | {"scanned": scanned})


def _of_cashier(case: Case, event: Event) -> Iterator[Text]:
    evidence = case.evidence
    if evidence.charged is not None or not event.counted:
        return
    if evidence.charged_count is not None:
        yield Text(
            "the cashier counted {charged}, the scanner {scanned}",
            {"charged": evidence.charged_count, "scanned": case.pieces},
        )
    else:
        yield Text("more was charged than the scanned items cost")


def _of_item(case: Case, event: Event, words: dict[str, str | int]) -> Iterator[Text]:
    if event.gtin is None:
        return
    if event.gtin in case.labels:
        yield Text("the camera read the label of {item}, which was not scanned", words)
    if case.tags is None or event.gtin not in case.odd_tags:
        return
    seen = len(case.tags.seen.get(event.gtin, ()))
    scanned = case.scanned.get(event.gtin, 0)
    if (seen - scanned) * dict(event.tags).get(event.gtin, 0) > 0:
        yield Text(
            "{seen} tag(s) of {item} are here, {scanned} were scanned",
            {"seen": seen, "scanned": scanned, "item": words["item"]},
        )


def _of_scale(case: Case, honest: Judged) -> Text:
    more_g = best_way(case.ways, honest.explanation.change).total_g
    more_g -= honest.explanation.change.grams
    if more_g > 0:
        return Text(
            "the scale holds {weight_g} g more than the scanned items weigh", {"weight_g": more_g}
        )
    return Text(
        "the scale holds {weight_g} g less than the scanned items weigh", {"weight_g": -more_g}
    )

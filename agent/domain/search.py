"""From a basket's evidence to the likeliest explanation: few events, added one by one.

What the cashier's total says outright comes first (`_seeds`); then, as long as it makes the whole
likelier, one more event that some witness hints at (`hints.py`). Bounded: the few best explanations
are carried on, and only the likeliest events are tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from agent.domain.case import Case, Fit, fit, room
from agent.domain.evidence_cashier import line_differences
from agent.domain.explanation import ONE_EVENT, ONE_MORE, Event, Explanation
from agent.domain.hints import hints, prior_of
from agent.domain.likelihood import ln_permille

EVENTS_MAX = 8
CARRIED_MAX = 2  #: explanations that the next event is added to
AGAIN_MAX = 10  #: events that are tried a second time

_NOT_THERE = ln_permille(200)  #: charged, not scanned, and no goods: a deposit, a carrier bag
_KEYED_QUANTITY = ln_permille(300)  #: several pieces on one line, scanned once


@dataclass(frozen=True, slots=True)
class Judged:
    explanation: Explanation
    fit: Fit
    score: int  #: prior and all witnesses


def search(case: Case, threshold: int) -> tuple[Judged, ...]:
    """What was tried, best first.

    `threshold`: what an explanation must score above an honest one to matter. Where none can, none
    is looked for.
    """
    tried = [_judged(case, seed) for seed in _seeds(case)]
    if len(tried) > 1 or room(case, tried[0].fit) + ONE_EVENT >= threshold:
        _extend(case, tried)
    else:  # something to compare with
        tried.append(_judged(case, tried[0].explanation.with_event(next(hints(case)))))
    return tuple(sorted(tried, key=_score, reverse=True))


def _judged(case: Case, explanation: Explanation) -> Judged:
    fitting = fit(case, explanation)
    return Judged(explanation, fitting, explanation.prior + fitting.total)


def _score(judged: Judged) -> int:
    return judged.score


def _extend(case: Case, tried: list[Judged]) -> None:
    """Add to `tried` the explanations with one more event, until that makes none likelier."""
    events = list(hints(case))
    carried = sorted(tried, key=_score, reverse=True)[:CARRIED_MAX]
    best, one_more = carried[0].score, ONE_MORE + max(event.prior for event in events)
    for _ in range(EVENTS_MAX):
        longer = _longer(case, carried, events)
        tried.extend(longer)
        carried = sorted(longer, key=_score, reverse=True)[:CARRIED_MAX]
        if not carried or carried[0].score <= best:
            return
        if room(case, carried[0].fit) + one_more <= 0:
            return  # no further event can be worth its own unlikeliness
        best = carried[0].score
        if len(events) > AGAIN_MAX:
            events = _likeliest(longer, events)


def _longer(case: Case, carried: list[Judged], events: list[Event]) -> list[Judged]:
    seen = set()
    longer = []
    for judged, event in product(carried, events):
        explanation = judged.explanation.with_event(event)
        order = tuple(sorted(map(id, explanation.events)))
        if order not in seen:
            seen.add(order)
            longer.append(_judged(case, explanation))
    return longer


def _likeliest(longer: list[Judged], events: list[Event]) -> list[Event]:
    """The events that the best explanations end with; each single one of them once."""
    kept: dict[int, Event] = {}
    for judged in sorted(longer, key=_score, reverse=True):
        event = judged.explanation.events[-1]
        kept.setdefault(id(event), event)
    wanted = list(kept)[:AGAIN_MAX]
    return [event for event in events if id(event) in wanted]


# --- what the cashier's total says outright ------------------------------------------------------


def _seeds(case: Case) -> Iterator[Explanation]:
    if case.evidence.charged is not None:
        yield from _line_seeds(case)
        return
    yield Explanation()
    missing = case.missing
    if missing > 0:
        prior = prior_of("missed_item", missing)
        change = case.added(None, missing)
        event = Event(
            "missed_item", prior, count=missing, change=change, passed=missing, counted=missing
        )
        yield Explanation().with_event(event)
    elif missing < 0:
        prior = prior_of("scanned_not_charged", -missing)
        event = Event("scanned_not_charged", prior, count=-missing, counted=missing)
        yield Explanation().with_event(event)


def _line_seeds(case: Case) -> Iterator[Explanation]:
    """Lines are taken as they are; what is open is whether the goods were there."""
    differences = line_differences(case.evidence)
    if not case.evidence.has_witness:
        yield _of(_charged_event(case, gtin, n, there=True) for gtin, n in differences)
        return
    ways = product((True, False), (True, False)) if differences else ((True, True),)
    for there, kept in ways:
        yield _of(
            _charged_event(case, gtin, n, there=there if n > 0 else kept) for gtin, n in differences
        )
    if differences and all(_is_keyed_quantity(case, gtin, n) for gtin, n in differences):
        yield _of(_keyed_event(case, gtin, n) for gtin, n in differences)


def _of(events: Iterable[Event]) -> Explanation:
    explanation = Explanation()
    for event in events:
        explanation = explanation.with_event(event)
    return explanation


def _charged_event(case: Case, gtin: str, n: int, *, there: bool) -> Event:
    if n > 0:
        prior = prior_of("missed_item", n) + (0 if there else _NOT_THERE)
        if not there:
            return Event("missed_item", prior, gtin, count=n)
        change = case.added(gtin, n)
        return Event(
            "missed_item", prior, gtin, count=n, change=change, passed=n, tags=((gtin, n),)
        )
    prior = prior_of("scanned_not_charged", -n)
    if there:
        return Event("scanned_not_charged", prior, gtin, count=-n)
    change = case.removed(gtin, -n)
    return Event(
        "scanned_not_charged", prior, gtin, count=-n, change=change, passed=n, tags=((gtin, n),)
    )


def _is_keyed_quantity(case: Case, gtin: str, n: int) -> bool:
    """More of one GTIN on a line than were scanned of it, if any was."""
    lines = case.evidence.charged or ()
    most = max((line.count for line in lines if line.gtin == gtin), default=0)
    return 0 < n < most and gtin in case.scanned


def _keyed_event(case: Case, gtin: str, n: int) -> Event:
    change = case.added(gtin, n)
    return Event(
        "keyed_quantity",
        _KEYED_QUANTITY,
        gtin,
        count=n,
        change=change,
        passed=n,
        tags=((gtin, n),),
    )

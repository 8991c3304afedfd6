"""Which item may be missing from a basket: several sources, each of which gives every item a share,
mixed with fixed weights; and what a gap in weight or amount leaves of them.

Most of it depends on an item's category and on how it sells alone, so that only the best items of
the best categories are looked at, those that other sources name, and those that agree with the gap.
Scores are whole numbers: a share in thousand millionths times a weight in millionths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import mul

from agent.suggest import fit
from agent.suggest.memory import Memory
from agent.suggest.question import NO_GAP, Question
from agent.suggest.shares import WHOLE, Shares
from agent.suggest.sources import (
    LIFT_ONE,
    Sources,
    alike,
    bought,
    hours,
    lifts,
    together,
)

EACH = 1000 * WHOLE  #: what a source gives away for a thousandth of weight
READ_LINES = 16  #: of a basket: the last ones, so that a large one takes no longer
NEW_PERMILLE = 40  #: of what is sold was never sold before


@dataclass(frozen=True, slots=True)
class Weights:
    """Thousandths, of baskets of so many lines; what a source cannot say, it leaves out.

    Fitted by expectation maximisation on days 7 to 22 of the month that the benchmark is run on,
    one item hidden of each basket, by models that were trained on the days before.
    """

    lines: int  #: up to
    now: int  #: what sells now
    goes_with: int  #: the same, by how its category goes with all of the basket …
    goes_best: int  #: … and with that part of it that it goes with best
    together: int  #: items of baskets that held an item of this one
    bought: int  #: what this customer bought
    alike: tuple[int, int, int]  #: same maker; same category as well; numbered next to it as well


WEIGHTS = (
    Weights(0, 900, 0, 0, 0, 100, (0, 0, 0)),
    Weights(3, 247, 225, 380, 11, 42, (55, 19, 22)),
    Weights(7, 0, 429, 358, 46, 26, (61, 36, 44)),
    Weights(1 << 30, 0, 248, 481, 89, 21, (76, 47, 38)),
)


@dataclass(frozen=True, slots=True)
class Ranking:
    best: tuple[tuple[int, int], ...]  #: (item, millionths), the likeliest first
    category: Sequence[int]  #: of every item, when the shares were made
    sources: Sources  #: what speaks for them


def rank(memory: Memory, shares: Shares, question: Question) -> Ranking:
    """The items that are not in the basket, as many as are asked for."""
    gap, size = question.gap, len(shares.of)
    gtins = [int(gtin) for gtin in dict.fromkeys(question.basket)]
    known = (memory.item(gtin) for gtin in gtins)
    inside = [number for number in known if number is not None and number < size]
    weights = next(w for w in WEIGHTS if len(gtins) <= w.lines)
    read = inside[-READ_LINES:]
    goes_with, goes_best = lifts(memory, shares, read)
    sources = Sources(
        goes_with,
        goes_best,
        hours(memory, shares, question.hour),
        bought(memory, question.customer, inside),
        together(memory, read, inside),
        alike(memory, shares, gtins, inside),
    )
    left = _left(shares, inside)
    each = _by_category(weights, left, sources)
    named = _named(weights, sources)
    most = max(question.limit, 0)
    looked_at = {*_best_of_best(shares, each, most + len(inside)), *named}
    looked_at.update(fit.agreeing(memory, gap))
    looked_at.difference_update(inside)
    scores = {
        n: shares.of[n] * each[shares.category[n]] + named.get(n, 0)
        for n in sorted(looked_at)
        if n < size
    }
    if gap == NO_GAP:
        whole = sum(map(mul, left, each)) + sum(named.values())
    else:
        scores = {n: s * fit.permille(memory, n, gap) // fit.ALL for n, s in scores.items()}
        whole = sum(scores.values())
    whole += NEW_PERMILLE * EACH * fit.unknown(gap) // fit.ALL
    best = nlargest(most, scores, key=scores.__getitem__)
    shown = tuple((n, scores[n] * 1_000_000 // whole) for n in best if scores[n])
    return Ranking(shown, shares.category, sources)


def _left(shares: Shares, inside: list[int]) -> list[int]:
    """What sells now by category, without what is in the basket."""
    left = list(shares.of_category)
    for number in inside:
        left[shares.category[number]] -= shares.of[number]
    return left


def _by_category(weights: Weights, left: list[int], sources: Sources) -> list[int]:
    """What a thousand millionth of today's sales scores, by category."""
    found = [0] * len(left)
    for weight, lift in (
        (weights.now, [LIFT_ONE] * len(left)),
        (weights.goes_with, sources.goes_with),
        (weights.goes_best, sources.goes_best),
    ):
        if weight:
            likely = list(map(mul, lift, sources.at_hour))
            each = weight * EACH // max(sum(map(mul, left, likely)) >> 20, 1)
            found = [n + (each * m >> 20) for n, m in zip(found, likely, strict=True)]
    return found


def _named(weights: Weights, sources: Sources) -> dict[int, int]:
    """What those sources score that name their items."""
    found: dict[int, int] = {}
    for weight, parts in (
        (weights.bought, sources.bought),
        (weights.together, sources.together),
        *zip(weights.alike, sources.alike, strict=True),
    ):
        each = (weight * EACH << 20) // max(sum(parts.values()), 1)
        for number, part in parts.items():
            found[number] = found.get(number, 0) + (each * part >> 20)
    return found


def _best_of_best(shares: Shares, each: list[int], most: int) -> Iterator[int]:
    """Among these are the `most` items that score best by category and sales alone."""
    tops = list(map(mul, shares.best_of, each))
    for place, category in enumerate(nlargest(most, range(len(tops)), tops.__getitem__)):
        yield from shares.in_category(category, most - place)

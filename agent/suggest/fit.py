"""What a gap leaves of an item's share: how well its weight, price and category agree with it."""

from __future__ import annotations

from collections.abc import Iterable

from agent.suggest.memory import Memory
from agent.suggest.question import Gap

ALL = 1000  #: thousandths of its share that stay …
OTHER_PRICE = 5  #: … if an item last sold at another price than what was charged
NO_PRICE = 50  #: … if its price is not known
OTHER_CATEGORY = 50  #: … if it is not of a category that was named
TOLERANCE_PERCENT = 2
TOLERANCE_LEAST_G = 2
#: Weights of goods spread so widely that a band of ±1 % holds nine items in a thousand, at most
#: (lognormal, σ = 0.9: 0.44 · 0.02): that much speaks for an item which nobody has weighed.
SPREAD_PERMILLE = 440


def tolerance_g(gap: Gap) -> int:
    if gap.tolerance_g is not None:
        return max(gap.tolerance_g, 0)
    return max((gap.weight_g or 0) * TOLERANCE_PERCENT // 100, TOLERANCE_LEAST_G)


def weighs_so(memory: Memory, number: int, gap: Gap) -> bool:
    """True if the item is known to weigh what is missing."""
    margin_g = tolerance_g(gap)
    low_g, high_g = memory.low_g[number], memory.high_g[number]
    return (
        gap.weight_g is not None
        and high_g > 0
        and low_g - margin_g <= gap.weight_g <= high_g + margin_g
    )


def costs_so(memory: Memory, number: int, gap: Gap) -> bool:
    return gap.amount_minor is not None and memory.price_minor[number] == gap.amount_minor


def permille(memory: Memory, number: int, gap: Gap) -> int:
    """What stays of one item."""
    stays = ALL
    if gap.weight_g is not None and not weighs_so(memory, number, gap):
        stays = 0 if memory.high_g[number] else unweighed(gap)
    if gap.amount_minor is not None and not costs_so(memory, number, gap):
        stays = stays * (NO_PRICE if memory.price_minor[number] < 0 else OTHER_PRICE) // ALL
    if gap.categories and memory.companions.names[memory.category[number]] not in gap.categories:
        stays = stays * OTHER_CATEGORY // ALL
    return stays


def unweighed(gap: Gap) -> int:
    """What stays of an item that nobody has weighed, in thousandths."""
    if gap.weight_g is None:
        return ALL
    return min(SPREAD_PERMILLE * (2 * tolerance_g(gap) + 1) // max(gap.weight_g, 1), ALL)


def unknown(gap: Gap) -> int:
    """What stays of an item of which nothing is known."""
    price = ALL if gap.amount_minor is None else NO_PRICE
    category = OTHER_CATEGORY if gap.categories else ALL
    return unweighed(gap) * price * category // ALL**2


def agreeing(memory: Memory, gap: Gap) -> Iterable[int]:
    """The items that agree with the weight, or where none is known with the price."""
    if gap.weight_g is not None:
        margin_g = tolerance_g(gap)
        least_g, most_g = max(gap.weight_g - margin_g, 1), gap.weight_g + margin_g
        weighed = zip(memory.low_g, memory.high_g, strict=True)
        return [n for n, (low, high) in enumerate(weighed) if low <= most_g and high >= least_g]
    if gap.amount_minor is not None:
        amount_minor = gap.amount_minor
        return [n for n, price in enumerate(memory.price_minor) if price == amount_minor]
    return ()

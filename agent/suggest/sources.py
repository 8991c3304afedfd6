"""What speaks for an item: what goes with the basket, what the customer buys, what the hour sells.

Each source reads at most so much, so that it answers in time whatever it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from agent.suggest.companions import PER_LINE
from agent.suggest.memory import Memory
from agent.suggest.shares import Shares

_Group = TypeVar("_Group", bound=Hashable)

LIFT_ONE = 1 << 12  #: of a category that is bought with another as often as by chance
CHANCE_COMPANIONS = 12 * PER_LINE  #: counted for each category as the shop sells, beside its own
CHANCE_BASKETS = 12_600  #: the same for one item's baskets, PER_LINE for the line of a pair
BASKETS_READ = 240  #: shared among the basket's items
BASKETS_READ_LEAST = 6  #: of each item
CUSTOMER_READ = 32  #: of a customer's baskets
CHANCE_HOUR = 200  #: lines, counted for each category as the shop's hours are, beside its own
PART = 1 << 24


@dataclass(frozen=True, slots=True)
class Sources:
    """Lists go by category; the others give parts to the items that they name."""

    goes_with: list[int]  #: LIFT_ONE for chance
    goes_best: list[int]
    at_hour: list[int]  #: thousandths, more than 1000 for what sells better than at other hours
    bought: Mapping[int, int]
    together: Mapping[int, int]
    alike: tuple[Mapping[int, int], ...]


def lifts(memory: Memory, shares: Shares, inside: list[int]) -> tuple[list[int], list[int]]:
    """How much oftener than by chance each category is bought with those of the basket: on the
    whole, and with the one that it goes with best."""
    names = len(shares.of_category)
    if not inside:
        return [LIFT_ONE] * names, [LIFT_ONE] * names
    companions, total = memory.companions, memory.companions.total
    all_lines = max(sum(total), 1)
    summed, best = [0] * len(total), [0] * len(total)
    base_sum = base_best = 0
    for category, times in Counter(shares.category[number] for number in inside).items():
        whole = total[category] + CHANCE_COMPANIONS
        base = CHANCE_COMPANIONS * LIFT_ONE // whole
        base_sum += base * times
        base_best = max(base_best, base)
        factor = LIFT_ONE * all_lines // whole
        for companion, count in companions.of(category):
            lift = count * factor // total[companion]
            summed[companion] += lift * times
            if lift + base > best[companion]:
                best[companion] = lift + base
    return (
        [(n + base_sum) // len(inside) for n in summed[:names]],
        [n if n > base_best else base_best for n in best[:names]],  # noqa: FURB136  2,000 calls less
    )


def hours(memory: Memory, shares: Shares, hour: int | None) -> list[int]:
    """How much more, or less, of each category is sold at this hour than of all."""
    names = len(shares.of_category)
    if hour is None:
        return [1000] * names
    sold = memory.hours[hour : 24 * names : 24]
    lines = [sum(memory.hours[24 * n : 24 * n + 24]) for n in range(names)]
    all_sold, all_lines = sum(sold), sum(lines)
    if not all_sold:
        return [1000] * names
    return [
        1000 * (n * all_lines + CHANCE_HOUR * all_sold) // (all_sold * (m + CHANCE_HOUR))
        for n, m in zip(sold, lines, strict=True)
    ]


def bought(memory: Memory, customer: str, inside: list[int]) -> dict[int, int]:
    baskets = memory.bought_by(customer, CUSTOMER_READ)
    parts = Counter(number for basket in baskets for number in basket)
    return _without(parts, inside)


def together(memory: Memory, read: list[int], inside: list[int]) -> dict[int, int]:
    """Items of the last baskets that held an item of this one; of small baskets they count more."""
    most = max(BASKETS_READ // max(len(read), 1), BASKETS_READ_LEAST)
    parts: dict[int, int] = {}
    for item in read:
        baskets = [basket for basket in memory.sold_with(item, most) if len(basket) > 1]
        weights = [PER_LINE // (len(basket) - 1) for basket in baskets]
        whole = CHANCE_BASKETS + sum(weights)
        for basket, weight in zip(baskets, weights, strict=True):
            part = weight * PART // whole
            for number in basket:
                parts[number] = parts.get(number, 0) + part
    return _without(parts, inside)


def _without(parts: dict[int, int], inside: list[int]) -> dict[int, int]:
    for number in inside:
        parts.pop(number, None)
    return parts


def alike(
    memory: Memory, shares: Shares, gtins: list[int], inside: list[int]
) -> tuple[dict[int, int], ...]:
    """Other items of the makers in the basket; of the same category; numbered next to it.

    The varieties of one product are mostly numbered one after the other.
    """
    gtin_of, category = memory.gtins, shares.category
    held = frozenset(inside)
    makers = Counter(_numbers(gtin, _MAKER_DIGITS) for gtin in gtins)
    near = {n: m for m in makers for n in shares.numbered(*m) if n not in held}
    of_sort = {n: (maker, category[n]) for n, maker in near.items()}
    of_kind = {n: (_numbers(gtin_of[n], _KIND_DIGITS), category[n]) for n in near}
    sorts = Counter((_numbers(gtin_of[n], _MAKER_DIGITS), category[n]) for n in inside)
    kinds = Counter((_numbers(gtin_of[n], _KIND_DIGITS), category[n]) for n in inside)
    return (
        _in_groups(shares, near, makers),
        _in_groups(shares, of_sort, sorts),
        _in_groups(shares, of_kind, kinds),
    )


def _in_groups(
    shares: Shares, group_of: Mapping[int, _Group], lines: Counter[_Group]
) -> dict[int, int]:
    """Each group's lines in the basket, shared among its other items by how they sell."""
    whole: Counter[_Group] = Counter()
    for number, group in group_of.items():
        whole[group] += shares.of[number]
    return {
        number: lines[group] * shares.of[number] * PART // whole[group]
        for number, group in group_of.items()
        if lines[group] and whole[group]
    }


#: Digits that a GTIN-13 and a GTIN-8 may end with, of one maker mostly, and of one product's kinds.
_MAKER_DIGITS = 6, 5
_KIND_DIGITS = 3, 3


def _numbers(gtin: int, digits: tuple[int, int]) -> tuple[int, int]:
    """The first and the last GTIN that differ in so many digits only."""
    size = 10 ** digits[gtin < 10**8]
    first = gtin - gtin % size
    return first, first + size - 1

"""What speaks for an item: what goes with the basket, what the customer buys, what the hour sells.

Each source reads at most so much, so that it answers in time whatever it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.suggest.companions import PER_LINE
from agent.suggest.memory import Memory
from agent.suggest.shares import Shares

LIFT_ONE = 1 << 12  #: of a category that is bought with another as often as by chance
CHANCE_COMPANIONS = 12 * PER_LINE  #: counted for each category as the shop sells, beside its own
CHANCE_BASKETS = 12_600  #: the same for one item's baskets, PER_LINE for the line of a pair
BASKETS_READ = 240  #: shared among the basket's items
BASKETS_READ_LEAST = 6  #: of each item
CUSTOMER_READ = 32  #: of a customer's baskets
CHANCE_HOUR = 200  #: lines, counted for each category as the shop's hours are, beside its own
PART = 1 << 24
GTIN_8_MAX = 99_999_999
OF_ONE_MAKER, OF_ONE_MAKER_8 = 10**6, 10**5  #: so many numbers, from a multiple of it
OF_ONE_KIND = 10**3


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
        once = LIFT_ONE * all_lines // whole
        all_times = once * times
        for companion, count in companions.of(category):
            summed[companion] += count * all_times
            if count * once > best[companion]:
                best[companion] = count * once
    mean = base_sum // len(inside)
    pieces = [len(inside) * m for m in total]
    return _above(mean, summed[:names], pieces), _above(base_best, best[:names], total)


def _above(base: int, counts: list[int], totals: Sequence[int]) -> list[int]:
    return [base + n // m if n else base for n, m in zip(counts, totals, strict=False)]


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
    """Other items of the makers in the basket; those of the same category; those next to them."""
    held = frozenset(inside)
    parts: tuple[dict[int, int], ...] = {}, {}, {}
    for (first, last), lines in Counter(map(_of_one_maker, gtins)).items():
        near = [n for n in shares.numbered(first, last) if n not in held]
        mine = [n for n in inside if first <= memory.gtins[n] <= last]
        _share_out(shares, near, lines, parts[0])
        for category, pieces in Counter(shares.category[n] for n in mine).items():
            same = [n for n in near if shares.category[n] == category]
            _share_out(shares, same, pieces, parts[1])
            kinds = Counter(_kind(memory, n) for n in mine if shares.category[n] == category)
            for kind, varieties in kinds.items():
                next_to = [n for n in same if _kind(memory, n) == kind]
                _share_out(shares, next_to, varieties, parts[2])
    return parts


def _share_out(shares: Shares, items: list[int], lines: int, parts: dict[int, int]) -> None:
    """A group's lines in the basket, among its other items by how they sell."""
    whole = sum(shares.of[n] for n in items)
    for number in items:
        parts[number] = lines * shares.of[number] * PART // whole


def _of_one_maker(gtin: int) -> tuple[int, int]:
    """The first and the last GTIN with the same first digits: mostly a company's prefix."""
    size = OF_ONE_MAKER if gtin > GTIN_8_MAX else OF_ONE_MAKER_8
    first = gtin - gtin % size
    return first, first + size - 1


def _kind(memory: Memory, number: int) -> int:
    """The same for varieties of a product, which are mostly numbered one after the other."""
    return memory.gtins[number] // OF_ONE_KIND

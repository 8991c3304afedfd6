"""How items sell now, and where those of a category or a maker are: made anew every few baskets.

How an item sells now is weighed from how it has sold lately and how it sells usually: a promotion
counts from its first day, a rare item is not thought popular for one lucky sale.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from agent.suggest.memory import BASKET_WEIGHT, Memory

WHOLE = 1_000_000_000  #: all that sells now
TRUSTED = 2 * BASKET_WEIGHT  #: sold lately, or expected to be: half of so much is believed


class Shares:
    """Of the items of a memory at one moment. Items that came since are not in it; where the
    number of a forgotten one was given to another, that one sells as it did until the next time."""

    def __init__(self, memory: Memory) -> None:
        self.baskets, self.day = memory.baskets, memory.day
        self.of = _shares(memory.lately, memory.usually)
        self.category = memory.category[:]
        names = len(memory.companions.names)
        self.of_category = [0] * names
        for category, share in zip(self.category, self.of, strict=True):
            self.of_category[category] += share
        sold = [number for number, share in enumerate(self.of) if share]
        sold.sort(key=self.of.__getitem__, reverse=True)
        sold.sort(key=self.category.__getitem__)
        self._by_category = array("H", sold)
        categories = [self.category[number] for number in sold]
        self._begin = array("i", [bisect_left(categories, c) for c in range(names + 1)])
        self.best_of = [self._best(category) for category in range(names)]
        self._gtin_of = memory.gtins.__getitem__
        sold.sort(key=self._gtin_of)
        self._by_gtin = array("H", sold)

    def in_category(self, category: int, most: int) -> Sequence[int]:
        """Its items that sell, the best first."""
        begin, end = self._begin[category], self._begin[category + 1]
        return self._by_category[begin : min(end, begin + most)]

    def numbered(self, first: int, last: int) -> Sequence[int]:
        """The items that sell whose GTINs are these or lie between."""
        begin = bisect_left(self._by_gtin, first, key=self._gtin_of)
        end = bisect_right(self._by_gtin, last, lo=begin, key=self._gtin_of)
        return self._by_gtin[begin:end]

    def _best(self, category: int) -> int:
        best = self.in_category(category, 1)
        return self.of[best[0]] if best else 0


def _shares(lately: Sequence[int], usually: Sequence[int]) -> array[int]:
    all_lately, all_usually = sum(lately), max(sum(usually), 1)
    believed = (
        _believed(n, m * all_lately // all_usually) if all_lately else m
        for n, m in zip(lately, usually, strict=True)
    )
    sells = array("q", believed)  # a list of them would take five times its memory for a moment
    whole = max(sum(sells), 1)
    return array("i", (n * WHOLE // whole for n in sells))


def _believed(lately: int, expected: int) -> int:
    """The more was sold or expected lately, the less the usual is asked."""
    known = lately + expected
    return (lately * known + expected * TRUSTED) // (known + TRUSTED)

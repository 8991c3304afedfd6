"""Which categories are bought together: for each one its companions, with counts.

A list of companions is a `str` whose characters are their numbers: nothing else in the standard
library is searched as fast, or is smaller. Once there are PAIRS_MAX pairs, what is new takes from
the companion at the list's hand what it brings, and its place when nothing is left there (after
Misra and Gries, 1982): frequent companions stay.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

CATEGORIES_MAX = 2048  #: further ones share the first, which has no name
PAIRS_MAX = 240_000
PER_LINE = 5040  #: what a line adds to its category's companions, shared among them
AGED_AT = 1 << 30  #: a category that has so much is halved, so that habits can change


class Companions:
    def __init__(self) -> None:
        self.names: list[str] = [""]
        self.total = array("i", [0])  #: of all companions, those that lost their place as well
        self._numbers = {"": 0}
        self._of: list[str] = [""]
        self._counts: list[array[int]] = [array("i")]
        self._hand = array("H", [0])
        self._pairs = 0

    def category(self, name: str) -> int:
        """The number of a category."""
        known = self._numbers.get(name)
        if known is not None:
            return known
        if len(self.names) == CATEGORIES_MAX:
            return 0
        self._numbers[name] = number = len(self.names)
        self.names.append(name)
        self.total.append(0)
        self._of.append("")
        self._counts.append(array("i"))
        self._hand.append(0)
        return number

    def of(self, category: int) -> Iterable[tuple[int, int]]:
        """(Companion, count) of one category."""
        return zip(map(ord, self._of[category]), self._counts[category], strict=True)

    def learn(self, categories: Sequence[int]) -> None:
        """One basket, a category for each of its lines."""
        if len(categories) < 2:
            return
        each = PER_LINE // (len(categories) - 1)
        lines = Counter(categories)
        for category, times in lines.items():
            self.total[category] += times * each * (len(categories) - 1)
            for companion, others in lines.items():
                if companion != category:
                    self._add(category, companion, times * others * each)
            if times > 1:
                self._add(category, category, times * (times - 1) * each)
            if self.total[category] > AGED_AT:
                self._age(category)

    def _add(self, category: int, companion: int, count: int) -> None:
        at = self._of[category].find(chr(companion))
        if at >= 0:
            self._counts[category][at] += count
        elif self._pairs < PAIRS_MAX:
            self._pairs += 1
            self._of[category] += chr(companion)
            self._counts[category].append(count)
        elif self._counts[category]:
            self._contend(category, companion, count)

    def _contend(self, category: int, companion: int, count: int) -> None:
        of, counts = self._of[category], self._counts[category]
        at = self._hand[category] % len(of)
        self._hand[category] = at + 1
        counts[at] -= count
        if counts[at] <= 0:
            self._of[category] = of[:at] + chr(companion) + of[at + 1 :]
            counts[at] = count

    def _age(self, category: int) -> None:
        self.total[category] //= 2  # as large as any count of its companions, still
        self._counts[category] = array("i", [n // 2 for n in self._counts[category]])

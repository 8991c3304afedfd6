"""What the model remembers: the last baskets, and what follows from them. Bounded in memory.

The last lines lie in a ring of whole numbers, each linked to the sale before of the same item,
each basket to the one before of the same customer. What goes with what, and what a customer
usually buys, is read from the ring when it is asked. The oldest baskets are forgotten for new ones.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence

from agent.domain.evidence import WeightRange
from agent.suggest.companions import CATEGORIES_MAX, Companions
from agent.suggest.question import SoldBasket, SoldItem, WeightOf
from agent.suggest.table import Table

ITEMS_MAX = 22_000
LINES_MAX = 180_000
BASKETS_MAX = 28_000
BASKET_LINES_MAX = 100  #: of one basket; wholesale tells nothing of a lane's customers
KEYS_MAX = 32_000  #: of a table, with those that are forgotten, so that 65,536 slots are enough

#: A basket of two lines or more counts like any other, as a missing item comes from one.
BASKET_WEIGHT = 2520
FADE_BITS = 2  #: lately: each day before counts a quarter of the next
INT_MAX = 2**31 - 1


class Memory:
    """Belongs to one thread at a time. Lines and baskets are numbered on for ever; they lie at
    their number modulo the ring's length, a basket's lines side by side."""

    def __init__(self) -> None:
        self.companions = Companions()
        self.gtins = array("q")  #: by item, as a number; 0: free
        self.category = array("H")
        self.price_minor = array("i")  #: of one piece, as last sold; -1: not known
        self.low_g, self.high_g = array("i"), array("i")  #: of one piece; 0: not known
        self.lately, self.usually = array("i"), array("i")  #: how an item sells
        self.hours = array("i", bytes(4 * 24 * CATEGORIES_MAX))  #: lines, 24 for each category
        self.baskets = 0  #: how many were learned
        self.day = 0  #: the last one
        self._items, self._free = Table(), array("i")
        self._last_line = array("i")  #: of each item
        self._lines = 0
        self._item_at, self._line_before, self._basket_at = array("H"), array("i"), array("i")
        self._begin, self._length, self._basket_before = array("i"), array("B"), array("i")
        self._customers = Table()  #: digest -> last basket
        self._oldest = 0

    # --- learning ------------------------------------------------------------------------------

    def learn(self, basket: SoldBasket, weight_of: WeightOf = lambda _gtin: None) -> None:
        """One settled sale. `weight_of` is asked of items that were not known."""
        self._turn_to(basket.day)
        sold = {int(item.gtin): item for item in basket.items[:BASKET_LINES_MAX]}
        sold.pop(0, None)
        if not sold:
            return
        self._make_room(len(sold))
        numbers = [self._sold(gtin, item, weight_of) for gtin, item in sold.items()]
        self._append(numbers, basket.customer)
        categories = [self.category[number] for number in numbers]
        self.companions.learn(categories)
        if basket.hour is not None:
            for category in categories:
                self.hours[24 * category + basket.hour] += 1

    def weigh(self, gtin: str, weight: WeightRange | None) -> None:
        """What a piece weighs, as is known now. Of items that were not sold nothing is kept."""
        number = self.item(int(gtin))
        if number is not None:
            low_g, high_g = (weight.low_g, weight.high_g) if weight else (0, 0)
            self.low_g[number], self.high_g[number] = min(low_g, INT_MAX), min(high_g, INT_MAX)

    def _turn_to(self, day: int) -> None:
        if day > self.day:
            bits = min(FADE_BITS * (day - self.day), 31)
            self.lately = array("i", (n >> bits for n in self.lately))
            self.day = day

    def _sold(self, gtin: int, item: SoldItem, weight_of: WeightOf) -> int:
        number = self.item(gtin)
        if number is None:
            number = self._new_item(gtin)
            self.weigh(item.gtin, weight_of(item.gtin))
        self.category[number] = self.companions.category(item.category)
        if item.price_minor is not None:
            self.price_minor[number] = min(max(item.price_minor, 0), INT_MAX)
        return number

    def _append(self, numbers: list[int], customer: str) -> None:
        before = -1
        if customer:
            before = self._last_of(customer)
            self._customers.put(_digest(customer), self.baskets)
        place = self.baskets % BASKETS_MAX
        _set(self._begin, place, self._lines)
        _set(self._length, place, len(numbers))
        _set(self._basket_before, place, before)
        weight = BASKET_WEIGHT // max(len(numbers), 2)
        for number in numbers:
            self.lately[number] += weight
            self.usually[number] += weight
            at = self._lines % LINES_MAX
            _set(self._item_at, at, number)
            _set(self._line_before, at, self._last_line[number])
            _set(self._basket_at, at, self.baskets)
            self._last_line[number] = self._lines
            self._lines += 1
        self.baskets += 1

    def _new_item(self, gtin: int) -> int:
        if self._free:
            number = self._free.pop()
        else:
            number = len(self.gtins)
            for column in (self.gtins, self.category, self.price_minor, self.low_g, self.high_g):
                column.append(0)
            for column in (self.lately, self.usually, self._last_line):
                column.append(0)
        self.gtins[number] = gtin
        self.price_minor[number] = self._last_line[number] = -1
        self._items.put(gtin, number)
        return number

    # --- forgetting ----------------------------------------------------------------------------

    def _make_room(self, lines: int) -> None:
        gap = -self._lines % LINES_MAX
        if gap < lines:  # a basket's lines lie side by side
            self._skip(gap)
        while self._oldest < self.baskets and (
            self.baskets - self._oldest == BASKETS_MAX
            or self._lines + lines - self._begin[self._oldest % BASKETS_MAX] > LINES_MAX
        ):
            self._forget_oldest()
        if self._in_use + lines > ITEMS_MAX:
            spared = ITEMS_MAX * 7 // 8  # so that it is not to be done again for the next basket
            while self._oldest < self.baskets and self._in_use + lines > spared:
                self._forget_oldest()
        if len(self._items) + lines > KEYS_MAX:
            self._items.refill((gtin, n) for n, gtin in enumerate(self.gtins) if gtin)
        if len(self._customers) == KEYS_MAX:
            self._customers.refill((k, b) for k, b in self._customers.pairs() if b >= self._oldest)

    def _skip(self, lines: int) -> None:
        for _ in range(lines):
            at = self._lines % LINES_MAX
            for ring in (self._item_at, self._line_before, self._basket_at):
                _set(ring, at, 0)
            self._lines += 1

    @property
    def _in_use(self) -> int:
        return len(self.gtins) - len(self._free)

    def _forget_oldest(self) -> None:
        numbers = self._items_of(self._oldest)
        weight = BASKET_WEIGHT // max(len(numbers), 2)
        for number in numbers:
            self.usually[number] -= weight
            if self.usually[number] == 0:
                self.gtins[number] = self.lately[number] = 0
                self.low_g[number] = self.high_g[number] = 0
                self._free.append(number)
        self._oldest += 1

    # --- what is remembered --------------------------------------------------------------------

    def item(self, gtin: int) -> int | None:
        number = self._items.get(gtin)
        return None if number is None or self.gtins[number] != gtin else number

    def sold_with(self, number: int, most: int) -> Iterator[Sequence[int]]:
        """The last baskets that hold an item, the latest first."""
        line = self._last_line[number]
        for _ in range(most):
            basket = self._basket_at[line % LINES_MAX] if line >= 0 else -1
            if basket < self._oldest or self._lines - line > LINES_MAX:
                return
            yield self._items_of(basket)
            line = self._line_before[line % LINES_MAX]

    def bought_by(self, customer: str, most: int) -> Iterator[Sequence[int]]:
        """A customer's last baskets, the latest first."""
        basket = self._last_of(customer) if customer else -1
        for _ in range(most):
            if basket < self._oldest:
                return
            yield self._items_of(basket)
            basket = self._basket_before[basket % BASKETS_MAX]

    def _last_of(self, customer: str) -> int:
        last = self._customers.get(_digest(customer))
        return -1 if last is None else last

    def _items_of(self, basket: int) -> Sequence[int]:
        place = basket % BASKETS_MAX
        begin = self._begin[place] % LINES_MAX
        return self._item_at[begin : begin + self._length[place]]


def _digest(customer: str) -> int:
    """A number that does not tell who it is."""
    return int.from_bytes(hashlib.blake2b(customer.encode(), digest_size=8).digest()) >> 1 | 1


def _set(ring: array[int], at: int, value: int) -> None:
    if at == len(ring):
        ring.append(value)
    else:
        ring[at] = value

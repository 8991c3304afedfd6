"""Real shopping baskets: one gzipped CSV file in, baskets, item master and costs out.

The columns are those of the month that the sample was taken from (see CREDITS.md):
date, customer_id, product_subclass, gtin, quantity, line_cost, line_price. A basket is what one
customer bought on one day; quantity, cost and price are those of the line, in whole New Taiwan
dollars. The data has neither names nor weights: names are made from the numbers, and the store's
own numbers stand for goods that are weighed at the lane, one unit of them for a kilogram.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.domain.text import Text

CURRENCY = "TWD"
MINOR_DIGITS = 2
MINOR_PER_DOLLAR = 100

#: GS1 prefixes 20 to 29 are free for use within a store; these are the ones in the data (GS1
#: General Specifications §1.4.3).
OWN_NUMBERS = ("20", "21", "22")


@dataclass(frozen=True, slots=True)
class BasketLine:
    gtin: str  #: as printed on the goods, 8 or 13 digits
    subclass: str  #: number of the store's product class
    quantity: int
    cost_minor: int  #: of the whole line
    price_minor: int  #: of the whole line, tax included

    @property
    def weighed(self) -> bool:
        return len(self.gtin) == 13 and self.gtin.startswith(OWN_NUMBERS)

    @property
    def pieces(self) -> int:
        """How many labels are scanned: a weighed line is one piece."""
        return 1 if self.weighed else self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    day: str  #: ISO date
    customer: str
    lines: tuple[BasketLine, ...]

    @property
    def pieces(self) -> int:
        return sum(line.pieces for line in self.lines)

    @property
    def amount_minor(self) -> int:
        return sum(line.price_minor for line in self.lines)

    @property
    def weighed(self) -> bool:
        return any(line.weighed for line in self.lines)


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """What the baskets tell about one item; per piece, or per kilogram if it is weighed."""

    gtin: str
    subclass: str
    weighed: bool
    price_minor: int  #: the most frequent one
    cost_minor: int  #: the average


def sample() -> tuple[Basket, ...]:
    """The baskets that come with Lanetally, in the order of their days."""
    return tuple(read_baskets(Path(__file__).with_name("sample_baskets.csv.gz")))


def read_baskets(source: Path) -> Iterator[Basket]:
    """The baskets of a file with the columns above, each whole, in order of first appearance."""
    lines: defaultdict[tuple[str, str], list[BasketLine]] = defaultdict(list)
    with source.open("rb") as packed, gzip.open(packed, "rt", encoding="ascii", newline="") as text:
        for row in csv.DictReader(text):
            lines[row["date"], row["customer_id"]].append(_line(row))
    for (day, customer), of_basket in lines.items():
        yield Basket(day, customer, tuple(of_basket))


def _line(row: dict[str, str]) -> BasketLine:
    return BasketLine(
        row["gtin"],
        row["product_subclass"],
        int(row["quantity"]),
        int(row["line_cost"]) * MINOR_PER_DOLLAR,
        int(row["line_price"]) * MINOR_PER_DOLLAR,
    )


# --- what the shop must know of its goods --------------------------------------------------------


def item_figures(baskets: Iterable[Basket]) -> dict[str, ItemFigures]:
    """Each item of the baskets by its GTIN, with its usual price and its average cost."""
    prices: defaultdict[str, Counter[int]] = defaultdict(Counter)
    costs: Counter[str] = Counter()
    quantities: Counter[str] = Counter()
    seen: dict[str, BasketLine] = {}
    for line in (line for basket in baskets for line in basket.lines):
        prices[line.gtin][line.price_minor // line.quantity] += 1
        costs[line.gtin] += line.cost_minor
        quantities[line.gtin] += line.quantity
        seen[line.gtin] = line
    return {
        gtin: ItemFigures(
            gtin,
            seen[gtin].subclass,
            seen[gtin].weighed,
            min(of_item, key=lambda price: (-of_item[price], price)),
            costs[gtin] // quantities[gtin],
        )
        for gtin, of_item in sorted(prices.items())
    }


def write_items(path: Path, items: Iterable[ItemFigures], say: Callable[[Text], str]) -> None:
    """The item master as `agent.itemfile` reads it; numbers stand in for the missing names."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("gtin", "description", "category", "price_minor", "sold_by"))
        for item in items:
            name = say(Text("Item {gtin}", {"gtin": item.gtin}))
            category = say(Text("category {number}", {"number": item.subclass}))
            sold_by = "weight" if item.weighed else "each"
            out.writerow((item.gtin, name, category, item.price_minor, sold_by))


def write_costs(path: Path, items: Iterable[ItemFigures]) -> None:
    """What the items cost the shop, as `cloud_bridge.costs` reads it."""
    with path.open("w", encoding="ascii", newline="") as file:
        out = csv.writer(file)
        out.writerow(("gtin", "unit_cost_minor", "cost_per"))
        for item in items:
            out.writerow((item.gtin, item.cost_minor, "kg" if item.weighed else "each"))

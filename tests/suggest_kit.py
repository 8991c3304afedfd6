"""Real baskets with one item hidden in each, and how often the suggestions find it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from random import Random

from agent.domain.evidence import WeightRange
from agent.suggest.model import Model
from agent.suggest.question import Gap, Question, SoldBasket, SoldItem

MONTH = Path(__file__).parents[2] / "shared" / "data" / "tafeng_2000-11.csv.gz"
LEARNED_BEFORE = date(2000, 11, 23).toordinal()
HIDDEN = 6_000
PLACES = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A basket of two lines or more, all but one of its items, and that one."""

    basket: SoldBasket
    question: Question
    item: SoldItem
    weight_g: int  #: of the hidden item, as a scale tells it, within 2 %


def month() -> list[SoldBasket]:
    """In the order of their days; a basket is what one customer bought on one day."""
    found: dict[tuple[str, str], list[SoldItem]] = {}
    with gzip.open(MONTH, "rt", encoding="ascii") as file:
        for row in csv.DictReader(file):
            price_minor = int(row["line_price"]) * 100 // int(row["quantity"])
            item = SoldItem(row["gtin"].zfill(14), row["product_subclass"], price_minor)
            found.setdefault((row["date"], row["customer_id"]), []).append(item)
    days = (
        SoldBasket(date.fromisoformat(day).toordinal(), tuple(items), customer=customer)
        for (day, customer), items in found.items()
    )
    return sorted(days, key=lambda basket: basket.day)


def weights(baskets: Iterable[SoldBasket], seed: int = 1) -> dict[str, WeightRange]:
    """The month has no weights: one lognormal weight for each GTIN, in grams."""
    random = Random(seed)
    gtins = sorted({item.gtin for basket in baskets for item in basket.items})
    grams = {gtin: max(round(random.lognormvariate(5.6, 0.9)), 1) for gtin in gtins}
    return {gtin: WeightRange(g, g) for gtin, g in grams.items()}


def hidden(
    baskets: Iterable[SoldBasket], weighs: dict[str, WeightRange], seed: int = 1
) -> list[Hidden]:
    """One item of each of 6,000 of these baskets."""
    random = Random(seed)
    several = [basket for basket in baskets if len(basket.items) > 1]
    chosen = random.sample(several, min(HIDDEN, len(several)))
    return [_hide(basket, weighs, random) for basket in chosen]


def _hide(basket: SoldBasket, weighs: dict[str, WeightRange], random: Random) -> Hidden:
    item = random.choice(basket.items)
    rest = tuple(other.gtin for other in basket.items if other is not item)
    weight_g = round(weighs[item.gtin].low_g * random.uniform(0.98, 1.02))
    return Hidden(basket, Question(rest, customer=basket.customer), item, weight_g)


def no_gap(_one: Hidden) -> Gap:
    return Gap()


def weight_gap(one: Hidden) -> Gap:
    return Gap(weight_g=one.weight_g)


def price_gap(one: Hidden) -> Gap:
    return Gap(amount_minor=one.item.price_minor)


def both_gaps(one: Hidden) -> Gap:
    return Gap(weight_g=one.weight_g, amount_minor=one.item.price_minor)


def trained(baskets: Iterable[SoldBasket], weighs: dict[str, WeightRange]) -> Model:
    model = Model()
    for basket in baskets:
        model.learn(basket, weighs.get)
    model.refresh()
    return model


def hit_rates(
    ask: Callable[[Question], Sequence[str]],
    asked: Sequence[Hidden],
    gap_of: Callable[[Hidden], Gap] = no_gap,
) -> tuple[float, ...]:
    """How often, in a hundred, the hidden item is among the first 1, 5 and 10."""
    hits = [0] * len(PLACES)
    for one in asked:
        found = list(ask(replace(one.question, gap=gap_of(one))))
        for at, place in enumerate(PLACES):
            hits[at] += one.item.gtin in found[:place]
    return tuple(100 * n / len(asked) for n in hits)


def gtins_of(model: Model) -> Callable[[Question], list[str]]:
    return lambda question: [s.gtin for s in model.suggest(question)]

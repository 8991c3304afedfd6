"""Suggestions on the real month: trained on the days before the 23rd and frozen then, one item
hidden of each of 6,000 later baskets. The yardstick is plain popularity, on the same baskets."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from agent.suggest.model import Model
from agent.suggest.question import Question, SoldBasket, SoldItem
from tests.bench.rig import percentile
from tests.suggest_kit import (
    LEARNED_BEFORE,
    Hidden,
    both_gaps,
    gtins_of,
    hidden,
    hit_rates,
    month,
    no_gap,
    price_gap,
    trained,
    weight_gap,
    weights,
)

QUICK = 600
SOAK_BASKETS = 150_000  #: of seven lines on average: a million lines
TARGETS = {no_gap: "≥ 3.5 / 9 / 12 %", weight_gap: "≥ 22 / 42 / 55 %"}
NAMES = {
    no_gap: "hidden item found, first 1 / 5 / 10",
    weight_gap: "… its weight known within 2 %",
    price_gap: "… the amount that was charged for it known",
    both_gaps: "… both known",
}


def measure(_folder: Path, quick: bool) -> list[dict[str, str]]:
    baskets = month()
    weighs = weights(baskets)
    before = [basket for basket in baskets if basket.day < LEARNED_BEFORE]
    later = [basket for basket in baskets if basket.day >= LEARNED_BEFORE]
    asked = hidden(later, weighs)[: QUICK if quick else None]
    model = trained(before, weighs)
    popular = _popularity(before)
    figures = []
    for gap_of, name in NAMES.items():
        ours = _rates(hit_rates(gtins_of(model), asked, gap_of))
        figures.append(_figure(name, ours, _rates(popular(asked)), TARGETS.get(gap_of, "-")))
    figures.append(_figure("… learning goes on meanwhile", _learning_on(model, later, asked)))
    figures += _times(trained(before, weighs), asked)
    figures.append(_memory("the month", lambda: trained(before, weighs)))
    if not quick:
        figures.append(_memory("a million lines of chance", _soaked))
    return figures


def _figure(
    name: str, ours: str, yardstick: str = "-", target: str = "-", how: str = ""
) -> dict[str, str]:
    how = how or "trained before the 23rd, then frozen"
    return {
        "figure": name,
        "ours": ours,
        "yardstick": yardstick,
        "ratio": "-",
        "target": target,
        "how": how,
    }


def _rates(rates: Sequence[float]) -> str:
    return " / ".join(f"{rate:.1f}" for rate in rates) + " %"


def _popularity(before: list[SoldBasket]) -> Callable[[Sequence[Hidden]], tuple[float, ...]]:
    sold = Counter(item.gtin for basket in before for item in basket.items)
    best = [gtin for gtin, _ in sold.most_common(200)]

    def rates(asked: Sequence[Hidden]) -> tuple[float, ...]:
        return hit_rates(lambda q: [g for g in best if g not in q.basket][:10], asked)

    return rates


def _learning_on(model: Model, later: list[SoldBasket], asked: Sequence[Hidden]) -> str:
    """Each basket is learned after it was asked, as on a lane."""
    of_basket = {id(one.basket): one for one in asked}
    rates = []
    for basket in later:
        if one := of_basket.get(id(basket)):
            rates.append(hit_rates(gtins_of(model), [one]))
        model.learn(basket)
    return _rates([sum(column) / len(rates) for column in zip(*rates, strict=True)])


def _times(model: Model, asked: Sequence[Hidden]) -> list[dict[str, str]]:
    wall_ms, cpu_ms = [], []
    for one in asked:
        began, used = time.perf_counter(), time.thread_time()
        model.suggest(one.question)
        wall_ms.append(1000 * (time.perf_counter() - began))
        cpu_ms.append(1000 * (time.thread_time() - used))
    return [
        _figure(
            f"one request, p{part * 100:g}",
            f"{percentile(wall_ms, part):.1f} ms",
            f"processor time {percentile(cpu_ms, part):.1f} ms",
            "≤ 20 ms" if part == 0.99 else "-",
            f"{len(asked)} baskets, one after the other",
        )
        for part in (0.5, 0.99)
    ]


def _memory(name: str, make: Callable[[], Model]) -> dict[str, str]:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    model = make()
    gc.collect()
    now, peak = (n - before for n in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    how = f"arrays alone {size_of(model) / 1e6:.1f} MB"
    ours = f"{now / 1e6:.1f} MB, peak {peak / 1e6:.1f}"
    return _figure(f"memory of the model, {name}", ours, target="≤ 8 MB", how=how)


def size_of(thing: object) -> int:
    """Of an object and all that its fields hold, in bytes."""
    if isinstance(thing, str | array | int):
        return sys.getsizeof(thing)
    if isinstance(thing, list | tuple):
        return sys.getsizeof(thing) + sum(map(size_of, thing))
    if isinstance(thing, dict):
        return sys.getsizeof(thing) + sum(size_of(k) + size_of(v) for k, v in thing.items())
    return sum(map(size_of, vars(thing).values())) if hasattr(thing, "__dict__") else 0


def _soaked() -> Model:
    """Goods, customers and categories without end."""
    random = Random(1)
    model = Model()
    for number in range(SOAK_BASKETS):
        items = tuple(
            SoldItem(f"{random.randrange(1, 10**6) * 10**6:014}", str(random.randrange(5_000)), 100)
            for _ in range(random.randrange(1, 14))
        )
        customer = str(random.randrange(10**6))
        model.learn(SoldBasket(730_000 + number // 1_000, items, number % 24, customer))
    model.suggest(Question())
    return model

"""What the demo's cashier will do, decided before anything starts: the same seed, the same plan."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

from agent.cli.demo.baskets import Basket

#: How a basket is settled: by the POS with its lines, by the POS with count and amount only, or by
#: the item count that the cashier keys.
Manner: TypeAlias = Literal["lines", "amount", "keypad"]

AMOUNT_SHARE, KEYPAD_SHARE = 0.15, 0.10
MISSED_SHARE = 0.05
REPEATED_SHARE = 0.10

WEIGHT_G_MIN, WEIGHT_G_MAX, DIVISION_G = 200, 2000, 5
ROUND_DAYS = 30  #: the sample holds one month: its next round is the month after

#: Each with its weight; cash is the most frequent and the only one with change.
TENDER_WEIGHTS = {"cash": 5, "card": 2, "wechat": 2, "alipay": 2, "mixed": 1}
NOTE_MINOR = 100_00  #: customers pay cash in hundreds


@dataclass(frozen=True, slots=True)
class Payment:
    tenders: tuple[tuple[str, int], ...]  #: (tender type, amount in minor units)
    change_minor: int


@dataclass(frozen=True, slots=True)
class Visit:
    """One customer at the lane."""

    total_id: str
    basket: Basket
    manner: Manner
    weights_g: tuple[int | None, ...]  #: by line, None where pieces are sold
    missed_line: int | None  #: index of the line of which one piece passes without a scan
    payment: Payment
    repeated: bool  #: the POS sends its total a second time, as if the answer had been lost

    @property
    def scans(self) -> tuple[int, ...]:
        """The labels scanned before the total, each as the index of its line."""
        left = [line.pieces for line in self.basket.lines]
        if self.missed_line is not None:
            left[self.missed_line] -= 1
        return tuple(index for index, count in enumerate(left) for _ in range(count))


def planned(baskets: Sequence[Basket], count: int, seed: int) -> list[Visit]:
    """`count` visits. With more visits than baskets, the baskets come round again on later days."""
    rng = random.Random(seed)  # noqa: S311  a plan, not a secret
    order = rng.sample(baskets, len(baskets))
    turns = [divmod(number, len(order)) for number in range(count)]
    with_missing = _with_missing([order[place] for _, place in turns], rng)
    return [
        _visit(order[place], turn, rng, misses_one=number in with_missing)
        for number, (turn, place) in enumerate(turns)
    ]


def _with_missing(baskets: Sequence[Basket], rng: random.Random) -> frozenset[int]:
    """Where a scan is missed: the planned share, at least one; never a basket's only piece."""
    able = [number for number, basket in enumerate(baskets) if basket.pieces > 1]
    count = max(1, round(len(baskets) * MISSED_SHARE))
    return frozenset(rng.sample(able, min(count, len(able))))


def _visit(basket: Basket, turn: int, rng: random.Random, *, misses_one: bool) -> Visit:
    day = date.fromisoformat(basket.day) + timedelta(days=ROUND_DAYS * turn)
    return Visit(
        total_id=f"{day.isoformat()}-{basket.customer}",
        basket=basket,
        manner=_manner(basket, rng),
        weights_g=tuple(
            rng.randrange(WEIGHT_G_MIN, WEIGHT_G_MAX + 1, DIVISION_G) if line.weighed else None
            for line in basket.lines
        ),
        missed_line=rng.randrange(len(basket.lines)) if misses_one else None,
        payment=_payment(basket.amount_minor, rng),
        repeated=rng.random() < REPEATED_SHARE,
    )


def _manner(basket: Basket, rng: random.Random) -> Manner:
    drawn = rng.random()
    if drawn < AMOUNT_SHARE:
        return "amount"
    by_keypad = drawn < AMOUNT_SHARE + KEYPAD_SHARE and not basket.weighed
    return "keypad" if by_keypad else "lines"


def _payment(amount_minor: int, rng: random.Random) -> Payment:
    tender_type = rng.choices([*TENDER_WEIGHTS], [*TENDER_WEIGHTS.values()])[0]
    if tender_type == "mixed":
        by_card = amount_minor // 2
        cash = _in_notes(amount_minor - by_card)
        return Payment((("card", by_card), ("cash", cash)), by_card + cash - amount_minor)
    if tender_type == "cash":
        cash = _in_notes(amount_minor)
        return Payment((("cash", cash),), cash - amount_minor)
    return Payment(((tender_type, amount_minor),), 0)


def _in_notes(amount_minor: int) -> int:
    return -(-amount_minor // NOTE_MINOR) * NOTE_MINOR

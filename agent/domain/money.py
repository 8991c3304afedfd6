"""Money for people. Inside, money is an integer of minor units and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise


def format_minor(amount_minor: int, digits: int) -> str:
    """1234567 with 2 digits -> "12345.67"; with 0 digits -> "1234567"."""
    sign = "-" if amount_minor < 0 else ""
    text = str(abs(amount_minor)).zfill(digits + 1)
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


def format_rate(rate_bp: int) -> str:
    """500 -> "5 %", 1350 -> "13.5 %"."""
    return f"{format_minor(rate_bp, 2).rstrip('0').rstrip('.')} %"


def shared(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount in proportion to weights: together exactly that amount, no share above its weight
    where the amount is not above their sum."""
    whole = sum(weights) or 1
    bounds = (amount * bound // whole for bound in accumulate(weights, initial=0))
    return [high - low for low, high in pairwise(bounds)]

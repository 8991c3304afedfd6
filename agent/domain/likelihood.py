"""Likelihoods as whole milli-nats, 1000 · ln(p): no float, the same on every machine.

Scores of independent evidence add up; the difference of two scores is a likelihood ratio.
"""

from __future__ import annotations

from decimal import Context, Decimal
from functools import lru_cache

_CONTEXT = Context(prec=15)
_PPM = 1_000_000
_LN_PPM_LEAST = -13_815  #: e^x below one in a million counts as none
_LN_TWO_PI = 1_838  #: 1000 · ln(2π)

_MISCOUNTS = 1_000  #: more than these are as unlikely as these

#: The score of what cannot be: far below any sum of possible things.
NEVER = -10_000_000


@lru_cache(maxsize=1 << 16)
def ln(n: int) -> int:
    """1000 · ln(n), n ≥ 1."""
    return int(_CONTEXT.ln(Decimal(n)).scaleb(3).to_integral_value())


def ln_permille(p: int) -> int:
    """The score of `p` in a thousand; NEVER for none."""
    return ln(p) - ln(1000) if p > 0 else NEVER


@lru_cache(maxsize=1 << 14)
def ppm(score: int) -> int:
    """e^(score / 1000) in millionths, for scores ≤ 0."""
    if score < _LN_PPM_LEAST:
        return 0
    return int(_CONTEXT.exp(Decimal(score).scaleb(-3)) * _PPM)


def shares_permille(scores: list[int]) -> list[int]:
    """The scores as probabilities in thousandths that add up to about 1000."""
    top = max(scores, default=0)
    weights = [ppm(score - top) for score in scores]
    total = sum(weights)
    return [1000 * weight // total for weight in weights]


def odds_permille(score: int) -> int:
    """The probability, in thousandths, of something whose log odds are `score`."""
    small = ppm(-abs(score))
    likely = 1000 * _PPM // (_PPM + small)
    return likely if score >= 0 else 1000 - likely


@lru_cache(maxsize=1 << 14)
def _normal_height(variance: int) -> int:
    return -((ln(variance) + _LN_TWO_PI) // 2)


def normal(difference: int, variance: int) -> int:
    """The score of a normal density, per unit of `difference`; variance in its square, ≥ 1."""
    return _normal_height(variance) - 500 * difference * difference // variance


@lru_cache(maxsize=1 << 12)
def count_error(difference: int, expected: int, over_permille: int, under_permille: int) -> int:
    """The score of counting `difference` too many (too few, if negative) among `expected`.

    Each thing is counted twice or not at all by chance: Poisson, one direction at a time.
    """
    rate_permille = over_permille if difference >= 0 else under_permille
    mean_ppm = max(expected, 1) * rate_permille * 1000
    n = min(abs(difference), _MISCOUNTS)
    some = n * (ln(mean_ppm) - ln(_PPM)) - sum(ln(k) for k in range(2, n + 1)) if n else 0
    return some - max(expected, 1) * (over_permille + under_permille)

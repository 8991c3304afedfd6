"""Units of weight: what a scale writes, in whole grams. One table for every protocol."""

from __future__ import annotations

import re
from typing import Final

from drivers.base import ProtocolError

#: Grams in one of the unit, as a fraction. 1 lb = 453.59237 g exactly and 1 oz is a sixteenth of
#: it: international yard and pound agreement of 1959.
GRAMS: Final[dict[str, tuple[int, int]]] = {
    "mg": (1, 1000),
    "g": (1, 1),
    "kg": (1000, 1),
    "t": (1_000_000, 1),
    "oz": (45_359_237, 1_600_000),
    "lb": (45_359_237, 100_000),
}

_NUMBER: Final = re.compile(rb" *([+-]?) *(\d+)(?:\.(\d+))?")


def grams(count: int, decimals: int, unit: str) -> int:
    """Whole grams in `count` * 10 ** -`decimals` of a unit of GRAMS, a half to the even gram."""
    numerator, denominator = GRAMS[unit]
    if decimals < 0:
        numerator *= 10**-decimals
    else:
        denominator *= 10**decimals
    return _divided_half_even(count * numerator, denominator)


def read_grams(written: bytes, unit: bytes) -> int:
    """Grams of a number in ASCII, blanks before it allowed. Raises ProtocolError if it is none."""
    name = unit.decode("ascii", "replace").strip().lower()
    number = _NUMBER.fullmatch(written)
    if number is None or name not in GRAMS:
        raise ProtocolError(f"no weight: {written!r} {unit!r}")
    sign, whole, fraction = number[1], number[2], number[3] or b""
    count = int(whole + fraction)
    return grams(-count if sign == b"-" else count, len(fraction), name)


def _divided_half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest + (quotient & 1) > denominator)

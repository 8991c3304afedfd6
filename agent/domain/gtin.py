"""GTINs: their forms and their check digit. How a label is read into one stands in `gs1.py`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

#: How many digits make which form.
FORM_BY_LENGTH = {8: "GTIN-8", 12: "GTIN-12", 13: "GTIN-13", 14: "GTIN-14"}

CACHED = 4096  #: a shop sells the same few thousand articles all day

#: Why a label names no trade item.
ScanProblemCode: TypeAlias = Literal["lossy", "not_gtin", "check_digit", "length", "empty"]


@dataclass(frozen=True, slots=True)
class TradeItem:
    """What a label names: the GTIN as 14 digits, and the form that was read."""

    gtin: str
    form: str


@lru_cache(maxsize=CACHED)
def has_valid_check_digit(digits: str) -> bool:
    """True for ASCII digits whose last one is the GS1 check digit of those before it.

    From the right, weights 3, 1, 3, …; the last digit brings the sum to a multiple of ten (GS1
    General Specifications §7.9).
    """
    if len(digits) < 2 or not (digits.isascii() and digits.isdigit()):
        return False
    values = digits.encode().translate(_VALUES)  # summed in C: told of each line of each basket
    return (sum(values[::-2]) + 3 * sum(values[-2::-2])) % 10 == 0


_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))

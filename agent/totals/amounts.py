"""Numbers as receipts spell them, into integers. Refuses what is not clear; nothing is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: What stands beside an amount and says nothing about it: currency signs and codes, a "元".
_BESIDE = re.compile(r"[¥$€£₩元圆]|[A-Z]{2,3}\$?")
_DIGITS = re.compile(r"[0-9]{1,12}")

#: Grams in a unit of weight. 1 lb is 453.59237 g (international yard and pound agreement, 1959);
#: 斤 is the half kilogram of the mainland's markets.
_UNIT_UG = {
    "kg": 1_000_000_000,
    "公斤": 1_000_000_000,
    "千克": 1_000_000_000,
    "g": 1_000_000,
    "克": 1_000_000,
    "斤": 500_000_000,
    "lb": 453_592_370,
    "lbs": 453_592_370,
    "oz": 28_349_523,
}


@dataclass(frozen=True, slots=True)
class Notation:
    """How a POS spells numbers."""

    decimal_mark: str = "."
    minor_digits: int = 2

    @property
    def grouping_mark(self) -> str:
        return "," if self.decimal_mark == "." else "."


def amount_minor(words: str, notation: Notation) -> int | None:
    """Minor units; None if the words are no single amount. "-1.00", "1.00-" and "(1.00)" are below
    zero. Fewer decimals than the currency has are read as such: "12.5" is 12.50."""
    bare = _BESIDE.sub("", words).replace(" ", "")
    negative = bare.startswith(("-", "(", "−")) or bare.endswith("-")
    found = _scaled(bare.strip("-−+()"), notation, notation.minor_digits)
    return found if found is None or not negative else -found


def quantity_milli(words: str, notation: Notation) -> int | None:
    """Thousandths of a piece, signed; None if the words are no number."""
    bare = words.replace(" ", "")
    found = _scaled(bare.strip("-−+"), notation, 3)
    return found if found is None or not bare.startswith(("-", "−")) else -found


def weight_g(words: str, unit: str, notation: Notation) -> int | None:
    """Grams, rounded half up; None if the words are no weight. Without a unit: kilograms."""
    number = _scaled(words.replace(" ", ""), notation, 6)
    unit_ug = _UNIT_UG.get((unit or "kg").lower())
    if number is None or unit_ug is None:
        return None
    return (number * unit_ug // 1_000_000 + 500_000) // 1_000_000


def _scaled(bare: str, notation: Notation, digits: int) -> int | None:
    """A number without sign as an integer of 10^-digits."""
    whole, mark, fraction = bare.partition(notation.decimal_mark)
    groups = whole.split(notation.grouping_mark)
    if len(groups) > 1 and not (
        1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    ):
        return None
    whole = "".join(groups)
    if not (whole or fraction) or (mark and not fraction) or len(fraction) > digits:
        return None
    if not (_DIGITS.fullmatch(whole or "0") and _DIGITS.fullmatch(fraction or "0")):
        return None
    return int((whole or "0") + fraction.ljust(digits, "0"))

"""Numbers that a shop gives itself: labels that carry a weight, a price or a count.

Numbers with prefix 2 (and 02, 04, 4 in their shorter forms) mean what a country's GS1 organisation,
a chain or a shop says. A rule is a pattern, one character for each digit of the label:

    0 to 9   this digit            V   the measure, without a point
    I        the item              C   GS1's check digit of the measure, verified
    K        the last digit        X   any digit that belongs to neither, such as another check

    "28IIIICVVVVVK"  weight, 3 decimals    2812341012349: item 2812340000002, 1.234 kg

The item is known by the number with zeros in place of V, C and X and the right last digit: that is
the number that stands in the item master. A shop's own rules come before its country's.

Source of the countries' rules: those of biip 5.2 (biip/rcn.py, which names the GS1 organisations'
papers); a test holds the two together.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, replace
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from biip.checksums import gs1_price_weight_check_digit, gs1_standard_check_digit

from agent.domain.gs1 import read_label
from agent.domain.gtin import CACHED, ScanProblemCode, TradeItem
from agent.domain.settings import option

MeasureKind: TypeAlias = Literal["weight", "price", "count"]

#: A pattern begins with a digit, so that no rule reads every number there is.
PATTERN: Final = "(?=(.{8}|.{12,13})$)[0-9][0-9IX]*(C?V{4,5}|V{1,6})[0-9IX]*K"


@dataclass(frozen=True, slots=True)
class RcnRule:
    """One `[[rcn]]` table."""

    pattern: str = option(
        MISSING,
        "the label's digits: I item, V measure, C its check digit, X others, K the last",
        pattern=PATTERN,
    )
    kind: str = option(MISSING, "what V is", choices=("weight", "price", "count"))
    decimals: int = option(
        MISSING, "digits of V after the point: of kilograms or money, 0 for a count", low=0, high=3
    )


@dataclass(frozen=True, slots=True)
class LabelRules:
    """How a shop's own labels are read."""

    rcn: tuple[RcnRule, ...] = ()
    minor_digits: int = 2  #: of the currency


@dataclass(frozen=True, slots=True)
class Measure:
    """What a label says beyond the item: one of the three."""

    weight_g: int | None = None
    amount_minor: int | None = None  #: of the piece that carries the label
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Label:
    item: TradeItem
    measure: Measure | None = None


#: Which forms of a GTIN a pattern of so many digits can be about.
_FORMS: Final = {8: ("GTIN-8",), 12: ("GTIN-12", "GTIN-13"), 13: ("GTIN-13",)}


@lru_cache(maxsize=CACHED)
def read_measured(label: bytes, symbology: str, rules: LabelRules) -> Label | ScanProblemCode:
    """The item of a label and its measure, or the reason why there is none."""
    item = read_label(label, symbology)
    if isinstance(item, str):
        return item
    for rule in rules.rcn:
        if item.form in _FORMS[len(rule.pattern)]:
            found = _matcher(rule.pattern).fullmatch(item.gtin)
            if found is not None:
                return _measured(item, rule, found, rules.minor_digits)
    return Label(item)


def _measured(
    item: TradeItem, rule: RcnRule, found: re.Match[str], minor_digits: int
) -> Label | ScanProblemCode:
    digits, check = found["V"], found["C"]
    if check and int(check) != gs1_price_weight_check_digit(digits):
        return "check_digit"
    zeroed = replace(item, gtin=_zeroed(item.gtin, rule.pattern))
    value = int(digits)
    if value == 0:
        return Label(zeroed)  # a label made without a measure: the item must be weighed or priced
    match rule.kind:
        case "weight":
            return Label(zeroed, Measure(weight_g=_scaled(value, 3 - rule.decimals)))
        case "price":
            return Label(zeroed, Measure(amount_minor=_scaled(value, minor_digits - rule.decimals)))
        case _:
            return Label(zeroed, Measure(count=value))


def _scaled(value: int, digits: int) -> int:
    """`value` times ten to the power of `digits`, a half up where digits are cut off."""
    power = int(10 ** abs(digits))
    return value * power if digits >= 0 else (value + power // 2) // power


@lru_cache(maxsize=CACHED)
def _matcher(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression over fourteen digits."""
    written = re.sub("V+", lambda run: rf"(?P<V>\d{{{len(run[0])}}})", pattern)
    written = re.sub("[IXK]", r"\\d", written)
    check = r"(?P<C>\d)" if "C" in pattern else r"(?P<C>)"
    written = written.replace("C", check, 1) if "C" in pattern else check + written
    return re.compile("0" * (14 - len(pattern)) + written)


def _zeroed(gtin: str, pattern: str) -> str:
    places = pattern.rjust(14, "0")
    payload = "".join("0" if p in "VCX" else d for p, d in zip(places, gtin, strict=True))[:-1]
    return f"{payload}{gs1_standard_check_digit(payload)}"


def _rows(kind: MeasureKind, pattern: str, **decimals_by_prefix: int) -> tuple[RcnRule, ...]:
    return tuple(
        RcnRule(prefix.removeprefix("p") + pattern, kind, decimals)
        for prefix, decimals in decimals_by_prefix.items()
    )


_BALTIC: Final = _rows("weight", "IIIIIIVVVVK", p23=3, p24=2, p25=1)
_NORDIC: Final = (*_rows("price", "IIIIIIVVVVK", p20=2, p21=1, p22=0), *_BALTIC)

#: By the option `rcn_region`.
REGIONS: Final[dict[str, tuple[RcnRule, ...]]] = {
    "none": (),
    "de": (
        *_rows("price", "IIIICVVVVVK", p22=2, p23=2),
        *_rows("count", "IIIICVVVVVK", p25=0, p26=0),
        *_rows("weight", "IIIICVVVVVK", p28=3, p29=3),
    ),
    "dk": (
        *_rows("price", "IIIIVVVVVVK", p21=2, p22=2, p23=2, p24=2),
        *_rows("weight", "IIIIVVVVVVK", p26=3, p28=3),
        *_rows("weight", "IIIIIVVVVVK", p27=3),
    ),
    "ee": _BALTIC,
    "fi": _BALTIC,
    "gb": _rows("price", "IIIIICVVVVK", p20=2),
    "lt": _BALTIC,
    "lv": _BALTIC,
    "no": _NORDIC,
    "se": _NORDIC,
}

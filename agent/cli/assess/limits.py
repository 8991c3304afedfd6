"""What the figures of a recorded fact can be: no device and no till of a lane tells others.

A line with another figure is damaged or mistyped. It is refused with its field, for judged as it is
it would accuse or acquit somebody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.domain.text import Text
from agent.domain.totals import AMOUNT_MINOR_MAX, ITEM_COUNT_MAX, TAX_RATE_BP_MAX, WEIGHT_G_MAX

_COUNT = (0, ITEM_COUNT_MAX)
_MILLI = (0, ITEM_COUNT_MAX * 1000)
_WEIGHT = (0, WEIGHT_G_MAX)
_AMOUNT = (0, AMOUNT_MINOR_MAX)
_RATE = (0, TAX_RATE_BP_MAX)
_LINE = (0, 1_000_000)

#: Fact -> field, with dots into objects and lists -> (lowest, highest). null: as its type says.
LIMITS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "LineItemAdded": {
        "line_no": _LINE,
        "quantity_milli": _MILLI,
        "price_minor": _AMOUNT,
        "tax_rate_bp": _RATE,
    },
    "LineItemWeighed": {"line_no": _LINE, "weight_g": _WEIGHT, "amount_minor": _AMOUNT},
    "LineItemVoided": {"line_no": _LINE},
    "LineItemOverridden": {"line_no": _LINE, "price_minor": _AMOUNT, "amount_minor": _AMOUNT},
    "ItemDescribed": {
        "price_minor": _AMOUNT,
        "weight_low_g": _WEIGHT,
        "weight_high_g": _WEIGHT,
        "tagged_permille": (0, 1000),
    },
    "PieceWeighed": {"weight_g": _WEIGHT, "price_minor": _AMOUNT},
    "CashierTotalReceived": {
        "total.item_count": _COUNT,
        "total.amount_minor": _AMOUNT,
        "total.change_minor": _AMOUNT,
        "total.lines.quantity_milli": _MILLI,
        "total.lines.amount_minor": _AMOUNT,
        "total.lines.weight_g": _WEIGHT,
        "total.lines.tax_rate_bp": _RATE,
        "total.tenders.amount_minor": _AMOUNT,
        "named.price_minor": _AMOUNT,
    },
    "BagWeightChanged": {
        "delta_g": (-WEIGHT_G_MAX, WEIGHT_G_MAX),
        "total_g": (-WEIGHT_G_MAX, WEIGHT_G_MAX),  # a plate that was lightened after its zero
    },
    "CrossingObserved": {
        "count": (-ITEM_COUNT_MAX, ITEM_COUNT_MAX),
        "confidence_pct": (0, 100),
    },
    "LabelObserved": {"frames": (1, 1_000_000)},
}


def problem(type_: str, body: Mapping[str, Any]) -> Text | None:
    """The first field of a fact, its types being right, that is out of its limits."""
    for path, (low, high) in LIMITS.get(type_, {}).items():
        for field, value in _found(path.split("."), body, ""):
            if not low <= value <= high:
                return _beyond(field, value, f"{low}…{high}")
    low_g, high_g = body.get("weight_low_g"), body.get("weight_high_g")
    if low_g is not None and high_g is not None and low_g > high_g:
        return _beyond("weight_low_g", low_g, f"0…{high_g} (weight_high_g)")
    return None


def _beyond(field: str, value: int, allowed: str) -> Text:
    told: dict[str, str | int] = {"field": field, "got": str(value), "allowed": allowed}
    return Text("{field} is {got}; allowed: {allowed}", told)


def _found(path: list[str], value: Any, name: str) -> Iterator[tuple[str, int]]:
    """Each figure that a path leads to, with the name of its place."""
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _found(path, inner, f"{name}[{number}]")
    elif not path:
        if value is not None:
            yield name, value
    elif isinstance(value, dict) and path[0] in value:
        yield from _found(path[1:], value[path[0]], f"{name}.{path[0]}" if name else path[0])

"""The item master as the lane needs it: what a GTIN is called, costs and belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

SoldBy: TypeAlias = Literal["each", "weight"]


@dataclass(frozen=True, slots=True)
class NamedItem:
    """The item master's word on an item that nobody scanned, but the total or a sensor named."""

    gtin: str
    description: str
    category: str
    price_minor: int | None


@dataclass(frozen=True, slots=True)
class Item:
    gtin: str  #: 14 digits
    description: str
    category: str
    price_minor: int | None  #: of one piece, tax included; of one kilogram if sold by weight
    sold_by: SoldBy = "each"
    tax_rate_bp: int | None = None  #: None: the store's rate
    weight_low_g: int | None = None  #: what the lightest piece weighs, packaging included …
    weight_high_g: int | None = None  #: … and the heaviest; both or neither
    tagged_permille: int | None = None  #: how many of its pieces carry an RFID tag

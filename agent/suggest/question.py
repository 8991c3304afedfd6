"""What is asked, what is answered, and what is learned from: plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from agent.domain.evidence import WeightRange
from agent.domain.items import Item
from agent.domain.text import Text


@dataclass(frozen=True, slots=True)
class SoldItem:
    gtin: str  #: 14 digits
    category: str = ""
    price_minor: int | None = None  #: of one piece; None if it was weighed, or is not known


@dataclass(frozen=True, slots=True)
class SoldBasket:
    """One settled sale. Sales are learned in the order in which they were settled."""

    day: int  #: business date as days since 0001-01-01, `date.toordinal`
    items: tuple[SoldItem, ...]
    hour: int | None = None  #: 0 to 23, of the store's own clock
    customer: str = ""  #: a member's or phone number; only a digest of it is kept

    @property
    def gtins(self) -> tuple[str, ...]:
        return tuple(item.gtin for item in self.items)


@dataclass(frozen=True, slots=True)
class Gap:
    """What one missing item would explain. None: nothing is known of it."""

    weight_g: int | None = None  #: what the plate holds too much
    tolerance_g: int | None = None  #: either way; None for two in a hundred
    amount_minor: int | None = None  #: what was charged above the scans
    categories: tuple[str, ...] = ()  #: what the item is, as far as anybody knows


NO_GAP = Gap()


@dataclass(frozen=True, slots=True)
class Question:
    basket: tuple[str, ...] = ()  #: GTINs scanned, 14 digits
    gap: Gap = NO_GAP
    customer: str = ""
    hour: int | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True)
class Suggestion:
    gtin: str
    probability_ppm: int  #: that this is the item, given that one is missing
    reasons: tuple[Text, ...]  #: the strongest first; at least one


@dataclass(frozen=True, slots=True)
class Named:
    """A suggestion with the item master's words on it."""

    suggestion: Suggestion
    item: Item


#: What an item's pieces weigh, None where nobody knows.
WeightOf: TypeAlias = Callable[[str], WeightRange | None]

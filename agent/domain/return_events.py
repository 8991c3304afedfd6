"""Goods come back: what is asked for, and what the core looked up for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.domain.events import SaleFile
    from agent.domain.facts import BackfillReversed, GoodsCondition, ItemBackfilled, ReturnRecorded
    from agent.domain.items import Item
    from agent.domain.shop import Person


@dataclass(frozen=True, slots=True)
class ReturnItem:
    """Goods of one line. Of a sale in this journal `line_no` says which, of others `gtin`."""

    line_no: int = 0
    backfill_id: str = ""  #: the line was added to the sale by this backfill
    quantity: int = 1  #: pieces
    weight_g: int | None = None  #: of weighed goods; None: all that has not come back yet
    amount_minor: int | None = None  #: None: as it was paid, or as the item master says
    condition: GoodsCondition = "resaleable"
    gtin: str = ""  #: 14 digits


@dataclass(frozen=True, slots=True)
class LookedForReturn:
    """What the core looked up for a return."""

    file: SaleFile | None = None  #: None: the sale is not in this journal
    earlier: ReturnRecorded | ItemBackfilled | BackfillReversed | None = None  #: by the same id
    items: dict[str, Item] = field(default_factory=dict)
    number: int = 1  #: of the next return of this epoch
    trouble: bool = False  #: the disk does not go along now


@dataclass(frozen=True, slots=True)
class ReturnGoods:
    """Take goods back and give the money back. `return_id` makes a retry safe."""

    return_id: str
    items: tuple[ReturnItem, ...]
    by: Person
    transaction_id: str = ""  #: of a sale in this journal
    receipt_number: str = ""  #: of a sale elsewhere; neither: there is no receipt
    tender_type: str = ""  #: how it is given back; "": as it was paid
    sold_on: str = ""  #: ISO date on a receipt from elsewhere, if it can be read
    reason: str = ""
    looked: LookedForReturn = LookedForReturn(trouble=True)

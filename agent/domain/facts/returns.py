"""Goods that came back, and what was given back for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from agent.domain.facts.basket import SoldLine
from agent.domain.totals import TaxAmount, Tender

#: Resaleable goods go back to the shelf; what is damaged is written off.
GoodsCondition: TypeAlias = Literal["resaleable", "damaged"]


@dataclass(frozen=True, slots=True)
class SoldPart:
    """Of which line of this lane's journal the goods are a part, and what had come back of it."""

    epoch: str  #: where the fact stands that sold them …
    seq: int  #: … in the journal
    backfill_id: str  #: "": the sale itself
    quantity_milli: int  #: of the whole line
    weight_g: int | None
    before: int  #: what came back before: thousandths, of weighed goods grams


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    goods: SoldLine  #: what came back; its amount is what is given back for it
    condition: GoodsCondition
    part: SoldPart | None = None  #: None: sold elsewhere, or nobody knows where


@dataclass(frozen=True, slots=True)
class ReturnRecorded:
    """Goods came back after their sale, which stays as it was settled. Whole in itself.

    sum(tenders) = amount_minor + rounding_minor; sum(net + tax) = amount_minor = sum of the lines.
    """

    type: ClassVar[str] = "ReturnRecorded"
    version: ClassVar[int] = 1
    return_id: str  #: of who asked: repeated, it is given back once
    return_number: str  #: of the receipt that is printed for it
    transaction_id: str  #: of the sale; "": it is not in this journal
    receipt_number: str  #: of the sale; "": there is no receipt
    business_date: str  #: of the return
    currency: str
    lines: tuple[ReturnedLine, ...]
    tenders: tuple[Tender, ...]  #: what was given back
    taxes: tuple[TaxAmount, ...]
    amount_minor: int
    rounding_minor: int
    sold_on: str = ""  #: ISO date of the sale; "": not known
    reason: str = ""
    operator: str = ""
    approver: str = ""

"""Business documents: what happened, in the few figures that vouchers are made of.

A document's figures are its fields: whole numbers in minor units, or families of them by a label
(the tender, the tax rate in basis points, the payment platform). `whole` names the figure that is
the sum of `parts`; with it every voucher template can be shown to balance before any money moves.
Figures may be negative where a thing went the other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias

Family: TypeAlias = Mapping[str, int]  #: by label


@dataclass(frozen=True, slots=True)
class StockMovement:
    """What left the shelf (negative) or came back. `cost_minor` None: a cost gap."""

    line_no: int  #: position in the document, from 1
    gtin: str
    quantity_milli: int
    weight_g: int | None
    cost_minor: int | None


@dataclass(frozen=True, slots=True)
class CostGap:
    """A line left out of the cost voucher."""

    line_no: int
    gtin: str
    reason: str  #: "unknown": no cost; "unit": per piece where weighed, or the other way round


def by(label: str) -> Any:
    """A family of figures."""
    return field(default_factory=dict, metadata={"by": label})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    kind: ClassVar[str]
    whole: ClassVar[str] = ""
    parts: ClassVar[tuple[str, ...]] = ()

    business_date: str
    currency: str
    reference: str  #: what the document is known by, such as the transaction's id
    receipt_number: str = ""
    note: str = ""  #: reason and evidence, where somebody decided
    approver: str = ""
    needs: str = ""  #: transaction id of the sale that must be posted before
    movements: tuple[StockMovement, ...] = ()
    gaps: tuple[CostGap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale(Document):
    """T1 and T2. `net` is after `discount`; change leaves the drawer as cash."""

    kind = "sale"
    whole, parts = "tenders", ("net", "tax", "rounding", "change")

    tenders: Family = by("tender")
    net: Family = by("rate")
    tax: Family = by("rate")
    discount: Family = by("rate")
    change: int = 0
    rounding: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfilledSale(Sale):
    """T10: a missed item that the customer paid. Its money was there before anybody knew for which
    goods; now they are known, and it is a sale of its own, approved."""

    kind = "backfilled-sale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Document):
    """T3 and T4: money back for a sale, by the tender really used; goods resaleable or scrapped."""

    kind = "refund"
    whole, parts = "tenders", ("net", "tax", "rounding")

    tenders: Family = by("tender")
    net: Family = by("rate")
    tax: Family = by("rate")
    discount: Family = by("rate")
    rounding: int = 0
    restocked_cost: int = 0
    scrapped_cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout(Document):
    """T5: a platform pays what it collected, less its fee."""

    kind = "payout"
    whole, parts = "gross", ("net", "fee", "fee_tax")

    gross: Family = by("platform")
    net: int = 0
    fee: int = 0
    fee_tax: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CashPickup(Document):
    """T6: cash leaves the drawer for the bank."""

    kind = "cash-pickup"
    cash: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CashDeposit(Document):
    """T6: it has arrived there."""

    kind = "cash-deposit"
    cash: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CashCount(Document):
    """T7: a count that found more (or, negative, less) than there should be."""

    kind = "cash-count"
    difference: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CashDifferenceApproved(Document):
    """T7: somebody has decided what it is."""

    kind = "cash-difference-approved"
    short: int = 0
    over: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsReceipt(Document):
    """T8: goods are here, their invoice is not."""

    kind = "goods-receipt"
    goods: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseInvoice(Document):
    """T8: the invoice of goods received; `variance` is what it asks beyond their cost."""

    kind = "purchase-invoice"
    whole, parts = "payable", ("goods", "tax", "variance")

    payable: int = 0
    goods: int = 0
    tax: int = 0
    variance: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StockDifference(Document):
    """T9: a stocktake found more (or, negative, less), at cost."""

    kind = "stock-difference"
    difference: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StockDifferenceApproved(Document):
    """T9: somebody has decided what it is."""

    kind = "stock-difference-approved"
    loss: int = 0
    gain: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFound(Document):
    """T10: the platform has money that no sale explains."""

    kind = "payment-found"
    amount: Family = by("platform")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentIdentified(Document):
    """T10: the goods that it paid for are known."""

    kind = "payment-identified"
    whole, parts = "amount", ("net", "tax")

    amount: int = 0
    net: Family = by("rate")
    tax: Family = by("rate")
    cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidItem(Document):
    """T11: a missed item is gone and was never paid: a loss of stock, and no revenue."""

    kind = "unpaid-item"
    cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMissing(Document):
    """T12: a sale was paid, says the till, and the platform has no money for it."""

    kind = "payment-missing"
    amount: Family = by("platform")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLost(Document):
    """T12: it will not come any more."""

    kind = "dispute-lost"
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chargeback(Document):
    """T13: the platform takes a payment back, and a fee for it."""

    kind = "chargeback"
    whole, parts = "taken", ("amount", "fee")

    taken: Family = by("platform")
    amount: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BankChargeback(Document):
    """T13, taken from the bank account."""

    kind = "bank-chargeback"
    whole, parts = "taken", ("amount", "fee")

    taken: int = 0
    amount: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftCardSale(Document):
    """T14. Paying with one is a tender of a sale like any other, called "giftcard"."""

    kind = "gift-card-sale"
    whole, parts = "tenders", ("value", "change", "rounding")

    tenders: Family = by("tender")
    value: int = 0
    change: int = 0
    rounding: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodEnd(Document):
    """Periodic stock: what was there, what was bought, what a stocktake found; the rest is sold."""

    kind = "period-end"
    opening: int = 0
    purchases: int = 0
    closing: int = 0


#: By kind. T15, the correction, is made of a voucher and not of a document: see `voucher.reversal`.
DOCUMENTS: dict[str, type[Document]] = {
    cls.kind: cls
    for cls in (
        *(Sale, BackfilledSale, Refund, Payout, CashPickup, CashDeposit, CashCount),
        *(CashDifferenceApproved, GoodsReceipt, PurchaseInvoice, StockDifference),
        *(StockDifferenceApproved, PaymentFound, PaymentIdentified, UnpaidItem, PaymentMissing),
        *(DisputeLost, Chargeback, BankChargeback, GiftCardSale, PeriodEnd),
    )
}

_COMMON = {entry.name for entry in fields(Document)}


def figures(cls: type[Document]) -> dict[str, str]:
    """The names of a document's figures -> the label of a family, "" for a single figure."""
    own = (entry for entry in fields(cls) if entry.name not in _COMMON)
    return {entry.name: entry.metadata.get("by", "") for entry in own}


def total(document: Document, name: str) -> int:
    """A figure; a family's sum."""
    value: int | Family = getattr(document, name)
    return value if isinstance(value, int) else sum(value.values())


def labelled(document: Document, name: str) -> Family:
    """A family."""
    value: Family = getattr(document, name)
    return value


def imbalance(document: Document) -> int:
    """The whole less its parts: 0, or the document contradicts itself."""
    if not document.whole:
        return 0
    return total(document, document.whole) - sum(total(document, part) for part in document.parts)

"""One transaction, from its first scan to its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from agent.domain.gtin import ScanProblemCode
from agent.domain.items import NamedItem, SoldBy
from agent.domain.totals import CashierTotal, TaxAmount, Tender, TotalSource


@dataclass(frozen=True, slots=True)
class TransactionOpened:
    type: ClassVar[str] = "TransactionOpened"
    version: ClassVar[int] = 1
    transaction_id: str
    number: int  #: running number of this lane's epoch, from 1
    business_date: str  #: ISO date of the store's trading day


@dataclass(frozen=True, slots=True)
class LineItemAdded:
    """One scan that counts. An item missing from the item master counts too: it passed the lane."""

    type: ClassVar[str] = "LineItemAdded"
    version: ClassVar[int] = 1
    transaction_id: str
    line_no: int  #: from 1
    gtin: str  #: 14 digits
    form: str  #: the form that was read: "GTIN-8", "GTIN-12", "GTIN-13", "GTIN-14", "UPC-E"
    scan_label: str
    symbology: str
    quantity_milli: int
    known: bool
    description: str
    category: str
    price_minor: int | None
    sold_by: SoldBy
    tax_rate_bp: int
    role: str


@dataclass(frozen=True, slots=True)
class LineItemWeighed:
    type: ClassVar[str] = "LineItemWeighed"
    version: ClassVar[int] = 1
    transaction_id: str
    line_no: int
    weight_g: int
    net: bool
    raw_hex: str
    role: str
    amount_minor: int | None = None  #: where the lane may price a weight


@dataclass(frozen=True, slots=True)
class LineItemVoided:
    """A line taken back before settlement. The scan happened; its item should not be in the bag."""

    type: ClassVar[str] = "LineItemVoided"
    version: ClassVar[int] = 1
    transaction_id: str
    line_no: int
    operator: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True)
class LineItemOverridden:
    """A supervisor's price for one line, in place of the item master's."""

    type: ClassVar[str] = "LineItemOverridden"
    version: ClassVar[int] = 1
    transaction_id: str
    line_no: int
    price_minor: int  #: of one piece or one kilogram, as the item is sold
    operator: str = ""
    approver: str = ""
    amount_minor: int | None = None  #: of a weighed line as a whole, where that is known


@dataclass(frozen=True, slots=True)
class ItemDescribed:
    """The item master's word on an item, as far as an assessment needs it; the last one holds."""

    type: ClassVar[str] = "ItemDescribed"
    version: ClassVar[int] = 1
    gtin: str  #: 14 digits
    description: str = ""
    category: str = ""
    price_minor: int | None = None
    sold_by: SoldBy = "each"
    weight_low_g: int | None = None  #: what the lightest piece weighs, packaging included …
    weight_high_g: int | None = None  #: … and the heaviest
    tagged_permille: int | None = None  #: how many of its pieces carry an RFID tag


@dataclass(frozen=True, slots=True)
class ScanRejected:
    type: ClassVar[str] = "ScanRejected"
    version: ClassVar[int] = 1
    transaction_id: str | None
    reason: ScanProblemCode
    scan_hex: str
    symbology: str
    role: str


@dataclass(frozen=True, slots=True)
class CashierTotalReceived:
    """The total, and what the item master said when it was judged."""

    type: ClassVar[str] = "CashierTotalReceived"
    version: ClassVar[int] = 1
    transaction_id: str
    total: CashierTotal
    gap_categories: tuple[str, ...] = ()  #: of items that cost what was charged above the scans
    named: tuple[NamedItem, ...] = ()


@dataclass(frozen=True, slots=True)
class CashierTotalRejected:
    """A total that could not settle anything, kept whole: the POS may have taken money for it."""

    type: ClassVar[str] = "CashierTotalRejected"
    version: ClassVar[int] = 1
    transaction_id: str | None
    code: str
    total: CashierTotal


@dataclass(frozen=True, slots=True)
class ReceiptNotRead:
    """The POS printed a receipt that tells no total: of it only cuts and drawer kicks count.

    `reason`: "image" (it holds no text), "copies_dropped" (the lane was too busy to keep all of it)
    or the code of why no rule explains it, such as "sum_differs".
    """

    type: ClassVar[str] = "ReceiptNotRead"
    version: ClassVar[int] = 1
    transaction_id: str | None  #: the basket that was open then
    source: TotalSource
    reason: str
    images: int
    cuts: int
    kicks: int  #: how often the drawer was opened


@dataclass(frozen=True, slots=True)
class SoldLine:
    line_no: int
    gtin: str
    quantity_milli: int
    weight_g: int | None
    amount_minor: int | None  #: None where only the receipt's amount is known
    description: str
    category: str
    tax_rate_bp: int


@dataclass(frozen=True, slots=True)
class TransactionSettled:
    """The sale, whole in itself: the ledger needs no other fact to post it.

    sum(tenders) - change_minor = amount_minor + rounding_minor; sum(net + tax) = amount_minor.
    """

    type: ClassVar[str] = "TransactionSettled"
    version: ClassVar[int] = 1
    transaction_id: str
    receipt_number: str
    business_date: str
    currency: str
    total_id: str
    item_count: int
    amount_minor: int
    change_minor: int
    rounding_minor: int
    lines: tuple[SoldLine, ...]
    tenders: tuple[Tender, ...]
    taxes: tuple[TaxAmount, ...]
    missed_count: int
    operator: str = ""
    customer: str = ""  #: a phone or member's number, as in the total


@dataclass(frozen=True, slots=True)
class ReceiptPrinted:
    type: ClassVar[str] = "ReceiptPrinted"
    version: ClassVar[int] = 1
    transaction_id: str
    job_id: str
    reprint: bool


@dataclass(frozen=True, slots=True)
class ReceiptUnprinted:
    """A print job ended without a receipt that is surely on paper; the next try says REPRINT if
    `outcome` is "unconfirmed"."""

    type: ClassVar[str] = "ReceiptUnprinted"
    version: ClassVar[int] = 1
    transaction_id: str
    job_id: str
    outcome: Literal["failed", "unconfirmed"]
    reason: str

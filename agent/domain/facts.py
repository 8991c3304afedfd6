"""Every fact that can enter the journal. Immutable, never edited: corrected by new facts.

A fact's JSON body is its dataclass field by field (`agent.wire`). Adding a field with a default is
compatible; any other change is a new `version` with its own class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from agent.domain.finding import Candidate, Finding
from agent.domain.gtin import ScanProblemCode
from agent.domain.items import NamedItem, SoldBy
from agent.domain.totals import CashierTotal, TaxAmount, Tender


@dataclass(frozen=True, slots=True)
class LaneStarted:
    """The daemon began. `boot_id` pairs the MQTT birth with its death."""

    type: ClassVar[str] = "LaneStarted"
    version: ClassVar[int] = 1
    boot_id: str
    agent_version: str


@dataclass(frozen=True, slots=True)
class DeviceLost:
    type: ClassVar[str] = "DeviceLost"
    version: ClassVar[int] = 1
    role: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceReturned:
    type: ClassVar[str] = "DeviceReturned"
    version: ClassVar[int] = 1
    role: str


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
class MissedScanSuspected:
    """What was scanned and what was witnessed do not agree: what may have happened, and why."""

    type: ClassVar[str] = "MissedScanSuspected"
    version: ClassVar[int] = 1
    transaction_id: str
    total_id: str
    missed_count: int
    findings: tuple[Finding, ...]
    candidates: tuple[Candidate, ...] = ()  #: what the missed items may be, likeliest first
    confidence_permille: int = 1000

    @property
    def value_minor(self) -> int:
        """What is at stake, as far as that is known."""
        return sum(finding.value_minor or 0 for finding in self.findings)


@dataclass(frozen=True, slots=True)
class MissedScanDismissed:
    """Somebody looked at a suspicion and went on as it is."""

    type: ClassVar[str] = "MissedScanDismissed"
    version: ClassVar[int] = 1
    transaction_id: str
    total_id: str
    operator: str = ""
    approver: str = ""
    reason: str = ""  #: why, where it was not at the lane but afterwards


@dataclass(frozen=True, slots=True)
class MissedScanConfirmed:
    """Somebody looked at a suspicion and agreed: the item is to be scanned, or added afterwards."""

    type: ClassVar[str] = "MissedScanConfirmed"
    version: ClassVar[int] = 1
    transaction_id: str
    total_id: str
    operator: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True)
class PieceWeighed:
    """What one piece weighs of the only item in a clean basket that nobody had weighed before."""

    type: ClassVar[str] = "PieceWeighed"
    version: ClassVar[int] = 1
    transaction_id: str
    gtin: str
    weight_g: int
    description: str = ""
    category: str = ""
    price_minor: int | None = None


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


#: charged: the till took money for it, only the scan is missing. paid: the money is there, but not
#: in the till. gone: nobody paid.
BackfillWay: TypeAlias = Literal["charged", "paid", "gone"]


@dataclass(frozen=True, slots=True)
class ItemBackfilled:
    """An item that passed a settled sale without a scan, added to it afterwards. Whole in itself.

    Of one that was paid, sum(tenders) = sum(net + tax) = the line's amount; of others both are
    empty: what was charged is in the sale already, and what is gone brought nothing.
    """

    type: ClassVar[str] = "ItemBackfilled"
    version: ClassVar[int] = 1
    backfill_id: str  #: of who asked: repeated, it is added once
    transaction_id: str
    receipt_number: str
    business_date: str  #: of the sale
    currency: str
    way: BackfillWay
    lines: tuple[SoldLine, ...]
    tenders: tuple[Tender, ...] = ()
    taxes: tuple[TaxAmount, ...] = ()
    reason: str = ""
    total_id: str = ""  #: of the suspicion that it answers, and what was found then
    findings: tuple[Finding, ...] = ()
    operator: str = ""
    approver: str = ""

    @property
    def amount_minor(self) -> int:
        return sum(line.amount_minor or 0 for line in self.lines)

    @property
    def pieces(self) -> int:
        return sum(1 if x.weight_g is not None else x.quantity_milli // 1000 for x in self.lines)


@dataclass(frozen=True, slots=True)
class BackfillReversed:
    """A backfill was wrong: it is taken back whole, by a fact of its own."""

    type: ClassVar[str] = "BackfillReversed"
    version: ClassVar[int] = 1
    reversal_id: str  #: of who asked: repeated, it is taken back once
    epoch: str  #: where the backfill stands …
    seq: int  #: … in the journal
    backfilled: ItemBackfilled
    reason: str = ""
    operator: str = ""
    approver: str = ""


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


@dataclass(frozen=True, slots=True)
class TagObserved:
    """An RFID tag came to the lane or left it."""

    type: ClassVar[str] = "TagObserved"
    version: ClassVar[int] = 1
    transaction_id: str | None
    epc: str
    gtin: str | None
    serial: str | None
    present: bool
    rssi_dbm: int | None
    antenna: int
    role: str


@dataclass(frozen=True, slots=True)
class LabelObserved:
    """The camera read a label; nobody scanned it."""

    type: ClassVar[str] = "LabelObserved"
    version: ClassVar[int] = 1
    transaction_id: str | None
    gtin: str
    frames: int
    role: str


@dataclass(frozen=True, slots=True)
class CrossingObserved:
    """The camera saw so many items cross its line; backwards is negative."""

    type: ClassVar[str] = "CrossingObserved"
    version: ClassVar[int] = 1
    transaction_id: str | None
    count: int
    confidence_pct: int
    role: str


@dataclass(frozen=True, slots=True)
class BagWeightChanged:
    """A scale on which the goods stay until settlement came to rest at another weight.

    A `delta_g` of zero tells that the scale watches and that nothing lies there.
    """

    type: ClassVar[str] = "BagWeightChanged"
    version: ClassVar[int] = 1
    transaction_id: str | None
    delta_g: int  #: taken off is negative
    total_g: int | None  #: what lies there now; None if not told
    role: str
    steady: bool = True  #: False: something moved there when the total came, so it tells nothing


@dataclass(frozen=True, slots=True)
class DayClosed:
    r"""What the lane sold on a trading day, for head office to hold its books against.

    A later one of the same day holds in place of the earlier: a sale may be settled after its day.
    `hash`: hex SHA-256 over "<seq> <hash of the fact>\n" of each sale of the day, by seq.
    """

    type: ClassVar[str] = "DayClosed"
    version: ClassVar[int] = 1
    business_date: str
    sales: int
    sum_minor: int
    hash: str
    first_seq: int  #: of the day's first sale …
    last_seq: int  #: … and of its last; both 0 if it had none


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """A command of head office was carried out or refused; the same id gets this answer again."""

    type: ClassVar[str] = "CommandAnswered"
    version: ClassVar[int] = 1
    command_id: str
    name: str
    status: Literal["done", "refused"]
    code: str  #: why it was refused, or "ok"
    detail: str
    by: str  #: who asked, as head office says


@dataclass(frozen=True, slots=True)
class SeqRange:
    """From `first` to `last`, both within."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class JournalRecovered:
    """This epoch took over what could be read of another: the first fact of its journal."""

    type: ClassVar[str] = "JournalRecovered"
    version: ClassVar[int] = 1
    cause: Literal["damaged", "missing", "restored", "imported"]
    reason: str  #: what was wrong with the file, in SQLite's words; "" if nothing was
    former_epoch: str  #: "" if nobody knows
    former_last_seq: int  #: the last that is known of; there may have been more
    former_acked_seq: int  #: how far the lane knew it to be at head office
    lost: tuple[SeqRange, ...]  #: facts of it that cannot be read any more, the first hundred gaps
    lost_count: int
    set_aside: str  #: name of the file that was put away; "" if there was none


@dataclass(frozen=True, slots=True)
class FactLost:
    """Stands in the place of a fact that a damaged journal has lost. Sent, never journaled."""

    type: ClassVar[str] = "FactLost"
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class TelemetryShed:
    """So many facts of these types were not written: the journal was at its limit."""

    type: ClassVar[str] = "TelemetryShed"
    version: ClassVar[int] = 1
    count: int
    types: tuple[str, ...]


Observation: TypeAlias = TagObserved | LabelObserved | CrossingObserved | BagWeightChanged

FactBody: TypeAlias = (
    LaneStarted
    | DeviceLost
    | DeviceReturned
    | TransactionOpened
    | LineItemAdded
    | LineItemWeighed
    | LineItemVoided
    | LineItemOverridden
    | ItemDescribed
    | ScanRejected
    | CashierTotalReceived
    | CashierTotalRejected
    | MissedScanSuspected
    | MissedScanDismissed
    | MissedScanConfirmed
    | PieceWeighed
    | TransactionSettled
    | ItemBackfilled
    | BackfillReversed
    | ReceiptPrinted
    | ReceiptUnprinted
    | TagObserved
    | LabelObserved
    | CrossingObserved
    | BagWeightChanged
    | DayClosed
    | CommandAnswered
    | JournalRecovered
    | FactLost
    | TelemetryShed
)

#: type name -> {version -> class}: the one table that journal, bridge and command line decode by.
FACT_TYPES: dict[str, dict[int, type[FactBody]]] = {
    cls.type: {cls.version: cls} for cls in FactBody.__args__
}

#: What a journal at its limit leaves out first: nothing of it settles, prints or posts.
TELEMETRY: frozenset[type[FactBody]] = frozenset(
    (DeviceLost, DeviceReturned, TagObserved, LabelObserved, CrossingObserved, BagWeightChanged)
)

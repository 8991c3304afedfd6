"""What can happen to a lane, in the domain's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.domain.evidence import Catalogue
from agent.domain.return_events import ReturnGoods
from agent.domain.shop import Person

if TYPE_CHECKING:
    from agent.domain.facts import (
        BackfillReversed,
        BackfillWay,
        CashierTotalRejected,
        ItemBackfilled,
        MissedScanSuspected,
        Observation,
        ReturnRecorded,
        TransactionSettled,
    )
    from agent.domain.gtin import ScanProblemCode, TradeItem
    from agent.domain.items import Item
    from agent.domain.outcome import SettlementOutcome
    from agent.domain.rcn import Measure
    from agent.domain.totals import CashierTotal, Tender, TotalSource


@dataclass(frozen=True, slots=True)
class Scanned:
    label: TradeItem | ScanProblemCode
    scan_data: bytes
    symbology: str
    role: str
    item: Item | None  #: None: not in the item master
    measure: Measure | None = None  #: what the label itself says of its weight, price or count


@dataclass(frozen=True, slots=True)
class Weighed:
    weight_g: int
    net: bool
    raw: bytes
    role: str


@dataclass(frozen=True, slots=True)
class PlateChanged:
    """What lay on the scale was moved or taken off: its weight belongs to nothing any more."""


@dataclass(frozen=True, slots=True)
class BagRests:
    """A scale on which the goods stay came to rest."""

    role: str
    total_g: int | None  #: what lies there; None: as before


@dataclass(frozen=True, slots=True)
class BagMoves:
    """What lies on such a scale is not at rest, or cannot be told."""

    role: str


@dataclass(frozen=True, slots=True)
class TotalReceived:
    total: CashierTotal
    items: dict[str, Item]  #: the item master's word on each GTIN that total or sensors named
    gap_categories: tuple[str, ...] = ()
    earlier: SettlementOutcome | None = None  #: what this `total_id` was answered before
    same_content: bool = True  #: False: the id was used before, for another total
    catalogue: Catalogue = field(default_factory=Catalogue)


@dataclass(frozen=True, slots=True)
class ReceiptUnread:
    """The POS printed a receipt of which only cuts and drawer kicks can be told."""

    source: TotalSource
    reason: str  #: as in the fact
    images: int
    cuts: int
    kicks: int


@dataclass(frozen=True, slots=True)
class PrintEnded:
    transaction_id: str
    job_id: str
    reprint: bool
    outcome: Literal["printed", "failed", "unconfirmed"]
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    role: str
    up: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What a sensor saw, as the fact that it becomes but for its transaction."""

    observation: Observation


@dataclass(frozen=True, slots=True)
class VoidLine:
    line_no: int
    by: Person


@dataclass(frozen=True, slots=True)
class OverridePrice:
    line_no: int
    price_minor: int  #: of one piece or one kilogram
    by: Person
    of_line: bool = False  #: no: of the whole line, whatever it weighs


@dataclass(frozen=True, slots=True)
class AnswerSuspicion:
    """Somebody answers the alert: go on as it is, or scan what is missing."""

    answer: Literal["continue", "scan_it"]
    by: Person
    transaction_id: str = ""  #: whose alert it was; "": the present one's


@dataclass(frozen=True, slots=True)
class SaleFile:
    """What the journal has of a settled sale, for who adds something to it afterwards."""

    sale: TransactionSettled
    suspicion: MissedScanSuspected | None = None  #: open or not
    is_open: bool = False  #: the suspicion waits for an answer
    #: each with the epoch and the seq where it stands, and whether it was taken back since
    backfills: tuple[tuple[ItemBackfilled, str, int, bool], ...] = ()
    epoch: str = ""  #: where the sale itself stands …
    seq: int = 0  #: … in the journal
    returns: tuple[ReturnRecorded, ...] = ()  #: oldest first


@dataclass(frozen=True, slots=True)
class Looked:
    """What the core looked up for an act about a settled sale."""

    file: SaleFile | None = None  #: None: there is no such sale
    #: what this act's id did before
    earlier: ItemBackfilled | BackfillReversed | ReturnRecorded | None = None
    item: Item | None = None
    unsettled: CashierTotalRejected | None = None
    trouble: bool = False  #: the disk does not go along now


NOT_LOOKED = Looked(trouble=True)


@dataclass(frozen=True, slots=True)
class BackfillItem:
    """Add an item that was missed to a settled sale. `backfill_id` makes a retry safe."""

    backfill_id: str
    transaction_id: str
    way: BackfillWay
    gtin: str  #: 14 digits
    by: Person
    quantity: int = 1
    weight_g: int | None = None
    amount_minor: int | None = None  #: for all of it; None: as the item master says
    tender_type: str = ""  #: how it was paid, if it was
    reason: str = ""
    looked: Looked = NOT_LOOKED


@dataclass(frozen=True, slots=True)
class ReverseBackfill:
    """Take a backfill back. `reversal_id` makes a retry safe."""

    reversal_id: str
    transaction_id: str
    backfill_id: str
    by: Person
    reason: str = ""
    looked: Looked = NOT_LOOKED


@dataclass(frozen=True, slots=True)
class CloseSuspicion:
    """A suspicion of an earlier sale, or money that no sale explains, needs nothing more: somebody
    looked into it."""

    transaction_id: str
    by: Person
    total_id: str = ""  #: of money without a sale
    reason: str = ""
    looked: Looked = NOT_LOOKED


@dataclass(frozen=True, slots=True)
class LookedForTill:
    """What the core looked up for a payment at the till."""

    earlier: TransactionSettled | None = None  #: what was settled under this id before
    items: dict[str, Item] = field(default_factory=dict)  #: that sensors named
    catalogue: Catalogue = field(default_factory=Catalogue)
    trouble: bool = False  #: the disk does not go along now


@dataclass(frozen=True, slots=True)
class PayAtTill:
    """The open basket is paid, at the lane itself. `total_id` makes a retry safe."""

    total_id: str
    amount_minor: int  #: what was asked for: another basket since then is not paid by this
    tenders: tuple[Tender, ...]  #: as they were given, cash before change
    by: Person
    looked: LookedForTill = LookedForTill(trouble=True)
    customer: str = ""  #: a phone or member's number


@dataclass(frozen=True, slots=True)
class SuspendBasket:
    """The open basket is put aside."""

    by: Person
    at_ms: int  #: since 1970
    transaction_id: str = ""  #: which one is meant, so that a retry puts no other aside; "": any


@dataclass(frozen=True, slots=True)
class RetrieveBasket:
    """A basket that was put aside is taken up again."""

    number: int
    by: Person
    transaction_id: str = ""  #: as above


@dataclass(frozen=True, slots=True)
class DiscardBasket:
    """Nobody will pay for a basket that was put aside."""

    number: int
    by: Person
    transaction_id: str = ""  #: as above
    reason: str = ""


#: Acts about baskets beside the open one.
Park: TypeAlias = SuspendBasket | RetrieveBasket | DiscardBasket

#: Acts about a sale that is settled: the core looks the sale up for them.
Amend: TypeAlias = BackfillItem | ReverseBackfill | CloseSuspicion

#: Acts that happen on whatever day it is.
Undated: TypeAlias = VoidLine | OverridePrice | AnswerSuspicion | Amend | PayAtTill | Park

#: What somebody does by hand. Each is answered with an `ActOutcome`.
Act: TypeAlias = Undated | ReturnGoods

#: All but a scan, which comes a hundred times as often.
RareEvent: TypeAlias = (
    Weighed
    | PlateChanged
    | BagRests
    | BagMoves
    | Observed
    | TotalReceived
    | ReceiptUnread
    | PrintEnded
    | DeviceChanged
    | Undated
)

LaneEvent: TypeAlias = Scanned | RareEvent | ReturnGoods

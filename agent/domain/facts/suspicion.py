"""What was suspected, how it was answered, and what came right afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from agent.domain.facts.basket import SoldLine
from agent.domain.finding import Candidate, Finding
from agent.domain.totals import TaxAmount, Tender


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

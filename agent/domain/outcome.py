"""How a cashier total was answered (the same answer again for the same `total_id`), or an act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.domain.finding import Finding
from agent.domain.text import Text
from agent.domain.totals import Tender

if TYPE_CHECKING:
    from agent.domain.facts import DayClosed

OutcomeStatus: TypeAlias = Literal["settled", "held", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class Payment:
    """What was paid at the lane's own till."""

    amount_minor: int  #: what the basket came to
    change_minor: int
    rounding_minor: int  #: of cash, to the smallest coin


@dataclass(frozen=True, slots=True)
class RefundGiven:
    """What was given back for goods."""

    amount_minor: int  #: what the goods came to
    rounding_minor: int
    tenders: tuple[Tender, ...]


@dataclass(frozen=True, slots=True)
class ActOutcome:
    """What became of something that was done by hand."""

    text: Text
    code: str = ""  #: "" if it was done: a stable word such as "no_such_line"
    transaction_id: str | None = None
    receipt_number: str | None = None  #: if that settled the basket
    payment: Payment | None = None
    refund: RefundGiven | None = None


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """What became of a day that somebody wanted to close."""

    text: Text
    code: str = ""  #: "" if it is closed: a stable word such as "basket_open"
    closes: tuple[DayClosed, ...] = ()  #: none if each was closed before


@dataclass(frozen=True, slots=True)
class SettlementOutcome:
    status: OutcomeStatus
    text: Text
    code: str = ""  #: "" unless rejected: a stable word such as "no_open_transaction"
    transaction_id: str | None = None
    receipt_number: str | None = None
    missed_count: int = 0
    findings: tuple[Finding, ...] = ()

"""What is asked of settled sales, and what is told of them: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from agent.domain.alerts import alert_text
from agent.domain.rejections import rejected_text
from agent.domain.text import Text

if TYPE_CHECKING:
    from agent.domain.events import SaleFile
    from agent.domain.facts import (
        CashierTotalRejected,
        MissedScanSuspected,
        TransactionSuspended,
    )

FOUND_MAX = 50
MS_MAX = 2**53


@dataclass(frozen=True, slots=True)
class SaleQuery:
    """What is known of a sale; all of it must be so."""

    receipt: str = ""  #: number of the receipt or its end, the POS's own id, the transaction's id
    phone: str = ""  #: the customer's number, or its end
    from_ms: int = 0  #: since 1970
    to_ms: int = MS_MAX
    amount_minor: int | None = None
    limit: int = FOUND_MAX


@dataclass(frozen=True, slots=True)
class FoundSale:
    transaction_id: str
    receipt_number: str
    business_date: str
    wall_ms: int
    amount_minor: int
    customer: str
    is_open: bool  #: something is suspected of it still


@dataclass(frozen=True, slots=True)
class SaleView:
    found: FoundSale
    file: SaleFile


@dataclass(frozen=True, slots=True)
class OpenMatter:
    """Something that waits for somebody: a suspicion, or money that no sale explains."""

    kind: Literal["suspicion", "unsettled"]
    transaction_id: str
    total_id: str
    receipt_number: str
    business_date: str
    wall_ms: int
    amount_minor: int
    owed: int  #: items to be added before it is closed
    is_confirmed: bool = False  #: somebody agreed that something is missing
    suspicion: MissedScanSuspected | None = None
    rejected: CashierTotalRejected | None = None


def matter_texts(matter: OpenMatter) -> tuple[Text, ...]:
    """What it is, then why, in words."""
    if matter.suspicion is not None:
        why = (finding.reason for finding in matter.suspicion.findings)
        return alert_text(matter.suspicion), *why
    paid = Text("Paid, and no sale was made of it")
    return (paid,) if matter.rejected is None else (paid, rejected_text(matter.rejected))


class Sales(Protocol):
    """The journal as who looks sales up sees it. Each call may raise sqlite3.Error; it reads from
    the disk: no call in an event loop."""

    def find(self, query: SaleQuery) -> list[FoundSale]:
        """The newest first, at most `limit`."""
        ...

    def sale(self, transaction_id: str) -> SaleView | None: ...

    def todo(self) -> list[OpenMatter]: ...

    def aside(self) -> list[TransactionSuspended]:
        """Baskets that are put aside."""
        ...


class NoSales:
    """Of a lane without a journal to look into."""

    def find(self, _query: SaleQuery) -> list[FoundSale]:
        return []

    def sale(self, _transaction_id: str) -> SaleView | None:
        return None

    def todo(self) -> list[OpenMatter]:
        return []

    def aside(self) -> list[TransactionSuspended]:
        return []

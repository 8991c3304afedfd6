"""Facts of a lane that takes the money itself: baskets that wait beside the open one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TransactionSuspended:
    """The open basket is put aside, to be paid later; another may be open meanwhile."""

    type: ClassVar[str] = "TransactionSuspended"
    version: ClassVar[int] = 1
    transaction_id: str
    number: int  #: by which it is found again, from 1; free again once it is
    at_ms: int  #: since 1970
    item_count: int
    amount_minor: int | None  #: None if a line had no price
    operator: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True)
class TransactionRetrieved:
    """A basket that was put aside is the open one again."""

    type: ClassVar[str] = "TransactionRetrieved"
    version: ClassVar[int] = 1
    transaction_id: str
    number: int
    operator: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True)
class TransactionDiscarded:
    """A basket that nobody pays: one that was put aside, or an open one that holds nothing."""

    type: ClassVar[str] = "TransactionDiscarded"
    version: ClassVar[int] = 1
    transaction_id: str
    number: int  #: 0 for the open one
    item_count: int
    amount_minor: int | None
    reason: str = ""
    operator: str = ""
    approver: str = ""

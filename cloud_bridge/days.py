"""Whether the books have all that a lane sold on a trading day. Pure.

A lane tells at the end of a day how many sales it had, their sum, and a hash over them. The day is
complete when exactly these sales are posted, no other, and none of them changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from agent.domain.facts import DayClosed, TransactionSettled
from agent.wire import UndecodableFact, decode_body
from cloud_bridge.ledger.port import Received
from cloud_bridge.voucher import Stream

SalesOf = Callable[[Stream, int, int], Iterable[Received]]  #: by stream, first and last seq


@dataclass(frozen=True, slots=True)
class Day:
    """A lane's day beside the books. `missing`: what the books lack, for people."""

    stream: Stream
    business_date: str
    sales: int  #: as the lane says
    sum_minor: int
    posted_sales: int
    posted_sum_minor: int
    missing: tuple[str, ...] = field(default=())

    @property
    def complete(self) -> bool:
        return not self.missing


def compared(closes: Iterable[Received], sales_of: SalesOf) -> Iterator[Day]:
    """Each day that a lane has closed, by its last word on it."""
    latest: dict[tuple[Stream, str], DayClosed] = {}
    for received in closes:
        closed = _decoded(received, DayClosed)
        if isinstance(closed, DayClosed):
            latest[received.stream, closed.business_date] = closed
    for (stream, _), closed in latest.items():
        yield _compared(stream, closed, sales_of(stream, closed.first_seq, closed.last_seq))


def _compared(stream: Stream, closed: DayClosed, received: Iterable[Received]) -> Day:
    digest = hashlib.sha256()
    sales = sum_minor = 0
    held_back: list[str] = []
    for sale in received:
        fact = _decoded(sale, TransactionSettled)
        if not isinstance(fact, TransactionSettled):
            held_back.append(f"seq {sale.seq} cannot be read")
        elif fact.business_date == closed.business_date:
            if sale.posted:
                digest.update(f"{sale.seq} {sale.hash}\n".encode())
                sales, sum_minor = sales + 1, sum_minor + fact.amount_minor
            else:
                held_back.append(f"{fact.receipt_number} (seq {sale.seq}) is in quarantine")
    missing = (*held_back, *_differences(closed, sales + len(held_back), sales, sum_minor))
    if not missing and digest.hexdigest() != closed.hash:
        missing = ("the sales are as many, but not the same",)
    figures = closed.sales, closed.sum_minor, sales, sum_minor
    return Day(stream, closed.business_date, *figures, missing)


def _differences(closed: DayClosed, here: int, sales: int, sum_minor: int) -> Iterator[str]:
    if here < closed.sales:
        yield f"{closed.sales - here} sales have not come"
    elif here > closed.sales:
        yield f"{here - closed.sales} sales more than the lane closed with"
    elif sales == closed.sales and sum_minor != closed.sum_minor:
        yield f"the sum is {sum_minor}, the lane closed with {closed.sum_minor}"


def _decoded(received: Received, cls: type[DayClosed | TransactionSettled]) -> object:
    """The fact; None if it is damaged."""
    try:
        return decode_body(cls.type, cls.version, received.body)
    except UndecodableFact:
        return None

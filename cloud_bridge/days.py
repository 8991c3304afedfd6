"""Whether the books have all that a lane sold and took back on a trading day. Pure.

A lane tells at the end of a day how many sales and returns it had, their sums, and a hash over
them. The day is complete when exactly these are posted, no other, and none of them changed. What it
sells of that day after its close is another, until it has closed the day once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from agent.domain.facts import DayClosed, ReturnRecorded, TransactionSettled
from agent.domain.text import Text
from agent.wire import UndecodableFact, decode_body
from cloud_bridge.ledger.port import INT64_MAX, Received
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
    missing: tuple[Text, ...] = field(default=())
    returns: int = 0  #: as the lane says
    returned_minor: int = 0
    posted_returns: int = 0
    posted_returned_minor: int = 0

    @property
    def complete(self) -> bool:
        return not self.missing


def compared(closes: Iterable[Received], sales_of: SalesOf) -> Iterator[Day]:
    """Each day that a lane has closed, by its last word on it. `closes` are by stream and seq."""
    latest: dict[tuple[Stream, str], DayClosed] = {}
    ends: dict[Stream, int] = {}
    for received in closes:
        closed = _decoded(received)
        if isinstance(closed, DayClosed):
            latest[received.stream, closed.business_date] = closed
            ends[received.stream] = received.seq
    # with a close, a lane closes every day that has sold since
    since = {
        stream: list(filter(_can_be_read, sales_of(stream, end + 1, INT64_MAX)))
        for stream, end in ends.items()
    }
    for (stream, _), closed in latest.items():
        first, last = (min(max(0, seq), INT64_MAX) for seq in (closed.first_seq, closed.last_seq))
        told = sales_of(stream, first, last)
        yield _compared(stream, closed, chain(told, since[stream]))


@dataclass(slots=True)
class _Sum:
    """Sales, or returns."""

    count: int = 0
    sum_minor: int = 0
    held_back: int = 0


def _compared(stream: Stream, closed: DayClosed, received: Iterable[Received]) -> Day:
    digest = hashlib.sha256()
    sold, returned = _Sum(), _Sum()
    held_back: list[Text] = []
    for one in received:
        sums = sold if one.type == TransactionSettled.type else returned
        fact = _decoded(one)
        if not isinstance(fact, TransactionSettled | ReturnRecorded):
            sums.held_back += 1
            held_back.append(Text("seq {seq} cannot be read", {"seq": one.seq}))
        elif fact.business_date != closed.business_date:
            continue
        elif one.posted:
            digest.update(f"{one.seq} {one.hash}\n".encode())
            sums.count, sums.sum_minor = sums.count + 1, sums.sum_minor + fact.amount_minor
        else:
            sums.held_back += 1
            case: dict[str, str | int] = {"number": _number(fact), "seq": one.seq}
            held_back.append(Text("{number} (seq {seq}) is in quarantine", case))
    missing = (
        *held_back,
        *_differences("sales", closed.sales, closed.sum_minor, sold),
        *_differences("returns", closed.returns, closed.returned_minor, returned),
    )
    if not missing and digest.hexdigest() != closed.hash:
        missing = (Text("the sales are as many, but not the same"),)
    return Day(
        stream,
        closed.business_date,
        closed.sales,
        closed.sum_minor,
        sold.count,
        sold.sum_minor,
        missing,
        closed.returns,
        closed.returned_minor,
        returned.count,
        returned.sum_minor,
    )


def _number(fact: TransactionSettled | ReturnRecorded) -> str:
    return fact.receipt_number if isinstance(fact, TransactionSettled) else fact.return_number


_DIFFERENCE_TEXTS = {
    ("sales", "few"): "{count} sales have not come",
    ("sales", "many"): "{count} sales more than the lane closed with",
    ("sales", "sum"): "the sum is {sum}, the lane closed with {closed}",
    ("returns", "few"): "{count} returns have not come",
    ("returns", "many"): "{count} returns more than the lane closed with",
    ("returns", "sum"): "the sum of returns is {sum}, the lane closed with {closed}",
}


def _differences(what: str, count: int, sum_minor: int, here: _Sum) -> Iterator[Text]:
    beyond = here.count + here.held_back - count
    if beyond:
        how = "few" if beyond < 0 else "many"
        yield Text(_DIFFERENCE_TEXTS[what, how], {"count": abs(beyond)})
    elif here.count == count and here.sum_minor != sum_minor:
        sums: dict[str, str | int] = {"sum": here.sum_minor, "closed": sum_minor}
        yield Text(_DIFFERENCE_TEXTS[what, "sum"], sums)


def _can_be_read(received: Received) -> bool:
    """Else nobody knows of which day it is."""
    return _decoded(received) is not None


def _decoded(received: Received) -> object:
    """The fact; None if it is damaged."""
    try:
        return decode_body(received.type, 1, received.body)
    except UndecodableFact:
        return None

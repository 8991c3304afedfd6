"""Settled sales over HTTP: find one, see it, add what was missed, take that back, see what is open.

A customer's number is shown by its last four digits only, and found by its end.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import parse_qs

import msgspec
from msgspec import Meta

from agent.api.acts import Name, carried_out, carry_out, readable
from agent.api.messages import Request, Response, answer, refuse
from agent.api.sale_answers import (
    SalesAnswer,
    TodoAnswer,
    file_answer,
    matter_answer,
    sale_answer,
)
from agent.domain.events import BackfillItem, CloseSuspicion, ReverseBackfill
from agent.domain.facts import BackfillWay
from agent.domain.gs1 import read_typed
from agent.domain.gtin import TradeItem
from agent.domain.text import Text
from agent.domain.totals import AMOUNT_MINOR_MAX
from agent.domain.troubles import SCAN_TEXTS
from agent.sales import SaleQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.api.routes import Context

log = logging.getLogger("lanetally.api")

T = TypeVar("T")

WORDS_MAX = 64
PHONE_END_MIN = 4  #: fewer digits would find everybody
DAY = timedelta(days=1)
MINUTE_MS = 60_000

#: What a search may name -> what it means.
QUERY = {
    "receipt": "number of the receipt or its end, or the POS's own id of the sale",
    "phone": "the customer's number as the POS gave it, or its last four digits or more",
    "from": "a day or a time of the store's clock, such as 2026-11-22 or 2026-11-22T09:30",
    "to": "as `from`; a day is meant to its end",
    "amount_minor": "what was charged, in minor units",
}

Reason = Annotated[str, Meta(max_length=200)]


class BackfillBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The item that was missed, what became of it, and who adds it. The till `charged` it, and only
    the scan is missing; or it was `paid`, but not in the till; or it is `gone`: nobody paid."""

    backfill_id: Annotated[str, Meta(description="the client's own id: repeated, added only once")]
    way: BackfillWay
    label: Annotated[str, Meta(description="GTIN of 8 to 14 digits, or a label as it was scanned")]
    quantity: int = 1
    weight_g: int | None = None
    amount_minor: int | None = None
    tender_type: Name = ""
    reason: Reason = ""
    operator: Name = ""
    pin: Name = ""


class ReversalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which backfill is taken back, why, and by whom."""

    reversal_id: Annotated[str, Meta(description="the client's own id: repeated, done only once")]
    backfill_id: str
    reason: Reason = ""
    operator: Name = ""
    pin: Name = ""


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What needs nothing more: the suspicion of a sale, or, by `total_id`, money without a sale."""

    transaction_id: Name = ""
    total_id: Name = ""
    reason: Reason = ""
    operator: Name = ""
    pin: Name = ""


# --- looking -------------------------------------------------------------------------------------


async def find_sales(request: Request, context: Context) -> Response:
    query = _query(request.query)
    if isinstance(query, Text):
        return refuse(400, "query_invalid", query, request.say)
    found = await from_journal(lambda: context.sales.find(query))
    if found is None:
        return unreadable(request)
    return answer(200, SalesAnswer(tuple(map(sale_answer, found))))


async def show_sale(request: Request, context: Context) -> Response:
    transaction_id = request.path.rpartition("/")[2]
    found = await from_journal(lambda: (context.sales.sale(transaction_id),))
    if found is None:
        return unreadable(request)
    if found[0] is None:
        detail = Text("There is no such sale in this journal")
        return refuse(404, "no_such_sale", detail, request.say)
    return answer(200, file_answer(found[0], request.say))


async def show_todo(request: Request, context: Context) -> Response:
    found = await from_journal(context.sales.todo)
    if found is None:
        return unreadable(request)
    now_ms = int(datetime.now().astimezone().timestamp() * 1000)
    return answer(200, TodoAnswer(tuple(matter_answer(m, now_ms, request.say) for m in found)))


async def from_journal(look: Callable[[], T]) -> T | None:
    """In a thread beside the event loop; None if the journal cannot be read now."""
    try:
        return await asyncio.to_thread(look)
    except sqlite3.Error as error:
        log.warning("the journal cannot be read: %s", error)
        return None


def unreadable(request: Request) -> Response:
    detail = Text("The journal cannot be read or written now: try again")
    headers = (("retry-after", "1"),)
    return refuse(503, "journal_unreadable", detail, request.say, headers=headers)


def _query(text: str) -> SaleQuery | Text:
    """What is looked for, or what is wrong with the question."""
    try:
        fields = parse_qs(text, max_num_fields=16, errors="strict")
    except ValueError as error:
        return Text("The question cannot be read: {reason}", {"reason": str(error)[:120]})
    given = {name: values[-1].strip()[:WORDS_MAX] for name, values in fields.items()}
    unknown = sorted(given.keys() - QUERY.keys())
    if unknown:
        return Text("{field} is not known here", {"field": unknown[0][:WORDS_MAX]})
    phone = "".join(given.get("phone", "").split())
    if 0 < len(phone) < PHONE_END_MIN:
        return Text("Give at least {count} digits of the number", {"count": PHONE_END_MIN})
    figures: dict[str, int] = {}
    for name, (figure, read, example) in FIGURES.items():
        try:
            if given.get(name):
                figures[figure] = read(given[name])
        except (ValueError, OverflowError):
            told: dict[str, str | int] = {"field": name, "got": given[name], "example": example}
            return Text("{field} is {got}; what is meant looks like {example}", told)
    return SaleQuery(given.get("receipt", ""), phone, **figures)


def _from_ms(text: str) -> int:
    """Of the store's own clock, within which this machine lives. Raises ValueError."""
    return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)


def _to_ms(text: str) -> int:
    """To the end of the minute, or of the day. Raises ValueError, OverflowError."""
    if len(text) > len("2026-11-22"):
        return _from_ms(text) + MINUTE_MS - 1
    return _from_ms((datetime.fromisoformat(text) + DAY).isoformat()) - 1


def _minor(text: str) -> int:
    """Raises ValueError."""
    amount_minor = int(text)
    if abs(amount_minor) > AMOUNT_MINOR_MAX:
        raise ValueError
    return amount_minor


#: What of a search is a figure -> the query's own, how it is read, and such a one.
FIGURES: dict[str, tuple[str, Callable[[str], int], str]] = {
    "from": ("from_ms", _from_ms, "2026-11-22T09:30"),
    "to": ("to_ms", _to_ms, "2026-11-22"),
    "amount_minor": ("amount_minor", _minor, "1250"),
}


# --- amending ------------------------------------------------------------------------------------


async def backfill(request: Request, context: Context) -> Response:
    """The label is read as the scanner's would be; what it names is looked up by the core."""
    transaction_id = request.path.split("/")[-2]
    body = readable(request, BackfillBody)
    if isinstance(body, Response):
        return body
    read = read_typed(body.label)
    if body.label and not isinstance(read, TradeItem):
        return refuse(400, "label_invalid", SCAN_TEXTS[read], request.say, path="label")
    gtin = read.gtin if isinstance(read, TradeItem) else ""
    return await carry_out(
        request,
        context,
        body,
        lambda body, by: BackfillItem(
            body.backfill_id,
            transaction_id,
            body.way,
            gtin,
            by,
            body.quantity,
            body.weight_g,
            body.amount_minor,
            body.tender_type,
            body.reason,
        ),
    )


async def reverse(request: Request, context: Context) -> Response:
    transaction_id = request.path.split("/")[-2]
    return await carried_out(
        request,
        context,
        ReversalBody,
        lambda body, by: ReverseBackfill(
            body.reversal_id, transaction_id, body.backfill_id, by, body.reason
        ),
    )


async def close_matter(request: Request, context: Context) -> Response:
    return await carried_out(
        request,
        context,
        CloseBody,
        lambda body, by: CloseSuspicion(body.transaction_id, by, body.total_id, body.reason),
    )

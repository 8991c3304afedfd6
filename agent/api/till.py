"""The lane as a till, over HTTP: the open basket is paid, or put aside and taken up again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from agent.api.acts import Name, carried_out
from agent.api.messages import answer
from agent.api.sales import from_journal, unreadable
from agent.domain.events import DiscardBasket, PayAtTill, RetrieveBasket, SuspendBasket
from agent.domain.totals import Tender

if TYPE_CHECKING:
    from agent.api.messages import Request, Response
    from agent.api.routes import Context
    from agent.domain.facts import TransactionSuspended


class TenderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was given: of cash all of it, before change."""

    tender_type: Name
    amount_minor: int


class PaymentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the open basket is paid. `amount_minor` is what was asked for: should the basket have
    changed since, nothing is paid."""

    total_id: Annotated[str, Meta(description="the client's own id: repeated, paid only once")]
    amount_minor: int
    tenders: tuple[TenderBody, ...] = ()
    customer: Annotated[Name, Meta(description="a phone or member's number")] = ""
    operator: Name = ""
    pin: Name = ""


class SuspendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which basket is meant, so that a retry puts no other aside; empty: the open one."""

    transaction_id: Name = ""
    operator: Name = ""
    pin: Name = ""


class RetrieveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of a basket that was put aside; `transaction_id` makes a retry safe."""

    number: int
    transaction_id: Name = ""
    operator: Name = ""
    pin: Name = ""


class DiscardBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of a basket that nobody will pay, and why."""

    number: int
    transaction_id: Name = ""
    reason: Annotated[str, Meta(max_length=200)] = ""
    operator: Name = ""
    pin: Name = ""


class AsideAnswer(msgspec.Struct, frozen=True):
    """A basket that is put aside. `amount_minor` is null if a line has no price."""

    number: int
    transaction_id: str
    item_count: int
    amount_minor: int | None
    age_s: int
    operator: str


class AsidesAnswer(msgspec.Struct, frozen=True):
    """By their numbers."""

    suspended: tuple[AsideAnswer, ...]


class TillAnswer(msgspec.Struct, frozen=True):
    """What a till takes: means of payment, the smallest coin, and the notes people pay with."""

    tenders: tuple[str, ...]
    smallest_coin_minor: int
    notes_minor: tuple[int, ...]


async def suspend(request: Request, context: Context) -> Response:
    return await carried_out(
        request,
        context,
        SuspendBody,
        lambda body, by: SuspendBasket(by, _now_ms(), body.transaction_id),
    )


async def retrieve(request: Request, context: Context) -> Response:
    return await carried_out(
        request,
        context,
        RetrieveBody,
        lambda body, by: RetrieveBasket(body.number, by, body.transaction_id),
    )


async def discard(request: Request, context: Context) -> Response:
    return await carried_out(
        request,
        context,
        DiscardBody,
        lambda body, by: DiscardBasket(body.number, by, body.transaction_id, body.reason),
    )


async def show_suspended(request: Request, context: Context) -> Response:
    found = await from_journal(context.sales.aside)
    if found is None:
        return unreadable(request)
    return answer(200, AsidesAnswer(tuple(_aside(fact, _now_ms()) for fact in found)))


def _aside(fact: TransactionSuspended, now_ms: int) -> AsideAnswer:
    age_s = max(0, now_ms - fact.at_ms) // 1000
    basket = fact.number, fact.transaction_id, fact.item_count, fact.amount_minor
    return AsideAnswer(*basket, age_s, fact.operator)


def _now_ms() -> int:
    return int(time.time() * 1000)


async def settle_at_till(request: Request, context: Context) -> Response:
    return await carried_out(
        request,
        context,
        PaymentBody,
        lambda body, by: PayAtTill(
            body.total_id,
            body.amount_minor,
            tuple(Tender(given.tender_type, given.amount_minor) for given in body.tenders),
            by,
            customer=body.customer,
        ),
    )

"""The lane as a till, over HTTP: the open basket is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from agent.api.acts import Name, carried_out
from agent.domain.events import PayAtTill
from agent.domain.totals import Tender

if TYPE_CHECKING:
    from agent.api.messages import Request, Response
    from agent.api.routes import Context


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
    operator: Name = ""
    pin: Name = ""


class TillAnswer(msgspec.Struct, frozen=True):
    """What a till takes: means of payment, the smallest coin, and the notes people pay with."""

    tenders: tuple[str, ...]
    smallest_coin_minor: int
    notes_minor: tuple[int, ...]


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
        ),
    )

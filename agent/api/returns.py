"""Goods that come back, over HTTP: against a sale of this lane, or a receipt from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from agent.api.acts import Name, carried_out, carry_out, readable
from agent.api.messages import Response, refuse
from agent.domain.facts import GoodsCondition
from agent.domain.gs1 import read_typed
from agent.domain.gtin import TradeItem
from agent.domain.return_events import ReturnGoods, ReturnItem
from agent.domain.troubles import SCAN_TEXTS

if TYPE_CHECKING:
    from agent.api.messages import Request
    from agent.api.routes import Context

LINES_MAX = 200  #: of one return

Reason = Annotated[str, Meta(max_length=200)]
OwnId = Annotated[str, Meta(description="the client's own id: repeated, given back only once")]


class ReturnLineBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Goods of one line of the sale, or of what a backfill added to it. Without `weight_g`, weighed
    goods come back as far as they are left. `amount_minor` is needed where the lane does not know
    what was paid for them; elsewhere nothing is done unless it is what the lane says."""

    line_no: int
    backfill_id: Name = ""
    quantity: int = 1
    weight_g: int | None = None
    amount_minor: int | None = None
    condition: GoodsCondition = "resaleable"


class ReturnBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What comes back, how the money is given back (empty: as it was paid), why, and by whom."""

    return_id: OwnId
    lines: Annotated[tuple[ReturnLineBody, ...], Meta(max_length=LINES_MAX)]
    tender_type: Name = ""
    reason: Reason = ""
    operator: Name = ""
    pin: Name = ""


class LooseLineBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Goods by their label; `amount_minor` is for all of them, and today's price if it is left
    out."""

    label: Annotated[str, Meta(description="GTIN of 8 to 14 digits, or a label as it was scanned")]
    quantity: int = 1
    weight_g: int | None = None
    amount_minor: int | None = None
    condition: GoodsCondition = "resaleable"


class LooseReturnBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A return of goods whose sale is not in this lane's journal: the number of the receipt and its
    day, if there is one. The money is given back in cash."""

    return_id: OwnId
    lines: Annotated[tuple[LooseLineBody, ...], Meta(max_length=LINES_MAX)]
    receipt_number: Name = ""
    sold_on: Annotated[str, Meta(description="day of the sale, such as 2026-11-22")] = ""
    tender_type: Name = ""
    reason: Reason = ""
    operator: Name = ""
    pin: Name = ""


async def return_goods(request: Request, context: Context) -> Response:
    transaction_id = request.path.split("/")[-2]
    return await carried_out(
        request,
        context,
        ReturnBody,
        lambda body, by: ReturnGoods(
            body.return_id,
            tuple(
                ReturnItem(
                    line.line_no,
                    line.backfill_id,
                    line.quantity,
                    line.weight_g,
                    line.amount_minor,
                    line.condition,
                )
                for line in body.lines
            ),
            by,
            transaction_id,
            tender_type=body.tender_type,
            reason=body.reason,
        ),
    )


async def return_loose(request: Request, context: Context) -> Response:
    """The labels are read as the scanner's would be; what they name is looked up by the core."""
    body = readable(request, LooseReturnBody)
    if isinstance(body, Response):
        return body
    items = []
    for number, line in enumerate(body.lines):
        read = read_typed(line.label)
        if not isinstance(read, TradeItem):
            path = f"lines[{number}].label"
            return refuse(400, "label_invalid", SCAN_TEXTS[read], request.say, path=path)
        items.append(_item(line, read.gtin))
    return await carry_out(
        request,
        context,
        body,
        lambda body, by: ReturnGoods(
            body.return_id,
            tuple(items),
            by,
            receipt_number=body.receipt_number.strip(),
            tender_type=body.tender_type,
            sold_on=body.sold_on,
            reason=body.reason,
        ),
    )


def _item(line: LooseLineBody, gtin: str) -> ReturnItem:
    much = line.quantity, line.weight_g, line.amount_minor
    return ReturnItem(0, "", *much, line.condition, gtin)

"""What the missing item may be, asked by a screen or a POS: of the open basket, of a sale that was
settled, or of items that the request names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from msgspec import Meta

from agent.api.messages import Request, Response, answer, refuse
from agent.domain.text import Text
from agent.suggest.question import Gap, Named, Question, SoldBasket

if TYPE_CHECKING:
    from agent.api.routes import Context

REASON_CHARS_MAX = 120
LINES_MAX = 500

Gtin = Annotated[str, Meta(pattern=r"^[0-9]{8,14}$", description="8 to 14 digits")]
Words = Annotated[str, Meta(max_length=64)]
Amount = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class SuggestionsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of what is asked: `gtins`, else the sale `transaction_id` with its customer, else the open
    basket."""

    gtins: Annotated[tuple[Gtin, ...], Meta(max_length=LINES_MAX)] | None = None
    transaction_id: Words = ""
    weight_g: Annotated[Amount | None, Meta(description="what the scale holds too much")] = None
    tolerance_g: Annotated[Amount | None, Meta(description="either way; null for 2 %")] = None
    amount_minor: Annotated[Amount | None, Meta(description="charged above the scans")] = None
    categories: Annotated[tuple[Words, ...], Meta(max_length=20)] = ()
    customer: Annotated[Words, Meta(description="a phone or member's number, whole")] = ""
    limit: Annotated[int, Meta(ge=1, le=50)] = 10


class SuggestionAnswer(msgspec.Struct, frozen=True):
    """An item that may be the missing one, and why."""

    gtin: str
    description: str
    category: str
    price_minor: int | None
    probability_ppm: int
    reasons: tuple[str, ...]


class SuggestionsAnswer(msgspec.Struct, frozen=True):
    """The likeliest first; none where nothing was sold yet."""

    suggestions: tuple[SuggestionAnswer, ...]


class Suggester(Protocol):
    """`agent.suggestions.Suggestions`, as far as the API asks it. Any thread."""

    @property
    def hour(self) -> int: ...

    def named(self, question: Question) -> tuple[Named, ...]: ...

    def sold(self, transaction_id: str) -> SoldBasket | None: ...


class NoSuggestions:
    """Of a lane that learns nothing."""

    hour = 0

    def named(self, _question: Question) -> tuple[Named, ...]:
        return ()

    def sold(self, _transaction_id: str) -> SoldBasket | None:
        return None


async def suggest_for_open_basket(request: Request, context: Context) -> Response:
    return await _suggested(SuggestionsBody(), request, context)


async def suggest(request: Request, context: Context) -> Response:
    try:
        body = msgspec.json.decode(request.body or b"{}", type=SuggestionsBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)[:REASON_CHARS_MAX]
        detail = Text("The body cannot be read: {reason}", {"reason": reason})
        return refuse(400, "value_invalid", detail, request.say)
    return await _suggested(body, request, context)


async def _suggested(body: SuggestionsBody, request: Request, context: Context) -> Response:
    asked = await _asked(body, context)
    if asked is None:
        detail = Text("No such sale in this lane's journal")
        return refuse(404, "transaction_unknown", detail, request.say)
    gap = Gap(body.weight_g, body.tolerance_g, body.amount_minor, body.categories)
    gtins, customer = asked
    question = Question(gtins, gap, customer, context.suggester.hour, body.limit)
    found = await asyncio.to_thread(context.suggester.named, question)
    return answer(200, SuggestionsAnswer(tuple(_answer(named, request) for named in found)))


async def _asked(body: SuggestionsBody, context: Context) -> tuple[tuple[str, ...], str] | None:
    """(GTINs, customer); None if there is no such sale."""
    if body.gtins is not None:
        return tuple(gtin.zfill(14) for gtin in body.gtins), body.customer
    if body.transaction_id:
        sold = await asyncio.to_thread(context.suggester.sold, body.transaction_id)
        return None if sold is None else (sold.gtins, body.customer or sold.customer)
    return tuple(line.gtin for line in context.lane.snapshot().lines), body.customer


def _answer(named: Named, request: Request) -> SuggestionAnswer:
    suggestion, item = named.suggestion, named.item
    return SuggestionAnswer(
        suggestion.gtin,
        item.description,
        item.category,
        item.price_minor,
        suggestion.probability_ppm,
        tuple(request.say(reason) for reason in suggestion.reasons),
    )

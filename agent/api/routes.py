"""What can be asked of a lane: one table of (method, path), what goes in and what comes out.

The OpenAPI document is made from the same table, so that it cannot differ.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import msgspec

from agent.api import acts, openapi, pages, returns, sales, till
from agent.api.acts import ActAnswer, ActBody, PinLock, PriceBody, SuspicionBody
from agent.api.answers import (
    EventAnswer,
    HealthAnswer,
    LaneAnswer,
    Say,
    SettlementAnswer,
    lane_answer,
    problem_answer,
    settlement_answer,
)
from agent.api.aside import NextScanAnswer, NextScanBody, NoScans, Scans, next_scan
from agent.api.day import DayCloseAnswer, DayCloser, close_day, no_days
from agent.api.events import EventHub, stream
from agent.api.messages import EVENT_STREAM, Request, Response, answer, refuse
from agent.api.sale_answers import SaleFileAnswer, SalesAnswer, TodoAnswer
from agent.api.screen import ScreenAnswer, SessionAnswer, open_session, show_screen
from agent.api.settings import ApiSettings, Shop
from agent.api.suggest import (
    NoSuggestions,
    Suggester,
    SuggestionsAnswer,
    SuggestionsBody,
    suggest,
    suggest_for_open_basket,
)
from agent.api.waiting import answered
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, TotalProblem, problems
from agent.handle import LaneBusy, LaneHandle
from agent.sales import NoSales, Sales
from agent.shop import Approver
from agent.totals.http import TotalBody, read_total

PROBLEMS_LISTED_MAX = 50

#: Rejections that lie in the lane's state, not in the total.
CONFLICTS = frozenset({"no_open_transaction", "total_id_reused", "price_unknown"})

#: Rejections that lie in the lane itself: the same total may do better in a moment.
LANE_FAULTS = frozenset({"internal", "journal_unreadable"})

STATUS_BY_OUTCOME = {"settled": 201, "held": 202, "duplicate": 200}


@dataclass(frozen=True, slots=True)
class Context:
    """What handlers work with."""

    settings: ApiSettings
    lane: LaneHandle
    hub: EventHub
    translations: Mapping[str, Say]  #: by language; the first is the lane's own
    shop: Shop = field(default_factory=Shop)
    screen_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    approvers: tuple[Approver, ...] = ()
    pins: PinLock = field(default_factory=PinLock)
    suggester: Suggester = field(default_factory=NoSuggestions)
    sales: Sales = field(default_factory=NoSales)
    scans: Scans = field(default_factory=NoScans)
    close_day: DayCloser = no_days


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Callable[[Request, Context], Awaitable[Response]]
    summary: str
    answers: Mapping[int, type[msgspec.Struct] | None]
    refusals: tuple[int, ...] = ()
    body: type[msgspec.Struct] | None = None
    query: Mapping[str, str] = field(default_factory=dict)  #: name -> what it means
    media_type: str = "application/json"
    is_open: bool = False  #: needs no token when asked from this machine
    for_screen: bool = False  #: takes the screen's token as well


# --- settlements -------------------------------------------------------------------------------


async def settle(request: Request, context: Context) -> Response:
    """Hand the total to the core and wait for its answer, which comes after the commit."""
    total = read_total(request.body)
    if isinstance(total, TotalProblem):
        status = 400 if total.code == "json_malformed" else 422
        return refuse(status, total.code, total.text, request.say, path=total.path)
    try:
        submit = partial(context.lane.submit_total, total)
        outcome = await answered(submit, context.settings.answer_timeout_ms)
    except LaneBusy:
        detail = Text("The lane is busy: send the same total again in a moment")
        return refuse(503, "lane_busy", detail, request.say, headers=(("retry-after", "1"),))
    except TimeoutError:
        detail = Text(
            "Whether the total was taken is not known. Send it again with the same total_id:"
            " it is settled only once"
        )
        return refuse(504, "lane_silent", detail, request.say, headers=(("retry-after", "1"),))
    if outcome.status == "rejected":
        return _rejected(total, outcome, request.say)
    return answer(STATUS_BY_OUTCOME[outcome.status], settlement_answer(outcome, request.say))


def _rejected(total: CashierTotal, outcome: SettlementOutcome, say: Say) -> Response:
    """The core names the first problem; a client that can be mended is told all of them."""
    if outcome.code in LANE_FAULTS:
        headers = (("retry-after", "1"),)
        return refuse(503, outcome.code, outcome.text, say, headers=headers)
    status = 409 if outcome.code in CONFLICTS else 422
    found = problems(total) if status == 422 else ()
    return refuse(
        status,
        outcome.code,
        outcome.text,
        say,
        path=next((problem.path for problem in found if problem.code == outcome.code), ""),
        problems=tuple(problem_answer(problem, say) for problem in found[:PROBLEMS_LISTED_MAX]),
    )


# --- looking -----------------------------------------------------------------------------------


async def show_lane(request: Request, context: Context) -> Response:
    return answer(200, lane_answer(context.lane.snapshot(), request.say))


async def follow_events(request: Request, context: Context) -> Response:
    if context.hub.full:
        detail = Text("Too many clients follow the events of this lane")
        return refuse(503, "too_many_streams", detail, request.say)
    events = stream(context.hub, context.lane, request.say, context.settings.heartbeat_ms / 1000)
    return Response(200, media_type=EVENT_STREAM, events=events)


async def show_health(_request: Request, context: Context) -> Response:
    """Whether the lane works, and nothing that a stranger should not know."""
    return answer(200, HealthAnswer("degraded" if context.lane.snapshot().degraded else "ok"))


async def show_openapi(_request: Request, _context: Context) -> Response:
    return Response(200, _openapi())


@cache
def _openapi() -> bytes:
    return msgspec.json.encode(openapi.document(ROUTES))


ACT_REFUSALS = (400, 401, 403, 408, 409, 413, 429, 503, 504)

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/settlements",
        settle,
        "Settle the open transaction with what the POS charged",
        {201: SettlementAnswer, 200: SettlementAnswer, 202: SettlementAnswer},
        (400, 401, 408, 409, 413, 422, 503, 504),
        body=TotalBody,
    ),
    Route(
        "POST",
        "/v1/transactions/current/lines/{line_no}/void",
        acts.void_line,
        "Take a line of the open transaction back",
        {200: ActAnswer},
        ACT_REFUSALS,
        body=ActBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/transactions/current/lines/{line_no}/override",
        acts.override_price,
        "Set another price for a line of the open transaction",
        {200: ActAnswer},
        ACT_REFUSALS,
        body=PriceBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/suspicion/continue",
        acts.go_on,
        "Answer the alert: it goes on as it is. A held count is settled by that",
        {200: ActAnswer},
        ACT_REFUSALS,
        body=SuspicionBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/suspicion/scan",
        acts.scan_it,
        "Answer the alert: the missing item will be scanned, or added to the sale afterwards",
        {200: ActAnswer},
        ACT_REFUSALS,
        body=SuspicionBody,
        for_screen=True,
    ),
    Route(
        "GET",
        "/v1/transactions",
        sales.find_sales,
        "Find settled sales: all that is given must be so",
        {200: SalesAnswer},
        (400, 401, 503),
        query=sales.QUERY,
        for_screen=True,
    ),
    Route(
        "GET",
        "/v1/transactions/{transaction_id}",
        sales.show_sale,
        "A settled sale, what is suspected of it, and what was added to it",
        {200: SaleFileAnswer},
        (401, 404, 503),
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/transactions/{transaction_id}/backfill",
        sales.backfill,
        "Add an item that was missed to a settled sale",
        {200: ActAnswer},
        (*ACT_REFUSALS, 404),
        body=sales.BackfillBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/transactions/{transaction_id}/reverse",
        sales.reverse,
        "Take back what was added to a settled sale",
        {200: ActAnswer},
        (*ACT_REFUSALS, 404),
        body=sales.ReversalBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/transactions/{transaction_id}/return",
        returns.return_goods,
        "Take goods of a settled sale back, and give the money back",
        {200: ActAnswer},
        (*ACT_REFUSALS, 404),
        body=returns.ReturnBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/returns",
        returns.return_loose,
        "Take goods back whose sale is not in this lane's journal, or without a receipt",
        {200: ActAnswer},
        ACT_REFUSALS,
        body=returns.LooseReturnBody,
        for_screen=True,
    ),
    Route(
        "GET",
        "/v1/suspicions",
        sales.show_todo,
        "What waits for somebody: open suspicions, and money that no sale explains",
        {200: TodoAnswer},
        (401, 503),
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/suspicions/close",
        sales.close_matter,
        "Somebody looked into an open suspicion: it needs nothing more",
        {200: ActAnswer},
        (*ACT_REFUSALS, 404),
        body=sales.CloseBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/till/settle",
        till.settle_at_till,
        "Pay for the open basket, where the lane is the till",
        {200: ActAnswer},
        ACT_REFUSALS,
        body=till.PaymentBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/scans/next",
        next_scan,
        "Wait for the next scan at the lane, in place of the basket; not while one is open",
        {200: NextScanAnswer},
        (401, 409),
        body=NextScanBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/till/suspend",
        till.suspend,
        "Put the open basket aside",
        {200: ActAnswer},
        ACT_REFUSALS,
        body=till.SuspendBody,
        for_screen=True,
    ),
    Route(
        "GET",
        "/v1/till/suspended",
        till.show_suspended,
        "Baskets that are put aside",
        {200: till.AsidesAnswer},
        (401, 503),
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/till/retrieve",
        till.retrieve,
        "Take up a basket that was put aside",
        {200: ActAnswer},
        (*ACT_REFUSALS, 404),
        body=till.RetrieveBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/till/discard",
        till.discard,
        "Give up a basket that was put aside",
        {200: ActAnswer},
        (*ACT_REFUSALS, 404),
        body=till.DiscardBody,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/day/close",
        close_day,
        "Close today's trading now. What is sold later today closes it again at the day's end",
        {200: DayCloseAnswer},
        ACT_REFUSALS,
        body=ActBody,
    ),
    Route("GET", "/v1/lane", show_lane, "The lane now", {200: LaneAnswer}, (401,), for_screen=True),
    Route(
        "GET",
        "/v1/events",
        follow_events,
        "What happens at the lane, as it happens",
        {200: EventAnswer},
        (401, 503),
        media_type=EVENT_STREAM,
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/screen/session",
        open_session,
        "The token of the lane screen, for its own pages in a browser on the lane's machine",
        {200: SessionAnswer},
        (403,),
        is_open=True,
    ),
    Route(
        "GET",
        "/v1/suggestions",
        suggest_for_open_basket,
        "What may be missing from the open basket",
        {200: SuggestionsAnswer},
        (401,),
        for_screen=True,
    ),
    Route(
        "POST",
        "/v1/suggestions",
        suggest,
        "What may be missing from a basket, by the gap in its weight or amount, the customer, the"
        " other items and the hour",
        {200: SuggestionsAnswer},
        (400, 401, 404, 408, 413),
        body=SuggestionsBody,
        for_screen=True,
    ),
    Route(
        "GET",
        "/v1/screen",
        show_screen,
        "The words and formats of the lane screen",
        {200: ScreenAnswer},
        (401,),
        for_screen=True,
    ),
    Route(
        "GET",
        "/v1/health",
        show_health,
        "Whether the lane works",
        {200: HealthAnswer},
        is_open=True,
    ),
    Route("GET", "/openapi.json", show_openapi, "This document", {200: None}, is_open=True),
)

#: The lane screen's files: part of the server, and no business of an API's client.
PAGES: tuple[Route, ...] = (
    Route("GET", "/", pages.to_screen, "The lane screen", {303: None}, is_open=True),
    *(
        Route("GET", path, pages.show_page, "A page of the lane screen", {200: None}, is_open=True)
        for path in pages.files()
    ),
)

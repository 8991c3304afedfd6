"""What somebody does by hand at the lane, as requests: void, override, an answer to a suspicion.

Who it is follows from the client's token and, where a supervisor is asked, from a PIN.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import msgspec
from msgspec import Meta

from agent.api.auth import client_of
from agent.api.messages import Request, Response, answer, refuse
from agent.api.waiting import answered
from agent.domain.events import Act, AnswerSuspicion, OverridePrice, VoidLine
from agent.domain.outcome import Payment, RefundGiven
from agent.domain.shop import ROLES, Person
from agent.domain.text import Text
from agent.handle import LaneBusy
from agent.shop import approver_of, role_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.api.routes import Context

TRIES_MAX = 5  #: wrong PINs in a row …
LOCKED_S = 60.0  #: … and how long no other is tried then
CHARS_MAX = 64
REASON_CHARS_MAX = 120

PIN_WRONG = Text("This PIN is nobody's")
UNKNOWN = Text("Whether it was done is not known: look at the basket")
PIN_LOCKED = Text("Too many wrong PINs: wait a minute")

Name = Annotated[str, Meta(max_length=CHARS_MAX)]
Minor = Annotated[int, Meta(description="minor units, of one piece or one kilogram")]


class ActBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who does it, and the PIN of who approves it."""

    operator: Name = ""
    pin: Name = ""


class PriceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another price, who sets it, and the PIN of who approves it. `of_line`: of weighed goods, it
    is what the line comes to, not the price of a kilogram."""

    price_minor: Minor
    operator: Name = ""
    pin: Name = ""
    of_line: bool = False


class SuspicionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers; `transaction_id` is the one that the alert was about."""

    transaction_id: Name = ""
    operator: Name = ""
    pin: Name = ""


class ActAnswer(msgspec.Struct, frozen=True):
    """It was done."""

    message: str
    transaction_id: str | None
    receipt_number: str | None
    payment: Payment | None = None
    refund: RefundGiven | None = None


class PinLock:
    """How many wrong PINs there were in a row. Times are seconds of any clock that runs on."""

    def __init__(self) -> None:
        self._wrong = 0
        self._until_s = 0.0

    def is_shut(self, now_s: float) -> bool:
        return now_s < self._until_s

    def tried(self, now_s: float, *, is_right: bool) -> None:
        self._wrong = 0 if is_right else self._wrong + 1
        if self._wrong >= TRIES_MAX:
            self._wrong, self._until_s = 0, now_s + LOCKED_S


async def void_line(request: Request, context: Context) -> Response:
    line_no = _line_no(request)
    return await carried_out(request, context, ActBody, lambda _, by: VoidLine(line_no, by))


async def override_price(request: Request, context: Context) -> Response:
    line_no = _line_no(request)
    return await carried_out(
        request,
        context,
        PriceBody,
        lambda body, by: OverridePrice(line_no, body.price_minor, by, body.of_line),
    )


async def go_on(request: Request, context: Context) -> Response:
    return await carried_out(
        request,
        context,
        SuspicionBody,
        lambda body, by: AnswerSuspicion("continue", by, body.transaction_id),
    )


async def scan_it(request: Request, context: Context) -> Response:
    return await carried_out(
        request,
        context,
        SuspicionBody,
        lambda body, by: AnswerSuspicion("scan_it", by, body.transaction_id),
    )


class Signed(Protocol):
    """A body that says who acts."""

    @property
    def operator(self) -> str: ...

    @property
    def pin(self) -> str: ...


T = TypeVar("T")
Body = TypeVar("Body", bound=Signed)


async def carried_out(
    request: Request, context: Context, cls: type[Body], act_of: Callable[[Body, Person], Act]
) -> Response:
    """What became of an act that a body of this class asks for."""
    body = readable(request, cls)
    if isinstance(body, Response):
        return body
    return await carry_out(request, context, body, act_of)


async def carry_out(
    request: Request, context: Context, body: Body, act_of: Callable[[Body, Person], Act]
) -> Response:
    """What became of an act that was asked for so."""
    by = await person(body, request, context)
    if isinstance(by, Response):
        return by
    submit = partial(context.lane.submit_act, act_of(body, by))
    outcome = await told(request, context, submit, UNKNOWN)
    if isinstance(outcome, Response):
        return outcome
    if not outcome.code:
        message = request.say(outcome.text)
        done = outcome.transaction_id, outcome.receipt_number, outcome.payment, outcome.refund
        return answer(200, ActAnswer(message, *done))
    return refuse(STATUS_BY_CODE.get(outcome.code, 409), outcome.code, outcome.text, request.say)


async def told(
    request: Request, context: Context, submit: Callable[[Callable[[T], None]], None], unknown: Text
) -> T | Response:
    """What the lane says, or why it says nothing. `unknown`: what to say once it is too late."""
    try:
        return await answered(submit, context.settings.answer_timeout_ms)
    except LaneBusy:
        detail = Text("The lane is busy: try again in a moment")
        return refuse(503, "lane_busy", detail, request.say, headers=(("retry-after", "1"),))
    except TimeoutError:
        return refuse(504, "lane_silent", unknown, request.say)


STATUS_BY_CODE = {
    "internal": 503,
    "journal_unreadable": 503,
    "price_absurd": 400,
    "value_absurd": 400,
    "amount_needed": 400,
    "tender_needed": 400,
    "tender_wrong": 400,
    "no_such_sale": 404,
    "no_such_basket": 404,
    "no_such_backfill": 404,
    **{f"{role}_needed": 403 for role in ROLES},
}


def readable(request: Request, cls: type[Body]) -> Body | Response:
    """The body, or why it is refused."""
    try:
        return msgspec.json.decode(request.body or b"{}", type=cls)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)[:REASON_CHARS_MAX]
        detail = Text("The body cannot be read: {reason}", {"reason": reason})
        return refuse(400, "value_invalid", detail, request.say)


async def person(body: Signed, request: Request, context: Context) -> Person | Response:
    """By the client's token, and by a PIN if one was given."""
    client = client_of(request.headers.get(b"authorization", b""), context.settings.client)
    role = role_of(client.role) if client is not None else "cashier"
    if not body.pin:
        return Person(body.operator, role)
    clock = asyncio.get_running_loop().time
    if context.pins.is_shut(clock()):
        return refuse(429, "pin_locked", PIN_LOCKED, request.say, headers=(("retry-after", "60"),))
    found = await asyncio.to_thread(approver_of, body.pin, context.approvers)
    context.pins.tried(clock(), is_right=found is not None)
    if found is None:
        return refuse(403, "pin_wrong", PIN_WRONG, request.say)
    return Person(body.operator, max(role, role_of(found.role), key=ROLES.index), found.name)


def _line_no(request: Request) -> int:
    """0, which no line has, for what is no number."""
    digits = request.path.split("/")[-2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0

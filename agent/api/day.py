"""The end of a trading day by hand, as a request: what happens by itself at the day's end, now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.api.acts import ActBody, person, readable, told
from agent.api.messages import Request, Response, answer, refuse
from agent.domain.answers import NEEDED_TEXTS
from agent.domain.outcome import DayOutcome
from agent.domain.shop import Role
from agent.domain.text import Text
from agent.handle import LaneBusy

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.api.routes import Context
    from agent.domain.facts import DayClosed

LEAST_ROLE: Role = "supervisor"
UNKNOWN = Text("Whether the day was closed is not known: ask again, it is closed only once")
#: Refusals that a moment's patience mends.
PASSING = frozenset({"journal_behind", "journal_unreadable"})


class DayAnswer(msgspec.Struct, frozen=True):
    """What a day sold, as head office is told."""

    business_date: str
    sales: int
    sum_minor: int


class DayCloseAnswer(msgspec.Struct, frozen=True):
    """`days`: those that were closed by this; none if they had been."""

    message: str
    already_closed: bool
    days: list[DayAnswer]


class DayCloser(Protocol):
    """Hands the wish to the core."""

    def __call__(self, by: str, reply: Callable[[DayOutcome], None], /) -> bool:
        """False if there is no room for it now. `reply` is called once, after the commit."""
        ...


def no_days(_by: str, reply: Callable[[DayOutcome], None]) -> bool:
    """Of a lane that closes none."""
    reply(DayOutcome(Text("This lane has no days to close"), "nothing_sold"))
    return True


async def close_day(request: Request, context: Context) -> Response:
    body = readable(request, ActBody)
    if isinstance(body, Response):
        return body
    by = await person(body, request, context)
    if isinstance(by, Response):
        return by
    if not by.may(LEAST_ROLE):
        return refuse(403, f"{LEAST_ROLE}_needed", NEEDED_TEXTS[LEAST_ROLE], request.say)
    submit = partial(_submit, context.close_day, by.approver or by.operator)
    outcome = await told(request, context, submit, UNKNOWN)
    if isinstance(outcome, Response):
        return outcome
    if outcome.code:
        status = 503 if outcome.code in PASSING else 409
        return refuse(status, outcome.code, outcome.text, request.say)
    days = [_day_answer(closed) for closed in outcome.closes]
    return answer(200, DayCloseAnswer(request.say(outcome.text), not days, days))


def _submit(close: DayCloser, by: str, reply: Callable[[DayOutcome], None]) -> None:
    if not close(by, reply):
        raise LaneBusy


def _day_answer(closed: DayClosed) -> DayAnswer:
    return DayAnswer(closed.business_date, closed.sales, closed.sum_minor)

"""Baskets beside the open one: put aside, taken up again, or given up.

Nobody knows what was done with the goods meanwhile: a basket that was put aside is judged by its
scans and its total alone.
"""

from __future__ import annotations

from typing import assert_never

from agent.domain import facts
from agent.domain.answers import done, not_allowed, refused
from agent.domain.effects import AnswerAct, Show
from agent.domain.events import DiscardBasket, Park, RetrieveBasket, SuspendBasket
from agent.domain.outcome import ActOutcome
from agent.domain.text import Text
from agent.domain.till import NO_TILL
from agent.domain.transaction import LaneState, OpenTransaction, Step, StoreRules, Suspended

SUSPENDED_MAX = 9  #: found by one digit, and few enough to see at a glance
REASON_CHARS_MAX = 200

NO_BASKET = ActOutcome(Text("There is no open basket to be put aside"), "no_basket")
ALL_TAKEN = ActOutcome(
    Text("{count} baskets are put aside: take one up first", {"count": SUSPENDED_MAX}), "too_many"
)
NO_SUCH_BASKET = ActOutcome(Text("No basket with this number is put aside"), "no_such_basket")
BASKET_OPEN = ActOutcome(
    Text("A basket is open: take its payment, or put it aside first"), "basket_open"
)
REASON_LONG = ActOutcome(Text("The reason is too long"), "value_absurd")


def park(state: LaneState, event: Park, rules: StoreRules) -> Step:
    """What follows. The answer is an effect: after the commit."""
    if rules.till is None:
        return refused(state, NO_TILL)
    match event:
        case SuspendBasket():
            return _suspend(state, event)
        case RetrieveBasket():
            return _retrieve(state, event)
        case DiscardBasket():
            return _discard(state, event, rules)
        case _:  # pragma: no cover
            assert_never(event)


def _suspend(state: LaneState, event: SuspendBasket) -> Step:
    transaction = state.transaction
    aside = next((a for a in state.around.aside if a.id == event.transaction_id), None)
    if aside is not None:  # a retry
        return _said(state, _suspended_text(aside.number), event.transaction_id)
    if transaction is None or not transaction.lines:
        return refused(state, NO_BASKET)
    if event.transaction_id not in ("", transaction.transaction_id):
        return refused(state, NO_BASKET)
    taken = {one.number for one in state.around.aside}
    free = [number for number in range(1, SUSPENDED_MAX + 1) if number not in taken]
    if not free:
        return refused(state, ALL_TAKEN)
    by = event.by
    fact = facts.TransactionSuspended(
        transaction.transaction_id,
        free[0],
        event.at_ms,
        transaction.item_count,
        transaction.amount_minor,
        by.operator,
        by.approver,
    )
    data: dict[str, str | int | None] = {
        "transaction_id": fact.transaction_id,
        "number": fact.number,
    }
    show = Show("transaction_suspended", _suspended_text(fact.number), data)
    return done(state, (fact,), fact.transaction_id, show)


def _retrieve(state: LaneState, event: RetrieveBasket) -> Step:
    transaction = state.transaction
    if transaction is not None and transaction.transaction_id == event.transaction_id:  # a retry
        return _said(state, _retrieved_text(event.number), event.transaction_id)
    found = _found(state, event.number, event.transaction_id)
    if found is None:
        return refused(state, NO_SUCH_BASKET)
    if transaction is not None and transaction.lines:
        return refused(state, BASKET_OPEN)
    by = event.by
    fact = facts.TransactionRetrieved(found.id, found.number, by.operator, by.approver)
    emptied = () if transaction is None else (_given_up(transaction, event),)
    data: dict[str, str | int | None] = {"transaction_id": found.id, "number": found.number}
    show = Show("transaction_retrieved", _retrieved_text(found.number), data)
    return done(state, (*emptied, fact), found.id, show)


def _given_up(transaction: OpenTransaction, event: RetrieveBasket) -> facts.TransactionDiscarded:
    """All of its lines were taken back: it makes room."""
    by = event.by
    return facts.TransactionDiscarded(
        transaction.transaction_id, 0, 0, 0, "", by.operator, by.approver
    )


def _discard(state: LaneState, event: DiscardBasket, rules: StoreRules) -> Step:
    found = _found(state, event.number, event.transaction_id)
    if found is None:
        return refused(state, NO_SUCH_BASKET)
    if len(event.reason) > REASON_CHARS_MAX or not event.reason.isprintable():
        return refused(state, REASON_LONG)
    if not event.by.may(rules.shop.discard_role):
        return not_allowed(state, rules.shop.discard_role)
    by, basket = event.by, found.transaction
    fact = facts.TransactionDiscarded(
        found.id,
        found.number,
        basket.item_count,
        basket.amount_minor,
        event.reason,
        by.operator,
        by.approver,
    )
    text = Text("Given up: basket {number}", {"number": found.number})
    data: dict[str, str | int | None] = {"transaction_id": found.id, "number": found.number}
    return done(state, (fact,), found.id, Show("transaction_discarded", text, data))


def _found(state: LaneState, number: int, transaction_id: str) -> Suspended | None:
    """By its number; where an id is given too, it must be the same basket."""
    for one in state.around.aside:
        if one.number == number and transaction_id in ("", one.id):
            return one
    return None


def _said(state: LaneState, text: Text, transaction_id: str) -> Step:
    return Step(state, effects=(AnswerAct(ActOutcome(text, transaction_id=transaction_id)),))


def _suspended_text(number: int) -> Text:
    return Text("Put aside: basket {number}", {"number": number})


def _retrieved_text(number: int) -> Text:
    return Text("Taken up again: basket {number}", {"number": number})

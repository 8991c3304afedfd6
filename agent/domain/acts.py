"""What somebody does by hand: takes a line back, sets another price, answers a suspicion."""

from __future__ import annotations

from typing import assert_never

from agent.domain import facts
from agent.domain.answers import done, not_allowed, refused
from agent.domain.backfill import amend
from agent.domain.effects import Show
from agent.domain.events import (
    AnswerSuspicion,
    BackfillItem,
    CloseSuspicion,
    DiscardBasket,
    OverridePrice,
    PayAtTill,
    RetrieveBasket,
    ReverseBackfill,
    SuspendBasket,
    Undated,
    VoidLine,
)
from agent.domain.outcome import ActOutcome
from agent.domain.settlement import settle_dismissed
from agent.domain.suspension import park
from agent.domain.text import Text
from agent.domain.till import is_at_till, pay
from agent.domain.totals import AMOUNT_MINOR_MAX
from agent.domain.transaction import LaneState, OpenLine, Step, StoreRules

NO_SUCH_LINE = ActOutcome(Text("There is no such line in the open basket"), "no_such_line")
NO_SUSPICION = ActOutcome(Text("This is settled already: nothing is suspected now"), "no_suspicion")
PRICE_ABSURD = ActOutcome(Text("This cannot be a price"), "price_absurd")


def act(state: LaneState, event: Undated, rules: StoreRules) -> Step:
    """What follows. The answer is an effect: after the commit."""
    match event:
        case VoidLine():
            return _void_line(state, event, rules)
        case OverridePrice():
            return _override_price(state, event, rules)
        case AnswerSuspicion():
            return _answer_suspicion(state, event, rules)
        case BackfillItem() | ReverseBackfill() | CloseSuspicion():
            return amend(state, event, rules)
        case PayAtTill():
            return pay(state, event, rules)
        case SuspendBasket() | RetrieveBasket() | DiscardBasket():
            return park(state, event, rules)
        case _:  # pragma: no cover
            assert_never(event)


def _void_line(state: LaneState, event: VoidLine, rules: StoreRules) -> Step:
    found = _line(state, event.line_no)
    if found is None:
        return refused(state, NO_SUCH_LINE)
    transaction_id, line = found
    if not event.by.may(rules.shop.void_role):
        return not_allowed(state, rules.shop.void_role)
    by = event.by
    fact = facts.LineItemVoided(transaction_id, line.line_no, by.operator, by.approver)
    text = Text("Taken back: {item}", {"item": line.description or line.gtin})
    data: dict[str, str | int | None] = {"transaction_id": transaction_id, "line_no": line.line_no}
    return done(state, (fact,), transaction_id, Show("line_item_voided", text, data))


def _override_price(state: LaneState, event: OverridePrice, rules: StoreRules) -> Step:
    found = _line(state, event.line_no)
    if found is None:
        return refused(state, NO_SUCH_LINE)
    if not 0 <= event.price_minor <= AMOUNT_MINOR_MAX:
        return refused(state, PRICE_ABSURD)
    transaction_id, line = found
    if not event.by.may(rules.shop.override_role):
        return not_allowed(state, rules.shop.override_role)
    by = event.by
    fact = facts.LineItemOverridden(
        transaction_id,
        line.line_no,
        event.price_minor,
        by.operator,
        by.approver,
        _weighed_minor(event, line, rules),
    )
    text = Text("Another price: {item}", {"item": line.description or line.gtin})
    data: dict[str, str | int | None] = {
        "transaction_id": transaction_id,
        "line_no": line.line_no,
        "price_minor": event.price_minor,
    }
    return done(state, (fact,), transaction_id, Show("line_item_overridden", text, data))


def _weighed_minor(event: OverridePrice, line: OpenLine, rules: StoreRules) -> int | None:
    """What a weighed line comes to at its new price."""
    if line.sold_by != "weight":
        return None
    if event.of_line:
        return event.price_minor
    if line.weight_g is None or rules.till is None:
        return None
    return rules.till.weighed_minor(event.price_minor, line.weight_g)


def _answer_suspicion(state: LaneState, event: AnswerSuspicion, rules: StoreRules) -> Step:
    suspicion = state.suspicion
    if suspicion is None or event.transaction_id not in ("", suspicion.transaction_id):
        return refused(state, NO_SUSPICION)
    by, about = event.by, (suspicion.transaction_id, suspicion.total_id)
    if event.answer == "scan_it":
        confirmed = facts.MissedScanConfirmed(*about, by.operator, by.approver)
        text = Text("Scan the missing item, then send the total again")
        if is_at_till(state):
            text = Text("Scan the missing item, then take the payment again")
        if state.transaction is None:
            text = Text("Noted: the missing item is to be added to the sale")
        return done(state, (confirmed,), about[0], Show("suspicion_confirmed", text))
    needed = rules.shop.dismisser(suspicion.value_minor)
    if not by.may(needed):
        return not_allowed(state, needed)
    dismissed = facts.MissedScanDismissed(*about, by.operator, by.approver)
    settled = settle_dismissed(state, dismissed, rules)
    if settled is not None:
        return settled
    text = Text("Noted: it goes on as it is")
    if state.transaction is not None:
        text = Text("Noted: send the total again")
    return done(state, (dismissed,), about[0], Show("suspicion_dismissed", text))


def _line(state: LaneState, line_no: int) -> tuple[str, OpenLine] | None:
    transaction = state.transaction
    lines = transaction.lines if transaction else ()
    line = next((line for line in lines if line.line_no == line_no), None)
    return None if transaction is None or line is None else (transaction.transaction_id, line)

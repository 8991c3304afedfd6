"""The lane as the till: what a basket comes to, what is given for it, and what is given back.

The total is made of the basket's own lines and judged as any other is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.domain.answers import refused
from agent.domain.effects import Answer, AnswerAct, Effect
from agent.domain.events import PayAtTill, TotalReceived
from agent.domain.facts import TransactionSettled
from agent.domain.money import format_minor
from agent.domain.outcome import ActOutcome, Payment, SettlementOutcome
from agent.domain.settlement import outcome_of, scanned_items, settle
from agent.domain.shop import TillRules
from agent.domain.text import Text
from agent.domain.totals import (
    AMOUNT_MINOR_MAX,
    CashierTotal,
    ChargedLine,
    Tender,
    problems,
)
from agent.domain.transaction import LaneState, OpenLine, OpenTransaction, Step, StoreRules

TENDERS_MAX = 8  #: for one basket

NO_TILL = ActOutcome(Text("This lane is no till: the POS takes the money"), "no_till")
NO_BASKET = ActOutcome(Text("Nothing was scanned: there is nothing to pay"), "no_basket")
NOT_PAID = ActOutcome(
    Text(
        "Not paid: the lane's disk takes nothing now. Pay again in a minute, or give the money"
        " back; if it stays so, call the technician"
    ),
    "journal_unreadable",
)
#: The basket is gone: it was paid, by this id or by another. Asked again, it is never paid twice.
WAITS = ActOutcome(
    Text(
        "What was paid a moment ago waits for the lane's disk: keep the money, its receipt follows."
        " Do not take it again"
    ),
    "journal_unreadable",
)
CHANGED = ActOutcome(
    Text("The basket has changed since: look at the amount, then take the payment again"),
    "amount_changed",
)
ID_REUSED = ActOutcome(
    Text("This id was used for something else: give each act its own"), "id_reused"
)
TENDER_WRONG = ActOutcome(
    Text("This cannot be tendered: check the means of payment and the amounts"), "tender_wrong"
)


@dataclass(frozen=True, slots=True)
class Change:
    """What comes back, and by how much cash was rounded."""

    change_minor: int
    rounding_minor: int


def pay(state: LaneState, event: PayAtTill, rules: StoreRules) -> Step:
    """The sale, or why there is none. The answer is an effect: after the commit."""
    till, transaction = rules.till, state.transaction
    if till is None:
        return refused(state, NO_TILL)
    if event.looked.trouble:
        return refused(state, WAITS if transaction is None else NOT_PAID)
    if event.looked.earlier is not None:
        return _again(state, event, event.looked.earlier)
    if transaction is None or not transaction.lines:
        return refused(state, NO_BASKET)
    total = _total(event, transaction, till)
    if isinstance(total, ActOutcome):
        return refused(state, total)
    items = {**event.looked.items, **scanned_items(transaction)}
    judged = settle(state, TotalReceived(total, items, catalogue=event.looked.catalogue), rules)
    return replace(judged, effects=tuple(_as_act(effect, total) for effect in judged.effects))


def is_at_till(state: LaneState) -> bool:
    """Whether the open basket waits for an answer since somebody paid for it here."""
    judged = state.transaction.judged if state.transaction else None
    return judged is not None and judged.total.source == "till"


def _again(state: LaneState, event: PayAtTill, sale: TransactionSettled) -> Step:
    if (sale.amount_minor, sale.tenders) != (event.amount_minor, event.tenders):
        return refused(state, ID_REUSED)
    paid = Payment(sale.amount_minor, sale.change_minor, sale.rounding_minor)
    return Step(state, effects=(AnswerAct(_outcome(outcome_of(sale, ()), paid)),))


def _as_act(effect: Effect, total: CashierTotal) -> Effect:
    if not isinstance(effect, Answer):
        return effect
    paid = Payment(total.amount_minor or 0, total.change_minor, total.rounding_minor)
    return AnswerAct(_outcome(effect.outcome, paid))


def _outcome(outcome: SettlementOutcome, paid: Payment) -> ActOutcome:
    is_paid = outcome.status == "settled"
    return ActOutcome(
        outcome.text,
        "" if is_paid else outcome.code or outcome.status,
        outcome.transaction_id,
        outcome.receipt_number,
        paid if is_paid else None,
    )


# --- the total -----------------------------------------------------------------------------------


def _total(
    event: PayAtTill, transaction: OpenTransaction, till: TillRules
) -> CashierTotal | ActOutcome:
    lines = []
    for line in transaction.lines:
        if line.amount_minor is None:
            return _unpriced(line)
        lines.append(_charged(line, line.amount_minor))
    amount_minor = sum(line.amount_minor for line in lines)
    if event.amount_minor != amount_minor:
        return CHANGED
    change = change_of(amount_minor, event.tenders, till)
    if isinstance(change, ActOutcome):
        return change
    total = CashierTotal(
        event.total_id,
        "till",
        transaction.item_count,
        amount_minor,
        tuple(lines),
        event.tenders,
        change.change_minor,
        change.rounding_minor,
        operator=event.by.operator,
        customer=event.customer,
    )
    found = problems(total)
    return ActOutcome(found[0].text, found[0].code) if found else total


def _unpriced(line: OpenLine) -> ActOutcome:
    words: dict[str, str | int] = {
        "line_no": line.line_no,
        "item": line.description or line.gtin.lstrip("0"),
    }
    if line.sold_by == "weight" and line.weight_g is None:
        text = Text("Line {line_no}, {item}: it has not been weighed", words)
        return ActOutcome(text, "not_weighed")
    text = Text("Line {line_no}, {item}: it has no price; a supervisor can set one", words)
    return ActOutcome(text, "price_unknown")


def _charged(line: OpenLine, amount_minor: int) -> ChargedLine:
    return ChargedLine(
        line.gtin,
        line.quantity_milli,
        amount_minor,
        line.weight_g,
        line.description,
        line.tax_rate_bp,
    )


def change_of(
    amount_minor: int, tenders: tuple[Tender, ...], till: TillRules
) -> Change | ActOutcome:
    """What comes back of what was given. Only cash is rounded, and only cash gives change."""
    if len(tenders) > TENDERS_MAX or not all(_is_good(tender, till) for tender in tenders):
        return TENDER_WRONG
    cash = sum(tender.amount_minor for tender in tenders if tender.tender_type == "cash")
    rest = amount_minor - sum(tender.amount_minor for tender in tenders) + cash
    if rest < 0 or (cash and not rest):
        text = Text(
            "{amount} more than is due: only cash gives change",
            {"amount": format_minor(cash - rest, till.minor_digits)},
        )
        return ActOutcome(text, "overpaid")
    due = rounded(rest, till.smallest_coin_minor) if cash else rest
    if cash < due:
        missing = format_minor(due - cash, till.minor_digits)
        return ActOutcome(Text("{amount} is still to be paid", {"amount": missing}), "underpaid")
    return Change(cash - due, due - rest)


def rounded(amount_minor: int, coin_minor: int) -> int:
    """To the nearest amount that coins can pay, half up."""
    return (2 * amount_minor + coin_minor) // (2 * coin_minor) * coin_minor


def _is_good(tender: Tender, till: TillRules) -> bool:
    return tender.tender_type in till.tenders and 0 < tender.amount_minor <= AMOUNT_MINOR_MAX

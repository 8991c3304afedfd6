"""Goods come back: against a sale of this lane, against a receipt from elsewhere, or without one.

Nothing is edited: the sale stays as it was settled, and what came back stands beside it as a fact
of its own. Never more comes back than was sold, nor is more given back than was paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from agent.domain.answers import not_allowed, refused
from agent.domain.backfill import (
    AMOUNT_NEEDED,
    ID_REUSED,
    NO_SUCH_SALE,
    REASON_CHARS_MAX,
    UNREADABLE,
    VALUE_ABSURD,
)
from agent.domain.effects import AnswerAct, PrintReceipt, Show
from agent.domain.events import SaleFile
from agent.domain.facts import ReturnedLine, ReturnRecorded, SoldLine, SoldPart
from agent.domain.gtin import has_valid_check_digit
from agent.domain.items import Item
from agent.domain.outcome import ActOutcome, RefundGiven
from agent.domain.refunds import Refund, refund, refund_elsewhere, taxes_left, taxes_of
from agent.domain.return_events import ReturnGoods, ReturnItem
from agent.domain.returnable import Returnable, account_of, part_of, units_of
from agent.domain.settlement import included_taxes
from agent.domain.shop import ROLES, Role
from agent.domain.text import Text
from agent.domain.totals import (
    AMOUNT_MINOR_MAX,
    ID_CHARS_MAX,
    ITEM_COUNT_MAX,
    LINES_MAX,
    TENDER_TYPE,
    WEIGHT_G_MAX,
    TaxAmount,
)
from agent.domain.transaction import LaneState, Step, StoreRules, advance

NO_SUCH_LINE = ActOutcome(Text("There is no such line in this sale"), "no_such_line")
SALE_HERE = ActOutcome(
    Text("This sale is in this lane's journal: choose it there, and its lines"), "sale_is_here"
)
TOO_MUCH = ActOutcome(Text("So much cannot come back of what was sold"), "too_much")
CHANGED = ActOutcome(
    Text("Another amount was paid for this: look at the sale again"), "amount_changed"
)
TENDER_EXCEEDED = ActOutcome(
    Text("Not so much was paid in this way: give it back as it was paid, or in cash"),
    "tender_exceeded",
)
NOT_TAKEN = ActOutcome(
    Text("This shop takes no goods back like this: the amount, the days or the receipt"),
    "return_refused",
)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A return before it is asked who may."""

    lines: tuple[ReturnedLine, ...]
    taxes: tuple[TaxAmount, ...]
    refund: Refund
    refunded_minor: int  #: for the same sale, this return among it
    is_said: bool = False  #: an amount was said by who returns, not found


def take_back(state: LaneState, event: ReturnGoods, rules: StoreRules, business_date: str) -> Step:
    """The return, or why there is none. The answer is an effect: after the commit."""
    looked = event.looked
    if looked.trouble:
        return refused(state, UNREADABLE)
    if looked.earlier is not None:
        if not isinstance(looked.earlier, ReturnRecorded) or not _same(event, looked.earlier):
            return refused(state, ID_REUSED)
        return Step(state, effects=(AnswerAct(_outcome(looked.earlier)),))
    if not _is_sane(event):
        return refused(state, VALUE_ABSURD)
    drawn = _drawn(event, rules)
    if isinstance(drawn, ActOutcome):
        return refused(state, drawn)
    least = _least(event, drawn, rules, business_date)
    if least is None:
        return refused(state, NOT_TAKEN)
    if not event.by.may(least):
        return not_allowed(state, least)
    fact = _recorded(event, drawn, rules, business_date)
    outcome = _outcome(fact)
    data: dict[str, str | int | None] = {
        "transaction_id": fact.transaction_id,
        "return_id": fact.return_id,
        "amount_minor": fact.amount_minor,
    }
    show = Show("goods_returned", outcome.text, data)
    printed = PrintReceipt(return_job_id(fact.return_id), fact)
    return advance(state, (fact,), show, AnswerAct(outcome), printed)


def return_job_id(return_id: str) -> str:
    return f"{return_id}-return"


def _outcome(fact: ReturnRecorded) -> ActOutcome:
    return ActOutcome(
        Text("Taken back: {receipt}", {"receipt": fact.return_number}),
        transaction_id=fact.transaction_id or None,
        receipt_number=fact.return_number,
        refund=RefundGiven(fact.amount_minor, fact.rounding_minor, fact.tenders),
    )


# --- what is asked for ---------------------------------------------------------------------------


def _is_sane(event: ReturnGoods) -> bool:
    words = (
        (event.return_id, ID_CHARS_MAX),
        (event.receipt_number, ID_CHARS_MAX),
        (event.reason, REASON_CHARS_MAX),
    )
    return (
        bool(event.return_id)
        and all(len(text) <= limit and text.isprintable() for text, limit in words)
        and 1 <= len(event.items) <= LINES_MAX
        and all(_is_sane_item(item, here=bool(event.transaction_id)) for item in event.items)
        and (not event.tender_type or TENDER_TYPE.fullmatch(event.tender_type) is not None)
        and (not event.sold_on or _day(event.sold_on) is not None)
    )


def _is_sane_item(item: ReturnItem, *, here: bool) -> bool:
    is_named = here or (len(item.gtin) == 14 and has_valid_check_digit(item.gtin))
    return (
        is_named
        and 1 <= item.quantity <= ITEM_COUNT_MAX
        and (item.weight_g is None or 1 <= item.weight_g <= WEIGHT_G_MAX)
        and 0 <= (item.amount_minor or 0) <= AMOUNT_MINOR_MAX
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _same(event: ReturnGoods, fact: ReturnRecorded) -> bool:
    """Whether a retry says again what was done; who approves may be asked anew."""
    return (
        (event.transaction_id, event.receipt_number if not event.transaction_id else "")
        == (fact.transaction_id, fact.receipt_number if not fact.transaction_id else "")
        and len(event.items) == len(fact.lines)
        and all(map(_same_line, event.items, fact.lines))
    )


def _same_line(item: ReturnItem, line: ReturnedLine) -> bool:
    goods, part = line.goods, line.part
    named = goods.gtin == item.gtin
    if part is not None:
        named = (item.backfill_id, item.line_no) == (part.backfill_id, goods.line_no)
    much = goods.quantity_milli == 1000 * item.quantity
    if goods.weight_g is not None:
        much = item.weight_g in (None, goods.weight_g)
    return named and much and item.condition == line.condition


# --- what it comes to ----------------------------------------------------------------------------


def _drawn(event: ReturnGoods, rules: StoreRules) -> _Drawn | ActOutcome:
    file = event.looked.file
    if not event.transaction_id:
        return SALE_HERE if file is not None else _drawn_elsewhere(event, rules)
    return NO_SUCH_SALE if file is None else _drawn_here(event, file, rules)


def _drawn_here(event: ReturnGoods, file: SaleFile, rules: StoreRules) -> _Drawn | ActOutcome:
    account, is_said = account_of(file), False
    lines: list[ReturnedLine] = []
    for item in event.items:
        key = item.backfill_id, item.line_no
        if key not in account.lines:
            return NO_SUCH_LINE
        line = account.lines[key]
        drawn = _part(item, line)
        if isinstance(drawn, ActOutcome):
            return drawn
        lines.append(drawn)
        account = account.less(key, units_of(drawn.goods), drawn.goods.amount_minor or 0)
        is_said = is_said or line.paid_minor is None
    if not account.is_covered:
        return TOO_MUCH
    amount_minor = _worth_minor(lines)
    given = refund(file, amount_minor, event.tender_type, _coin_minor(rules))
    if given is None:
        return TENDER_EXCEEDED
    taxes = _taxes(tuple(lines), amount_minor, file, rules)
    return _Drawn(tuple(lines), taxes, given, account.refunded_minor, is_said)


def _worth_minor(lines: Iterable[ReturnedLine]) -> int:
    return sum(line.goods.amount_minor or 0 for line in lines)


def _part(item: ReturnItem, line: Returnable) -> ReturnedLine | ActOutcome:
    sold = line.sold
    units = 1000 * item.quantity
    if sold.weight_g is not None:
        units = line.left if item.weight_g is None else item.weight_g
    if not 0 < units <= line.left:
        return TOO_MUCH
    worth_minor = line.worth_minor(units)
    if worth_minor is None:
        worth_minor = item.amount_minor
    if worth_minor is None:
        return AMOUNT_NEEDED
    if item.amount_minor not in (None, worth_minor):
        return CHANGED
    goods = SoldLine(
        sold.line_no,
        sold.gtin,
        part_of(sold.quantity_milli, line.units, line.returned, units),
        None if sold.weight_g is None else units,
        worth_minor,
        sold.description,
        sold.category,
        sold.tax_rate_bp,
    )
    whole = sold.quantity_milli, sold.weight_g
    part = SoldPart(line.epoch, line.seq, line.backfill_id, *whole, line.returned)
    return ReturnedLine(goods, item.condition, part)


def _taxes(
    lines: tuple[ReturnedLine, ...], amount_minor: int, file: SaleFile, rules: StoreRules
) -> tuple[TaxAmount, ...]:
    left = taxes_left(file)
    if amount_minor > sum(tax.net_minor + tax.tax_minor for tax in left):
        return _taxes_inside(lines, amount_minor, rules)  # of a sale that names not all its tax
    amounts: Counter[int] = Counter()
    for line in lines:
        amounts[line.goods.tax_rate_bp] += line.goods.amount_minor or 0
    return taxes_of(amounts, left)


def _taxes_inside(
    lines: tuple[ReturnedLine, ...], amount_minor: int, rules: StoreRules
) -> tuple[TaxAmount, ...]:
    taxes = included_taxes(tuple(line.goods for line in lines), amount_minor, rules.tax_rate_bp)
    return tuple(tax for tax in taxes if tax.net_minor or tax.tax_minor)


def _drawn_elsewhere(event: ReturnGoods, rules: StoreRules) -> _Drawn | ActOutcome:
    """What nobody can look up here: at the price that was said, or at today's, and in cash."""
    if event.tender_type not in ("", "cash"):
        return TENDER_EXCEEDED
    lines = []
    for number, item in enumerate(event.items, 1):
        master = event.looked.items.get(item.gtin)
        amount_minor = item.amount_minor
        if amount_minor is None:
            amount_minor = _priced(item, master)
        if amount_minor is None:
            return AMOUNT_NEEDED
        goods = _goods(number, item, amount_minor, master, rules)
        lines.append(ReturnedLine(goods, item.condition))
    amount_minor = _worth_minor(lines)
    given = refund_elsewhere(amount_minor, _coin_minor(rules))
    taxes = _taxes_inside(tuple(lines), amount_minor, rules)
    return _Drawn(tuple(lines), taxes, given, amount_minor)


def _priced(item: ReturnItem, master: Item | None) -> int | None:
    if master is None or master.price_minor is None or master.sold_by != "each":
        return None
    return master.price_minor * item.quantity


def _goods(
    number: int, item: ReturnItem, amount_minor: int, master: Item | None, rules: StoreRules
) -> SoldLine:
    rate = None if master is None else master.tax_rate_bp
    return SoldLine(
        number,
        item.gtin,
        1000 * item.quantity,
        item.weight_g,
        amount_minor,
        master.description if master else "",
        master.category if master else "",
        rules.tax_rate_bp if rate is None else rate,
    )


def _coin_minor(rules: StoreRules) -> int:
    return rules.till.smallest_coin_minor if rules.till is not None else 1


# --- who may -------------------------------------------------------------------------------------


def _least(event: ReturnGoods, drawn: _Drawn, rules: StoreRules, business_date: str) -> Role | None:
    """Who may do it; None if nobody may. What the lane cannot check itself asks a supervisor."""
    file = event.looked.file
    sold_on = file.sale.business_date if file is not None else event.sold_on
    day, today = _day(sold_on), _day(business_date)
    days = (today - day).days if day is not None and today is not None else None
    has_reference = bool(event.transaction_id or event.receipt_number)
    least = rules.shop.returner(drawn.refunded_minor, days, has_reference=has_reference)
    is_checked = file is not None and not drawn.is_said and drawn.refund.is_as_paid
    if least is None or is_checked:
        return least
    return max(least, "supervisor", key=ROLES.index)


def _recorded(
    event: ReturnGoods, drawn: _Drawn, rules: StoreRules, business_date: str
) -> ReturnRecorded:
    sale = event.looked.file.sale if event.looked.file is not None else None
    return ReturnRecorded(
        return_id=event.return_id,
        return_number=f"{rules.lane}-{rules.epoch[:4]}-R{event.looked.number:06d}",
        transaction_id=event.transaction_id,
        receipt_number=sale.receipt_number if sale is not None else event.receipt_number,
        business_date=business_date,
        currency=sale.currency if sale is not None else rules.currency,
        lines=drawn.lines,
        tenders=drawn.refund.tenders,
        taxes=drawn.taxes,
        amount_minor=_worth_minor(drawn.lines),
        rounding_minor=drawn.refund.rounding_minor,
        sold_on=sale.business_date if sale is not None else event.sold_on,
        reason=event.reason,
        operator=event.by.operator,
        approver=event.by.approver,
    )

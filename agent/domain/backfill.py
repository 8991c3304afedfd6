"""What is put right after a sale: an item that passed without a scan is added, or let be.

Nothing is edited: the sale stays as it was settled. What is added stands beside it as a fact of its
own, with who did it, who approved it, why, and what was found; another fact takes it back.
"""

from __future__ import annotations

from typing import assert_never

from agent.domain.answers import done, not_allowed, refused
from agent.domain.effects import AnswerAct, Show
from agent.domain.events import Amend, BackfillItem, CloseSuspicion, ReverseBackfill, SaleFile
from agent.domain.facts import (
    BackfillReversed,
    CashierTotalRejected,
    ItemBackfilled,
    MissedScanDismissed,
    MissedScanSuspected,
    ReturnRecorded,
    SoldLine,
    TransactionSettled,
)
from agent.domain.finding import FindingKind
from agent.domain.gtin import has_valid_check_digit
from agent.domain.items import Item
from agent.domain.outcome import ActOutcome
from agent.domain.settlement import included_taxes
from agent.domain.text import Text
from agent.domain.totals import (
    AMOUNT_MINOR_MAX,
    ID_CHARS_MAX,
    ITEM_COUNT_MAX,
    TENDER_TYPE,
    WEIGHT_G_MAX,
    Tender,
)
from agent.domain.transaction import LaneState, Step, StoreRules

REASON_CHARS_MAX = 200

#: What is found of items that passed and are not among the sold ones.
OWED_KINDS: frozenset[FindingKind] = frozenset(
    ("missed_item", "scanned_not_charged", "swap", "voided_kept")
)

UNREADABLE = ActOutcome(
    Text("The journal cannot be read or written now: try again"), "journal_unreadable"
)
NO_SUCH_SALE = ActOutcome(Text("There is no such sale in this journal"), "no_such_sale")
NO_SUCH_BACKFILL = ActOutcome(
    Text("There is nothing of this kind to be taken back"), "no_such_backfill"
)
ID_REUSED = ActOutcome(
    Text("This id was used for something else: give each act its own"), "id_reused"
)
NOT_OPEN = ActOutcome(Text("Nothing waits for an answer in this sale"), "no_suspicion")
VALUE_ABSURD = ActOutcome(
    Text("This cannot be: check item, quantity, weight, amount and words"), "value_absurd"
)
AMOUNT_NEEDED = ActOutcome(
    Text("What was paid for it is needed, for the item has no price here"), "amount_needed"
)
TENDER_NEEDED = ActOutcome(Text("How it was paid is needed"), "tender_needed")
RETURNED_SINCE = ActOutcome(
    Text("It has come back since: what was given back for it stays as it is"), "returned_since"
)
ALREADY_SOLD = ActOutcome(
    Text("All that was charged is in the sale already: this item was not charged beside it"),
    "already_sold",
)


def owed_pieces(suspicion: MissedScanSuspected) -> int:
    """How many items are to be added before nothing is open; at least one."""
    found = (f.count for f in suspicion.findings if f.kind in OWED_KINDS)
    return max(1, suspicion.missed_count, sum(found))


def amend(state: LaneState, event: Amend, rules: StoreRules) -> Step:
    """What follows from an act about a settled sale. The answer is an effect: after the commit."""
    if event.looked.trouble:
        return refused(state, UNREADABLE)
    file = event.looked.file
    if isinstance(event, CloseSuspicion) and event.looked.unsettled is not None:
        return _close_unsettled(state, event, event.looked.unsettled, rules)
    if file is None:
        return refused(state, NO_SUCH_SALE)
    match event:
        case BackfillItem():
            return _backfill(state, event, file, rules)
        case ReverseBackfill():
            return _reverse(state, event, file, rules)
        case CloseSuspicion():
            return _close(state, event, file, rules)
        case _:  # pragma: no cover
            assert_never(event)


# --- adding --------------------------------------------------------------------------------------


def _backfill(state: LaneState, event: BackfillItem, file: SaleFile, rules: StoreRules) -> Step:
    problem = _problem(event)
    if problem is not None:
        return refused(state, problem)
    line = _line(event, event.looked.item, len(file.sale.lines) + len(file.backfills) + 1, rules)
    fact = _backfilled(event, file, line, rules)
    earlier = event.looked.earlier
    if earlier is not None:
        if not isinstance(earlier, ItemBackfilled) or _says(earlier) != _says(fact):
            return refused(state, ID_REUSED)
        return Step(state, effects=(AnswerAct(_added(earlier)),))
    problem = _contradiction(event, file, line)
    if problem is not None:
        return refused(state, problem)
    least = rules.shop.backfiller(line.amount_minor)
    if not event.by.may(least):
        return not_allowed(state, least)
    data: dict[str, str | int | None] = {
        "transaction_id": fact.transaction_id,
        "backfill_id": fact.backfill_id,
        "gtin": line.gtin,
        "way": fact.way,
    }
    return done(state, (fact,), fact.transaction_id, Show("item_backfilled", _text(fact), data))


def _added(fact: ItemBackfilled) -> ActOutcome:
    return ActOutcome(_text(fact), transaction_id=fact.transaction_id)


def _text(fact: ItemBackfilled) -> Text:
    line = fact.lines[0]
    words: dict[str, str | int] = {
        "item": line.description or line.gtin,
        "receipt": fact.receipt_number,
    }
    return Text("Added to {receipt}: {item}", words)


def _says(fact: ItemBackfilled) -> tuple[object, ...]:
    """What a retry must say again; who approves may be asked anew, the item master may change."""
    line = fact.lines[0]
    amounts = line.gtin, line.quantity_milli, line.weight_g
    return fact.transaction_id, fact.way, amounts, tuple(t.tender_type for t in fact.tenders)


def _problem(event: BackfillItem) -> ActOutcome | None:
    words = ((event.backfill_id, ID_CHARS_MAX), (event.reason, REASON_CHARS_MAX))
    is_sane = (
        bool(event.backfill_id)
        and all(len(text) <= limit and text.isprintable() for text, limit in words)
        and len(event.gtin) == 14
        and has_valid_check_digit(event.gtin)
        and 1 <= event.quantity <= ITEM_COUNT_MAX
        and (event.weight_g is None or 1 <= event.weight_g <= WEIGHT_G_MAX)
        and 0 <= (event.amount_minor or 0) <= AMOUNT_MINOR_MAX
        and (not event.tender_type or TENDER_TYPE.fullmatch(event.tender_type) is not None)
    )
    return None if is_sane else VALUE_ABSURD


def _line(event: BackfillItem, item: Item | None, line_no: int, rules: StoreRules) -> SoldLine:
    amount_minor = event.amount_minor
    is_priced = item is not None and item.price_minor is not None and item.sold_by == "each"
    if amount_minor is None and is_priced and item is not None and item.price_minor is not None:
        amount_minor = item.price_minor * event.quantity
    rate = None if item is None else item.tax_rate_bp
    return SoldLine(
        line_no,
        event.gtin,
        1000 * event.quantity,
        event.weight_g,
        amount_minor,
        item.description if item else "",
        item.category if item else "",
        rules.tax_rate_bp if rate is None else rate,
    )


def _contradiction(event: BackfillItem, file: SaleFile, line: SoldLine) -> ActOutcome | None:
    if event.way == "paid" and not line.amount_minor:
        return AMOUNT_NEEDED
    if event.way == "paid" and not event.tender_type:
        return TENDER_NEEDED
    return ALREADY_SOLD if event.way == "charged" and _is_explained(file, line) else None


def _is_explained(file: SaleFile, line: SoldLine) -> bool:
    """Neither the count nor the amount of the sale leaves room for another charged item."""
    sale = file.sale
    charged = [f for f, _, _, is_back in file.backfills if f.way == "charged" and not is_back]
    pieces = sum(map(_pieces, sale.lines)) + sum(fact.pieces for fact in charged)
    amounts = [sold.amount_minor for sold in sale.lines]
    known_minor = sum(amount or 0 for amount in amounts) + sum(f.amount_minor for f in charged)
    is_counted = pieces + _pieces(line) > sale.item_count
    return is_counted and None not in amounts and known_minor == sale.amount_minor


def _pieces(line: SoldLine) -> int:
    return 1 if line.weight_g is not None else line.quantity_milli // 1000


def _backfilled(
    event: BackfillItem, file: SaleFile, line: SoldLine, rules: StoreRules
) -> ItemBackfilled:
    sale, suspicion = file.sale, file.suspicion
    amount_minor = line.amount_minor or 0
    is_paid = event.way == "paid"
    return ItemBackfilled(
        event.backfill_id,
        sale.transaction_id,
        sale.receipt_number,
        sale.business_date,
        sale.currency,
        event.way,
        (line,),
        (Tender(event.tender_type, amount_minor),) if is_paid else (),
        included_taxes((line,), amount_minor, rules.tax_rate_bp) if is_paid else (),
        event.reason,
        suspicion.total_id if suspicion else "",
        suspicion.findings if suspicion else (),
        event.by.operator,
        event.by.approver,
    )


# --- taking back, letting be ---------------------------------------------------------------------


def _reverse(state: LaneState, event: ReverseBackfill, file: SaleFile, rules: StoreRules) -> Step:
    earlier = event.looked.earlier
    if earlier is not None:
        if (
            not isinstance(earlier, BackfillReversed)
            or earlier.backfilled.backfill_id != event.backfill_id
        ):
            return refused(state, ID_REUSED)
        outcome = ActOutcome(_back_text(file.sale), transaction_id=event.transaction_id)
        return Step(state, effects=(AnswerAct(outcome),))
    found = [(f, epoch, seq) for f, epoch, seq, is_back in file.backfills if not is_back]
    here = [one for one in found if one[0].backfill_id == event.backfill_id]
    if not here:
        return refused(state, NO_SUCH_BACKFILL)
    if any(_is_of(event.backfill_id, returned) for returned in file.returns):
        return refused(state, RETURNED_SINCE)
    if not event.reversal_id or len(event.reversal_id) > ID_CHARS_MAX or _is_long(event.reason):
        return refused(state, VALUE_ABSURD)
    ((backfilled, epoch, seq),) = here
    least = rules.shop.backfiller(backfilled.lines[0].amount_minor)
    if not event.by.may(least):
        return not_allowed(state, least)
    by = event.by
    fact = BackfillReversed(
        event.reversal_id, epoch, seq, backfilled, event.reason, by.operator, by.approver
    )
    data: dict[str, str | int | None] = {
        "transaction_id": backfilled.transaction_id,
        "backfill_id": backfilled.backfill_id,
    }
    show = Show("backfill_reversed", _back_text(file.sale), data)
    return done(state, (fact,), backfilled.transaction_id, show)


def _is_of(backfill_id: str, returned: ReturnRecorded) -> bool:
    parts = (line.part for line in returned.lines)
    return any(part is not None and part.backfill_id == backfill_id for part in parts)


def _back_text(sale: TransactionSettled) -> Text:
    return Text("Taken back from {receipt}", {"receipt": sale.receipt_number})


def _close(state: LaneState, event: CloseSuspicion, file: SaleFile, rules: StoreRules) -> Step:
    suspicion = file.suspicion
    if suspicion is None or not file.is_open:
        return refused(state, NOT_OPEN)
    if _is_long(event.reason):
        return refused(state, VALUE_ABSURD)
    least = rules.shop.dismisser(suspicion.value_minor)
    if not event.by.may(least):
        return not_allowed(state, least)
    return _let_be(state, event, suspicion.transaction_id, suspicion.total_id)


def _close_unsettled(
    state: LaneState, event: CloseSuspicion, rejected: CashierTotalRejected, rules: StoreRules
) -> Step:
    if _is_long(event.reason):
        return refused(state, VALUE_ABSURD)
    paid_minor = sum(tender.amount_minor for tender in rejected.total.tenders)
    least = rules.shop.backfiller(paid_minor)
    if not event.by.may(least):
        return not_allowed(state, least)
    return _let_be(state, event, rejected.transaction_id or "", rejected.total.total_id)


def _let_be(state: LaneState, event: CloseSuspicion, transaction_id: str, total_id: str) -> Step:
    by = event.by
    fact = MissedScanDismissed(transaction_id, total_id, by.operator, by.approver, event.reason)
    show = Show("suspicion_dismissed", Text("Noted: it goes on as it is"))
    return done(state, (fact,), transaction_id, show)


def _is_long(reason: str) -> bool:
    return len(reason) > REASON_CHARS_MAX or not reason.isprintable()

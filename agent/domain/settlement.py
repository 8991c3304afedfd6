"""A cashier total meets the open transaction, is judged against it, and becomes a sale."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from agent.domain import facts
from agent.domain.alerts import alert_text
from agent.domain.assessment import Assessment, Finding, Tolerance, agreement, assess
from agent.domain.bags import last_words
from agent.domain.effects import (
    Answer,
    AnswerAct,
    Effect,
    PrintReceipt,
    RaiseAlert,
    Show,
    SoundBeep,
)
from agent.domain.events import TotalReceived
from agent.domain.evidence import Catalogue
from agent.domain.facts import MissedScanSuspected, SoldLine, TransactionSettled
from agent.domain.gather import evidence_from, is_plain
from agent.domain.items import Item, NamedItem
from agent.domain.learned import weighed_piece
from agent.domain.money import shared
from agent.domain.outcome import ActOutcome, SettlementOutcome
from agent.domain.seen import Seen
from agent.domain.text import Text
from agent.domain.totals import (
    CashierTotal,
    ChargedLine,
    TaxAmount,
    Tender,
    TotalProblem,
    TotalSource,
    problems,
)
from agent.domain.transaction import (
    Judged,
    LaneState,
    OpenLine,
    OpenTransaction,
    Step,
    StoreRules,
    advance,
)


def settle(state: LaneState, event: TotalReceived, rules: StoreRules) -> Step:
    """Accept, hold, repeat or reject a cashier total. The answer is an effect: after the commit."""
    if event.earlier is not None and event.same_content:
        return Step(state, effects=(Answer(replace(event.earlier, status="duplicate")),))
    transaction = state.transaction
    problem = _problem(event, transaction)
    if problem is not None or transaction is None:
        return _rejected(state, event.total, problem or NO_OPEN_TRANSACTION)
    sale = _sale(event, transaction, rules)
    if isinstance(sale, TotalProblem):
        return _rejected(state, event.total, sale)
    words = last_words(state, transaction)
    received = facts.CashierTotalReceived(
        transaction.transaction_id, event.total, event.gap_categories, _named(event, transaction)
    )
    seen = (*transaction.seen, *words)
    suspicion, learnt = _judgement(transaction, received, seen, event.catalogue, rules)
    if suspicion is None:
        return _settled(state, (*words, received, *learnt), sale)
    judged = transaction.judged
    if _is_asked(suspicion, event.total, judged, rules):
        if judged is not None and suspicion == judged.suspicion:  # nothing is new
            return Step(state, effects=(Answer(_held_outcome(suspicion, event.total)),))
        return _held(state, (*words, received, suspicion), suspicion, event.total, rules)
    if judged is not None and judged.dismissed:  # said before, and answered
        return _settled(state, (*words, received), sale, suspicion)
    return _settled(
        state, (*words, received, suspicion), sale, suspicion, *_alarm(suspicion, rules)
    )


NO_OPEN_TRANSACTION = TotalProblem(
    "no_open_transaction", Text("Nothing was scanned at this lane: there is nothing to settle")
)
HELD_KEYED = Text(
    "Scan what is missing and key the count again; to go on as it is, key the same count"
)
HELD_AT_TILL = Text(
    "Scan what is missing and take the payment again, or answer that it goes on as it is"
)
HELD_POSTED = Text(
    "Scan what is missing and send the total again, or answer that it goes on as it is"
)
PRICE_UNKNOWN = TotalProblem(
    "price_unknown", Text("An item has no price here: settle this basket from the POS")
)
TENDERS_WRONG = TotalProblem(
    "tenders_do_not_match", Text("The tenders do not add up to the amount charged")
)
TAXES_WRONG = TotalProblem(
    "taxes_do_not_match", Text("The taxes do not add up to the amount charged")
)
TOTAL_ID_REUSED = TotalProblem(
    "total_id_reused", Text("This total_id was used for another total: give each total its own id")
)


_HELD_TEXTS: dict[TotalSource, Text] = {"keypad": HELD_KEYED, "till": HELD_AT_TILL}


def _problem(event: TotalReceived, transaction: OpenTransaction | None) -> TotalProblem | None:
    if event.earlier is not None:
        return TOTAL_ID_REUSED
    found = problems(event.total)
    if found:
        return found[0]
    return None if transaction else NO_OPEN_TRANSACTION


def _is_asked(
    suspicion: MissedScanSuspected,
    total: CashierTotal,
    judged: Judged | None,
    rules: StoreRules,
) -> bool:
    """Whether somebody has to answer before this is settled.

    A keyed count comes before the money: it is asked once, and keyed again it answers itself, if a
    cashier may. So is a payment at the lane's own till, until somebody answers. Most POS have taken
    the money already; a shop can say that its own ask first.
    """
    shop = rules.shop
    if shop.quiet or (judged is not None and judged.dismissed):
        return False
    if total.source != "keypad":
        return shop.holds_pos or total.source == "till"
    is_answer = (
        judged is not None
        and judged.total.source == "keypad"
        and judged.total.item_count == total.item_count
    )
    return not (is_answer and shop.dismisser(suspicion.value_minor) == "cashier")


# --- the judgement -----------------------------------------------------------------------------


def _named(event: TotalReceived, transaction: OpenTransaction) -> tuple[NamedItem, ...]:
    """The item master's word on what the total or the sensors name, and nobody scanned."""
    scanned = {line.gtin for line in (*transaction.lines, *transaction.voided)}
    return tuple(
        NamedItem(gtin, item.description, item.category, item.price_minor)
        for gtin, item in sorted(event.items.items())
        if gtin not in scanned and gtin not in event.catalogue.items
    )


def _judgement(
    transaction: OpenTransaction,
    received: facts.CashierTotalReceived,
    seen: tuple[Seen, ...],
    catalogue: Catalogue,
    rules: StoreRules,
) -> tuple[MissedScanSuspected | None, tuple[facts.PieceWeighed, ...]]:
    """What is suspected of a basket; else what it taught of an item's weight."""
    lines, voided, total = transaction.lines, transaction.voided, received.total
    tolerance = Tolerance(rules.shop.false_alarms_ppm)
    if is_plain(lines, voided, total, seen):  # so no scale watched
        assessment = agreement(tolerance, count_given=total.item_count is not None)
        return _suspicion(transaction, total, assessment), ()
    evidence = evidence_from(lines, voided, received, seen, catalogue)
    suspicion = _suspicion(transaction, total, assess(evidence, tolerance))
    piece = None if suspicion else weighed_piece(transaction.transaction_id, evidence)
    return suspicion, () if piece is None else (piece,)


def _suspicion(
    transaction: OpenTransaction, total: CashierTotal, assessment: Assessment
) -> MissedScanSuspected | None:
    if assessment.verdict == "clean":
        return None
    return MissedScanSuspected(
        transaction.transaction_id,
        total.total_id,
        assessment.missed_count,
        assessment.findings,
        assessment.candidates,
        assessment.confidence_permille,
    )


def _alarm(suspicion: MissedScanSuspected, rules: StoreRules) -> tuple[Effect, ...]:
    alert = RaiseAlert(suspicion, alert_text(suspicion), quiet=rules.shop.quiet)
    return (alert,) if rules.shop.quiet else (alert, SoundBeep("bad"))


# --- the sale ----------------------------------------------------------------------------------


def _sale(
    event: TotalReceived, transaction: OpenTransaction, rules: StoreRules
) -> TransactionSettled | TotalProblem:
    total = event.total
    lines = _sold_lines(event, transaction, rules)
    amount_minor = _amount(total, transaction)
    if amount_minor is None:
        return PRICE_UNKNOWN
    tenders = total.tenders or (
        Tender(rules.default_tender, amount_minor + total.change_minor + total.rounding_minor),
    )
    paid_minor = sum(t.amount_minor for t in tenders) - total.change_minor
    if paid_minor != amount_minor + total.rounding_minor or paid_minor < 0:
        return TENDERS_WRONG
    taxes = total.taxes or included_taxes(lines, amount_minor, rules.tax_rate_bp)
    if sum(tax.net_minor + tax.tax_minor for tax in taxes) != amount_minor:
        return TAXES_WRONG
    number = transaction.number
    return TransactionSettled(
        transaction_id=transaction.transaction_id,
        receipt_number=f"{rules.lane}-{rules.epoch[:4]}-{number:06d}",
        business_date=transaction.business_date,
        currency=rules.currency,
        total_id=total.total_id,
        item_count=_item_count(total),
        amount_minor=amount_minor,
        change_minor=total.change_minor,
        rounding_minor=total.rounding_minor,
        lines=lines,
        tenders=tenders,
        taxes=taxes,
        missed_count=0,
        operator=total.operator,
        customer=total.customer,
    )


def _amount(total: CashierTotal, transaction: OpenTransaction) -> int | None:
    if total.amount_minor is not None:
        return total.amount_minor
    if total.lines is not None:
        return sum(line.amount_minor for line in total.lines)
    return transaction.amount_minor


def _item_count(total: CashierTotal) -> int:
    """A total that gives neither a count nor lines did not come so far."""
    if total.item_count is not None:
        return total.item_count
    return sum(line.pieces for line in total.lines or ())


def _sold_lines(
    event: TotalReceived, transaction: OpenTransaction, rules: StoreRules
) -> tuple[SoldLine, ...]:
    """The cashier's lines where given: they were paid for. Else what was scanned."""
    if event.total.lines is None:
        return tuple(_sold_as_scanned(line) for line in transaction.lines)
    return tuple(
        _sold_as_charged(number, line, event.items.get(line.gtin), rules)
        for number, line in enumerate(event.total.lines, 1)
    )


def scanned_items(transaction: OpenTransaction) -> dict[str, Item]:
    """What the item master said of each line when it was scanned."""
    return {
        line.gtin: Item(line.gtin, line.description, line.category, line.price_minor, line.sold_by)
        for line in transaction.lines
    }


def _sold_as_scanned(line: OpenLine) -> SoldLine:
    return SoldLine(
        line.line_no,
        line.gtin,
        line.quantity_milli,
        line.weight_g,
        line.amount_minor,
        line.description,
        line.category,
        line.tax_rate_bp,
    )


def _sold_as_charged(
    number: int, line: ChargedLine, item: Item | None, rules: StoreRules
) -> SoldLine:
    tax_rate_bp = line.tax_rate_bp
    if tax_rate_bp is None and item is not None:
        tax_rate_bp = item.tax_rate_bp
    return SoldLine(
        number,
        line.gtin,
        line.quantity_milli,
        line.weight_g,
        line.amount_minor,
        line.description or (item.description if item else ""),
        item.category if item else "",
        rules.tax_rate_bp if tax_rate_bp is None else tax_rate_bp,
    )


def included_taxes(
    lines: tuple[SoldLine, ...], amount_minor: int, default_rate_bp: int
) -> tuple[TaxAmount, ...]:
    """The tax inside a receipt's amount, rounded half up once per rate.

    Where the lines do not add up to the amount (a discount on the whole receipt, a missed scan, a
    weight without a price), the amount is shared out in proportion to what is known of each rate.
    """
    by_rate: defaultdict[int, int] = defaultdict(int)
    for line in lines:
        by_rate[line.tax_rate_bp] += line.amount_minor or 0
    if sum(by_rate.values()) <= 0:
        by_rate = defaultdict(int, {default_rate_bp: 1})
    taxes = []
    rates = sorted(by_rate)
    for rate_bp, gross in zip(
        rates, shared(amount_minor, [by_rate[r] for r in rates]), strict=True
    ):
        tax = (2 * gross * rate_bp + 10_000 + rate_bp) // (2 * (10_000 + rate_bp))
        taxes.append(TaxAmount(rate_bp, gross - tax, tax))
    return tuple(taxes)


# --- the endings -------------------------------------------------------------------------------


def _rejected(state: LaneState, total: CashierTotal, problem: TotalProblem) -> Step:
    transaction_id = state.transaction.transaction_id if state.transaction else None
    fact = facts.CashierTotalRejected(transaction_id, problem.code, total)
    outcome = SettlementOutcome("rejected", problem.text, problem.code, transaction_id)
    show = Show("total_rejected", problem.text, {"code": problem.code})
    return advance(state, (fact,), show, SoundBeep("bad"), Answer(outcome))


def _held(
    state: LaneState,
    new: tuple[facts.FactBody, ...],
    suspicion: MissedScanSuspected,
    total: CashierTotal,
    rules: StoreRules,
) -> Step:
    outcome = _held_outcome(suspicion, total)
    show = Show("held", outcome.text)
    alert, beep = _alarm(suspicion, rules)
    return advance(state, new, alert, show, beep, Answer(outcome))


def _held_outcome(suspicion: MissedScanSuspected, total: CashierTotal) -> SettlementOutcome:
    text = _HELD_TEXTS.get(total.source, HELD_POSTED)
    return SettlementOutcome(
        "held",
        text,
        transaction_id=suspicion.transaction_id,
        missed_count=suspicion.missed_count,
        findings=suspicion.findings,
    )


def _settled(
    state: LaneState,
    new: tuple[facts.FactBody, ...],
    sale: TransactionSettled,
    suspicion: MissedScanSuspected | None = None,
    *alarm: Effect,
) -> Step:
    findings: tuple[Finding, ...] = ()
    if suspicion is not None:
        sale = replace(sale, missed_count=suspicion.missed_count)
        findings = suspicion.findings
    return advance(
        state,
        (*new, sale),
        *alarm,
        Answer(outcome_of(sale, findings)),
        _shown_sale(sale),
        PrintReceipt(receipt_job_id(sale.transaction_id), sale),
    )


def settle_dismissed(
    state: LaneState, dismissed: facts.MissedScanDismissed, rules: StoreRules
) -> Step | None:
    """The sale as it was keyed or paid here, once somebody went on in spite of the suspicion.

    None where a POS takes the money: it sends its total again.
    """
    transaction = state.transaction
    judged = transaction.judged if transaction else None
    if transaction is None or judged is None or judged.suspicion is None:
        return None
    if judged.total.source not in _HELD_TEXTS:
        return None
    sale = _sale(TotalReceived(judged.total, scanned_items(transaction)), transaction, rules)
    assert isinstance(sale, TransactionSettled)  # it was made before the total was held
    sale = replace(sale, missed_count=judged.suspicion.missed_count)
    outcome = ActOutcome(
        Text("Settled: {receipt}", {"receipt": sale.receipt_number}),
        transaction_id=sale.transaction_id,
        receipt_number=sale.receipt_number,
    )
    return advance(
        state,
        (dismissed, sale),
        _shown_sale(sale),
        PrintReceipt(receipt_job_id(sale.transaction_id), sale),
        AnswerAct(outcome),
    )


def _shown_sale(settled: TransactionSettled) -> Show:
    data: dict[str, str | int | None] = {
        "transaction_id": settled.transaction_id,
        "amount_minor": settled.amount_minor,
        "change_minor": settled.change_minor,
    }
    return Show("settled", Text("Settled: {receipt}", {"receipt": settled.receipt_number}), data)


def outcome_of(settled: TransactionSettled, findings: tuple[Finding, ...]) -> SettlementOutcome:
    """The answer for a settled total; made again from the facts for a repeated one."""
    return SettlementOutcome(
        "settled",
        Text("Settled: {receipt}", {"receipt": settled.receipt_number}),
        transaction_id=settled.transaction_id,
        receipt_number=settled.receipt_number,
        missed_count=settled.missed_count,
        findings=findings,
    )


def receipt_job_id(transaction_id: str) -> str:
    return f"{transaction_id}-receipt"

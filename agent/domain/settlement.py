"""A cashier total meets the open transaction, is judged against it, and becomes a sale."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

from agent.domain import facts
from agent.domain.assessment import Assessment, Evidence, Finding, Pieces, assess
from agent.domain.effects import Answer, Effect, PrintReceipt, RaiseAlert, Show, SoundBeep
from agent.domain.events import TotalReceived
from agent.domain.facts import MissedScanSuspected, SoldLine, TransactionSettled
from agent.domain.items import Item
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import (
    CashierTotal,
    ChargedLine,
    TaxAmount,
    Tender,
    TotalProblem,
    problems,
)
from agent.domain.transaction import (
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
    assessment = assess(evidence_of(event, transaction))
    received = facts.CashierTotalReceived(transaction.transaction_id, event.total)
    suspicion = _suspicion(transaction, event.total, assessment)
    if suspicion is not None and _to_be_confirmed(event.total, transaction):
        return _held(state, received, suspicion, assessment)
    return _settled(state, received, suspicion, assessment, sale)


NO_OPEN_TRANSACTION = TotalProblem(
    "no_open_transaction", Text("Nothing was scanned at this lane: there is nothing to settle")
)
TOTAL_ID_REUSED = TotalProblem(
    "total_id_reused", Text("This total_id was used for another total: give each total its own id")
)


def _problem(event: TotalReceived, transaction: OpenTransaction | None) -> TotalProblem | None:
    if event.earlier is not None:
        return TOTAL_ID_REUSED
    found = problems(event.total)
    if found:
        return found[0]
    return None if transaction else NO_OPEN_TRANSACTION


def _to_be_confirmed(total: CashierTotal, transaction: OpenTransaction) -> bool:
    """A keyed count comes before the money: ask once. A POS has taken the money already."""
    return total.source == "keypad" and transaction.keyed_count != total.item_count


# --- the judgement -----------------------------------------------------------------------------


def evidence_of(event: TotalReceived, transaction: OpenTransaction) -> Evidence:
    total = event.total
    charged = None
    if total.lines is not None:
        charged = tuple(_charged_pieces(line, event.items.get(line.gtin)) for line in total.lines)
    return Evidence(
        scanned=tuple(_scanned_pieces(line) for line in transaction.lines),
        charged_count=total.item_count,
        charged_minor=total.amount_minor,
        charged=charged,
        gap_categories=event.gap_categories,
    )


def _scanned_pieces(line: OpenLine) -> Pieces:
    return Pieces(line.gtin, line.pieces, line.amount_minor, line.description, line.category)


def _charged_pieces(line: ChargedLine, item: Item | None) -> Pieces:
    description = line.description or (item.description if item else "")
    category = item.category if item else ""
    return Pieces(line.gtin, line.pieces, line.amount_minor, description, category)


def _suspicion(
    transaction: OpenTransaction, total: CashierTotal, assessment: Assessment
) -> MissedScanSuspected | None:
    if assessment.verdict == "clean":
        return None
    return MissedScanSuspected(
        transaction.transaction_id, total.total_id, assessment.missed_count, assessment.findings
    )


def alert_text(suspected: MissedScanSuspected) -> Text:
    """The one sentence in red: how many, and of what."""
    if suspected.missed_count == 0:
        count = sum(f.count for f in suspected.findings)
        return Text("{count} item(s) scanned but not charged", {"count": count})
    missed = (f for f in suspected.findings if f.kind == "missed_item")
    categories = sorted({f.category for f in missed if f.category})
    words: dict[str, str | int] = {"count": suspected.missed_count}
    if not categories:
        return Text("{count} item(s) not scanned", words)
    return Text(
        "{count} item(s) not scanned — {category}?", words | {"category": "/".join(categories)}
    )


# --- the sale ----------------------------------------------------------------------------------


def _sale(
    event: TotalReceived, transaction: OpenTransaction, rules: StoreRules
) -> TransactionSettled | TotalProblem:
    total = event.total
    lines = _sold_lines(event, transaction, rules)
    amount_minor = _amount(total, transaction)
    if amount_minor is None:
        return TotalProblem(
            "price_unknown", Text("An item has no price here: settle this basket from the POS")
        )
    tenders = total.tenders or (
        Tender(rules.default_tender, amount_minor + total.change_minor + total.rounding_minor),
    )
    paid_minor = sum(t.amount_minor for t in tenders) - total.change_minor
    if paid_minor != amount_minor + total.rounding_minor or paid_minor < 0:
        return TotalProblem(
            "tenders_do_not_match", Text("The tenders do not add up to the amount charged")
        )
    taxes = total.taxes or included_taxes(lines, amount_minor, rules.tax_rate_bp)
    if sum(tax.net_minor + tax.tax_minor for tax in taxes) != amount_minor:
        return TotalProblem(
            "taxes_do_not_match", Text("The taxes do not add up to the amount charged")
        )
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
    known = sum(by_rate.values())
    if known <= 0:
        by_rate, known = defaultdict(int, {default_rate_bp: 1}), 1
    taxes = []
    shared = 0
    bounds = [0]
    for rate_bp in sorted(by_rate):
        shared += by_rate[rate_bp]
        bounds.append(amount_minor * shared // known)
    for rate_bp, (low, high) in zip(sorted(by_rate), pairwise(bounds), strict=True):
        gross = high - low
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
    received: facts.CashierTotalReceived,
    suspicion: MissedScanSuspected,
    assessment: Assessment,
) -> Step:
    outcome = SettlementOutcome(
        "held",
        Text("Scan what is missing and key the count again; to go on as it is, key the same count"),
        transaction_id=received.transaction_id,
        missed_count=assessment.missed_count,
        findings=assessment.findings,
    )
    alert = RaiseAlert(suspicion, alert_text(suspicion))
    show = Show("held", outcome.text)
    return advance(state, (received, suspicion), alert, show, SoundBeep("bad"), Answer(outcome))


def _settled(
    state: LaneState,
    received: facts.CashierTotalReceived,
    suspicion: MissedScanSuspected | None,
    assessment: Assessment,
    sale: TransactionSettled,
) -> Step:
    settled = replace(sale, missed_count=assessment.missed_count)
    alerts: tuple[Effect, ...] = ()
    suspected: tuple[facts.FactBody, ...] = ()
    if suspicion is not None:
        alerts = (RaiseAlert(suspicion, alert_text(suspicion)), SoundBeep("bad"))
        suspected = (suspicion,)
    return advance(
        state,
        (received, *suspected, settled),
        *alerts,
        Answer(outcome_of(settled, assessment.findings)),
        _shown_sale(settled),
        PrintReceipt(receipt_job_id(settled.transaction_id), settled),
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

"""From facts to balanced vouchers. Pure: the same input gives the same bytes.

A fact becomes a business document (`FROM_FACTS`), and a document the vouchers of its templates, in
the accounts of a chart. The till's own figures are summed and never recomputed. What cannot be
posted is a `MappingProblem`, not an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeAlias

from agent.domain.facts import (
    BackfillReversed,
    FactBody,
    ItemBackfilled,
    ReturnedLine,
    ReturnRecorded,
    SoldLine,
    TransactionSettled,
)
from agent.domain.returnable import part_of, units_of
from agent.wire import UndecodableFact, decode_body
from cloud_bridge.chart import Chart
from cloud_bridge.costs import CostHistory, UnitCost, line_cost_minor
from cloud_bridge.documents import (
    BackfilledSale,
    CostGap,
    Document,
    Refund,
    Sale,
    StockMovement,
    UnpaidItem,
    imbalance,
)
from cloud_bridge.templates import Template, Templates, amounts, load_templates
from cloud_bridge.voucher import VERSION, Content, EntryLine, FactKey, Voucher, reversal, seal

#: Beyond any shop, and far enough below 2**63 that a database can sum thousands of them.
FIGURE_MAX = 10**15

CostOf: TypeAlias = Callable[[str], UnitCost | None]  #: by 14-digit GTIN, at the time of posting


@dataclass(frozen=True, slots=True)
class Books:
    """What the accountant chose."""

    chart: Chart
    currency: str  #: ISO 4217
    templates: Templates = field(default_factory=load_templates)
    red: bool = False  #: what is taken back is written in red (红字冲销), not mirrored


@dataclass(frozen=True, slots=True)
class Terms:
    """What held when a fact was received. `locked_until`: the last day of the locked periods.
    `earlier`: what held for another fact; None if that is not posted yet."""

    cost_of: CostOf
    locked_until: str = ""
    earlier: Callable[[FactKey], Terms | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class TermsHistory:
    """Every cost and every lock there ever was. Locks: (from when, until which day), by time."""

    costs: CostHistory = field(default_factory=lambda: CostHistory(()))
    locks: Sequence[tuple[int, str]] = ()

    @property
    def newest_ms(self) -> int:
        return max(self.costs.newest_ms, self.locks[-1][0] if self.locks else 0)

    def at(self, ms: int, received_ms: Callable[[FactKey], int | None]) -> Terms:
        """`received_ms`: when another fact came, None if it is not posted yet."""

        def earlier(key: FactKey) -> Terms | None:
            earlier_ms = received_ms(key)
            return None if earlier_ms is None else self.at(earlier_ms, received_ms)

        locked = [until for since_ms, until in self.locks if since_ms <= ms]
        cost_of = partial(self.costs.at, ms=ms)
        return Terms(cost_of, locked[-1] if locked else "", earlier)


@dataclass(frozen=True, slots=True)
class Posting:
    """All that follows from one fact. `needs`: the transaction id of a sale to be posted before."""

    vouchers: tuple[Voucher, ...]
    movements: tuple[StockMovement, ...]
    gaps: tuple[CostGap, ...]
    needs: str = ""


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """Why a fact cannot be posted: a stable code for machines, a sentence for the accountant."""

    code: str
    detail: str
    amount_minor: int | None = None  #: money at stake, where known
    waits_for: str = ""  #: transaction id of the sale that is missing


def derive(
    key: FactKey, type_: str, version: int, body: bytes, books: Books, terms: Terms
) -> Posting | MappingProblem | None:
    """What follows from any fact, from its journal bytes. None if nothing does, or if this release
    does not know the (type, version)."""
    try:
        fact = decode_body(type_, version, body)
    except UndecodableFact as error:
        return MappingProblem("body", str(error))
    return None if fact is None else map_fact(fact, key, books, terms)


def map_fact(
    fact: FactBody, key: FactKey, books: Books, terms: Terms
) -> Posting | MappingProblem | None:
    """What follows from a fact: the one row of `FROM_FACTS` that is made for it."""
    read = FROM_FACTS.get(type(fact))
    if read is None:
        return None
    outcome = read(fact, key, books, terms)
    if isinstance(outcome, Document):
        outcome = post(outcome, key, books, terms)
    if isinstance(outcome, MappingProblem):
        return replace(outcome, amount_minor=_at_stake(fact))
    return outcome


def _at_stake(fact: FactBody) -> int | None:
    amount_minor = getattr(fact, "amount_minor", None)
    if isinstance(amount_minor, int) and abs(amount_minor) <= FIGURE_MAX:
        return amount_minor
    return None


# --- a document's vouchers -----------------------------------------------------------------------


def post(document: Document, key: FactKey, books: Books, terms: Terms) -> Posting | MappingProblem:
    """The vouchers of a document, its stock movements and its cost gaps."""
    problem = _contradiction(document, books)
    if problem is not None:
        return problem
    templates = books.templates[document.kind]
    figures = [amounts(template, document) for template in templates]
    if max(map(abs, _figures(figures, document.movements)), default=0) > FIGURE_MAX:
        return MappingProblem("range", f"a figure is beyond {FIGURE_MAX}")
    vouchers = []
    for template, by_role in zip(templates, figures, strict=True):
        lines = _entry_lines(by_role, books.chart)
        if isinstance(lines, MappingProblem):
            return lines
        if lines:
            vouchers.append(seal(key, _content(document, template, lines, terms.locked_until)))
    return Posting(tuple(vouchers), document.movements, document.gaps, document.needs)


def _contradiction(document: Document, books: Books) -> MappingProblem | None:
    if document.currency != books.currency:
        detail = f"{document.currency!r}, but the ledger keeps {books.currency}"
        return MappingProblem("currency", detail)
    if not _is_date(document.business_date):
        return MappingProblem("business_date", f"{document.business_date!r} is no YYYY-MM-DD")
    difference = imbalance(document)
    if difference:
        parts = " + ".join(document.parts)
        detail = f"{document.whole} less {parts} is {difference}"
        return MappingProblem("sums", detail)
    return None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _entry_lines(
    by_role: Mapping[str, int], chart: Chart
) -> tuple[EntryLine, ...] | MappingProblem:
    """Lines without an amount are left out; a voucher of no lines is no voucher."""
    lines = []
    for role, amount_minor in by_role.items():
        if not amount_minor:
            continue
        account = chart.account(role)
        if account is None:
            return MappingProblem("account", f"the chart has no account for {role!r}")
        lines.append(EntryLine(role, account.number, amount_minor))
    return tuple(lines)


def _content(
    document: Document, template: Template, lines: tuple[EntryLine, ...], locked_until: str
) -> Content:
    """Of a locked period, the voucher goes to the first day after it and says so."""
    posting_date, note = _booked(document.business_date, locked_until, document.note)
    return Content(
        template.kind,
        VERSION,
        document.business_date,
        document.currency,
        document.reference,
        document.receipt_number,
        lines,
        posting_date=posting_date,
        journal=template.journal,
        note=note,
        approver=document.approver,
    )


def _booked(business_date: str, locked_until: str, note: str) -> tuple[str, str]:
    """(posting date, note): "" where the business date's period is open."""
    if business_date > locked_until:
        return "", note
    posting_date = (date.fromisoformat(locked_until) + timedelta(days=1)).isoformat()
    locked = f"locked until / 锁账至 {locked_until}"
    return posting_date, f"{note}; {locked}" if note else locked


def _figures(
    figures: Sequence[Mapping[str, int]], movements: tuple[StockMovement, ...]
) -> Iterator[int]:
    for by_role in figures:
        yield from by_role.values()
    for movement in movements:
        yield movement.quantity_milli
        yield movement.weight_g or 0
        yield movement.cost_minor or 0


# --- facts as documents --------------------------------------------------------------------------


def _settled(
    fact: TransactionSettled, _key: FactKey, _books: Books, terms: Terms
) -> Sale | MappingProblem:
    """The sale. The till's figures must agree before any voucher is made of them."""
    paid = sum(tender.amount_minor for tender in fact.tenders) - fact.change_minor
    if paid != fact.amount_minor + fact.rounding_minor:
        return MappingProblem(
            "tenders",
            f"tenders less change are {paid}, amount and rounding are"
            f" {fact.amount_minor + fact.rounding_minor}",
        )
    taxed = sum(tax.net_minor + tax.tax_minor for tax in fact.taxes)
    if taxed != fact.amount_minor:
        return MappingProblem(
            "taxes", f"net and tax are {taxed}, the amount is {fact.amount_minor}"
        )
    movements, gaps = _sold(fact.lines, terms.cost_of)
    return Sale(
        business_date=fact.business_date,
        currency=fact.currency,
        reference=fact.transaction_id,
        receipt_number=fact.receipt_number,
        tenders=_summed((t.tender_type, t.amount_minor) for t in fact.tenders),
        net=_summed((str(t.rate_bp), t.net_minor) for t in fact.taxes),
        tax=_summed((str(t.rate_bp), t.tax_minor) for t in fact.taxes),
        change=fact.change_minor,
        rounding=fact.rounding_minor,
        cost=sum(movement.cost_minor or 0 for movement in movements),
        movements=movements,
        gaps=gaps,
    )


def _summed(pairs: Iterator[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for label, amount_minor in pairs:
        sums[label] = sums.get(label, 0) + amount_minor
    return sums


def _sold(
    lines: tuple[SoldLine, ...], cost_of: CostOf
) -> tuple[tuple[StockMovement, ...], tuple[CostGap, ...]]:
    movements: list[StockMovement] = []
    gaps: list[CostGap] = []
    for line_no, line in enumerate(lines, 1):
        weight_g = None if line.weight_g is None else -line.weight_g
        unit_cost = cost_of(line.gtin)
        cost: int | None = None
        if unit_cost is None:
            gaps.append(CostGap(line_no, line.gtin, "unknown"))
        else:
            cost = line_cost_minor(unit_cost, line.quantity_milli, line.weight_g)
            if cost is None:
                gaps.append(CostGap(line_no, line.gtin, "unit"))
        movements.append(StockMovement(line_no, line.gtin, -line.quantity_milli, weight_g, cost))
    return tuple(movements), tuple(gaps)


def _backfilled(
    fact: ItemBackfilled, _key: FactKey, _books: Books, terms: Terms
) -> Document | MappingProblem:
    """T10 and T11. What was charged brings no money besides: its goods alone are to be booked.
    What was paid is a sale of its own, its goods being known; what is gone is a loss."""
    movements, gaps = _sold(fact.lines, terms.cost_of)
    head: dict[str, Any] = {
        "business_date": fact.business_date,
        "currency": fact.currency,
        "reference": fact.transaction_id,
        "receipt_number": fact.receipt_number,
        "note": f"{fact.way}: {fact.reason}" if fact.reason else fact.way,
        "approver": fact.approver or fact.operator,
        "cost": sum(movement.cost_minor or 0 for movement in movements),
        "movements": movements,
        "gaps": gaps,
    }
    if fact.way == "gone":
        return UnpaidItem(**head)
    return BackfilledSale(
        **head,
        tenders=_summed((t.tender_type, t.amount_minor) for t in fact.tenders),
        net=_summed((str(t.rate_bp), t.net_minor) for t in fact.taxes),
        tax=_summed((str(t.rate_bp), t.tax_minor) for t in fact.taxes),
    )


def _reversed(
    fact: BackfillReversed, key: FactKey, books: Books, terms: Terms
) -> Posting | MappingProblem:
    """T15: all that the backfill led to, at the costs of its own time, taken back."""
    of = FactKey(key.tenant, key.store, key.lane, fact.epoch, fact.seq)
    then = terms.earlier(of)
    if then is None:
        return MappingProblem("waits", f"the backfill at seq {fact.seq} is not posted yet")
    posted = map_fact(fact.backfilled, of, books, then)
    if not isinstance(posted, Posting):
        return MappingProblem("backfill", f"nothing followed from the backfill at seq {fact.seq}")
    date_, note = _booked(fact.backfilled.business_date, terms.locked_until, fact.reason)
    approver = fact.approver or fact.operator
    return Posting(
        tuple(
            reversal(voucher, key, note, approver, red=books.red, posting_date=date_)
            for voucher in posted.vouchers
        ),
        tuple(map(_returned, posted.movements)),
        (),
    )


def _returned(movement: StockMovement) -> StockMovement:
    return replace(
        movement,
        quantity_milli=-movement.quantity_milli,
        weight_g=None if movement.weight_g is None else -movement.weight_g,
        cost_minor=None if movement.cost_minor is None else -movement.cost_minor,
    )


def _came_back(
    fact: ReturnRecorded, key: FactKey, _books: Books, terms: Terms
) -> Refund | MappingProblem:
    """T3 and T4. Goods come back at the cost at which they went, and those that are damaged never
    reach the shelf. A return that comes before its sale waits: its costs are not known yet."""
    movements: list[StockMovement] = []
    gaps: list[CostGap] = []
    scrapped = 0
    for line_no, line in enumerate(fact.lines, 1):
        held = _terms_of(line, key, terms)
        if held is None:
            return MappingProblem("waits", f"the sale {fact.transaction_id} is not posted yet")
        cost = _cost_back(line, held.cost_of)
        if isinstance(cost, str):
            gaps.append(CostGap(line_no, line.goods.gtin, cost))
        if line.condition == "damaged":
            scrapped += cost if isinstance(cost, int) else 0
            continue
        cost_minor = -cost if isinstance(cost, int) else None
        goods = line.goods.gtin, line.goods.quantity_milli, line.goods.weight_g
        movements.append(StockMovement(line_no, *goods, cost_minor))
    return Refund(
        business_date=fact.business_date,
        currency=fact.currency,
        reference=fact.transaction_id or fact.return_number,
        receipt_number=fact.return_number,
        note=fact.reason,
        approver=fact.approver or fact.operator,
        tenders=_summed((t.tender_type, t.amount_minor) for t in fact.tenders),
        net=_summed((str(t.rate_bp), t.net_minor) for t in fact.taxes),
        tax=_summed((str(t.rate_bp), t.tax_minor) for t in fact.taxes),
        rounding=fact.rounding_minor,
        restocked_cost=-sum(movement.cost_minor or 0 for movement in movements),
        scrapped_cost=scrapped,
        movements=tuple(movements),
        gaps=tuple(gaps),
    )


def _terms_of(line: ReturnedLine, key: FactKey, terms: Terms) -> Terms | None:
    """What held when the goods were sold; None if that is not posted yet."""
    if line.part is None:
        return terms
    return terms.earlier(key._replace(epoch=line.part.epoch, seq=line.part.seq))


def _cost_back(line: ReturnedLine, cost_of: CostOf) -> int | str:
    """The share of what the whole line cost, so that all its parts together bring just that back;
    or why there is none: the reason of a cost gap."""
    goods, part = line.goods, line.part
    unit_cost = cost_of(goods.gtin)
    if unit_cost is None:
        return "unknown"
    whole = part or goods
    cost = line_cost_minor(unit_cost, whole.quantity_milli, whole.weight_g)
    if cost is None:
        return "unit"
    if part is None:
        return cost
    return part_of(cost, units_of(part), part.before, units_of(goods))


Reader: TypeAlias = Callable[[Any, FactKey, Books, Terms], Document | Posting | MappingProblem]

#: Fact -> how it reads as a document (or, of what takes back, the vouchers themselves). A new fact
#: that moves money or goods is a new row here, with its document in `documents.py` and the vouchers
#: of that in `vouchers.toml`.
FROM_FACTS: dict[type[FactBody], Reader] = {
    TransactionSettled: _settled,
    ItemBackfilled: _backfilled,
    BackfillReversed: _reversed,
    ReturnRecorded: _came_back,
}

"""From a settled transaction to balanced vouchers. Pure: the same input gives the same bytes.

T1, the sale: debit clearing by tender, credit net revenue and output tax by rate, rounding either
way. T2, its cost: debit cost of goods sold, credit inventory. The till's own figures are summed and
never recomputed. What cannot be posted is a `MappingProblem`, not an exception.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from agent.domain.facts import SoldLine, TransactionSettled
from agent.wire import UndecodableFact, decode_body
from cloud_bridge.chart import Chart
from cloud_bridge.costs import UnitCost, line_cost_minor
from cloud_bridge.voucher import VERSION, Content, EntryLine, FactKey, Voucher, VoucherKind, seal

#: Beyond any shop, and far enough below 2**63 that a database can sum thousands of them.
FIGURE_MAX = 10**15

CostOf: TypeAlias = Callable[[str], UnitCost | None]  #: by 14-digit GTIN, at the time of posting


@dataclass(frozen=True, slots=True)
class Books:
    """What the accountant chose."""

    chart: Chart
    currency: str  #: ISO 4217


@dataclass(frozen=True, slots=True)
class StockMovement:
    """What left the shelf (negative) or came back. `cost_minor` None: a cost gap."""

    line_no: int  #: position in the transaction, from 1
    gtin: str
    quantity_milli: int
    weight_g: int | None
    cost_minor: int | None


@dataclass(frozen=True, slots=True)
class CostGap:
    """A line left out of the cost voucher."""

    line_no: int
    gtin: str
    reason: str  #: "unknown": no cost; "unit": per piece where weighed, or the other way round


@dataclass(frozen=True, slots=True)
class Posting:
    """All that follows from one fact."""

    vouchers: tuple[Voucher, ...]
    movements: tuple[StockMovement, ...]
    gaps: tuple[CostGap, ...]


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """Why a fact cannot be posted: a stable code for machines, a sentence for the accountant."""

    code: str
    detail: str
    amount_minor: int | None = None  #: money at stake, where known


def derive(
    key: FactKey, type_: str, version: int, body: bytes, books: Books, cost_of: CostOf
) -> Posting | MappingProblem | None:
    """What follows from any fact, from its journal bytes. None if nothing does, or if this release
    does not know the (type, version)."""
    try:
        fact = decode_body(type_, version, body)
    except UndecodableFact as error:
        return MappingProblem("body", str(error))
    if not isinstance(fact, TransactionSettled):
        return None
    outcome = map_settled(fact, key, books, cost_of)
    if isinstance(outcome, MappingProblem) and abs(fact.amount_minor) <= FIGURE_MAX:
        return replace(outcome, amount_minor=fact.amount_minor)
    return outcome


def map_settled(
    fact: TransactionSettled, key: FactKey, books: Books, cost_of: CostOf
) -> Posting | MappingProblem:
    """The vouchers, stock movements and cost gaps of a sale."""
    problem = _contradiction(fact, books.currency)
    if problem is not None:
        return problem
    movements, gaps = _stock(fact.lines, cost_of)
    cost_minor = sum(movement.cost_minor or 0 for movement in movements)
    amounts: dict[VoucherKind, dict[str, int]] = {
        "sale": _sale(fact),
        "cost": {"cogs": cost_minor, "inventory": -cost_minor},
    }
    if _too_large(amounts, movements):
        return MappingProblem("range", f"a figure is beyond {FIGURE_MAX}")
    vouchers = []
    for kind, by_role in amounts.items():
        lines = _entry_lines(by_role, books.chart)
        if isinstance(lines, MappingProblem):
            return lines
        if lines:
            vouchers.append(seal(key, _content(fact, kind, lines)))
    return Posting(tuple(vouchers), movements, gaps)


def _contradiction(fact: TransactionSettled, currency: str) -> MappingProblem | None:
    if fact.currency != currency:
        return MappingProblem("currency", f"{fact.currency!r}, but the ledger keeps {currency}")
    if not _is_date(fact.business_date):
        return MappingProblem("business_date", f"{fact.business_date!r} is no YYYY-MM-DD")
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
    return None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _sale(fact: TransactionSettled) -> dict[str, int]:
    """Amounts by role. Change leaves the drawer as cash, whatever was tendered."""
    amounts: Counter[str] = Counter()
    for tender in fact.tenders:
        amounts[f"clearing.{tender.tender_type}"] += tender.amount_minor
    amounts["clearing.cash"] -= fact.change_minor
    for tax in fact.taxes:
        amounts[f"revenue.{tax.rate_bp}"] -= tax.net_minor
        amounts[f"output-tax.{tax.rate_bp}"] -= tax.tax_minor
    amounts["rounding"] -= fact.rounding_minor
    return amounts


def _stock(
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


def _entry_lines(by_role: dict[str, int], chart: Chart) -> tuple[EntryLine, ...] | MappingProblem:
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


def _content(fact: TransactionSettled, kind: VoucherKind, lines: tuple[EntryLine, ...]) -> Content:
    return Content(
        kind,
        VERSION,
        fact.business_date,
        fact.currency,
        fact.transaction_id,
        fact.receipt_number,
        lines,
    )


def _too_large(
    amounts: dict[VoucherKind, dict[str, int]], movements: tuple[StockMovement, ...]
) -> bool:
    return any(abs(figure) > FIGURE_MAX for figure in _figures(amounts, movements))


def _figures(
    amounts: dict[VoucherKind, dict[str, int]], movements: tuple[StockMovement, ...]
) -> Iterator[int]:
    for by_role in amounts.values():
        yield from by_role.values()
    for movement in movements:
        yield movement.quantity_milli
        yield movement.weight_g or 0
        yield movement.cost_minor or 0

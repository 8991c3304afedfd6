"""How money is given back: the tax in it, and by which means. Pure arithmetic of minor units.

Both are taken from what is left of the sale, so that all returns together undo it exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.domain.money import shared
from agent.domain.till import rounded
from agent.domain.totals import TaxAmount, Tender

if TYPE_CHECKING:
    from agent.domain.events import SaleFile
    from agent.domain.facts import ReturnRecorded

CASH = "cash"


@dataclass(frozen=True, slots=True)
class Refund:
    """What is given back. sum(tenders) = amount + rounding."""

    tenders: tuple[Tender, ...]
    rounding_minor: int
    is_as_paid: bool  #: False: cash for what was not paid in cash


# --- tax -----------------------------------------------------------------------------------------


def taxes_left(file: SaleFile) -> tuple[TaxAmount, ...]:
    """What of the tax of a sale, and of what was paid besides, has not been given back."""
    net: Counter[int] = Counter()
    tax: Counter[int] = Counter()
    backfilled = (fact.taxes for fact, _, _, is_back in file.backfills if not is_back)
    for taxes in (file.sale.taxes, *backfilled):
        for one in taxes:
            net[one.rate_bp] += one.net_minor
            tax[one.rate_bp] += one.tax_minor
    for returned in file.returns:
        for one in returned.taxes:
            net[one.rate_bp] -= one.net_minor
            tax[one.rate_bp] -= one.tax_minor
    return tuple(TaxAmount(rate, max(0, net[rate]), max(0, tax[rate])) for rate in sorted(net))


def taxes_of(amounts: Mapping[int, int], left: tuple[TaxAmount, ...]) -> tuple[TaxAmount, ...]:
    """The tax in what is given back. `amounts`: minor units by the rate of the goods.

    Each amount is taken from what is left of its own rate. What that does not cover, as the till's
    rates may be others than the item master's, is shared out over what is left of all. There must
    be as much left as is given back.
    """
    gross = [tax.net_minor + tax.tax_minor for tax in left]
    own = [min(amounts.get(tax.rate_bp, 0), whole) for tax, whole in zip(left, gross, strict=True)]
    free = [whole - taken for whole, taken in zip(gross, own, strict=True)]
    more = shared(sum(amounts.values()) - sum(own), free)
    taken = [one + other for one, other in zip(own, more, strict=True)]
    return tuple(_tax_in(amount, tax) for amount, tax in zip(taken, left, strict=True) if amount)


def _tax_in(amount: int, left: TaxAmount) -> TaxAmount:
    """Rounded half up; of all that is left, all its tax."""
    gross = left.net_minor + left.tax_minor
    tax = (2 * amount * left.tax_minor + gross) // (2 * gross)
    return TaxAmount(left.rate_bp, amount - tax, tax)


# --- means ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Paid:
    """By one means of payment: what was due, what was paid once it was rounded, and what of the due
    has been given back, by how much."""

    due_minor: int = 0
    paid_minor: int = 0
    undone_minor: int = 0
    given_minor: int = 0

    @property
    def left_minor(self) -> int:
        return max(0, self.due_minor - self.undone_minor)

    def given_for(self, amount_minor: int, coin_minor: int) -> int:
        """What is given back for so much more. Rounded over all that was given back by this means,
        and never more than was paid by it until all of that is undone."""
        undone = self.undone_minor + amount_minor
        if undone < self.due_minor:
            given = min(rounded(undone, coin_minor), self.paid_minor)
        else:
            given = self.paid_minor + rounded(undone - self.due_minor, coin_minor)
        return max(0, given - self.given_minor)


def refund(file: SaleFile, amount_minor: int, tender_type: str, coin_minor: int) -> Refund | None:
    """How an amount is given back for a sale. None if not so much was paid by that means.

    `tender_type`: "" for as it was paid, cash last; cash may always be given. `coin_minor`: to
    which cash is rounded.
    """
    rounds = _rounding_tender(file)
    paid = _paid(file, rounds)
    if not tender_type:
        parts = _as_paid(amount_minor, paid)
    elif tender_type == CASH or amount_minor <= paid.get(tender_type, _Paid()).left_minor:
        parts = {tender_type: amount_minor}
    else:
        return None
    given = {
        kind: paid.get(kind, _Paid()).given_for(part, coin_minor if kind == CASH else 1)
        if kind == rounds
        else part
        for kind, part in parts.items()
    }
    in_cash = parts.get(CASH, 0)
    return Refund(
        tuple(Tender(kind, minor) for kind, minor in given.items() if minor),
        sum(given.values()) - amount_minor,
        in_cash <= paid.get(CASH, _Paid()).left_minor,
    )


def refund_elsewhere(amount_minor: int, coin_minor: int) -> Refund:
    """In cash: nobody knows here how it was paid."""
    given = rounded(amount_minor, coin_minor)
    return Refund((Tender(CASH, given),) if given else (), given - amount_minor, False)


def _rounding_tender(file: SaleFile) -> str:
    """The one means that was rounded, and is again: cash, but for a POS that rounds another."""
    kinds = [tender.tender_type for tender in file.sale.tenders]
    return CASH if CASH in kinds or not file.sale.rounding_minor or not kinds else kinds[0]


def _paid(file: SaleFile, rounds: str) -> dict[str, _Paid]:
    """By means, in the order in which they were given."""
    sale = file.sale
    due: Counter[str] = Counter()
    for tender in sale.tenders:
        due[tender.tender_type] += tender.amount_minor
    due[CASH] -= sale.change_minor
    for fact, _, _, is_back in file.backfills:
        for tender in () if is_back else fact.tenders:
            due[tender.tender_type] += tender.amount_minor
    paid = dict(due)
    due[rounds] -= sale.rounding_minor
    given, undone = _given(file.returns, rounds)
    kinds = {**paid, **due, **given}
    return {k: _Paid(due[k], paid.get(k, 0), undone[k], given[k]) for k in kinds}


def _given(returns: Iterable[ReturnRecorded], rounds: str) -> tuple[Counter[str], Counter[str]]:
    """What was given back by each means, and for how much."""
    given: Counter[str] = Counter()
    for returned in returns:
        for tender in returned.tenders:
            given[tender.tender_type] += tender.amount_minor
    undone = given.copy()
    undone[rounds] -= sum(returned.rounding_minor for returned in returns)
    return given, undone


def _as_paid(amount_minor: int, paid: Mapping[str, _Paid]) -> dict[str, int]:
    parts: dict[str, int] = {}
    for kind in (*(kind for kind in paid if kind != CASH), CASH):
        part = min(paid[kind].left_minor, amount_minor - sum(parts.values()))
        if part:
            parts[kind] = part
    rest = amount_minor - sum(parts.values())
    if rest:  # a journal that lacks a tender: cash, which a supervisor is asked for
        parts[CASH] = parts.get(CASH, 0) + rest
    return parts

"""What of a sale can still come back, and what was paid for it. Pure arithmetic of whole units.

A line's share of what was paid is its amount, less its share of a discount on the whole receipt.
Parts of a line are paid for in proportion, each part up to the next whole unit together with all
before it: all parts together come to exactly what was paid, and the last one takes the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from agent.domain.facts import ReturnedLine, SoldLine, SoldPart, TransactionSettled
from agent.domain.money import shared

if TYPE_CHECKING:
    from agent.domain.events import SaleFile

LineKey: TypeAlias = tuple[str, int]  #: id of the backfill that added the line or "", line number


@dataclass(frozen=True, slots=True)
class Returnable:
    """A line of a sale. Its units are thousandths of a piece, or grams."""

    sold: SoldLine
    epoch: str  #: where the fact stands that sold it …
    seq: int  #: … in the journal
    backfill_id: str
    paid_minor: int | None  #: for the whole line; None: only the receipt's amount is known
    returned: int = 0  #: units
    refunded_minor: int = 0

    @property
    def units(self) -> int:
        return units_of(self.sold)

    @property
    def left(self) -> int:
        return self.units - self.returned

    def worth_minor(self, units: int) -> int | None:
        """What is given back for so many units now. `units` is at least 1 and at most `left`."""
        if self.paid_minor is None:
            return None
        after = self.paid_minor * (self.returned + units) // self.units
        return max(0, after - self.refunded_minor)

    def less(self, units: int, refunded_minor: int) -> Returnable:
        """The line once so much has come back."""
        returned, refunded = self.returned + units, self.refunded_minor + refunded_minor
        return replace(self, returned=returned, refunded_minor=refunded)


@dataclass(frozen=True, slots=True)
class Account:
    """A sale's lines, those that were added to it and not taken back among them."""

    lines: dict[LineKey, Returnable]
    paid_minor: int  #: for all of it
    unexplained_minor: int  #: of that, what no line with a known amount explains

    def less(self, key: LineKey, units: int, refunded_minor: int) -> Account:
        line = self.lines[key].less(units, refunded_minor)
        return replace(self, lines={**self.lines, key: line})

    @property
    def refunded_minor(self) -> int:
        return sum(line.refunded_minor for line in self.lines.values())

    @property
    def is_covered(self) -> bool:
        """Whether no more is given back than was paid."""
        unknown = (x.refunded_minor for x in self.lines.values() if x.paid_minor is None)
        return self.refunded_minor <= self.paid_minor and sum(unknown) <= self.unexplained_minor


def units_of(line: SoldLine | SoldPart) -> int:
    return line.quantity_milli if line.weight_g is None else line.weight_g


def account_of(file: SaleFile) -> Account:
    """What can come back of a sale, after all that has. What nobody paid for cannot."""
    sale = file.sale
    lines: dict[LineKey, Returnable] = {}
    rest = sale.amount_minor
    for line, paid in zip(sale.lines, _paid(sale), strict=True):
        lines["", line.line_no] = Returnable(line, file.epoch, file.seq, "", paid)
        rest -= paid or 0
    paid_besides = 0
    for fact, epoch, seq, is_back in file.backfills:
        for line in () if is_back or fact.way == "gone" else fact.lines:
            paid = line.amount_minor
            if fact.way == "paid":
                paid_besides += paid or 0
            elif paid is not None:
                paid = min(paid, rest)
                rest -= paid
            key = fact.backfill_id, line.line_no
            lines[key] = Returnable(line, epoch, seq, fact.backfill_id, paid)
    account = Account(lines, sale.amount_minor + paid_besides, rest)
    for back in (back for returned in file.returns for back in returned.lines):
        key = key_of(back)
        if key in lines:  # else a damaged journal has lost what sold it
            account = account.less(key, units_of(back.goods), back.goods.amount_minor or 0)
    return account


def key_of(line: ReturnedLine) -> LineKey:
    return (line.part.backfill_id if line.part else ""), line.goods.line_no


def _paid(sale: TransactionSettled) -> list[int | None]:
    """By line. Where the lines come to more than the receipt, the discount is shared out among
    them; where they come to less, what was not scanned has cost the rest."""
    amounts = [line.amount_minor for line in sale.lines]
    known = sum(amount or 0 for amount in amounts)
    if known <= sale.amount_minor:
        return amounts
    shares = shared(sale.amount_minor, [amount or 0 for amount in amounts])
    return [
        None if amount is None else share for amount, share in zip(amounts, shares, strict=True)
    ]


def part_of(whole: int, units: int, before: int, more: int) -> int:
    """The share of `more` units after `before` in something whole, in the way of this page."""
    return whole * (before + more) // units - whole * before // units

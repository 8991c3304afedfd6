"""The cashier total: what the POS charged, in whichever way it reached the lane.

Money is in minor units of the store's currency, quantities in thousandths, weight in grams, tax
rates in basis points (500 = 5 %). Prices include tax; tax was rounded once, by the till.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.domain.gtin import has_valid_check_digit
from agent.domain.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: "till": the lane itself takes the money.
TotalSource: TypeAlias = Literal["http", "keypad", "printer_tap", "serial_journal", "file", "till"]

#: Absurd beyond these: a keying slip or a broken client, never a shop's basket.
AMOUNT_MINOR_MAX = 10_000_000_00
ITEM_COUNT_MAX = 9_999
LINES_MAX = 2_000
WEIGHT_G_MAX = 1_000_000
TAX_RATE_BP_MAX = 10_000
#: Cash is rounded to the smallest coin in use: 5 or 10 cents, a krona, 50 Swedish öre at the most.
#: A hundred minor units is twice the widest of them, and no discount hides below it.
ROUNDING_MINOR_MAX = 100

ID_CHARS_MAX = 64
DESCRIPTION_CHARS_MAX = 200

TENDER_TYPE = re.compile(r"[a-z0-9_.-]{1,32}")


@dataclass(frozen=True, slots=True)
class ChargedLine:
    gtin: str  #: 14 digits
    quantity_milli: int
    amount_minor: int
    weight_g: int | None = None
    description: str = ""
    tax_rate_bp: int | None = None  #: None: the item master's rate, else the store's

    @property
    def pieces(self) -> int:
        """How many things a cashier would count: a weighed line is one."""
        return 1 if self.weight_g is not None else self.quantity_milli // 1000


@dataclass(frozen=True, slots=True)
class Tender:
    tender_type: str  #: "cash", "card", "wechat", "alipay", "voucher" or another name of the chart
    amount_minor: int


@dataclass(frozen=True, slots=True)
class TaxAmount:
    rate_bp: int
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class CashierTotal:
    """One settlement as the POS reported it. `total_id` is the POS's own id: it makes retries safe.

    Invariant checked by `problems`: sum of tenders - change = amount + rounding.
    """

    total_id: str
    source: TotalSource
    item_count: int | None
    amount_minor: int | None = None
    lines: tuple[ChargedLine, ...] | None = None
    tenders: tuple[Tender, ...] = ()
    change_minor: int = 0
    rounding_minor: int = 0
    taxes: tuple[TaxAmount, ...] | None = None
    operator: str = ""
    customer: str = ""  #: a phone or member's number, as the POS gives it


@dataclass(frozen=True, slots=True)
class TotalProblem:
    """Why a total cannot be used: a stable code for machines, a sentence for the person."""

    code: str
    text: Text
    path: str = ""  #: the field meant, such as "lines[2].gtin"; "" if no single one


def problems(total: CashierTotal) -> tuple[TotalProblem, ...]:
    """All that speaks against a total, graver things first; empty for a good one.

    What the lane does not know (which items, which prices) is not judged here.
    """
    return tuple(chain.from_iterable(check(total) for check in _CHECKS))


def _ids(total: CashierTotal) -> Iterator[TotalProblem]:
    if not total.total_id:
        yield TotalProblem("total_id_empty", Text("The total has no total_id"), "total_id")
    for path, words in (
        ("total_id", total.total_id),
        ("operator", total.operator),
        ("customer", total.customer),
    ):
        if len(words) > ID_CHARS_MAX:
            yield _too_long(path, ID_CHARS_MAX)
        if not words.isprintable():
            text = Text("{field} holds characters that cannot be printed", {"field": path})
            yield TotalProblem("not_printable", text, path)


def _given(total: CashierTotal) -> Iterator[TotalProblem]:
    if total.item_count is None and total.lines is None:
        text = Text("The total gives neither an item count nor lines: there is nothing to compare")
        yield TotalProblem("nothing_given", text)
    if total.item_count is not None and not 1 <= total.item_count <= ITEM_COUNT_MAX:
        text = Text("The item count must be between 1 and {limit}", {"limit": ITEM_COUNT_MAX})
        yield TotalProblem("item_count_absurd", text, "item_count")
    if total.lines is not None and not 1 <= len(total.lines) <= LINES_MAX:
        text = Text("There must be between 1 and {limit} lines", {"limit": LINES_MAX})
        yield TotalProblem("lines_absurd", text, "lines")


def _amounts(total: CashierTotal) -> Iterator[TotalProblem]:
    if total.amount_minor is not None:
        yield from _amount("amount_minor", total.amount_minor)
    yield from _amount("change_minor", total.change_minor)
    if abs(total.rounding_minor) > ROUNDING_MINOR_MAX:
        text = Text("Rounding by more than {limit} minor units", {"limit": ROUNDING_MINOR_MAX})
        yield TotalProblem("rounding_absurd", text, "rounding_minor")


def _lines(total: CashierTotal) -> Iterator[TotalProblem]:
    for number, line in enumerate((total.lines or ())[:LINES_MAX]):
        if _plain(line):
            continue
        path = f"lines[{number}]"
        yield from _gtin(f"{path}.gtin", line.gtin)
        yield from _amount(f"{path}.amount_minor", line.amount_minor)
        yield from _quantity(path, line)
        if len(line.description) > DESCRIPTION_CHARS_MAX:
            yield _too_long(f"{path}.description", DESCRIPTION_CHARS_MAX)
        if line.tax_rate_bp is not None:
            yield from _tax_rate(f"{path}.tax_rate_bp", line.tax_rate_bp)


def _plain(line: ChargedLine) -> bool:
    """Nothing can be said against it: most lines by far, so they are told by one look."""
    return (
        line.weight_g is None
        and line.tax_rate_bp is None
        and 0 <= line.amount_minor <= AMOUNT_MINOR_MAX
        and 0 < line.quantity_milli <= ITEM_COUNT_MAX * 1000
        and not line.quantity_milli % 1000
        and len(line.description) <= DESCRIPTION_CHARS_MAX
        and len(line.gtin) == 14
        and has_valid_check_digit(line.gtin)
    )


def _gtin(path: str, gtin: str) -> Iterator[TotalProblem]:
    if len(gtin) != 14 or not has_valid_check_digit(gtin):
        text = Text("{gtin} is no GTIN: wrong length or check digit", {"gtin": gtin[:ID_CHARS_MAX]})
        yield TotalProblem("gtin_invalid", text, path)


def _quantity(path: str, line: ChargedLine) -> Iterator[TotalProblem]:
    if not 0 < line.quantity_milli <= ITEM_COUNT_MAX * 1000:
        text = Text("A quantity must be above 0 and at most {limit}", {"limit": ITEM_COUNT_MAX})
        yield TotalProblem("quantity_absurd", text, f"{path}.quantity_milli")
    if line.weight_g is None and line.quantity_milli % 1000:
        text = Text("Goods sold by the piece need a whole quantity (1000 = one piece)")
        yield TotalProblem("quantity_not_whole", text, f"{path}.quantity_milli")
    if line.weight_g is not None and not 0 < line.weight_g <= WEIGHT_G_MAX:
        text = Text("A weight must be above 0 and at most {limit} g", {"limit": WEIGHT_G_MAX})
        yield TotalProblem("weight_absurd", text, f"{path}.weight_g")


def _sums(total: CashierTotal) -> Iterator[TotalProblem]:
    """A line's amount is what was charged for it: discounts are already in it."""
    if total.lines is None:
        return
    charged_minor = sum(line.amount_minor for line in total.lines)
    if total.amount_minor is not None and charged_minor != total.amount_minor:
        yield _mismatch("lines_do_not_match", "lines", charged_minor, total.amount_minor)
    pieces = sum(line.pieces for line in total.lines)
    if total.item_count is not None and pieces != total.item_count:
        text = Text(
            "The item count is {count}, the lines hold {pieces} pieces",
            {"count": total.item_count, "pieces": pieces},
        )
        yield TotalProblem("item_count_does_not_match", text, "item_count")


def _tenders(total: CashierTotal) -> Iterator[TotalProblem]:
    for number, tender in enumerate(total.tenders):
        path = f"tenders[{number}]"
        yield from _amount(f"{path}.amount_minor", tender.amount_minor)
        if not TENDER_TYPE.fullmatch(tender.tender_type):
            text = Text("A tender type is 1 to 32 of a-z, 0-9, dot, dash and underscore")
            yield TotalProblem("tender_type_invalid", text, f"{path}.tender_type")
    if total.change_minor > sum(t.amount_minor for t in total.tenders if t.tender_type == "cash"):
        text = Text("The change is more than the cash that was tendered")
        yield TotalProblem("change_exceeds_cash", text, "change_minor")
    if total.tenders and total.amount_minor is not None:
        paid_minor = sum(t.amount_minor for t in total.tenders) - total.change_minor
        due_minor = total.amount_minor + total.rounding_minor
        if paid_minor != due_minor:
            yield _mismatch("tenders_do_not_match", "tenders", paid_minor, due_minor)


def _taxes(total: CashierTotal) -> Iterator[TotalProblem]:
    if total.taxes is None:
        return
    for number, tax in enumerate(total.taxes):
        path = f"taxes[{number}]"
        yield from _tax_rate(f"{path}.rate_bp", tax.rate_bp)
        yield from _amount(f"{path}.net_minor", tax.net_minor)
        yield from _amount(f"{path}.tax_minor", tax.tax_minor)
    taxed_minor = sum(tax.net_minor + tax.tax_minor for tax in total.taxes)
    if total.amount_minor is not None and taxed_minor != total.amount_minor:
        yield _mismatch("taxes_do_not_match", "taxes", taxed_minor, total.amount_minor)


_CHECKS: tuple[Callable[[CashierTotal], Iterator[TotalProblem]], ...] = (
    _ids,
    _given,
    _amounts,
    _lines,
    _sums,
    _tenders,
    _taxes,
)


def _amount(path: str, amount_minor: int) -> Iterator[TotalProblem]:
    if amount_minor < 0:
        text = Text("{field} must not be negative", {"field": path})
        yield TotalProblem("amount_negative", text, path)
    if amount_minor > AMOUNT_MINOR_MAX:
        text = Text(
            "{field} is above the limit of {limit} minor units",
            {"field": path, "limit": AMOUNT_MINOR_MAX},
        )
        yield TotalProblem("amount_absurd", text, path)


def _tax_rate(path: str, rate_bp: int) -> Iterator[TotalProblem]:
    if not 0 <= rate_bp <= TAX_RATE_BP_MAX:
        text = Text(
            "A tax rate must be between 0 and {limit} basis points", {"limit": TAX_RATE_BP_MAX}
        )
        yield TotalProblem("tax_rate_absurd", text, path)


def _too_long(path: str, limit: int) -> TotalProblem:
    text = Text("{field} is longer than {limit} characters", {"field": path, "limit": limit})
    return TotalProblem("too_long", text, path)


def _mismatch(code: str, path: str, sum_minor: int, expected_minor: int) -> TotalProblem:
    text = Text(
        "{field} add up to {sum} minor units, expected are {expected}",
        {"field": path, "sum": sum_minor, "expected": expected_minor},
    )
    return TotalProblem(code, text, path)

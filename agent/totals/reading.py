"""A receipt's lines, by a rule, into a cashier total; or why it is none. Pure.

A receipt is believed only if it agrees with itself: the items add up to the total, the printed item
count is theirs, the tenders less the change are what was due. Whatever contradicts itself is told
as unread, never settled as a guess.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from agent.domain.gtin import has_valid_check_digit
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, ChargedLine, Tender, TotalSource, problems
from agent.totals.amounts import Notation, amount_minor, quantity_milli, weight_g
from agent.totals.rule import Compiled, Patterns

GTIN_LENGTHS = (8, 12, 13, 14)
NUMBER_CHARS_MAX = 40


@dataclass(frozen=True, slots=True)
class Match:
    """What a line was taken for."""

    line_no: int  #: 1-based, among the lines that `cleaned` left
    key: str  #: a key of the rule, or "tender <type>"
    groups: Mapping[str, str]
    pattern_lines: int = 1  #: how many lines it spans


@dataclass(frozen=True, slots=True)
class Reading:
    """A receipt that was read and agrees with itself."""

    rule: str
    total: CashierTotal
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A receipt that the rule does not explain."""

    code: str
    text: Text
    line_no: int = 0  #: 0: no single line is at fault
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class NoSale:
    """A copy, a report, a refund: nothing to settle."""

    key: str  #: "copy" or "no_sale"
    matches: tuple[Match, ...] = ()


Result: TypeAlias = Reading | Unread | NoSale


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a receipt came from."""

    source: TotalSource
    arrival: str  #: unique for each receipt, the same when it is read again


def cleaned(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines as patterns see them: NFKC, no blanks around them, none empty."""
    plain = (unicodedata.normalize("NFKC", line).strip() for line in lines)
    return tuple(line for line in plain if line)


def read_by_any(
    rules: Sequence[Compiled], lines: Sequence[str], minor_digits: int, origin: Origin
) -> Result:
    """By the first rule that reads it; else the word of the rule that understood most of it."""
    plain = cleaned(lines)
    best: Result = Unread("no_rule", Text("No rule is set for this POS's receipts"))
    for rule in rules:
        result = read(rule, plain, minor_digits, origin)
        if not isinstance(result, Unread):
            return result
        if not isinstance(best, Unread) or len(result.matches) >= len(best.matches):
            best = result
    return best


def read(rule: Compiled, plain: Sequence[str], minor_digits: int, origin: Origin) -> Result:
    """The total on a receipt whose lines are `cleaned`."""
    matches = tuple(_matches(rule, plain))
    ignored = next((m.key for m in matches if m.key in {"copy", "no_sale"}), "")
    if ignored:
        return NoSale(ignored, matches)
    basket = _Basket(rule, rule.rule.notation(minor_digits), plain)
    try:
        for match in matches:
            _take(basket, match)
        return Reading(rule.rule.name, _total(basket, origin), matches)
    except _Contradiction as contradiction:
        code, text, line_no = contradiction.args
        return Unread(code, text, line_no, matches)


# --- which line is what --------------------------------------------------------------------------

_TOP = ("skip", "copy", "no_sale")
_WORDS = ("number", "when", "operator")
_PLACES: Mapping[str, tuple[str, ...]] = {
    "above": (*_TOP, "begin", "number", "when", "operator", "total"),
    "items": (
        *(*_TOP, "number", "when", "operator", "total", "subtotal", "count", "tax"),
        *("basket_discount", "discount", "void", "item"),
    ),
    "below": (
        *(*_TOP, "total", "count", "change", "rounding", "tax", "basket_discount"),
        *("number", "when", "operator"),
    ),
}


def _matches(rule: Compiled, plain: Sequence[str]) -> Iterator[Match]:
    """Items are looked for between `begin` and the first total, tenders only below it."""
    place = "above" if rule.patterns["begin"] else "items"
    number = 0
    while number < len(plain):
        found = _match(rule, plain, number, place)
        if found is None:
            number += 1
            continue
        match, span = found
        yield match
        if match.key in _WORDS:  # a line may name number, time and cashier at once
            yield from _more_words(rule, plain[number], match)
        number += span
        if match.key == "begin":
            place = "items"
        elif match.key in {"total", "subtotal"}:
            place = "below"


def _match(
    rule: Compiled, plain: Sequence[str], number: int, place: str
) -> tuple[Match, int] | None:
    keyed: list[tuple[str, Patterns]] = []
    if place == "below":
        keyed = [(f"tender {kind}", patterns) for kind, patterns in rule.tenders]
    keyed += [(key, rule.patterns[key]) for key in _PLACES[place] if rule.patterns[key]]
    for key, patterns in keyed:
        for expression, span in patterns:
            lines = plain[number : number + span]
            found = len(lines) == span and expression.fullmatch("\n".join(lines))
            if found:
                groups = {name: words for name, words in found.groupdict().items() if words}
                return Match(number + 1, key, groups, span), span
    return None


def _more_words(rule: Compiled, line: str, first: Match) -> Iterator[Match]:
    for key in _WORDS[_WORDS.index(first.key) + 1 :]:
        for expression, _ in rule.patterns[key]:
            if found := expression.fullmatch(line):
                yield Match(first.line_no, key, found.groupdict())
                break


# --- what the lines say --------------------------------------------------------------------------


class _Contradiction(Exception):
    """(code, text, line number): the receipt cannot be believed."""


@dataclass(slots=True)
class _Item:
    amount_minor: int
    quantity_milli: int
    weight_g: int | None
    gtin: str
    description: str

    @property
    def pieces(self) -> int:
        return 1 if self.weight_g is not None else self.quantity_milli // 1000


@dataclass(slots=True)
class _Basket:
    rule: Compiled
    notation: Notation
    plain: Sequence[str]
    items: list[_Item] = field(default_factory=list)
    amounts: dict[str, list[int]] = field(default_factory=dict)  #: by key
    words: dict[str, str] = field(default_factory=dict)  #: number, when, operator: the first
    tenders: list[Tender] = field(default_factory=list)


def _take(basket: _Basket, match: Match) -> None:
    kind, _, tender_type = match.key.partition(" ")
    if kind == "tender":
        amount = _amount(basket, match)
        if amount:
            basket.tenders.append(Tender(tender_type, amount))
    elif kind in _TAKERS:
        _TAKERS[kind](basket, match)


def _word(basket: _Basket, match: Match) -> None:
    basket.words.setdefault(match.key, match.groups.get(match.key, ""))


def _money(basket: _Basket, match: Match) -> None:
    basket.amounts.setdefault(match.key, []).append(_amount(basket, match))


def _count(basket: _Basket, match: Match) -> None:
    words = match.groups.get("count", "")
    milli = quantity_milli(words, basket.notation)
    if milli is None or milli % 1000:
        raise _not_a_number(match, words)
    basket.amounts.setdefault("count", []).append(milli // 1000)


def _discount(basket: _Basket, match: Match) -> None:
    if not basket.items:
        raise _Contradiction(
            "discount_without_item", Text("A discount stands above all items"), match.line_no
        )
    basket.items[-1].amount_minor -= abs(_amount(basket, match))


def _item(basket: _Basket, match: Match) -> None:
    item = _item_of(basket, match)
    if match.key == "void" or item.amount_minor < 0 or item.quantity_milli < 0:
        _take_back(basket, item, match.line_no)
    else:
        basket.items.append(item)


_TAKERS: Mapping[str, Callable[[_Basket, Match], None]] = {
    **dict.fromkeys(("number", "when", "operator"), _word),
    **dict.fromkeys(("total", "change", "rounding", "tax", "basket_discount"), _money),
    **dict.fromkeys(("void", "item"), _item),
    "count": _count,
    "discount": _discount,
}


def _amount(basket: _Basket, match: Match, group: str = "amount") -> int:
    words = match.groups.get(group, "")
    found = amount_minor(words, basket.notation)
    if found is None:
        raise _not_a_number(match, words)
    return found


def _not_a_number(match: Match, words: str) -> _Contradiction:
    text = Text("{words} is no number in this rule's notation", {"words": words or '""'})
    return _Contradiction("number_unclear", text, match.line_no)


def _item_of(basket: _Basket, match: Match) -> _Item:
    groups = match.groups
    quantity = quantity_milli(groups.get("quantity", "1"), basket.notation)
    if quantity is None:
        raise _not_a_number(match, groups["quantity"])
    weight = None
    if "weight" in groups:
        weight = weight_g(groups["weight"], groups.get("unit", ""), basket.notation)
        if weight is None:
            raise _not_a_number(match, groups["weight"])
    elif basket.rule.rule.fraction_is_kg and _is_weight(
        groups.get("quantity", ""), basket.notation
    ):
        weight = abs(quantity)
    elif quantity % 1000:
        raise _not_a_number(match, groups["quantity"])
    if weight is not None:
        quantity = 1000 if quantity > 0 else -1000
    if "amount" in groups:
        amount = _amount(basket, match)
    else:
        amount = _amount(basket, match, "price") * quantity // 1000
    code = groups.get("gtin", "")
    is_gtin = len(code) in GTIN_LENGTHS and has_valid_check_digit(code.zfill(14))
    description = groups.get("description", "").strip()[:200]
    return _Item(amount, quantity, weight, code.zfill(14) if is_gtin else "", description)


def _is_weight(quantity: str, notation: Notation) -> bool:
    """Scales print grams: "3.000" is 3 kg. Two pieces are "2", or "2.00" at some tills."""
    fraction = quantity.partition(notation.decimal_mark)[2]
    return len(fraction) == 3 or bool(fraction.strip("0"))


def _take_back(basket: _Basket, gone: _Item, line_no: int) -> None:
    """The last item that it may have been, so many pieces of it."""
    for item in reversed(basket.items):
        quantity, amount = abs(gone.quantity_milli), abs(gone.amount_minor)
        if _alike(item, gone) and item.quantity_milli >= quantity and item.amount_minor >= amount:
            item.quantity_milli -= quantity
            item.amount_minor -= amount
            if item.quantity_milli == 0 == item.amount_minor:
                basket.items.remove(item)
            return
    raise _Contradiction(
        "void_without_item", Text("An item is taken back that is not there"), line_no
    )


def _alike(item: _Item, gone: _Item) -> bool:
    """A line with a word more, such as VOID, has less room for the description."""
    if item.gtin and gone.gtin:
        return item.gtin == gone.gtin
    return item.description.startswith(gone.description)


# --- whether it agrees with itself ---------------------------------------------------------------


def _total(basket: _Basket, origin: Origin) -> CashierTotal:
    amount = _one(basket, "total")
    if amount is None:
        raise _Contradiction("no_total", Text("No line with the total was found"), 0)
    _check_sum(basket, amount)
    item_count = _item_count(basket)
    if basket.rule.tenders and not basket.tenders:
        raise _Contradiction("no_tender", Text("No means of payment was found"), 0)
    total = CashierTotal(
        total_id=_identity(basket, amount, item_count, origin),
        source=origin.source,
        item_count=item_count,
        amount_minor=amount,
        lines=_lines(basket),
        tenders=tuple(basket.tenders),
        change_minor=abs(sum(basket.amounts.get("change", ()))),
        rounding_minor=sum(basket.amounts.get("rounding", ())),
        operator=basket.words.get("operator", "").strip()[:64],
    )
    for problem in problems(total):
        raise _Contradiction(problem.code, problem.text, 0)
    return total


def _one(basket: _Basket, key: str) -> int | None:
    """What all lines of a key say; they must not say different things."""
    said = set(basket.amounts.get(key, ()))
    if len(said) > 1:
        words = ", ".join(map(str, sorted(said)))
        text = Text("Several lines were taken for {key}: {words}", {"key": key, "words": words})
        raise _Contradiction("ambiguous", text, 0)
    return next(iter(said), None)


def _check_sum(basket: _Basket, amount: int) -> None:
    if not basket.rule.patterns["item"]:
        return
    if not basket.items:
        raise _Contradiction("no_items", Text("No line with an item was found"), 0)
    charged = sum(item.amount_minor for item in basket.items) - _basket_discount(basket)
    if basket.rule.rule.tax_added:
        charged += sum(basket.amounts.get("tax", ()))
    if charged != amount:
        text = Text(
            "The items add up to {sum} minor units, the total says {total}",
            {"sum": charged, "total": amount},
        )
        raise _Contradiction("sum_differs", text, 0)


def _basket_discount(basket: _Basket) -> int:
    return sum(abs(discount) for discount in basket.amounts.get("basket_discount", ()))


def _item_count(basket: _Basket) -> int:
    printed = _one(basket, "count")
    if not basket.items:
        if printed is None:
            raise _Contradiction("no_count", Text("Neither items nor an item count were found"), 0)
        return printed
    pieces = sum(item.pieces for item in basket.items)
    counted = pieces if basket.rule.rule.count_of == "pieces" else len(basket.items)
    if printed is not None and printed != counted:
        text = Text(
            "The item count is {count}, the lines hold {pieces} pieces",
            {"count": printed, "pieces": counted},
        )
        raise _Contradiction("count_differs", text, 0)
    return pieces


def _lines(basket: _Basket) -> tuple[ChargedLine, ...] | None:
    """Item by item, if each has its GTIN and its price with tax; a basket's discount shared out."""
    items = basket.items
    if not items or basket.rule.rule.tax_added or not all(item.gtin for item in items):
        return None
    amounts = _shared([item.amount_minor for item in items], _basket_discount(basket))
    return tuple(
        ChargedLine(item.gtin, item.quantity_milli, amount, item.weight_g, item.description)
        for item, amount in zip(items, amounts, strict=True)
    )


def _shared(amounts: list[int], discount: int) -> list[int]:
    """Amounts less a discount in proportion to them; nothing is lost to rounding."""
    known = sum(amounts) or 1
    shared, cut, left = 0, 0, []
    for amount in amounts:
        shared += amount
        upto = discount * shared // known
        left.append(amount - (upto - cut))
        cut = upto
    return left


def _identity(basket: _Basket, amount: int, item_count: int, origin: Origin) -> str:
    """A receipt printed again has the id it had. One without a number is known by its arrival.

    Numbers begin anew each day at many shops: a number without a date is no more than its words.
    """
    number = "".join(c for c in basket.words.get("number", "") if c.isprintable()).strip()
    if not number:
        return origin.arrival
    when = basket.words.get("when") or "\n".join(basket.plain)
    content = "\n".join((number, when, str(amount), str(item_count)))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"{number[:NUMBER_CHARS_MAX]}-{digest[:16]}"

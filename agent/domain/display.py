"""What the customer reads while things are scanned: two lines of a customer display. Pure."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import east_asian_width

from agent.domain.effects import Show
from agent.domain.money import format_minor
from agent.domain.text import Text

#: Nearly all customer displays have two lines of twenty characters.
COLUMNS = 20


def display_lines(
    show: Show, say: Callable[[Text], str], minor_digits: int
) -> tuple[str, str] | None:
    """The item and its price when it is added, the amount and the change when it is paid.

    None: the display stays as it is. What goes wrong is for the cashier, not for the customer.
    """
    match show.kind:
        case "line_item_added":
            name = str(show.data["description"] or show.data["gtin"])
            return _cut(name, COLUMNS), _two_columns("", _price(show, minor_digits))
        case "settled":
            change_minor = show.data["change_minor"]
            return (
                _amount(say(Text("Total")), show.data["amount_minor"], minor_digits),
                _amount(say(Text("Change")), change_minor, minor_digits) if change_minor else "",
            )
    return None


def _price(show: Show, minor_digits: int) -> str:
    price_minor = show.data["price_minor"]
    if not isinstance(price_minor, int):
        return ""
    per = "/kg" if show.data["sold_by"] == "weight" else ""
    return format_minor(price_minor, minor_digits) + per


def _amount(word: str, amount_minor: str | int | None, minor_digits: int) -> str:
    assert isinstance(amount_minor, int)
    return _two_columns(word, format_minor(amount_minor, minor_digits))


def _two_columns(left: str, right: str) -> str:
    """The right one flush, and whole."""
    left = _cut(left, COLUMNS - _width(right) - 1)
    return left + " " * (COLUMNS - _width(left) - _width(right)) + right


def _cut(text: str, columns: int) -> str:
    while _width(text) > max(columns, 0):
        text = text[:-1]
    return text


def _width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)

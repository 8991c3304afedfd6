"""What the customer reads of a sale, on two lines of twenty characters."""

from __future__ import annotations

from unicodedata import east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.display import COLUMNS, display_lines
from agent.domain.effects import Show
from agent.domain.text import Text
from agent.i18n import translator
from tests.lane_kit import (
    APPLES,
    MILK,
    STRANGE,
    basket,
    cash,
    charged,
    played,
    posted,
    received,
    sale,
    scanned,
)


def shown(step, say=Text.english, digits: int = 2):
    [lines] = [
        lines
        for effect in step.effects
        if isinstance(effect, Show)
        for lines in [display_lines(effect, say, digits)]
        if lines is not None
    ]
    return lines


def test_an_item_is_shown_with_its_price_flush_right():
    assert shown(played(scanned(MILK.gtin))) == ("Milk 1 l", "               12.50")


def test_goods_sold_by_weight_are_shown_with_the_price_of_a_kilogram():
    assert shown(played(scanned(APPLES.gtin))) == ("Apples", "             9.80/kg")


def test_an_item_that_nobody_knows_is_shown_by_its_number():
    assert shown(played(scanned(STRANGE))) == (STRANGE, " " * 20)


def test_at_the_end_the_total_is_shown_and_the_change():
    total = posted("T1", None, lines=(charged(MILK),), tenders=cash(2000), change_minor=750)
    ended = played(received(total), state=basket(MILK.gtin))
    assert shown(ended) == ("Total          12.50", "Change          7.50")


def test_without_change_the_second_line_is_empty():
    settled = [effect for effect in sale().effects if isinstance(effect, Show)][-1]
    assert display_lines(settled, Text.english, 0) == ("Total           1250", "")


def test_the_words_are_in_the_shops_language_and_still_stand_in_their_columns():
    settled = [effect for effect in sale().effects if isinstance(effect, Show)][-1]
    lines = display_lines(settled, translator("zh_CN"), 2)
    assert lines is not None
    assert lines[0].endswith("12.50")
    assert width(lines[0]) == COLUMNS


def test_what_goes_wrong_is_not_for_the_customer():
    for kind in ("scan_rejected", "held", "device", "receipt_unprinted"):
        assert display_lines(Show(kind, Text("x")), Text.english, 2) is None


def width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


@pytest.mark.parametrize("digits", [0, 2, 3])
@given(name=st.text(max_size=40), price_minor=st.integers(-(10**30), 10**30) | st.none())
def test_no_name_and_no_price_is_wider_than_the_display_unless_the_price_itself_is(
    digits, name, price_minor
):
    data = {"description": name, "gtin": "0", "price_minor": price_minor, "sold_by": "piece"}
    upper, lower = display_lines(Show("line_item_added", Text("x"), data), Text.english, digits)
    assert width(upper) <= COLUMNS
    assert width(lower) >= COLUMNS
    assert width(lower) == max(COLUMNS, len(lower.strip()))

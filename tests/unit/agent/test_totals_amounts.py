"""Numbers of receipts into integers, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.totals.amounts import Notation, amount_minor, quantity_milli, weight_g

POINT = Notation()
COMMA = Notation(",")
YEN = Notation(".", 0)


@pytest.mark.parametrize(
    ("words", "notation", "expected"),
    [
        ("12.34", POINT, 1234),
        ("12.5", POINT, 1250),
        ("12", POINT, 1200),
        (".50", POINT, 50),
        ("1,234.50", POINT, 123450),
        ("1.234,50", COMMA, 123450),
        ("¥12.34", POINT, 1234),
        ("EUR 12,34", COMMA, 1234),
        ("HK$12.00", POINT, 1200),
        ("12.34元", POINT, 1234),
        ("-12.34", POINT, -1234),
        ("12.34-", POINT, -1234),
        ("(12.34)", POINT, -1234),
        ("-$1.00", POINT, -100),
        ("1234", YEN, 1234),
        ("1,234", YEN, 1234),
        ("12.345", POINT, None),
        ("1,23", POINT, None),
        ("1,2345.00", POINT, None),
        ("12.", POINT, None),
        ("", POINT, None),
        ("1 2x", POINT, None),
        ("1.5", YEN, None),
        ("9" * 13, POINT, None),
    ],
)
def test_amounts(words, notation, expected):
    assert amount_minor(words, notation) == expected


@given(st.integers(0, 10**9), st.sampled_from([POINT, COMMA, YEN]), st.booleans())
def test_an_amount_is_read_as_it_was_written(minor, notation, grouped):
    whole, fraction = divmod(minor, 10**notation.minor_digits)
    words = f"{whole:,}" if grouped else str(whole)
    words = words.replace(",", notation.grouping_mark)
    if notation.minor_digits:
        words += f"{notation.decimal_mark}{fraction:0{notation.minor_digits}d}"
    assert amount_minor(words, notation) == minor
    assert amount_minor(f"-{words}", notation) == -minor


@pytest.mark.parametrize(
    ("words", "expected"), [("2", 2000), ("-2", -2000), ("0.532", 532), ("1.5", 1500), ("x", None)]
)
def test_quantities(words, expected):
    assert quantity_milli(words, POINT) == expected


@pytest.mark.parametrize(
    ("words", "unit", "expected"),
    [
        ("0.532", "kg", 532),
        ("0.532", "", 532),
        ("250", "g", 250),
        ("1.5", "斤", 750),
        ("2", "公斤", 2000),
        ("1", "LB", 454),
        ("8", "oz", 227),
        ("1", "stone", None),
        ("x", "kg", None),
    ],
)
def test_weights(words, unit, expected):
    assert weight_g(words, unit, POINT) == expected

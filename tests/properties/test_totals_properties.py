"""No bytes and no numbers break the readers of cashier totals; what is written is read again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from unittest.mock import patch

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.totals import (
    AMOUNT_MINOR_MAX,
    DESCRIPTION_CHARS_MAX,
    ITEM_COUNT_MAX,
    CashierTotal,
    ChargedLine,
    TaxAmount,
    Tender,
    TotalProblem,
    problems,
)
from agent.totals.http import INTEGER_MAX, read_total
from agent.totals.keypad import read_keyed

whole = st.integers(-INTEGER_MAX, INTEGER_MAX)
words = st.text(st.characters(exclude_categories=("Cs",)), max_size=80)
lines = st.builds(
    ChargedLine,
    st.text("0123456789", min_size=14, max_size=14),
    whole,
    whole,
    st.none() | whole,
    words,
    st.none() | whole,
)
totals = st.builds(
    CashierTotal,
    words,
    st.just("http"),
    st.none() | whole,
    st.none() | whole,
    st.none() | st.lists(lines, max_size=4).map(tuple),
    st.lists(st.builds(Tender, words, whole), max_size=3).map(tuple),
    whole,
    whole,
    st.none() | st.lists(st.builds(TaxAmount, whole, whole, whole), max_size=3).map(tuple),
    words,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["total_id", "item_count", "lines", "gtin", "amount_minor"]) | words,
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


ordinary_lines = st.builds(
    ChargedLine,
    st.sampled_from(["04710105045320", "04710105045321", "4710105045320"]),
    st.sampled_from([-1, 0, 1, 500, 1000, 2000, ITEM_COUNT_MAX * 1000, ITEM_COUNT_MAX * 1000 + 1]),
    st.sampled_from([-1, 0, 1, AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX + 1]),
    st.none() | st.sampled_from([-1, 0, 1]),
    st.sampled_from(["", "x" * DESCRIPTION_CHARS_MAX, "x" * (DESCRIPTION_CHARS_MAX + 1)]),
    st.none() | st.sampled_from([-1, 0]),
)


@given(ordinary_lines)
def test_the_one_look_at_a_line_sees_what_the_long_look_sees(line: ChargedLine) -> None:
    total = CashierTotal("T1", "http", None, None, (line,))
    with patch("agent.domain.totals._plain", return_value=False):
        at_length = problems(total)
    assert problems(total) == at_length


@given(st.binary(max_size=200))
def test_any_bytes_give_a_total_or_a_problem(body: bytes) -> None:
    assert isinstance(read_total(body), CashierTotal | TotalProblem)


@given(json_values)
def test_any_json_gives_a_total_or_a_problem_that_reads_as_a_sentence(value: object) -> None:
    read = read_total(json.dumps(value).encode())

    if isinstance(read, TotalProblem):
        assert read.code
        assert read.text.english()


@given(totals)
def test_a_total_that_is_written_is_read_again(total: CashierTotal) -> None:
    body = {name: value for name, value in asdict(total).items() if name != "source"}

    assert read_total(msgspec.json.encode(body)) == total


@given(totals)
def test_every_total_can_be_judged_and_what_passes_keeps_the_invariant(
    total: CashierTotal,
) -> None:
    found = problems(total)

    assert all(problem.code and problem.text.english() for problem in found)
    if not found and total.amount_minor is not None and total.tenders:
        paid_minor = sum(t.amount_minor for t in total.tenders) - total.change_minor
        assert paid_minor == total.amount_minor + total.rounding_minor


@given(st.integers(0, AMOUNT_MINOR_MAX // 2), st.integers(0, 500), st.integers(-100, 100))
def test_a_total_that_adds_up_passes_and_one_unit_more_does_not(
    amount_minor: int, change_minor: int, rounding_minor: int
) -> None:
    cash_minor = max(0, amount_minor + rounding_minor) + change_minor
    total = CashierTotal(
        "t",
        "http",
        1,
        max(0, amount_minor + rounding_minor) - rounding_minor,
        tenders=(Tender("cash", cash_minor),),
        change_minor=change_minor,
        rounding_minor=rounding_minor,
    )

    assert problems(total) == ()
    assert total.amount_minor is not None
    assert problems(replace(total, amount_minor=total.amount_minor + 1)) != ()


@given(st.text(max_size=30))
def test_any_keyed_text_gives_a_total_or_a_problem(digits: str) -> None:
    read = read_keyed(digits, "t", 1)

    if isinstance(read, CashierTotal):
        assert problems(read) == ()

"""A keyed number becomes a total of so many items, or a hint what to key."""

from __future__ import annotations

import pytest

from agent.domain.totals import CashierTotal, TotalProblem, problems
from agent.totals.keypad import read_keyed


@pytest.mark.parametrize(("digits", "count"), [("7", 7), ("0012", 12), ("9999", 9999)])
def test_a_count_is_a_total_without_amount(digits: str, count: int) -> None:
    total = read_keyed(digits, "0a1b2c3d-000017", 1)

    assert total == CashierTotal("0a1b2c3d-000017-keyed-1", "keypad", count)
    assert problems(total) == ()


def test_each_attempt_is_a_total_of_its_own_and_the_same_one_is_the_same() -> None:
    first, again, second = (read_keyed("3", "t", n) for n in (1, 1, 2))

    assert first == again
    assert isinstance(first, CashierTotal)
    assert isinstance(second, CashierTotal)
    assert first.total_id != second.total_id


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        ("", "keyed_empty"),
        ("0", "item_count_absurd"),
        ("000", "item_count_absurd"),
        ("10000", "item_count_absurd"),
        ("4006381333931", "item_count_absurd"),
        ("9" * 5000, "item_count_absurd"),
        ("-3", "keyed_not_a_number"),
        ("3.5", "keyed_not_a_number"),
        ("٣", "keyed_not_a_number"),
        ("²", "keyed_not_a_number"),
    ],
)
def test_what_is_no_count_is_a_problem(digits: str, code: str) -> None:
    problem = read_keyed(digits, "t", 1)

    assert isinstance(problem, TotalProblem)
    assert problem.code == code
    assert "{" not in problem.text.english()

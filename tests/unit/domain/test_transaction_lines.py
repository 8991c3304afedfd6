"""Lines that are taken back or get another price, as facts alone tell it."""

from __future__ import annotations

import pytest

from agent.domain import facts
from agent.domain.transaction import LaneState, evolve


def line(line_no):
    return facts.LineItemAdded(
        transaction_id="t",
        line_no=line_no,
        gtin=f"{line_no:014d}",
        form="GTIN-14",
        scan_label="",
        symbology="",
        quantity_milli=1000,
        known=True,
        description="",
        category="",
        price_minor=100,
        sold_by="each",
        tax_rate_bp=0,
        role="scanner",
    )


def after(*told):
    state = LaneState()
    for fact in (facts.TransactionOpened("t", 1, "2026-01-01"), line(1), line(2), *told):
        state = evolve(fact, state)
    return state.transaction


def test_a_voided_line_counts_no_more_and_its_number_is_not_given_again():
    open_ = after(facts.LineItemVoided("t", 2), line(3))

    assert [ln.line_no for ln in open_.lines] == [1, 3]
    assert [ln.line_no for ln in open_.voided] == [2]
    assert (open_.item_count, open_.amount_minor, open_.next_line_no) == (2, 200, 4)


def test_a_void_of_a_line_that_is_not_there_changes_nothing():
    assert after(facts.LineItemVoided("t", 9)) == after()


def test_an_override_is_the_price_of_its_line_alone():
    open_ = after(facts.LineItemOverridden("t", 1, 30))
    assert [ln.price_minor for ln in open_.lines] == [30, 100]


@pytest.mark.parametrize(
    "fact", [facts.LineItemVoided("t", 1), facts.LineItemOverridden("t", 1, 30)]
)
def test_without_an_open_transaction_neither_means_anything(fact):
    assert evolve(fact, LaneState()) == LaneState()

"""Scans against charges: the same evidence is always judged the same, with reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.assessment import Assessment, Evidence, Finding, Pieces, amount_gap, assess
from agent.domain.text import Text


def pieces(gtin, count=1, amount_minor=100, description="", category=""):
    return Pieces(gtin, count, amount_minor, description, category)


def evidence(scanned, charged=None, count=None, amount_minor=None, categories=()):
    return Evidence(tuple(scanned), count, amount_minor, charged and tuple(charged), categories)


def judged_as(evidence):
    """The judgement without how sure it is and who else it may be."""
    return replace(assess(evidence), confidence_permille=1000, candidates=())


CLEAN = Assessment("clean", 0, ())


def test_the_same_pieces_are_clean_whatever_their_order_and_grouping():
    scanned = [pieces("a"), pieces("b"), pieces("a")]

    assert judged_as(evidence(scanned, [pieces("b"), pieces("a", 2)])) == CLEAN


def test_a_charged_item_that_was_not_scanned_is_missed_with_its_value_and_category():
    scanned = [pieces("a"), pieces("a")]
    charged = [pieces("a", 2), pieces("b", 3, 600, "Tea", "drinks")]

    judged = judged_as(evidence(scanned, charged))

    reason = Text("{count} × {item} charged but not scanned", {"count": 3, "item": "Tea"})
    assert judged == Assessment(
        "suspected", 3, (Finding("missed_item", 3, "b", "drinks", 600, reason),)
    )


def test_the_value_of_some_missed_pieces_of_many_is_their_share():
    judged = judged_as(evidence([pieces("a")], [pieces("a", 4, 1000)]))

    assert (judged.missed_count, judged.findings[0].value_minor) == (3, 750)


def test_a_scanned_item_that_was_not_charged_is_suspected_but_not_missed():
    judged = judged_as(evidence([pieces("a", 2, 100, "Tea"), pieces("b")], [pieces("b")]))

    reason = Text("{count} × {item} scanned but not charged", {"count": 2, "item": "Tea"})
    assert judged == Assessment(
        "suspected", 0, (Finding("scanned_not_charged", 2, "a", None, None, reason),)
    )


def test_one_item_keyed_in_for_another_is_both():
    judged = judged_as(evidence([pieces("b")], [pieces("a", 1, None)]))

    assert [(f.kind, f.gtin, f.value_minor) for f in judged.findings] == [
        ("missed_item", "a", 0),
        ("scanned_not_charged", "b", None),
    ]
    assert judged.missed_count == 1


def test_equal_counts_are_clean_where_no_lines_are_given():
    assert judged_as(evidence([pieces("a", 2), pieces("b")], count=3)) == CLEAN


def test_no_count_and_no_lines_leave_nothing_to_compare():
    assert judged_as(evidence([pieces("a")])) == CLEAN


def test_a_higher_count_is_missed_items_worth_the_gap_of_the_likeliest_category():
    judged = judged_as(
        evidence(
            [pieces("a")], count=2, amount_minor=350, categories=("tea", "milk", "bread", "milk")
        )
    )

    reason = Text(
        "the cashier counted {charged}, the scanner {scanned}", {"charged": 2, "scanned": 1}
    )
    assert judged == Assessment(
        "suspected", 1, (Finding("missed_item", 1, None, "milk", 250, reason),)
    )


def test_among_categories_as_likely_the_first_by_name_is_said():
    judged = judged_as(evidence([pieces("a")], count=2, categories=("tea", "bread")))

    assert judged.findings[0].category == "bread"


def test_without_a_category_that_fits_none_is_said():
    assert judged_as(evidence([pieces("a")], count=5)).findings[0].category is None


def test_a_lower_count_is_scanned_but_not_charged():
    judged = judged_as(evidence([pieces("a", 3)], count=1))

    assert [(f.kind, f.count) for f in judged.findings] == [("scanned_not_charged", 2)]
    assert (judged.verdict, judged.missed_count) == ("suspected", 0)


@pytest.mark.parametrize(
    ("amounts", "charged_minor", "gap_minor"),
    [
        ([100, 200], 350, 50),
        ([100, 200], 300, None),
        ([100, 200], 200, None),
        ([100, None], 350, None),
        ([100, 200], None, None),
        ([], 50, 50),
    ],
)
def test_the_gap_is_what_was_charged_above_known_prices(amounts, charged_minor, gap_minor):
    assert amount_gap(tuple(pieces("a", 1, a) for a in amounts), charged_minor) == gap_minor


some_pieces = st.builds(
    Pieces,
    st.sampled_from("abcd"),
    st.integers(1, 3),
    st.none() | st.integers(0, 500),
    st.sampled_from(["", "Tea"]),
    st.sampled_from(["", "drinks"]),
)
baskets = st.lists(some_pieces, max_size=6).map(tuple)


@given(baskets, baskets, st.randoms(use_true_random=False))
def test_missed_and_surplus_pieces_balance_the_two_counts(scanned, charged, random):
    judged = judged_as(Evidence(scanned, None, None, charged))

    surplus = sum(f.count for f in judged.findings if f.kind == "scanned_not_charged")
    count_of = lambda some: sum(p.count for p in some)  # noqa: E731  a word for one line
    assert judged.missed_count - surplus == count_of(charged) - count_of(scanned)
    assert (judged.verdict == "clean") == (not judged.findings)
    assert all(f.count > 0 for f in judged.findings)

    mixed = tuple(random.sample(scanned, len(scanned)))
    counted = [
        (f.kind, f.gtin, f.count) for f in judged_as(Evidence(mixed, None, None, charged)).findings
    ]
    assert counted == [(f.kind, f.gtin, f.count) for f in judged.findings]

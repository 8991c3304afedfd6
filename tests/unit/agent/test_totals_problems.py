"""Every rule of `problems`: a good total passes, each bad one is named by code and place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.totals import (
    AMOUNT_MINOR_MAX,
    ITEM_COUNT_MAX,
    LINES_MAX,
    ROUNDING_MINOR_MAX,
    CashierTotal,
    ChargedLine,
    TaxAmount,
    Tender,
    problems,
)

MILK = ChargedLine("04006381333931", 2000, 398)
APPLES = ChargedLine("00000096385074", 1000, 202, weight_g=512)
GOOD = CashierTotal(
    total_id="pos-1-0001",
    source="http",
    item_count=3,
    amount_minor=600,
    lines=(MILK, APPLES),
    tenders=(Tender("cash", 1000),),
    change_minor=400,
    taxes=(TaxAmount(500, 571, 29),),
    operator="Wang 王",
)


def codes(total: CashierTotal) -> list[tuple[str, str]]:
    return [(problem.code, problem.path) for problem in problems(total)]


def with_line(line: ChargedLine, **changes: object) -> CashierTotal:
    """A total of one line that agrees with it in count and amount."""
    return CashierTotal(
        "t",
        "http",
        item_count=max(1, min(line.pieces, ITEM_COUNT_MAX)),
        lines=(replace(line, **changes),),
    )


@pytest.mark.parametrize(
    "total",
    [
        GOOD,
        replace(GOOD, rounding_minor=-2, change_minor=402),
        replace(GOOD, tenders=(), change_minor=0),
        replace(GOOD, item_count=None),
        replace(GOOD, amount_minor=None, taxes=None),
        replace(GOOD, lines=None),
        replace(GOOD, tenders=(Tender("card", 300), Tender("cash", 700))),
        CashierTotal("t", "keypad", 12),
        CashierTotal("t", "http", ITEM_COUNT_MAX, AMOUNT_MINOR_MAX),
        CashierTotal("t", "http", 1, 0),
    ],
)
def test_a_good_total_has_no_problems(total: CashierTotal) -> None:
    assert codes(total) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"total_id": ""}, ("total_id_empty", "total_id")),
        ({"total_id": "x" * 65}, ("too_long", "total_id")),
        ({"total_id": "a\x00b"}, ("not_printable", "total_id")),
        ({"operator": "o" * 65}, ("too_long", "operator")),
        ({"operator": "\n"}, ("not_printable", "operator")),
        ({"item_count": None, "lines": None}, ("nothing_given", "")),
        ({"item_count": 0, "lines": None}, ("item_count_absurd", "item_count")),
        ({"item_count": -1, "lines": None}, ("item_count_absurd", "item_count")),
        (
            {"item_count": ITEM_COUNT_MAX + 1, "lines": None},
            ("item_count_absurd", "item_count"),
        ),
        ({"item_count": 4}, ("item_count_does_not_match", "item_count")),
        ({"tenders": (Tender("cash", 1001),)}, ("tenders_do_not_match", "tenders")),
        ({"rounding_minor": 1}, ("tenders_do_not_match", "tenders")),
        ({"taxes": (TaxAmount(500, 571, 30),)}, ("taxes_do_not_match", "taxes")),
        ({"lines": (MILK, replace(APPLES, amount_minor=203))}, ("lines_do_not_match", "lines")),
    ],
)
def test_one_wrong_field_is_the_one_problem_named(
    changes: dict[str, object], expected: tuple[str, str]
) -> None:
    assert codes(replace(GOOD, **changes)) == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gtin": "04006381333932"}, ("gtin_invalid", "lines[0].gtin")),
        ({"gtin": "4006381333931"}, ("gtin_invalid", "lines[0].gtin")),
        ({"gtin": ""}, ("gtin_invalid", "lines[0].gtin")),
        ({"gtin": "٠٤٠٠٦٣٨١٣٣٣٩٣١"}, ("gtin_invalid", "lines[0].gtin")),
        ({"amount_minor": -1}, ("amount_negative", "lines[0].amount_minor")),
        ({"amount_minor": AMOUNT_MINOR_MAX + 1}, ("amount_absurd", "lines[0].amount_minor")),
        ({"quantity_milli": 2500}, ("quantity_not_whole", "lines[0].quantity_milli")),
        ({"weight_g": 0}, ("weight_absurd", "lines[0].weight_g")),
        ({"weight_g": 1_000_001}, ("weight_absurd", "lines[0].weight_g")),
        ({"description": "d" * 201}, ("too_long", "lines[0].description")),
        ({"tax_rate_bp": -1}, ("tax_rate_absurd", "lines[0].tax_rate_bp")),
        ({"tax_rate_bp": 10_001}, ("tax_rate_absurd", "lines[0].tax_rate_bp")),
    ],
)
def test_a_wrong_line_is_named_by_its_place(
    changes: dict[str, object], expected: tuple[str, str]
) -> None:
    total = replace(with_line(MILK, **changes), item_count=None)

    assert codes(total) == [expected]


@pytest.mark.parametrize("quantity_milli", [0, -1000, (ITEM_COUNT_MAX + 1) * 1000])
def test_a_quantity_must_be_positive_and_no_slip(quantity_milli: int) -> None:
    total = CashierTotal("t", "http", None, lines=(replace(MILK, quantity_milli=quantity_milli),))

    assert codes(total) == [("quantity_absurd", "lines[0].quantity_milli")]


def test_a_weighed_line_may_have_any_fraction_and_counts_as_one() -> None:
    assert codes(with_line(replace(APPLES, quantity_milli=512))) == []
    assert codes(replace(with_line(APPLES), item_count=1)) == []


def test_an_empty_list_of_lines_is_not_a_basket() -> None:
    assert codes(CashierTotal("t", "http", None, lines=())) == [("lines_absurd", "lines")]


def test_lines_beyond_the_limit_are_refused_and_not_read() -> None:
    bad = replace(MILK, quantity_milli=1000, gtin="x")
    lines = (replace(MILK, quantity_milli=1000),) * LINES_MAX + (bad,)

    assert codes(CashierTotal("t", "http", None, lines=lines)) == [("lines_absurd", "lines")]


@pytest.mark.parametrize("rounding_minor", [ROUNDING_MINOR_MAX + 1, -ROUNDING_MINOR_MAX - 1])
def test_rounding_hides_no_discount(rounding_minor: int) -> None:
    total = CashierTotal("t", "http", 1, 500, rounding_minor=rounding_minor)

    assert codes(total) == [("rounding_absurd", "rounding_minor")]


@pytest.mark.parametrize("tender_type", ["", "Cash", "we chat", "x" * 33, "现金", "cash\n"])
def test_a_tender_type_is_a_plain_word(tender_type: str) -> None:
    total = CashierTotal("t", "http", 1, 500, tenders=(Tender(tender_type, 500),))

    assert codes(total) == [("tender_type_invalid", "tenders[0].tender_type")]


def test_change_comes_out_of_cash_only() -> None:
    by_card = replace(GOOD, tenders=(Tender("card", 900), Tender("cash", 100)))
    from_nothing = replace(GOOD, tenders=())

    assert codes(by_card) == [("change_exceeds_cash", "change_minor")]
    assert codes(from_nothing) == [("change_exceeds_cash", "change_minor")]


def test_negative_amounts_are_named_wherever_they_stand() -> None:
    total = CashierTotal(
        "t",
        "http",
        1,
        amount_minor=-5,
        tenders=(Tender("cash", -5),),
        change_minor=-1,
        taxes=(TaxAmount(500, -4, -1),),
    )

    negative = [path for code, path in codes(total) if code == "amount_negative"]
    assert negative == [
        "amount_minor",
        "change_minor",
        "tenders[0].amount_minor",
        "taxes[0].net_minor",
        "taxes[0].tax_minor",
    ]


def test_taxes_without_an_amount_are_only_checked_one_by_one() -> None:
    total = CashierTotal("t", "http", 1, taxes=(TaxAmount(10_001, 5, 1),))

    assert codes(total) == [("tax_rate_absurd", "taxes[0].rate_bp")]


def test_every_problem_is_reported_at_once_and_reads_as_a_sentence() -> None:
    total = CashierTotal("", "http", None, -1, change_minor=-1, rounding_minor=999)

    found = problems(total)

    assert len(found) == 5
    assert all("{" not in problem.text.english() for problem in found)

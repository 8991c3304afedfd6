"""A posted body becomes a cashier total, or one clear reason with its place."""

from __future__ import annotations

import dataclasses
import json

import pytest

from agent.domain.totals import (
    CashierTotal,
    ChargedLine,
    TaxAmount,
    Tender,
    TotalProblem,
    problems,
)
from agent.totals.http import LineBody, TaxBody, TenderBody, TotalBody, read_total

FULL = {
    "total_id": "pos-1-0001",
    "item_count": 3,
    "amount_minor": 600,
    "lines": [
        {
            "gtin": "4006381333931",
            "quantity_milli": 2000,
            "amount_minor": 398,
            "description": "Milch 牛奶",
            "tax_rate_bp": 500,
        },
        {"gtin": "96385074", "amount_minor": 202, "weight_g": 512},
    ],
    "tenders": [{"tender_type": "cash", "amount_minor": 1000}],
    "change_minor": 402,
    "rounding_minor": -2,
    "taxes": [{"rate_bp": 500, "net_minor": 571, "tax_minor": 29}],
    "operator": "wang",
}


def reason(body: bytes) -> tuple[str, str, str]:
    problem = read_total(body)
    assert isinstance(problem, TotalProblem)
    return problem.code, problem.path, problem.text.english()


def test_all_fields_arrive() -> None:
    assert read_total(json.dumps(FULL).encode()) == CashierTotal(
        total_id="pos-1-0001",
        source="http",
        item_count=3,
        amount_minor=600,
        lines=(
            ChargedLine("04006381333931", 2000, 398, None, "Milch 牛奶", 500),
            ChargedLine("00000096385074", 1000, 202, 512),
        ),
        tenders=(Tender("cash", 1000),),
        change_minor=402,
        rounding_minor=-2,
        taxes=(TaxAmount(500, 571, 29),),
        operator="wang",
    )


def test_the_full_total_is_also_a_good_one() -> None:
    total = read_total(json.dumps(FULL).encode())

    assert isinstance(total, CashierTotal)
    assert problems(total) == ()


def test_an_id_and_a_count_are_enough() -> None:
    assert read_total(b'{"total_id":"a","item_count":7}') == CashierTotal("a", "http", 7)


@pytest.mark.parametrize(
    ("body", "domain"),
    [
        (TotalBody, CashierTotal),
        (LineBody, ChargedLine),
        (TenderBody, Tender),
        (TaxBody, TaxAmount),
    ],
)
def test_the_posted_names_are_those_of_the_domain(body: type, domain: type) -> None:
    fields = {field.name for field in dataclasses.fields(domain)} - {"source"}

    assert set(body.__struct_fields__) == fields


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        ("4006381333931", "04006381333931"),
        ("10012345678902", "10012345678902"),
        ("123", "123"),
        ("123456789012345", "123456789012345"),
    ],
)
def test_a_gtin_of_any_form_is_kept_as_14_digits(written: str, read: str) -> None:
    body = {"total_id": "a", "lines": [{"gtin": written, "amount_minor": 1}]}
    total = read_total(json.dumps(body).encode())

    assert isinstance(total, CashierTotal)
    assert total.lines is not None
    assert total.lines[0].gtin == read


@pytest.mark.parametrize(
    ("body", "code", "path", "words"),
    [
        (b"", "json_malformed", "", "at byte 0: it ends too early"),
        (b'{"total_id":', "json_malformed", "", "at byte 12: it ends too early"),
        (b'{"total_id":"a",}', "json_malformed", "", "at byte 16: trailing comma"),
        (b'{"total_id":"a"} x', "json_malformed", "", "at byte 18: trailing characters"),
        (b"\xef\xbb\xbf{}", "json_malformed", "", "at byte 0: invalid character"),
        ('{"total_id":"王"}'.encode("gb18030"), "json_malformed", "", "not UTF-8, at byte 13"),
        (b"[]", "value_invalid", "", "body: expected object, got array"),
        (b"null", "value_invalid", "", "body: expected object, got null"),
        (b"{}", "field_missing", "total_id", "total_id is missing"),
        (
            b'{"total_id":"a","lines":[{"gtin":"1"}]}',
            "field_missing",
            "lines[0].amount_minor",
            "lines[0].amount_minor is missing",
        ),
        (b'{"total_id":7}', "value_invalid", "total_id", "total_id: expected str, got int"),
        (
            b'{"total_id":"a","item_count":1.0}',
            "value_invalid",
            "item_count",
            "expected int | null, got float",
        ),
        (b'{"total_id":"a","change_minor":true}', "value_invalid", "change_minor", "got bool"),
        (
            b'{"total_id":"a","amount_minor":99999999999999999999999}',
            "value_invalid",
            "amount_minor",
            "out of range",
        ),
        (b'{"total_id":"a","amount_minor":1e999}', "value_invalid", "amount_minor", "out of"),
        (
            b'{"total_id":"a","amount":5}',
            "field_unknown",
            "amount",
            "nearest name is amount_minor",
        ),
        (
            b'{"total_id":"a","tenders":[{"type":"cash"}]}',
            "field_unknown",
            "tenders[0].type",
            "nearest name is tender_type",
        ),
        (b'{"":1}', "field_unknown", "", "nearest name is"),
        (b'{"x` - at `$.foo":1}', "field_unknown", "foo.x", "nearest name is"),
    ],
)
def test_what_is_no_total_is_refused_with_its_place(
    body: bytes, code: str, path: str, words: str
) -> None:
    found_code, found_path, sentence = reason(body)

    assert (found_code, found_path) == (code, path)
    assert words in sentence


def test_a_reason_without_words_of_our_own_is_passed_on() -> None:
    code, path, sentence = reason(b'{"a - at `$b":1}')

    assert (code, path) == ("value_invalid", "b")
    assert "unknown field" in sentence

"""A shop's own labels: item, weight, price and count, by its rules and by its country's."""

from __future__ import annotations

import re
from decimal import Decimal

import biip
import pytest
from biip import ParseConfig
from biip.rcn import Rcn, RcnRegion
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.gtin import TradeItem, has_valid_check_digit
from agent.domain.rcn import (
    PATTERN,
    REGIONS,
    Label,
    LabelRules,
    Measure,
    RcnRule,
    read_measured,
)

CHINA = RcnRule("21IIIIIVVVVVK", "weight", 3)
USA = RcnRule("2IIIIICVVVVK", "price", 2)


def checked(payload: str) -> bytes:
    """A label with its check digit."""
    return next(
        f"{payload}{digit}".encode()
        for digit in range(10)
        if has_valid_check_digit(f"{payload}{digit}")
    )


def read(label: bytes, *rules: RcnRule, minor_digits: int = 2, symbology: str = "") -> object:
    return read_measured(label, symbology, LabelRules(rules, minor_digits))


def gtin(payload: str) -> str:
    return checked(payload).decode().zfill(14)


def test_weight_is_in_grams_and_the_item_has_zeros_in_its_place() -> None:
    assert read(checked("211234501234"), CHINA) == Label(
        TradeItem(gtin("211234500000"), "GTIN-13"), Measure(weight_g=1234)
    )


def test_check_digit_of_the_measure_is_verified_and_zeroed() -> None:
    # gs1_price_weight_check_digit("2875") is 9: GS1 General Specifications, 7.9.3
    assert read(checked("21234592875"), USA) == Label(
        TradeItem(gtin("21234500000"), "GTIN-12"), Measure(amount_minor=2875)
    )
    assert read(checked("21234582875"), USA) == "check_digit"


def test_twelve_digits_are_the_same_label_with_a_zero_before_them() -> None:
    as_ean = read(b"0" + checked("21234592875"), USA)
    assert as_ean == Label(TradeItem(gtin("21234500000"), "GTIN-13"), Measure(amount_minor=2875))


def test_eight_digits_have_rules_of_their_own() -> None:
    short = RcnRule("2IIIVVVK", "count", 0)
    assert read(checked("2123012"), short) == Label(
        TradeItem(gtin("2123000"), "GTIN-8"), Measure(count=12)
    )
    assert read(b"00000" + checked("2123012"), short) == Label(
        TradeItem(gtin("2123012"), "GTIN-13")
    )


@pytest.mark.parametrize(
    ("kind", "decimals", "minor_digits", "measure"),
    [
        ("price", 2, 2, Measure(amount_minor=1234)),
        ("price", 0, 2, Measure(amount_minor=123_400)),
        ("price", 2, 0, Measure(amount_minor=12)),
        ("price", 3, 2, Measure(amount_minor=123)),
        ("weight", 3, 2, Measure(weight_g=1234)),
        ("weight", 1, 2, Measure(weight_g=123_400)),
        ("count", 0, 2, Measure(count=1234)),
    ],
)
def test_decimals_are_those_of_the_rule(
    kind: str, decimals: int, minor_digits: int, measure: Measure
) -> None:
    label = read(
        checked("211234501234"), RcnRule("21IIIIIVVVVVK", kind, decimals), minor_digits=minor_digits
    )
    assert isinstance(label, Label)
    assert label.measure == measure


def test_half_a_minor_unit_counts_up() -> None:
    label = read(checked("211234501235"), RcnRule("21IIIIIVVVVVK", "price", 3))
    assert isinstance(label, Label)
    assert label.measure == Measure(amount_minor=124)


def test_measure_need_not_stand_last_and_what_is_neither_is_zeroed() -> None:
    rule = RcnRule("29XVVVVVIIIIK", "weight", 3)
    assert read(checked("297012341234"), rule) == Label(
        TradeItem(gtin("290000001234"), "GTIN-13"), Measure(weight_g=1234)
    )


def test_label_made_without_a_measure_has_none() -> None:
    assert read(checked("211234500000"), CHINA) == Label(TradeItem(gtin("211234500000"), "GTIN-13"))


def test_first_rule_that_fits_wins() -> None:
    label = read(checked("211234501234"), RcnRule("21IIIIIVVVVVK", "price", 2), CHINA)
    assert isinstance(label, Label)
    assert label.measure == Measure(amount_minor=1234)


@pytest.mark.parametrize(
    ("label", "symbology"),
    [(b"4006381333931", "]E0"), (checked("221234501234"), ""), (b"14006381333938", "]I1")],
)
def test_other_labels_are_read_as_ever(label: bytes, symbology: str) -> None:
    with_rules = read(label, CHINA, USA, symbology=symbology)
    assert with_rules == read(label, symbology=symbology)
    assert isinstance(with_rules, Label)
    assert with_rules.measure is None


def test_number_in_a_gs1_label_is_read_alike() -> None:
    label = b"01" + gtin("211234501234").encode()
    assert read(label, CHINA, symbology="]e0") == read(checked("211234501234"), CHINA)


def test_label_that_names_no_item_is_the_problem_it_ever_was() -> None:
    assert read(b"2112345012345", CHINA) == "check_digit"
    assert read(b"", CHINA) == "empty"


@pytest.mark.parametrize(
    "pattern",
    [
        "28IIIICVVVVVK",
        "2IIIIICVVVVK",
        "21IIIIIVVVVVK",
        "2IIIVVVK",
        "21IIIIVVVVVVK",
        "29XVVVVVIIIIK",
    ],
)
def test_good_patterns(pattern: str) -> None:
    assert re.fullmatch(PATTERN, pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "IIIIIIIVVVVVK",  # reads every number
        "28IIIICVVVVV",  # no last digit
        "28IIIIIIIIIIK",  # no measure
        "28IIIIICVVVK",  # GS1 has no check digit for three digits
        "28VVIIIIVVVVK",  # two measures
        "28IIIICVVVVVVK",  # fourteen
        "28 IIICVVVVVK",
    ],
)
def test_bad_patterns(pattern: str) -> None:
    assert not re.fullmatch(PATTERN, pattern)


@pytest.mark.parametrize("region", sorted(set(REGIONS) - {"none"}))
@given(payload=st.text("0123456789", min_size=10, max_size=10), prefix=st.integers(20, 29))
def test_countries_read_what_biip_reads(region: str, payload: str, prefix: int) -> None:
    label = checked(f"{prefix}{payload}")
    config = ParseConfig(rcn_region=RcnRegion(region), rcn_verify_variable_measure=True)
    ours = read(label, *REGIONS[region])
    theirs = biip.parse(label.decode(), config=config).gtin
    if theirs is None:
        assert ours == "check_digit"
        return
    assert isinstance(theirs, Rcn)
    assert isinstance(ours, Label)
    assert ours.item.gtin == theirs.without_variable_measure().as_gtin_14()
    measure = ours.measure or Measure()
    assert (measure.weight_g or 0) == int((theirs.weight or Decimal(0)) * 1000)
    assert (measure.amount_minor or 0) == int((theirs.price or Decimal(0)) * 100)
    assert (measure.count or 0) == (theirs.count or 0)


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_countries_rules_are_good_patterns(region: str) -> None:
    assert all(re.fullmatch(PATTERN, rule.pattern) for rule in REGIONS[region])
    assert REGIONS["none"] == ()

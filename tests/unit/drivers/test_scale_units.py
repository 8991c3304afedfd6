"""What scales write, in whole grams."""

import pytest

from drivers.base import ProtocolError
from drivers.line.units import GRAMS, grams, read_grams


@pytest.mark.parametrize(
    ("count", "decimals", "unit", "weight_g"),
    [
        (1235, 3, "kg", 1235),
        (12, 0, "kg", 12_000),
        (3, -2, "g", 300),
        (100, 2, "lb", 454),  # 453.59237
        (3000, 2, "lb", 13_608),  # 13607.7711
        (10, 1, "oz", 28),  # 28.349523125
        (160, 1, "oz", 454),
        (2, 3, "t", 2000),
        (1499, 0, "mg", 1),
        (-1235, 3, "kg", -1235),
    ],
)
def test_a_count_of_a_unit_is_whole_grams(count, decimals, unit, weight_g):
    assert grams(count, decimals, unit) == weight_g


@pytest.mark.parametrize(
    ("milligrams", "weight_g"),
    [(500, 0), (501, 1), (1499, 1), (1500, 2), (2500, 2), (3500, 4), (-500, 0), (-1500, -2)],
)
def test_a_half_goes_to_the_even_gram(milligrams, weight_g):
    assert grams(milligrams, 0, "mg") == weight_g


def test_sixteen_ounces_are_a_pound_exactly():
    ounce, pound = GRAMS["oz"], GRAMS["lb"]
    assert 16 * ounce[0] * pound[1] == pound[0] * ounce[1]


@pytest.mark.parametrize(
    ("written", "unit", "weight_g"),
    [
        (b"01.235", b"kg", 1235),
        (b" 1.235", b"KG", 1235),
        (b"    5", b"g  ", 5),
        (b"-00.050", b"kg", -50),
        (b"-   0.050", b"kg", -50),
        (b"+1.0", b"lb", 454),
    ],
)
def test_numbers_are_read_as_scales_write_them(written, unit, weight_g):
    assert read_grams(written, unit) == weight_g


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        (b"", b"kg"),
        (b"1.", b"kg"),
        (b".5", b"kg"),
        (b"1,5", b"kg"),
        (b"1.2.3", b"kg"),
        (b"1 2", b"kg"),
        (b"--1", b"kg"),
        (b"FFFFFF", b"kg"),
        (b"1.5", b"pcs"),
        (b"1.5", b""),
        (b"1.5", b"\xff"),
    ],
)
def test_what_is_no_number_or_no_unit_is_a_protocol_error(written, unit):
    with pytest.raises(ProtocolError):
        read_grams(written, unit)

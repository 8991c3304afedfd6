"""One pack with two marks is one item; two equal packs are two, whatever they carry."""

import pytest

from agent.domain.dual_marks import DualMarks

MS = 1_000_000
GTIN, OTHER = "04006381333931", "00000096385074"
LINEAR, QR = "]E0", "]Q3"


def reads(*rows: tuple[str, str, str, int], window_ms: int = 300) -> list[bool]:
    marks = DualMarks(window_ms)
    return [
        marks.is_other_mark(role, gtin, symbology, ms * MS) for role, gtin, symbology, ms in rows
    ]


@pytest.mark.parametrize(("first", "second"), [(LINEAR, QR), (QR, LINEAR), ("]e0", "]d2")])
def test_second_mark_of_a_pack_is_no_item(first: str, second: str) -> None:
    assert reads(("s", GTIN, first, 0), ("s", GTIN, second, 100)) == [False, True]


def test_two_equal_packs_with_two_marks_each_are_two_items() -> None:
    assert reads(
        ("s", GTIN, LINEAR, 0),
        ("s", GTIN, QR, 100),
        ("s", GTIN, LINEAR, 200),
        ("s", GTIN, QR, 290),
    ) == [False, True, False, True]


@pytest.mark.parametrize("symbology", [LINEAR, QR, ""])
def test_two_reads_of_one_sort_are_two_items(symbology: str) -> None:
    assert reads(("s", GTIN, symbology, 0), ("s", GTIN, symbology, 1)) == [False, False]


def test_two_linear_codes_of_different_symbologies_are_two_items() -> None:
    assert reads(("s", GTIN, "]E0", 0), ("s", GTIN, "]C1", 1)) == [False, False]


@pytest.mark.parametrize(
    "second",
    [
        ("s", GTIN, QR, 300),
        ("s", OTHER, QR, 100),
        ("other scanner", GTIN, QR, 100),
        ("s", GTIN, "", 100),
    ],
)
def test_later_another_elsewhere_or_unnamed_is_an_item(second: tuple[str, str, str, int]) -> None:
    assert reads(("s", GTIN, LINEAR, 0), second) == [False, False]


def test_item_between_two_marks_makes_them_two_items() -> None:
    assert reads(("s", GTIN, LINEAR, 0), ("s", OTHER, LINEAR, 50), ("s", GTIN, QR, 100)) == [
        False,
        False,
        False,
    ]


def test_switched_off_every_read_is_an_item() -> None:
    assert reads(("s", GTIN, LINEAR, 0), ("s", GTIN, QR, 0), window_ms=0) == [False, False]

"""A label becomes a GTIN of 14 digits, or the reason why it is none; never an exception."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.gs1 import GS1_SYMBOLOGIES, read_label
from agent.domain.gtin import TradeItem, has_valid_check_digit
from agent.domain.troubles import SCAN_TEXTS

GTIN = "04006381333931"
GS = "\x1d"


@pytest.mark.parametrize(
    ("label", "symbology", "gtin", "form"),
    [
        ("96385074", "]E4", "00000096385074", "GTIN-8"),
        ("96385074", "", "00000096385074", "GTIN-8"),
        ("042100005264", "]E0", "00042100005264", "GTIN-12"),
        ("4006381333931", "]E0", GTIN, "GTIN-13"),
        ("4006381333931", "", GTIN, "GTIN-13"),
        ("14006381333938", "]I1", "14006381333938", "GTIN-14"),
        ("  4006381333931\r", "]E0", GTIN, "GTIN-13"),
    ],
)
def test_plain_digits_are_read_by_their_length(label, symbology, gtin, form):
    assert read_label(label.encode(), symbology) == TradeItem(gtin, form)


@pytest.mark.parametrize(
    ("label", "gtin"),
    [
        ("04252614", "00042100005264"),  # …0, 1, 2: maker of three digits
        ("01234133", "00012300000413"),  # …3
        ("01234543", "00012340000053"),  # …4
        ("01234565", "00012345000065"),  # …5 to 9
    ],
)
def test_upc_e_that_says_so_stands_for_twelve_digits(label, gtin):
    assert has_valid_check_digit(gtin)
    assert read_label(label.encode(), "]E0") == TradeItem(gtin, "UPC-E")


def test_eight_digits_without_an_identifier_are_a_gtin_8_and_never_guessed_to_be_upc_e():
    assert read_label(b"04252614", "") == "check_digit"


@pytest.mark.parametrize("label", [b"04252613", b"94252614"])
def test_upc_e_with_a_wrong_check_digit_or_number_system_is_a_misread(label):
    assert read_label(label, "]E0") == "check_digit"


@pytest.mark.parametrize("symbology", ["", *sorted(GS1_SYMBOLOGIES)])
@pytest.mark.parametrize(
    "rest",
    [
        "",
        "17271231",  # best before
        "10LOT7",
        f"10LOT7{GS}17271231",
        "3103001250",  # net weight
    ],
)
def test_element_strings_name_the_item_by_application_identifier_01(symbology, rest):
    found = read_label(f"01{GTIN}{rest}".encode(), symbology)

    assert isinstance(found, TradeItem)
    assert found.gtin == GTIN


def test_an_element_string_may_hold_other_elements_first():
    found = read_label(f"17271231{'01' + GTIN}".encode(), "]C1")

    assert isinstance(found, TradeItem)
    assert found.gtin == GTIN


def test_a_leading_fnc1_sent_as_group_separator_is_no_obstacle():
    found = read_label(f"{GS}01{GTIN}".encode(), "]d2")

    assert isinstance(found, TradeItem)
    assert found.gtin == GTIN


def test_a_wrong_date_behind_a_good_gtin_does_not_hide_it():
    assert read_label(f"01{GTIN}17991399".encode(), "]C1") == TradeItem(GTIN, "GTIN-14")


def test_a_wrong_check_digit_is_not_saved_by_what_follows():
    assert read_label(b"010400638133393217991399", "]C1") == "not_gtin"


@pytest.mark.parametrize("symbology", ["]Q1", "]d1", "]Q3", ""])
@pytest.mark.parametrize(
    "link",
    [
        f"https://id.gs1.org/01/{GTIN}",
        f"https://shop.example/some/path/01/{GTIN}/10/LOT7?17=271231",
        f"HTTPS://ID.GS1.ORG/01/{GTIN}",
        f"http://id.gs1.org/01/{GTIN}",
    ],
)
def test_a_digital_link_names_the_item_whatever_identifier_came_with_it(link, symbology):
    found = read_label(link.encode(), symbology)

    assert isinstance(found, TradeItem)
    assert found.gtin == GTIN


@pytest.mark.parametrize(
    ("label", "symbology", "reason"),
    [
        ("", "", "empty"),
        ("  \r\n", "]E0", "empty"),
        ("4006381333932", "]E0", "check_digit"),
        ("96385073", "]E4", "check_digit"),
        ("400638133393", "]E0", "check_digit"),  # one digit lost: twelve, but no GTIN-12
        ("40063", "]E0", "length"),
        ("400638133393112", "]E3", "length"),
        ("1", "", "length"),
        ("40063813339314006381333931", "", "not_gtin"),  # two scans run together
        ("https://example.com/menu", "]Q1", "not_gtin"),
        ("https://id.gs1.org/01/04006381333932", "]Q1", "not_gtin"),
        ("WIFI:S:shop;;", "]Q1", "not_gtin"),
        (f"(01){GTIN}", "", "not_gtin"),  # the words under the bars, typed by hand
        ("00340123450000000018", "]C1", "not_gtin"),  # an SSCC: a pallet, no item
        ("²³¹4", "", "not_gtin"),
        ("4006381333931", "]C1", "not_gtin"),  # FNC1 in front: (40)06381333931, no item
    ],
)
def test_what_names_no_item_says_why(label, symbology, reason):
    assert read_label(label.encode("latin-1"), symbology) == reason


@pytest.mark.parametrize("symbology", ["]", "]C", "]Z", "E0", "]E", "\x00", "]é1", "]C1]C1"])
def test_a_mutilated_identifier_raises_nothing_and_hides_no_plain_gtin(symbology):
    assert read_label(b"4006381333931", symbology) == TradeItem(GTIN, "GTIN-13")
    assert read_label(b"x", symbology) == "not_gtin"


@given(st.binary(max_size=64), st.text(max_size=4))
def test_any_bytes_are_an_item_or_a_known_reason(label, symbology):
    found = read_label(label, symbology)

    if isinstance(found, TradeItem):
        assert len(found.gtin) == 14
        assert has_valid_check_digit(found.gtin)
    else:
        assert found in SCAN_TEXTS


element_strings = st.lists(
    st.sampled_from(["01", GTIN, "17", "271231", "10", "LOT", "21", "3103", "001250", "37", GS])
    | st.text("0123456789", max_size=6),
    max_size=8,
).map("".join)


@given(
    element_strings | element_strings.map(lambda path: f"https://id.gs1.org/{path}"),
    st.sampled_from(["", "]C1", "]e0", "]d2", "]Q3", "]Q1", "]E0", "]"]),
)
def test_almost_good_element_strings_and_links_raise_nothing(text, symbology):
    found = read_label(text.encode(), symbology)

    assert isinstance(found, TradeItem) or found in SCAN_TEXTS


@given(st.text("0123456789", min_size=7, max_size=13))
def test_exactly_one_check_digit_fits(digits):
    assert [has_valid_check_digit(digits + d) for d in "0123456789"].count(True) == 1


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_one_misread_digit_is_always_noticed(digits, place, shift):
    good = next(digits + d for d in "0123456789" if has_valid_check_digit(digits + d))
    other = str((int(good[place]) + shift) % 10)

    assert read_label((good[:place] + other + good[place + 1 :]).encode(), "]E0") == "check_digit"


@pytest.mark.parametrize("text", ["", "4", "٤٠", "²²", "40a", "-1"])
def test_what_is_not_two_ascii_digits_at_least_has_no_check_digit(text):
    assert not has_valid_check_digit(text)

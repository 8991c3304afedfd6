"""Keyboard layouts: what they write, and that no two of their levels are mixed up."""

import string

import pytest

from drivers.hid.layouts import LAYOUTS


@pytest.fixture(params=sorted(LAYOUTS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_us_writes_all_printable_ascii() -> None:
    us = LAYOUTS["us"]
    assert {*us.plain.values(), *us.shift.values()} == {chr(n) for n in range(0x20, 0x7F)}


def test_every_layout_writes_letters_and_digits(name: str) -> None:
    layout = LAYOUTS[name]
    written = {*layout.plain.values(), *layout.shift.values()}
    assert written >= set(string.ascii_letters + string.digits)


def test_no_character_stands_twice_on_a_level(name: str) -> None:
    layout = LAYOUTS[name]
    for level in (layout.plain, layout.shift, layout.altgr):
        chars = [char for code, char in level.items() if char != " "]
        assert len(chars) == len(set(chars))


def test_letters_have_their_capital_on_the_same_key(name: str) -> None:
    layout = LAYOUTS[name]
    for code, char in layout.plain.items():
        if char in string.ascii_lowercase:
            assert layout.shift[code] == char.upper()


@pytest.mark.parametrize(
    ("layout", "level", "code", "char"),
    [
        ("uk", "shift", 3, '"'),
        ("uk", "shift", 40, "@"),
        ("uk", "plain", 43, "#"),
        ("de", "plain", 21, "z"),
        ("de", "shift", 8, "/"),
        ("de", "altgr", 16, "@"),
        ("de", "altgr", 86, "|"),
        ("fr", "plain", 30, "q"),
        ("fr", "shift", 2, "1"),
        ("fr", "altgr", 11, "@"),
        ("fr", "plain", 43, "*"),
    ],
)
def test_layout_samples(layout: str, level: str, code: int, char: str) -> None:
    """Read off xkeyboard-config's symbols/gb, de and fr."""
    assert getattr(LAYOUTS[layout], level)[code] == char

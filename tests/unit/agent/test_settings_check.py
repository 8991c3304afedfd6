"""`agent.domain.settings.check`: every error of a file, with line, key, range and nearest key."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.settings import (
    SettingError,
    allowed,
    check,
    chosen,
    nearest_of,
    option,
    options_of,
    shown,
)
from agent.domain.text import Text
from drivers.base import option as driver_option


@dataclass(frozen=True, slots=True)
class Shop:
    name: str = option(MISSING, "the shop's name", pattern="[A-Z]+")
    rate_bp: int = option(5, "tax", unit="bp", low=0, high=100)
    language: str = option("en", "of the screen", choices=("en", "zh_CN"))
    lines: tuple[str, ...] = option((), "of the header")
    open: bool = option(True, "on Sundays")
    big: int = option(0, "without bounds")


@dataclass(frozen=True, slots=True)
class SerialOptions:
    path: str = option(MISSING, "where it is plugged in")
    baud: int = option(9600, "line speed", unit="Bd", choices=(2400, 9600))


@dataclass(frozen=True, slots=True)
class Device:
    role: str = option(MISSING, "its name")
    kind: str = option(MISSING, "what it is")
    options: Any = chosen()


@dataclass(frozen=True, slots=True)
class House:
    shop: Shop
    device: tuple[Device, ...] = ()


def choose(table: Any) -> type | SettingError | None:
    match table.get("kind"):
        case "serial":
            return SerialOptions
        case str(kind):
            return SettingError(0, "kind", Text("no {kind} here", {"kind": kind}))
        case _:
            return None


def complaints(text: str, cls: type = House) -> list[tuple[int, str, str]]:
    checked = check(text, cls, choose=choose)
    assert (checked.value is None) == bool(checked.errors)
    return [(error.line, error.key, error.message) for error in checked.errors]


def test_a_right_file_becomes_the_tree_of_dataclasses():
    text = """
[shop]
name = "ABC"
lines = ["a", "b"]
[[device]]
role = "scale"
kind = "serial"
path = "/dev/ttyS0"
"""
    value = check(text, House, choose=choose).value
    assert value == House(
        Shop("ABC", lines=("a", "b")),
        (Device("scale", "serial", SerialOptions("/dev/ttyS0", 9600)),),
    )


def test_every_error_is_named_in_the_order_of_lines():
    text = """
[shop]
name = "abc"
rate_bp = 101
langauge = "en"
language = "zh-CN"
[[device]]
role = "scale"
kind = "serial"
path = 7
baud = 9601
[[device]]
role = "scanner"
kind = "laser"
"""
    assert complaints(text) == [
        (3, "shop.name", 'is "abc"; allowed: [A-Z]+'),
        (4, "shop.rate_bp", "is 101; allowed: 0…100 bp"),
        (5, "shop.langauge", "not known here; did you mean language?"),
        (6, "shop.language", 'is "zh-CN"; allowed: "en", "zh_CN"; did you mean zh_CN?'),
        (10, "device.1.path", "must be text in quotes, not 7"),
        (11, "device.1.baud", "is 9601; allowed: 2400, 9600; did you mean 9600?"),
        (14, "device.2.kind", "no laser here"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", (0, "shop.name", "this key must be given")),
        ("[shop]", (1, "shop.name", "this key must be given")),
        ("shop = 3", (1, "shop", "must be a table, not 3")),
        ("shop = [3]", (1, "shop", "must be a table, not […]")),
        ('shop.name = "A"\ndevice = {}', (2, "device", "must be a list, not {…}")),
        ('device = [3]\nshop.name = "A"', (1, "device.1", "must be a table, not 3")),
        ("shop.name = true", (1, "shop.name", "must be text in quotes, not true")),
        ('shop.name = "A"\nshop.open = 1', (2, "shop.open", "must be true or false, not 1")),
        (
            'shop.name = "A"\nshop.rate_bp = true',
            (2, "shop.rate_bp", "must be a whole number, not true"),
        ),
        (
            'shop.name = "A"\nshop.rate_bp = 1.5',
            (2, "shop.rate_bp", "must be a whole number, not 1.5"),
        ),
        (
            'shop.name = "A"\nshop.rate_bp = false',
            (2, "shop.rate_bp", "must be a whole number, not false"),
        ),
        ('shop.name = "A"\nshop.rate_bp = -1', (2, "shop.rate_bp", "is -1; allowed: 0…100 bp")),
        (
            'shop.name = "A"\nshop.language = "tlh"',
            (2, "shop.language", 'is "tlh"; allowed: "en", "zh_CN"'),
        ),
        (
            'shop.name = "A"\nshop.lines = [\n "a",\n 2]',
            (4, "shop.lines.2", "must be text in quotes, not 2"),
        ),
        (
            'shop.name = "A"\nshop."b c" = 1',
            (
                2,
                'shop."b c"',
                "not known here; there are: big, language, lines, name, open, rate_bp",
            ),
        ),
        (
            'shop.name = "A"\nshop.big = 0x1_0000_0000_0000_0000',
            (2, "shop.big", "is 0x10000000000000000…; allowed: 64 bit"),
        ),
        ("[shop]\nname = ", (2, "", "not valid TOML: Invalid value")),
        ('[shop]\nname = "A"\nname = "B"', (3, "", "not valid TOML: Cannot overwrite a value")),
    ],
)
def test_one_error_is_named_by_line_and_key(text, complaint):
    assert complaints(text) == [complaint]


def test_a_device_too_broken_to_tell_its_driver_keeps_its_other_complaints():
    assert complaints('shop.name = "A"\n[[device]]\nrole = 1\nanything = 2') == [
        (2, "device.1.kind", "this key must be given"),
        (3, "device.1.role", "must be text in quotes, not 1"),
    ]


def test_values_of_any_length_are_cut_in_messages():
    ((_, _, message),) = complaints(f'shop.name = "{"a" * 500}"')
    assert len(message) < 80
    ((_, _, message),) = complaints(f'shop.name = "A"\nshop.big = 0x{"f" * 5000}')
    assert len(message) < 80


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "1" * 5000, "a = '''"])
def test_hostile_toml_is_an_error_not_a_crash(text):
    ((_, key, message),) = complaints(text)
    assert key == ""
    assert message.startswith("not valid TOML: ")


def test_a_cross_check_sees_all_right_values_by_path_and_complains_at_their_line():
    seen = {}

    def cross_check(values):
        seen.update(values)
        return [(("shop", "name"), Text("too short"))]

    text = '[shop]\nname = "A"\nrate_bp = 500'
    checked = check(text, House, choose=choose, cross_check=cross_check)
    assert [(e.line, e.key) for e in checked.errors] == [(2, "shop.name"), (3, "shop.rate_bp")]
    assert seen["shop", "name"] == "A"
    assert seen["shop", "language"] == "en"
    assert ("shop", "rate_bp") not in seen


def test_options_of_leaves_out_what_a_driver_fills_in():
    assert [f.name for f in options_of(Device)] == ["role", "kind"]


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"low": 5, "high": 600, "unit": "s"}, "5…600 s"),
        ({"low": 1}, "≥ 1"),
        ({"high": 9, "unit": "g"}, "≤ 9 g"),
        ({"choices": ("a", 2)}, '"a", 2'),
        ({"pattern": "[a-z]"}, "[a-z]"),
        ({}, ""),
    ],
)
def test_what_an_option_allows_is_shown_in_signs(limits, text):
    @dataclass
    class Settings:
        one: int = option(1, "help", **limits)

    (one,) = fields(Settings)
    assert allowed(one.metadata) == text


def test_one_sided_bounds_are_enforced():
    @dataclass
    class Settings:
        low: int = option(5, "help", low=5)
        high: int = option(5, "help", high=5)

    assert complaints("low = 4\nhigh = 6", Settings) == [
        (1, "low", "is 4; allowed: ≥ 5"),
        (2, "high", "is 6; allowed: ≤ 5"),
    ]
    assert complaints("low = 6\nhigh = 4", Settings) == []


@dataclass
class Printer:
    """Options that depend on each other, as `drivers.base.option` declares them."""

    transport: str = driver_option("tcp", "how", choices=("tcp", "usb"))
    host: str = driver_option("", "where", needed_if=("transport", ("tcp",)))
    left_pct: int = driver_option(0, "from", low=0, high=99, below="right_pct")
    right_pct: int = driver_option(100, "to", low=1, high=100)
    antennas: tuple[int, ...] = driver_option((), "which", low=1, high=4)
    flow: str = driver_option("off", "how", only_if=("transport", ("usb", "lp")))


@dataclass
class Gate:
    """An RFID reader's options, with those of its antennas that face the next lane."""

    antennas: tuple[int, ...] = driver_option((1,), "in use", low=1, high=4, least=1)
    theirs: tuple[int, ...] = driver_option((), "next lane's", low=1, high=4, part_of="antennas")
    all: tuple[int, ...] = driver_option((), "in use; none: all")
    far: tuple[int, ...] = driver_option((), "next lane's", part_of="all")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('transport = "usb"', []),
        ('host = "printer"', []),
        ("", [(0, "host", 'must be given, as transport is "tcp"')]),
        (
            'transport = "tpc"',
            [(1, "transport", 'is "tpc"; allowed: "tcp", "usb"; did you mean tcp?')],
        ),
        ("host = 1", [(1, "host", "must be text in quotes, not 1")]),
        (
            'host = "p"\nleft_pct = 40\nright_pct = 40',
            [(2, "left_pct", "is 40; must be less than right_pct, which is 40")],
        ),
        (
            'host = "p"\nleft_pct = 40\nright_pct = "x"',
            [(3, "right_pct", 'must be a whole number, not "x"')],
        ),
        ('host = "p"\nantennas = [1, 5]', [(2, "antennas.2", "is 5; allowed: 1…4")]),
        ('transport = "usb"\nflow = "on"', []),
        ('host = "p"\nflow = "off"', []),
        (
            'host = "p"\nflow = "on"',
            [(2, "flow", 'is "on"; goes only with transport = "usb", "lp", not "tcp"')],
        ),
        (
            'flow = "on"\ntransport = 3',
            [(2, "transport", "must be text in quotes, not 3")],
        ),
    ],
)
def test_what_options_say_of_each_other_is_checked(text, found):
    assert complaints(text, Printer) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("antennas = [1, 2]\ntheirs = [2]\nfar = [7]", []),
        ("antennas = []", [(1, "antennas", "must have at least 1 element")]),
        (
            "theirs = [2]",
            [(1, "theirs", "is [2]; must be a part of antennas, which is [1], and not all")],
        ),
        (
            "antennas = [1, 2]\ntheirs = [2, 1]",
            [(2, "theirs", "is [2, 1]; must be a part of antennas, which is [1, 2], and not all")],
        ),
        ("all = [7, 8]\nfar = [7]", []),
        (
            "all = [7]\nfar = [7]",
            [(2, "far", "is [7]; must be a part of all, which is [7], and not all")],
        ),
        ("antennas = [5]\ntheirs = [2]", [(1, "antennas.1", "is 5; allowed: 1…4")]),
    ],
)
def test_what_lists_say_of_each_other_is_checked(text, found):
    assert complaints(text, Gate) == found


def test_the_nearest_word_forgives_case_and_slips():
    assert nearest_of("Lanuage", ["language", "lane"]) == "language"
    assert nearest_of("quite-else", ["language", "lane"]) == ""


def test_a_value_is_shown_as_it_stands_in_a_file():
    assert [shown(v) for v in ('a"b', 3, True, None)] == [r'"a\"b"', "3", "true", "None"]


TOML_LIKE = st.text(
    st.one_of(st.sampled_from("[]{}=\"'#\\.,\n\r\t abshop1"), st.characters()), max_size=60
)


@given(TOML_LIKE)
def test_no_text_raises(text):
    checked = check(text, House, choose=choose)
    assert (checked.value is None) == bool(checked.errors)


SCALARS = st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=5), st.booleans())
TREES = st.dictionaries(
    st.sampled_from([*(f.name for f in fields(Shop)), "x", "shop"]),
    st.one_of(SCALARS, st.lists(SCALARS, max_size=2)),
)


def toml_literal(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
        case list():
            return f"[{', '.join(map(toml_literal, value))}]"
    raise AssertionError(value)


@given(TREES)
def test_no_valid_toml_raises_and_what_passes_was_read_as_written(tree):
    text = "[shop]\n" + "".join(f"{key} = {toml_literal(tree[key])}\n" for key in tree)
    assert tomllib.loads(text) == {"shop": tree}
    checked = check(text, House, choose=choose)
    if checked.value is not None:
        for key, value in tree.items():
            read = getattr(checked.value.shop, key)
            assert (list(read) if isinstance(value, list) else read) == value
    for error in checked.errors:
        assert 1 <= error.line <= len(tree) + 1

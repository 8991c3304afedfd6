"""Keyboard layouts: what they write, and that no two of their levels are mixed up."""

import ctypes
import ctypes.util
import string
from collections.abc import Callable

import pytest

from drivers.hid.layouts import LAYOUTS

XKB_NAMES = {"uk": ("gb", ""), "fr": ("fr", "azerty")}


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
        ("es", "altgr", 3, "@"),
        ("es", "shift", 8, "/"),
        ("it", "altgr", 39, "@"),
        ("it", "shift", 8, "/"),
        ("be", "shift", 52, "/"),
        ("be", "altgr", 3, "@"),
        ("be", "plain", 13, "-"),
        ("ch", "plain", 21, "z"),
        ("ch", "altgr", 26, "["),
    ],
)
def test_layout_samples(layout: str, level: str, code: int, char: str) -> None:
    """Read off xkeyboard-config's symbols/gb, de, fr, es, it, be and ch."""
    assert getattr(LAYOUTS[layout], level)[code] == char


class RuleNames(ctypes.Structure):
    """struct xkb_rule_names, xkbcommon/xkbcommon.h."""

    _fields_ = tuple(
        (name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options")
    )


def xkb_reader(name: str) -> Callable[[int, int], str]:
    """What this machine's own keyboard tables write: (key code, level from 0) to a character."""
    library = ctypes.util.find_library("xkbcommon")
    if library is None:
        pytest.skip("NOT TESTED HERE: no libxkbcommon to compare the layouts with")
    xkb = ctypes.CDLL(library)
    xkb.xkb_context_new.restype = ctypes.c_void_p
    xkb.xkb_keymap_new_from_names.restype = ctypes.c_void_p
    xkb.xkb_keymap_new_from_names.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    xkb.xkb_keysym_to_utf32.restype = ctypes.c_uint32
    layout, variant = XKB_NAMES.get(name, (name, ""))
    wanted = RuleNames(b"evdev", b"pc105", layout.encode(), variant.encode(), b"")
    keymap = xkb.xkb_keymap_new_from_names(xkb.xkb_context_new(0), ctypes.byref(wanted), 0)
    if not keymap:
        pytest.skip("NOT TESTED HERE: no xkb-data to compare the layouts with")

    def read(code: int, level: int) -> str:
        syms = ctypes.POINTER(ctypes.c_uint32)()
        count = xkb.xkb_keymap_key_get_syms_by_level(
            ctypes.c_void_p(keymap), code + 8, 0, level, ctypes.byref(syms)
        )
        return chr(xkb.xkb_keysym_to_utf32(syms[0])) if count == 1 else ""

    return read


def test_layout_writes_what_the_tables_of_xkb_write(name: str) -> None:
    """Each character of ours, on each level; what is left out here is lossy and never wrong."""
    read = xkb_reader(name)
    layout = LAYOUTS[name]
    for level, chars in enumerate((layout.plain, layout.shift, layout.altgr)):
        ours = {code: char for code, char in chars.items() if char != " "}
        assert {code: read(code, level) for code in ours} == ours

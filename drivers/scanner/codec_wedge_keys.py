"""Tables of the wedge codec: which byte a key writes, by the modifiers held with it.

Labels are bytes: ASCII, and above it CP1252, which is what Alt codes with a leading zero enter.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.hid import keycodes as k
from drivers.hid.layouts import LAYOUTS, Layout

GS = 0x1D  #: FNC1 between two GS1 element strings

#: Which keys end a label, by the option `terminator`. A key that does not is part of the label.
TERMINATORS: dict[str, frozenset[int]] = {
    "enter": frozenset({k.KEY_ENTER, k.KEY_KPENTER}),
    "tab": frozenset({k.KEY_TAB}),
    "enter_or_tab": frozenset({k.KEY_ENTER, k.KEY_KPENTER, k.KEY_TAB}),
    "none": frozenset(),
}

#: The key that stands for GS beside Ctrl + ], by the option `gs_key`.
GS_KEYS: dict[str, int | None] = {"ctrl+]": None, "f8": k.KEY_F8}

MODIFIER_BITS: dict[int, int] = {
    k.KEY_LEFTSHIFT: 1 << 0,
    k.KEY_RIGHTSHIFT: 1 << 1,
    k.KEY_LEFTCTRL: 1 << 2,
    k.KEY_RIGHTCTRL: 1 << 3,
    k.KEY_LEFTALT: 1 << 4,
    k.KEY_RIGHTALT: 1 << 5,
    k.KEY_LEFTMETA: 1 << 6,
    k.KEY_RIGHTMETA: 1 << 7,
}
SHIFT, CTRL, ALT, ALTGR, META = 0b11, 0b11 << 2, 0b11 << 4, 1 << 5, 0b11 << 6

#: A key writes one byte in one level of `key_tables`.
KeyTable = Mapping[int, int]


def level_of(modifiers: int, *, caps: bool) -> str:
    """The level that the held modifiers choose; Ctrl and Alt together are AltGr, as on Windows."""
    if modifiers & META:
        return "none"
    if modifiers & ALTGR or (modifiers & ALT and modifiers & CTRL):
        return "none" if modifiers & SHIFT else "altgr"
    if modifiers & ALT:
        return "none"
    if modifiers & CTRL:
        return "control"
    if modifiers & SHIFT:
        return "caps_shift" if caps else "shift"
    return "caps" if caps else "plain"


def key_tables(layout: str, terminator: str, gs_key: str) -> dict[str, KeyTable]:
    """Per level, the byte that each key writes; terminators are left out."""
    keys = LAYOUTS[layout]
    block = k.KEYPAD_DIGITS | k.KEYPAD_SIGNS
    ends = {k.KEY_ENTER: "\r", k.KEY_KPENTER: "\r", k.KEY_TAB: "\t"}
    plain = {**ends, **block, **keys.plain}
    if (gs_code := GS_KEYS[gs_key]) is not None:
        plain[gs_code] = chr(GS)
    caps, caps_shift = _caps_lock(plain, keys.shift)
    levels = {
        "plain": plain,
        "shift": keys.shift,
        "caps": caps,
        "caps_shift": caps_shift,
        "altgr": keys.altgr,
        "control": _control(keys),
        "none": {},
    }
    return {
        level: {
            code: char.encode("cp1252")[0]
            for code, char in chars.items()
            if code not in TERMINATORS[terminator]
        }
        for level, chars in levels.items()
    }


def _caps_lock(
    plain: Mapping[int, str], shift: Mapping[int, str]
) -> tuple[dict[int, str], dict[int, str]]:
    """Both levels under Caps Lock, which swaps them for letters only."""
    letters = {code for code, char in plain.items() if char.upper() == shift.get(code) != char}
    return (
        {code: shift[code] if code in letters else char for code, char in plain.items()},
        {code: plain[code] if code in letters else char for code, char in shift.items()},
    )


def _control(layout: Layout) -> dict[int, str]:
    """Ctrl + key: ASCII 0x40 to 0x5F less 0x40, with or without Shift.

    ESC, FS and GS stand on the same three keys in all layouts of Windows, whatever those write.
    """
    return {
        code: chr(ord(char) - 0x40)
        for level in (layout.plain, layout.shift)
        for code, char in level.items()
        if 0x40 <= ord(char) <= 0x5F
    } | {k.KEY_LEFTBRACE: "\x1b", k.KEY_BACKSLASH: "\x1c", k.KEY_RIGHTBRACE: chr(GS)}


def alt_byte(digits: str, *, at_once: bool) -> int | None:
    """The byte that Alt and these digits enter; None if it is not certain.

    Alt + 0nn and 0nnn are a CP1252 byte, Alt + nnn a CP437 one. Wedges send three digits or more:
    fewer means that one was lost. That happens to wedges that press all digits at once, because the
    kernel sees a key that is pressed twice in one report only once; what is left of such a 0nnn
    then reads as a control character (unix.stackexchange.com 392654 shows one: 080 arrives as 08).
    """
    if not 3 <= len(digits) <= 4 or int(digits) > 0xFF:
        return None
    number = int(digits)
    if number < 0x20 and at_once and number != GS:
        return None
    if digits.startswith("0") or number < 0x80:
        return number
    written = bytes([number]).decode("cp437").encode("cp1252", "ignore")
    return written[0] if written else None

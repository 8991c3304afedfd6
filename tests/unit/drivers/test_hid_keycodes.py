"""The written-out numbers are the kernel's."""

from evdev import ecodes

from drivers.hid import keycodes
from drivers.hid.keycodes import KEY_OF_USAGE, KEYPAD_DIGITS, KEYPAD_SIGNS, TOP_ROW_DIGITS

SIGN_NAMES = {
    "/": "KEY_KPSLASH",
    "*": "KEY_KPASTERISK",
    "-": "KEY_KPMINUS",
    "+": "KEY_KPPLUS",
    ".": "KEY_KPDOT",
    "=": "KEY_KPEQUAL",
    ",": "KEY_KPCOMMA",
}


def test_constants_are_those_of_the_kernel() -> None:
    ours = {
        name: number
        for name, number in vars(keycodes).items()
        if name.startswith(("KEY_", "EV_", "SYN_", "MSC_")) and isinstance(number, int)
    }
    assert len(ours) > 25
    assert ours == {name: getattr(ecodes, name) for name in ours}


def test_digits_and_signs_are_on_their_keys() -> None:
    assert {d: getattr(ecodes, f"KEY_{d}") for d in "0123456789"} == {
        char: code for code, char in TOP_ROW_DIGITS.items()
    }
    assert {d: getattr(ecodes, f"KEY_KP{d}") for d in "0123456789"} == {
        char: code for code, char in KEYPAD_DIGITS.items()
    }
    assert {getattr(ecodes, name): sign for sign, name in SIGN_NAMES.items()} == KEYPAD_SIGNS


def test_usages_lead_to_their_keys() -> None:
    """Samples from the HID usage tables, page 0x07."""
    samples = {
        0x04: "KEY_A",
        0x1D: "KEY_Z",
        0x1E: "KEY_1",
        0x27: "KEY_0",
        0x28: "KEY_ENTER",
        0x32: "KEY_BACKSLASH",
        0x39: "KEY_CAPSLOCK",
        0x41: "KEY_F8",
        0x52: "KEY_UP",
        0x58: "KEY_KPENTER",
        0x5D: "KEY_KP5",
        0x62: "KEY_KP0",
        0x64: "KEY_102ND",
        0xE0: "KEY_LEFTCTRL",
        0xE6: "KEY_RIGHTALT",
        0xE7: "KEY_RIGHTMETA",
    }
    assert {usage: KEY_OF_USAGE[usage] for usage in samples} == {
        usage: getattr(ecodes, name) for usage, name in samples.items()
    }

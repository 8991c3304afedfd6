"""A numeric keypad's own side: what a cashier keys, as the keyboard reports it sends."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.hid import keycodes as k
from drivers.hid.sim import NO_KEYS, report

_KEYS = {digit: code for code, digit in k.KEYPAD_DIGITS.items()} | {
    "\b": k.KEY_BACKSPACE,
    "\x1b": k.KEY_ESC,
    "\r": k.KEY_KPENTER,
}


def reports(keyed: str) -> Iterator[bytes]:
    r"""The reports of keys pressed one by one: digits, "\b", "\x1b" for Esc, "\r" for Enter."""
    for char in keyed:
        yield report(_KEYS[char])
        yield NO_KEYS

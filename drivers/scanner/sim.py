"""A wedge scanner's own side: a label to the keyboard reports that it sends, in each of its styles.

    output = FifoOutput("/run/lane/scanner"); output.send(Wedge().reports(b"4006381333931", "]E0"))

Styles (sources in codec_hid_wedge): `keys` presses the layout's keys, modifiers in a report of
their own; `alt` enters each byte as Alt + 0nn or 0nnn on the numeric block, one key a report, after
NumLock; `alt_437` the same as Alt + nnn; `alt_at_once` puts all digits of a byte into one report,
which Linux cannot read where a digit repeats; `block` presses digits on the numeric block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from drivers.hid import keycodes as k
from drivers.hid.layouts import LAYOUTS
from drivers.hid.sim import NO_KEYS, report
from drivers.scanner.codec_wedge_keys import GS

_BLOCK_KEYS = {digit: code for code, digit in k.KEYPAD_DIGITS.items()}

_TERMINATOR_KEYS = {"enter": k.KEY_ENTER, "kp_enter": k.KEY_KPENTER, "tab": k.KEY_TAB}

_CONTROL_KEYS = {0x1B: k.KEY_LEFTBRACE, 0x1C: k.KEY_BACKSLASH, GS: k.KEY_RIGHTBRACE}


@dataclass(frozen=True, slots=True)
class Wedge:
    """A scanner as it was set up with the programming labels of its manual."""

    layout: str = "us"
    style: str = "keys"
    terminator: str = "enter"  #: "enter", "kp_enter", "tab", or "" for none
    gs_key: str = "ctrl+]"  #: or "f8"
    prefix: bytes = b""
    suffix: bytes = b""

    def reports(self, label: bytes, symbology: str = "") -> list[bytes]:
        """The reports of one scan; `symbology` is the AIM identifier, "" if switched off.

        Raises ValueError for a byte that this style cannot send.
        """
        style = _STYLES[self.style]
        sent = [report(k.KEY_NUMLOCK), NO_KEYS] if self.style in ("alt", "alt_437") else []
        for byte in self.prefix + symbology.encode("ascii") + label + self.suffix:
            sent += style(self, byte)
        if self.terminator:
            sent += [report(_TERMINATOR_KEYS[self.terminator]), NO_KEYS]
        return sent


def _keys(wedge: Wedge, byte: int) -> Iterator[bytes]:
    *modifiers, key = _chord(wedge, byte)
    if modifiers:
        yield report(*modifiers)
    yield report(*modifiers, key)
    if modifiers:
        yield report(*modifiers)
    yield NO_KEYS


def _chord(wedge: Wedge, byte: int) -> tuple[int, ...]:
    """The keys for one byte, modifiers first."""
    layout = LAYOUTS[wedge.layout]
    char = bytes([byte]).decode("cp1252")
    for modifiers, level in (
        ((), layout.plain),
        ((k.KEY_LEFTSHIFT,), layout.shift),
        ((k.KEY_RIGHTALT,), layout.altgr),
    ):
        for code, written in level.items():
            if written == char:
                return (*modifiers, code)
    if byte == GS and wedge.gs_key == "f8":
        return (k.KEY_F8,)
    if byte in _CONTROL_KEYS:
        return (k.KEY_LEFTCTRL, _CONTROL_KEYS[byte])
    if 0x00 < byte < 0x1B:
        return (k.KEY_LEFTCTRL, *_chord(wedge, byte + 0x60))
    raise ValueError(f"no key of the layout {wedge.layout} writes the byte {byte:#04x}")


def _alt(number: str) -> Iterator[bytes]:
    yield report(k.KEY_LEFTALT)
    for digit, before in zip(number, " " + number, strict=False):
        if digit == before:
            yield report(k.KEY_LEFTALT)
        yield report(k.KEY_LEFTALT, _BLOCK_KEYS[digit])
    yield report(k.KEY_LEFTALT)
    yield NO_KEYS


def _alt_1252(_: Wedge, byte: int) -> Iterator[bytes]:
    return _alt(f"0{byte:02}")


def _alt_437(_: Wedge, byte: int) -> Iterator[bytes]:
    char = bytes([byte]).decode("cp1252")
    return _alt(f"{char.encode('cp437')[0]:03}" if byte >= 0x80 else f"{byte:03}")


def _alt_at_once(_: Wedge, byte: int) -> Iterator[bytes]:
    yield report(k.KEY_LEFTALT, *(_BLOCK_KEYS[digit] for digit in f"0{byte:02}"))
    yield NO_KEYS


def _block(wedge: Wedge, byte: int) -> Iterator[bytes]:
    if chr(byte) not in _BLOCK_KEYS:
        return _keys(wedge, byte)
    return iter((report(_BLOCK_KEYS[chr(byte)]), NO_KEYS))


_STYLES: dict[str, Callable[[Wedge, int], Iterator[bytes]]] = {
    "keys": _keys,
    "alt": _alt_1252,
    "alt_437": _alt_437,
    "alt_at_once": _alt_at_once,
    "block": _block,
}

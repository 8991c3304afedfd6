"""A numeric keypad's keys to the numbers keyed on it: digits, Backspace, Esc to clear, Enter."""

from __future__ import annotations

from drivers.base import KeyedNumber
from drivers.hid.codec_input_event import InputEvent, InputEventDecoder
from drivers.hid.keycodes import (
    EV_SYN,
    KEY_BACKSPACE,
    KEY_ENTER,
    KEY_ESC,
    KEY_KPENTER,
    KEYPAD_DIGITS,
    PRESSED,
    TOP_ROW_DIGITS,
)

#: More than any number at a till has: a longer one stays as absurd as it was when it is cut here.
DIGITS_MAX = 18

_DIGITS = TOP_ROW_DIGITS | KEYPAD_DIGITS


class NumericDecoder:
    """One keypad's key events to `KeyedNumber`. Never raises.

    A number with lost keys is not emitted, and one left unfinished for `forget_ms` is forgotten, so
    that its digits cannot become part of the next one.
    """

    def __init__(self, role: str, *, forget_ms: int = 15_000) -> None:
        self._role = role
        self._forget_ns = forget_ms * 1_000_000
        self._events = InputEventDecoder()
        self._read_ns = 0  # when the last byte was read
        self._digits = ""
        self._lost = False

    def feed(self, data: bytes, mono_ns: int) -> list[KeyedNumber]:
        """Take bytes that were read at `mono_ns`; return the numbers that they end."""
        self.flush(mono_ns)
        self._read_ns = mono_ns
        return [number for event in self._events.feed(data) for number in self._take(event)]

    def next_timeout(self) -> int | None:
        """When to call `flush` (monotonic, ns) if nothing comes before; None if nothing waits."""
        return self._read_ns + self._forget_ns if self._digits or self._lost else None

    def flush(self, mono_ns: int) -> list[KeyedNumber]:
        """Forget an unfinished number, if it has lain long enough at `mono_ns`. Never emits."""
        deadline_ns = self.next_timeout()
        if deadline_ns is not None and mono_ns >= deadline_ns:
            self._clear()
        return []

    def disconnected(self) -> list[KeyedNumber]:
        """The device is gone, and the unfinished number with it."""
        self._clear()
        return []

    def _take(self, event: InputEvent) -> list[KeyedNumber]:
        if event.kind == EV_SYN:
            self._clear()
            self._lost = True
        elif event.value != PRESSED:
            pass
        elif event.code in _DIGITS:
            self._digits = (self._digits + _DIGITS[event.code])[:DIGITS_MAX]
        elif event.code == KEY_BACKSPACE:
            self._digits = self._digits[:-1]
        elif event.code == KEY_ESC:
            self._clear()
        elif event.code in (KEY_ENTER, KEY_KPENTER):
            return self._enter()
        return []

    def _enter(self) -> list[KeyedNumber]:
        digits, lost = self._digits, self._lost
        self._clear()
        return [] if lost else [KeyedNumber(self._role, digits, self._read_ns)]

    def _clear(self) -> None:
        self._digits = ""
        self._lost = False

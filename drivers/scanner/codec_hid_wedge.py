"""What a scanner types, as a USB keyboard ("keyboard wedge"), to labels.

A wedge presses keys so that a computer with a certain keyboard layout would write the label. It
holds Shift, holds Ctrl for control characters, or holds Alt and enters character numbers on the
numeric block; it ends the label with Enter or Tab, or with silence. This decoder is the computer's
side of that, without a screen. What it cannot read with certainty it marks as lossy; it guesses
nothing, and never joins the remains of one label to the next.

Sources: key listings of a Datalogic Gryphon GFS4400 (stackoverflow.com 43284404), of a 2D scanner
with Ctrl chords (stackoverflow.com 19732978) and of one that presses the keys of an Alt code all at
once (unix.stackexchange.com 392654); Datalogic Gryphon I GD4100 reference, appendix F: control
characters are Ctrl + key or Ctrl + capital key, characters from 0x80 on are CP1252.
"""

from __future__ import annotations

from drivers.base import ScanData
from drivers.hid.codec_input_event import InputEventDecoder
from drivers.hid.keycodes import (
    EV_SYN,
    KEY_CAPSLOCK,
    KEY_NUMLOCK,
    KEY_SCROLLLOCK,
    KEYPAD_DIGITS,
    PRESSED,
    RELEASED,
)
from drivers.scanner.codec_wedge_keys import (
    ALT,
    MODIFIER_BITS,
    TERMINATORS,
    alt_byte,
    key_tables,
    level_of,
)
from drivers.scanner.labels import LABEL_BYTES_MAX, scan_of

_IGNORED = frozenset({KEY_NUMLOCK, KEY_SCROLLLOCK})
_ALT_DIGIT_KEYS = frozenset(KEYPAD_DIGITS)


class WedgeDecoder:
    """One scanner's key events to `ScanData`. One instance for each device: state never mixes.

    `prefix` and `suffix` are what the scanner was told to put around each label; a label without
    them is lossy. A scanner that has ended one label with a terminator always does: from then on a
    label that silence ends is lossy. Silence is `timeout_ms` without an event; inside a label gaps
    of 120 ms are real (stackoverflow.com 19732978). Never raises.
    """

    def __init__(
        self,
        role: str,
        *,
        layout: str = "us",
        terminator: str = "enter",
        gs_key: str = "ctrl+]",
        timeout_ms: int = 250,
        prefix: str = "",
        suffix: str = "",
    ) -> None:
        self._role = role
        self._tables = key_tables(layout, terminator, gs_key)
        self._terminators = TERMINATORS[terminator]
        self._timeout_us = timeout_ms * 1_000
        self._around = prefix.encode("cp1252"), suffix.encode("cp1252")
        self._events = InputEventDecoder()
        self._ended_by_key = False  # ever
        self._read_ns = 0  # when the last byte was read
        self._event_us = 0  # the kernel's time of the last event
        self._busy = False  # something came since the last silence
        self._label = bytearray()
        self._lossy = False
        self._held: set[int] = set()
        self._left_over: set[int] = set()  # held since before the terminator
        self._modifiers = 0
        self._caps = False
        self._table = self._tables["plain"]
        self._alt_digits = ""
        self._alt_at_once = False
        self._alt_from = 0  # length of the label when Alt was pressed

    def feed(self, data: bytes, mono_ns: int) -> list[ScanData]:
        """Take bytes that were read at `mono_ns`; return the labels that they end."""
        events = self._events.feed(data)
        scans: list[ScanData] = []
        if events and not events[0].time_us:
            scans += self.flush(mono_ns)
        for event in events:
            if self._is_silence(event.time_us):
                scans += self._silence()
            self._event_us = event.time_us
            self._read_ns = mono_ns
            if event.kind == EV_SYN:
                self._lose()
            elif event.value == PRESSED:
                scans += self._press(event.code)
            elif event.value == RELEASED:
                self._release(event.code)
        self._read_ns = mono_ns
        self._busy = self._busy or bool(data)
        return scans

    def next_timeout(self) -> int | None:
        """When to call `flush` (monotonic, ns) if nothing comes before; None while all is quiet."""
        return self._read_ns + self._timeout_us * 1_000 if self._busy else None

    def flush(self, mono_ns: int) -> list[ScanData]:
        """End a label by silence, if there has been enough of it at `mono_ns`."""
        deadline_ns = self.next_timeout()
        if deadline_ns is None or mono_ns < deadline_ns:
            return []
        self._events.realign()
        self._busy = False
        return self._silence()

    def disconnected(self) -> list[ScanData]:
        """The device is gone: what it had begun to send, as lossy."""
        self._lossy = True
        return self._silence()

    # --- one event ---

    def _is_silence(self, time_us: int) -> bool:
        """By the kernel's clock, so that a reader that was held up splits and joins nothing."""
        return bool(self._event_us) and time_us - self._event_us >= self._timeout_us

    def _press(self, code: int) -> list[ScanData]:
        if code in self._held:
            self._lossy = True  # its release was lost
        self._held.add(code)
        self._left_over.discard(code)
        char = self._table.get(code)
        if char is not None:
            self._write(char)
        elif code in self._terminators:
            return self._end_by_key()
        elif code in MODIFIER_BITS:
            self._modify(self._modifiers | MODIFIER_BITS[code])
        elif self._modifiers & ALT and code in _ALT_DIGIT_KEYS:
            self._alt_digits += KEYPAD_DIGITS[code]
            self._alt_at_once |= len(self._held & _ALT_DIGIT_KEYS) > 1
        elif code == KEY_CAPSLOCK:
            self._caps = not self._caps
            self._modify(self._modifiers)
        elif code not in _IGNORED:
            self._lossy = True
        return []

    def _release(self, code: int) -> None:
        if code not in self._held:
            self._lossy |= code not in self._left_over  # its press was lost
            self._left_over.discard(code)
            return
        self._held.discard(code)
        if code in MODIFIER_BITS:
            self._modify(self._modifiers & ~MODIFIER_BITS[code])

    def _modify(self, modifiers: int) -> None:
        alt_before, alt_now = self._modifiers & ALT, modifiers & ALT
        self._modifiers = modifiers
        self._table = self._tables[level_of(modifiers, caps=self._caps)]
        if alt_now and not alt_before:
            self._alt_digits = ""
            self._alt_at_once = False
            self._alt_from = len(self._label)
        elif alt_before and not alt_now:
            self._end_alt()

    def _end_alt(self) -> None:
        """Alt was released: write what was entered with it."""
        char = alt_byte(self._alt_digits, at_once=self._alt_at_once)
        if char is not None:
            self._write(char)
        elif self._alt_digits or len(self._label) == self._alt_from:
            self._lossy = True

    def _write(self, char: int) -> None:
        if len(self._label) < LABEL_BYTES_MAX:
            self._label.append(char)
        else:
            self._lossy = True

    # --- the end of a label ---

    def _end_by_key(self) -> list[ScanData]:
        scans = self._end() if self._label or self._lossy or self._modifiers else []
        self._ended_by_key = True
        self._left_over = self._held
        self._forget_modifiers()
        return scans

    def _silence(self) -> list[ScanData]:
        """Nothing came for long: end the label, and trust no key to be still held."""
        self._lossy |= self._ended_by_key
        scans = self._end() if self._label else []
        self._lossy = False
        self._left_over = set()
        self._forget_keys()
        return scans

    def _lose(self) -> None:
        """Events were lost: which keys are held is unknown, and what was typed is worth nothing."""
        self._label.clear()
        self._lossy = True
        self._left_over = set()
        self._forget_keys()

    def _end(self) -> list[ScanData]:
        lossy = self._lossy or bool(self._modifiers)
        label = bytes(self._label)
        self._label.clear()
        self._lossy = False
        return [scan_of(label, self._role, self._read_ns, lossy=lossy, around=self._around)]

    def _forget_keys(self) -> None:
        self._caps = False
        self._forget_modifiers()

    def _forget_modifiers(self) -> None:
        self._held = set()
        self._modifiers = 0
        self._table = self._tables[level_of(0, caps=self._caps)]

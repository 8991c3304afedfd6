"""A USB keyboard's own side: boot reports, what the kernel makes of them, and where to write that.

A simulated scanner or keypad says only which 8-byte reports it sends (USB HID 1.11, appendix B.1:
modifiers, reserved, six keys). `kernel_events` then does what Linux does with them, its losses
included, so that no simulator can be kinder than a real device.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from drivers.hid.codec_input_event import InputEvent, encode
from drivers.hid.keycodes import (
    EV_KEY,
    EV_MSC,
    EV_SYN,
    KEY_OF_USAGE,
    MSC_SCAN,
    PRESSED,
    RELEASED,
    SYN_REPORT,
)

NO_KEYS = bytes(8)

_USAGE_OF_KEY = {code: usage for usage, code in reversed(KEY_OF_USAGE.items())}
_FIRST_MODIFIER = 0xE0
_KEYBOARD_PAGE = 0x07 << 16
_REPORT_US = 1_000  # a full-speed keyboard is polled once a millisecond


def report(*codes: int) -> bytes:
    """The boot report of the keys that are down, by Linux key code, in the order given."""
    usages = [_USAGE_OF_KEY[code] for code in codes]
    modifiers = sum(1 << (u - _FIRST_MODIFIER) for u in usages if u >= _FIRST_MODIFIER)
    keys = [u for u in usages if u < _FIRST_MODIFIER]
    return bytes([modifiers, 0, *keys]).ljust(8, b"\0")


def kernel_events(reports: Iterable[bytes], at_us: int) -> list[InputEvent]:
    """The events of reports sent one a millisecond from `at_us` on, beginning with all keys up.

    As drivers/hid/hid-core.c and hid-input.c: modifiers first; then, place by place, the key that
    went and the key that came; each as MSC_SCAN and EV_KEY; one SYN_REPORT if there was any. A key
    that is in a report twice is pressed once (drivers/input/input.c drops the second).
    Compared with what Linux 6.1 made of the same reports through /dev/uhid: the same keys in the
    same order; there a report of ten events or more may also be split by a second SYN_REPORT.
    """
    events: list[InputEvent] = []
    before = NO_KEYS
    for number, now in enumerate(reports):
        time_us = at_us + number * _REPORT_US
        changes = list(dict.fromkeys(_changes(before, now)))
        for usage, value in changes:
            events.append(InputEvent(time_us, EV_MSC, MSC_SCAN, _KEYBOARD_PAGE | usage))
            events.append(InputEvent(time_us, EV_KEY, KEY_OF_USAGE[usage], value))
        if changes:
            events.append(InputEvent(time_us, EV_SYN, SYN_REPORT, 0))
        before = now
    return events


def _changes(before: bytes, now: bytes) -> Iterator[tuple[int, int]]:
    """Pairs of usage and PRESSED or RELEASED."""
    for bit in range(8):
        is_down = now[0] >> bit & 1
        if is_down != before[0] >> bit & 1:
            yield _FIRST_MODIFIER + bit, PRESSED if is_down else RELEASED
    for old, new in zip(before[2:], now[2:], strict=True):
        if old and old not in now[2:]:
            yield old, RELEASED
        if new and new not in before[2:]:
            yield new, PRESSED


class Output(Protocol):
    """Where a simulated keyboard is plugged in. Closing it pulls it out."""

    def send(self, reports: Iterable[bytes]) -> None: ...

    def close(self) -> None: ...


class FifoOutput:
    """A keyboard behind a FIFO, made if it is not there; sending waits while the FIFO is full."""

    def __init__(self, path: str) -> None:
        if not Path(path).exists():
            os.mkfifo(path, 0o600)
        if not Path(path).is_fifo():
            raise FileExistsError(f"{path} is no FIFO")
        self._fd = os.open(path, os.O_RDWR)  # for reading too: does not wait for the reader

    def send(self, reports: Iterable[bytes]) -> None:
        left = memoryview(encode(kernel_events(reports, time.monotonic_ns() // 1_000)))
        while left:
            left = left[os.write(self._fd, left) :]

    def close(self) -> None:
        os.close(self._fd)


class UinputOutput:
    """A keyboard in this machine's kernel, through /dev/uinput (root, or a udev rule)."""

    def __init__(self, name: str, vendor: int, product: int) -> None:
        import evdev

        keys = sorted(set(KEY_OF_USAGE.values()))
        capabilities: dict[int, Sequence[int]] = {EV_KEY: keys, EV_MSC: [MSC_SCAN]}
        self._keyboard = evdev.UInput(capabilities, name=name, vendor=vendor, product=product)
        assert self._keyboard.device is not None
        self.path: str = str(self._keyboard.device.path)

    def send(self, reports: Iterable[bytes]) -> None:
        for event in kernel_events(reports, 0):
            self._keyboard.write(event.kind, event.code, event.value)
            if event.kind == EV_SYN:  # the kernel keeps 64 events for a reader (evdev.c)
                select.select([], [], [], _REPORT_US / 1_000_000)

    def close(self) -> None:
        self._keyboard.close()

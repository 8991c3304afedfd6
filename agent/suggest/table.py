"""A table of whole numbers in two arrays: 12 bytes a slot, where a dict of ints takes ten times it.

Open addressing with linear probing, at most half full, so that a probe is short.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

_MIX = 0x9E3779B97F4A7C15  #: 2^64 / golden ratio: consecutive keys spread (Knuth, TAOCP 3, §6.4)
_SHIFT = 24
_SLOTS_LEAST = 1 << 8


class Table:
    """From keys 1 … 2^63 - 1 to values 0 … 2^31 - 1. Nothing is removed but by `refill`."""

    def __init__(self) -> None:
        self.refill(())

    def __len__(self) -> int:
        return self._used

    def get(self, key: int) -> int | None:
        at = self._slot(key)
        return self._values[at] if self._keys[at] else None

    def put(self, key: int, value: int) -> None:
        at = self._slot(key)
        if not self._keys[at]:
            self._used += 1
            self._keys[at] = key
        self._values[at] = value
        if 2 * self._used > len(self._keys):
            self._spread(2 * len(self._keys), zip(self._keys, self._values, strict=True))

    def pairs(self) -> Iterable[tuple[int, int]]:
        return ((k, v) for k, v in zip(self._keys, self._values, strict=True) if k)

    def refill(self, pairs: Iterable[tuple[int, int]]) -> None:
        """These pairs and no others."""
        self._spread(_SLOTS_LEAST, pairs)

    def _spread(self, slots: int, pairs: Iterable[tuple[int, int]]) -> None:
        self._used = 0
        self._keys = array("q", bytes(8 * slots))
        self._values = array("i", bytes(4 * slots))
        for key, value in pairs:
            if key:
                self.put(key, value)

    def _slot(self, key: int) -> int:
        keys = self._keys
        last = len(keys) - 1
        at = (key * _MIX >> _SHIFT) & last
        while keys[at] != key and keys[at]:
            at = (at + 1) & last
        return at

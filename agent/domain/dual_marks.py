"""Packs that carry their number twice, in a linear code and in a 2D one: two reads, one item.

Until all tills read 2D codes, packs carry both, and a scanner that sees both sends both. What may
never happen is that one of two equal items is lost: so a read is the other mark of the pack before
only if the same scanner read the same number, from a code of the other sort, in less time than
hands need to bring a second pack. Two reads of one sort are always two items.
"""

from __future__ import annotations

from dataclasses import dataclass

#: AIM code characters of 2D symbols: Data Matrix, QR, Aztec, PDF417, DotCode, Han Xin.
_CODES_2D = frozenset("dQzLJh")


@dataclass(frozen=True, slots=True)
class _Read:
    gtin: str
    is_2d: bool
    mono_ns: int


class DualMarks:
    """What each scanner read last. `window_ms` 0: every read is an item."""

    def __init__(self, window_ms: int) -> None:
        self._window_ns = window_ms * 1_000_000
        self._last: dict[str, _Read] = {}

    def is_other_mark(self, role: str, gtin: str, symbology: str, mono_ns: int) -> bool:
        """Whether this read is the second mark of the pack that this scanner read last.

        Without an AIM identifier nothing is known of the code, and every read is an item.
        """
        last = self._last.pop(role, None)
        if not symbology:
            return False
        read = _Read(gtin, symbology[1:2] in _CODES_2D, mono_ns)
        if (
            last is not None
            and last.gtin == read.gtin
            and last.is_2d != read.is_2d
            and mono_ns - last.mono_ns < self._window_ns
        ):
            return True  # forgotten with its pair: a third read is the next pack
        self._last[role] = read
        return False

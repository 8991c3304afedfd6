"""Which streams miss facts, for how long, and when their lanes are to be asked for them. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_bridge.ledger.port import Cursor
from cloud_bridge.voucher import Stream

GAP_S = 0.5  #: a gap that stays so long does not close by itself
GAP_S_MAX = 60.0


class Gaps:
    """Streams with later facts than the next one, until that has come.

    Most gaps close by themselves: another worker has the facts in its hands, or a lane sends what
    comes now beside what had gathered. One whose lower end has not moved for a while does not.
    """

    def __init__(self) -> None:
        self._seen: dict[Stream, tuple[int, float, float]] = {}  # hw, due, pause until the next

    def note(self, cursors: Mapping[Stream, Cursor], now_s: float) -> None:
        for stream, cursor in cursors.items():
            if not cursor.gap:
                self._seen.pop(stream, None)
            elif stream not in self._seen or self._seen[stream][0] != cursor.hw:
                self._seen[stream] = cursor.hw, now_s + GAP_S, GAP_S

    def due(self, now_s: float) -> list[Stream]:
        return [stream for stream, (_, due_s, _) in self._seen.items() if due_s <= now_s]

    def still(self, stream: Stream, hole: tuple[int, int] | None, now_s: float) -> bool:
        """Whether the gap is where it was. A lane that does not answer is asked ever more rarely,
        and at last no more: its birth tells when it is back."""
        hw, _, pause_s = self._seen.pop(stream)
        if hole is None or pause_s > GAP_S_MAX:
            return False
        moved = hole[0] - 1 != hw
        again_s = GAP_S if moved else 2 * pause_s
        self._seen[stream] = hole[0] - 1, now_s + again_s, again_s
        return not moved

"""How far was sent and how far the bridge has it. No I/O: seqs only.

After a long time without head office, thousands of facts wait, and a sale of now must not stand
behind them. Then there are two runs: what had gathered goes out in order, and beside it, first,
what is committed from now on. The bridge takes facts in any order and says which it got; its
acknowledgement follows the run without gaps, and only that moves the lane's cursor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.mqtt import WINDOW
from agent.wire import BATCH_FACTS_MAX

BEHIND_FACTS = 1024  #: so many wait: what comes now goes out beside them
#: How much of what had gathered is on its way at once, while a sale of now may queue behind it:
#: halved when a batch takes longer than LATE_S there and back, as on a slow line.
GATHERED_MAX = 10 * BATCH_FACTS_MAX
GATHERED_MIN = 4
LATE_S = 0.4


@dataclass(frozen=True, slots=True)
class Flight:
    """A batch that the bridge has not spoken of."""

    first: int
    last: int
    sent_s: float
    live: bool


class Outbox:
    def __init__(self, acked: int) -> None:
        self.acked = acked
        self.sent = acked  #: last seq handed to the broker of the run in order
        self.sent_max = (
            acked  #: last seq ever sent in this epoch: acknowledgements are clamped to it
        )
        self._live_first = 0  # where the run of now begins; 0: there is none
        self._live_sent = 0
        self._flights: list[Flight] = []
        self._held: list[tuple[int, int]] = []  # what the bridge has beyond `acked`, ascending
        self._gathered_most = GATHERED_MAX

    @property
    def waiting(self) -> bool:
        """Was something sent that is not acknowledged?"""
        ahead = bool(self._live_first) and self._live_sent >= self._live_first
        return bool(self._flights) or self.acked < self.sent or ahead

    def oldest_s(self, now_s: float) -> float:
        """For how long the bridge has not spoken of a batch; 0 if none is on its way."""
        return max((now_s - flight.sent_s for flight in self._flights), default=0.0)

    def next_run(self, last_seq: int, window: int = WINDOW) -> tuple[int, int] | None:
        """(after, until): the rows to send next are those after the one, up to the other, as many
        as a batch holds. None if nothing is due, or if the window is full."""
        if not self._live_first and len(self._flights) >= window:
            return None
        if self._live_first:
            run = self._free(self._live_sent, last_seq)
            if run is not None and sum(f.live for f in self._flights) < max(1, window // 2):
                return run
            if not self._may_gather(window):
                return None
        end = self._live_first - 1 if self._live_first else last_seq
        run = self._free(self.sent, end)
        if run is None or not self._live_first:
            return run
        return run[0], min(run[1], run[0] + self._gathered_most)

    def _may_gather(self, window: int) -> bool:
        flying = [f.last - f.first + 1 for f in self._flights if not f.live]
        return sum(flying) < self._gathered_most and len(flying) < max(1, window // 2)

    def _free(self, after: int, until: int) -> tuple[int, int] | None:
        """The next stretch that the bridge does not hold already."""
        for first, last in self._held:
            if first <= after + 1 <= last:
                after = last
            elif after < first <= until:
                until = first - 1
                break
        return (after, until) if after < until else None

    def open_live(self, last_seq: int) -> None:
        """Let what comes now, and the newest of it, go out beside what has gathered, if that is
        much."""
        if not self._live_first and last_seq - self.sent > BEHIND_FACTS:
            self._live_sent = max(self.sent, last_seq - BATCH_FACTS_MAX)
            self._live_first = self._live_sent + 1

    def sent_batch(self, first: int, last: int, now_s: float) -> None:
        live = bool(self._live_first) and first >= self._live_first
        self._flights.append(Flight(first, last, now_s, live))
        if live:
            self._live_sent = last
        else:
            self.sent = last
        self.sent_max = max(self.sent_max, last)
        self._join()

    def _join(self) -> None:
        """The run in order has come to where the other began: one run again."""
        if self._live_first and self.sent >= self._live_first - 1:
            self.sent = max(self.sent, self._live_sent)
            self._live_first = self._live_sent = 0

    def acknowledge(self, hw: int) -> bool:
        """Take an acknowledgement of this epoch. True if it moved the cursor."""
        hw = min(hw, self.sent_max)
        self._flights = [flight for flight in self._flights if flight.last > hw]
        if hw <= self.acked:
            return False
        self.acked = hw
        self.sent = max(self.sent, hw)
        self._held = [(first, last) for first, last in self._held if last > hw]
        self._join()
        return True

    def hold(self, ranges: Iterable[tuple[int, int]], now_s: float) -> bool:
        """Take what the bridge got, in order or not. True if something was on its way."""
        before = len(self._flights)
        for first, end in ranges:
            last = min(end, self.sent_max)
            if first <= last and last > self.acked:
                self._held = _with(self._held, max(first, self.acked + 1), last)
            self._adapt([f for f in self._flights if first <= f.first and f.last <= last], now_s)
            self._flights = [f for f in self._flights if not (first <= f.first and f.last <= last)]
        return len(self._flights) < before

    def _adapt(self, landed: list[Flight], now_s: float) -> None:
        for flight in landed:
            if not flight.live and now_s - flight.sent_s > LATE_S:
                self._gathered_most = max(GATHERED_MIN, self._gathered_most // 2)
            elif not flight.live:
                self._gathered_most = min(GATHERED_MAX, self._gathered_most + GATHERED_MIN)

    def missing(self, first: int, last: int) -> None:
        """The bridge has not got these: send them again, and nothing else that it holds."""
        self._held = [
            part
            for a, b in self._held
            for part in ((a, min(b, first - 1)), (max(a, last + 1), b))
            if part[0] <= part[1]
        ]
        self._flights.clear()
        self._back_to(min(self.sent, max(self.acked, first - 1)))

    def rewind(self, to: int) -> None:
        """Send again from `to` + 1 on; below `acked` if the bridge itself has lost rows."""
        self._flights.clear()
        if to < self.acked:
            self._held.clear()
        self._back_to(min(to, self.sent_max))

    def doubt(self) -> None:
        """Nothing moves: perhaps the bridge has lost what it said it held."""
        self._held.clear()

    def _back_to(self, to: int) -> None:
        self.sent = to
        if self._live_first:
            self.sent = min(to, self._live_first - 1)
            self._live_sent = self._live_first - 1
            self._join()


def _with(ranges: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Ascending disjoint ranges, one more among them."""
    apart = [(a, b) for a, b in ranges if b < first - 1 or a > last + 1]
    near = [(a, b) for a, b in ranges if not (b < first - 1 or a > last + 1)]
    merged = min([first, *(a for a, _ in near)]), max([last, *(b for _, b in near)])
    return sorted([*apart, merged])

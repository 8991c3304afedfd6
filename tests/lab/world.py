"""The world outside the box: what the lane has promised it, and what it was found to have kept."""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.lab.guest import load
from tests.lab.guest.promises import heard
from tests.lab.guest.result import MARK
from tests.lab.hands import GuestFailed
from tests.lab.machine import Machine
from tests.lab.moments import Heard
from tests.lab.outcome import Outcome, told

PATIENCE_S = 600.0
LOOK_S = 0.2
LOAD = "tests.lab.guest.load"
#: The load that waits in a sleeping box; how it is told what to do.
WAITS = "({load}) >/run/lab-load.txt 2>&1 & until [ -p {said} ]; do sleep 0.1; done"
TELL = "echo {orders} >{pipe} & exec cat {said}"


def wait_with_load(box: Machine) -> None:
    """From then on a load waits in the box for a `World`."""
    box.run(WAITS.format(load=box.python(LOAD, "wait"), said=load.SAID))


class World:
    """What is heard of a box through several starts."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self.promises: list[Heard] = []
        self._judged: list[Outcome] = []
        self._broken: list[str] = []

    def live(
        self,
        box: Machine,
        start: int,
        after_s: float | None,
        *,
        waits: bool,
        log: Path | None = None,
    ) -> None:
        """Let the box judge what the cut before has left, and sell until the power goes `after_s`
        after the first sale; None: until it has judged. `waits`: the load is there already; `log`:
        of its second disk."""
        self.promises = [(0, promise) for _, promise in self.promises]
        command = self._command(box, start, sells=after_s is not None, waits=waits)
        selling, judged = threading.Event(), len(self._judged)
        self._notes.mkdir(parents=True, exist_ok=True)

        def hear(line: str) -> None:
            with (self._notes / f"start-{start}.txt").open("a", encoding="utf-8") as file:
                print(line, file=file)
            promise = heard(line)
            if promise is not None:
                self.promises.append((log.stat().st_size if log else 0, promise))
                if promise.what == "settled":
                    selling.set()
            elif line.startswith(MARK):
                self._judged.append(told(line))

        def sell() -> None:
            with suppress(GuestFailed, OSError):
                box.run(command, hand=1, timeout_s=PATIENCE_S, heard=hear, must=False)

        hand = threading.Thread(target=sell, daemon=True)
        hand.start()
        if after_s is not None:
            while hand.is_alive() and not selling.wait(LOOK_S):
                pass
            time.sleep(after_s if hand.is_alive() else 0)
            if not hand.is_alive():
                self._broken.append(f"start {start}: the box stopped selling by itself")
            box.cut_power()
        hand.join()
        if len(self._judged) == judged:
            self._broken.append(f"start {start}: nothing was judged")

    def _command(self, box: Machine, start: int, *, sells: bool, waits: bool) -> str:
        promises = [str(promise) for _, promise in self.promises]
        orders = json.dumps({"start": start, "sells": sells, "promises": promises})
        if not waits:
            return box.python(LOAD, orders)
        return TELL.format(orders=shlex.quote(orders), pipe=load.ORDERS, said=load.SAID)

    @property
    def promised_bytes(self) -> int:
        """How long the disk's log was when the last promise of this start was heard."""
        return max((at for at, _ in self.promises), default=0)

    def outcome(self) -> Outcome:
        """Of all starts so far; the figures are those of the last one."""
        counts = dict(Counter(promise.what for _, promise in self.promises))
        originals = Counter(one.which for _, one in self.promises if one.what == "printed")
        twice = [number for number, count in originals.items() if count > 1]
        ready_s = [float(str(found.figures.get("ready_s", 0))) for found in self._judged]
        broken = [
            f"start {number}: {what}"
            for number, found in enumerate(self._judged)
            for what in found.broken
        ]
        last = self._judged[-1].figures if self._judged else {}
        return Outcome(
            counts | last | {"ready_s": max(ready_s, default=0.0)},
            [*self._broken, *broken, *(f"{number} is on paper twice" for number in twice)],
        )

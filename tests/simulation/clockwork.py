"""Time and processes of a simulated world: one seed, one run.

A process is real code in a thread of its own, but only one thread ever runs: it hands over when it
waits for its connection, and is resumed when the simulated time has come. Nothing depends on how
fast the machine is, or on which thread its kernel prefers.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from itertools import count
from random import Random


class Crash(BaseException):
    """A process ends here, as by SIGKILL. No code of ours catches it."""


class Scheduler:
    """What happens next. `current` is the process whose code runs."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.now_s = 0.0
        self.current: Process | None = None
        self._numbers = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now_s + delay_s, next(self._numbers), what))

    def run(self, until_s: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass. True if `done` came true before `until_s`."""
        while self._due and self._due[0][0] <= until_s:
            self.now_s, _, what = heapq.heappop(self._due)
            what()
            if done():
                return True
        self.now_s = until_s
        return False

    def monotonic(self) -> float:
        """What `time.monotonic` says to the process that asks."""
        assert self.current is not None
        return self.now_s + self.current.uptime_s


class Process:
    """`work` in a thread that runs when the scheduler lets it."""

    def __init__(self, scheduler: Scheduler, work: Callable[[], object]) -> None:
        self._scheduler = scheduler
        self._work = work
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._turn = 0  # a resumption that was planned for an earlier pause is void
        self._killed = False
        self._error: BaseException | None = None
        self.alive = True
        self.uptime_s = scheduler.chance.choice((0.0, 1.0, 1e5))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._resume_in(0.0)

    @property
    def dying(self) -> bool:
        return self._killed

    def pause(self, timeout_s: float) -> None:
        """Called from inside: let the time pass, or until `wake`."""
        self._resume_in(timeout_s)
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise Crash

    def wake(self) -> None:
        self._resume_in(0.0)

    def die(self) -> None:
        """Called from inside: end here."""
        self._killed = True
        raise Crash

    def kill(self) -> None:
        """Called from outside, while the process pauses."""
        self._killed = True
        self._resume(self._turn)

    def _resume_in(self, delay_s: float) -> None:
        turn = self._turn
        self._scheduler.after(delay_s, lambda: self._resume(turn))

    def _resume(self, turn: int) -> None:
        if turn != self._turn or not self.alive:
            return
        self._turn += 1
        before, self._scheduler.current = self._scheduler.current, self
        self._go.release()
        self._back.acquire()
        self._scheduler.current = before
        if not self.alive:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._killed:
                self._work()
        except Crash:
            pass
        except BaseException as error:  # noqa: BLE001  handed to the scheduler's thread
            self._error = error
        finally:
            self.alive = False
            self._back.release()

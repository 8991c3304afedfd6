"""Starts, restarts and stops the lane's workers, and says how each of them is.

A device that is lost is tried again for ever, with capped back-off, logged once on loss and
once on return; one that is lost each time it is opened, ever more seldom. An error that nobody
foresaw ends that worker's turn: its stack is logged and it starts again, until its budget is spent;
then the lane is degraded there and selling goes on.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar

from drivers.base import DeviceMisconfigured, DeviceUnavailable, Emit

log = logging.getLogger("lanetally.supervisor")

T = TypeVar("T")

#: Between two tries to open a device; the last one repeats. Replugged to usable in under 2 s, of
#: which the kernel and udev take up to one until the name is there again.
BACKOFF_S = (0.1, 0.2, 0.5, 1.0)
SETTLED_S = 5.0
#: A device that opens and is lost in less time, over and over, is tried ever more seldom: a printer
#: that turns each connection away, say. Each try is two facts, and two lines for the cashier.
FLAP_S = 0.5
FLAPS_FORGIVEN = 4
FLAP_PAUSE_MAX_S = 32.0
#: A device that is plugged in belongs to root until udev has given it to the lane, and a name of
#: before may lead to it already: so often in a row a refusal is taken for that.
REFUSALS_FORGIVEN = 4
BUDGET_RESTARTS = 5
BUDGET_WINDOW_S = 60.0
JOIN_S = 3.0

HealthState: TypeAlias = Literal["up", "lost", "misconfigured", "failed"]
#: (role, kind, state, reason): called from the worker's own thread.
TellHealth: TypeAlias = Callable[[str, str, HealthState, str], None]


class Held(Protocol):
    """What is taken, used and given back by one thread: a device's driver, or a tap."""

    def open(self) -> None: ...
    def run(self, emit: Emit, stop: threading.Event) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Worker:
    """A thread with a job: `run(stop)` returns when `stop` is set."""

    name: str
    kind: str
    run: Callable[[threading.Event], None]
    thread: threading.Thread | None = None
    crashes: deque[float] = field(default_factory=lambda: deque(maxlen=BUDGET_RESTARTS))


class Supervisor:
    def __init__(self, tell_health: TellHealth) -> None:
        self._tell_health = tell_health
        self._workers: list[Worker] = []
        self._stop = threading.Event()
        self._given_up: set[str] = set()

    def add(self, name: str, kind: str, run: Callable[[threading.Event], None]) -> None:
        """A worker that is restarted within its budget."""
        self._workers.append(Worker(name, kind, run))

    def add_device(self, role: str, kind: str, driver: Held, emit: Emit) -> None:
        """A device: opened, run and reopened for ever by a thread of its own."""

        def run(stop: threading.Event) -> None:
            _run_device(role, kind, driver, emit, self._tell_health, stop)

        self.add(role, kind, run)

    def start(self) -> None:
        for worker in self._workers:
            thread = threading.Thread(
                target=self._guarded, args=(worker,), name=worker.name, daemon=True
            )
            worker.thread = thread
            thread.start()

    def stop(self) -> list[str]:
        """Stop all workers at once. The names of those that did not end in time, last one first."""
        self._stop.set()
        late = []
        for worker in reversed(self._workers):
            if worker.thread is not None:
                worker.thread.join(JOIN_S)
                if worker.thread.is_alive():
                    late.append(worker.name)
        return late

    def has_given_up(self, name: str) -> bool:
        """Whether that worker stays down, its restarts spent."""
        return name in self._given_up

    def _guarded(self, worker: Worker) -> None:
        while not self._stop.is_set():
            try:
                worker.run(self._stop)
            except (
                Exception
            ) as error:  # here and in `contained` the unforeseen ends: a bug, no device
                log.exception("worker %s failed", worker.name)
                if not self._may_restart(worker):
                    log.error("worker %s failed too often: it stays down", worker.name)  # noqa: TRY400  the stack was logged above
                    self._given_up.add(worker.name)
                    self._tell_health(worker.name, worker.kind, "failed", str(error))
                    return
                self._stop.wait(BACKOFF_S[-1])
            else:
                return

    @staticmethod
    def _may_restart(worker: Worker) -> bool:
        now = time.monotonic()
        worker.crashes.append(now)
        full = len(worker.crashes) == BUDGET_RESTARTS
        return not (full and now - worker.crashes[0] < BUDGET_WINDOW_S)


def contained(call: Callable[[], T], what: str) -> T | None:
    """What `call` returns; None if it met an error that nobody foresaw: its stack is logged."""
    try:
        return call()
    except Exception:  # as in `Supervisor`: a bug at one thing must not cost its neighbours
        log.exception("%s failed", what)
        return None


def _run_device(
    role: str,
    kind: str,
    driver: Held,
    emit: Emit,
    tell_health: TellHealth,
    stop: threading.Event,
) -> None:
    failures = flaps = refusals = 0
    lost = False
    while not stop.is_set():
        opened_at: float | None = None
        reason = "its driver ended by itself"
        try:
            driver.open()
            opened_at = time.monotonic()
            log.info("%s is %s", role, "back" if lost else "ready")
            tell_health(role, kind, "up", "")
            lost, refusals = False, 0
            driver.run(emit, stop)
        except DeviceUnavailable as error:
            reason, refusals = str(error), 0
        except DeviceMisconfigured as error:
            reason, refusals = str(error), refusals + 1
            if not _is_refusal(error) or refusals > REFUSALS_FORGIVEN:
                log.error("%s: %s", role, error)  # noqa: TRY400  for the technician, not for a developer
                tell_health(role, kind, "misconfigured", reason)
                return
        finally:
            driver.close()  # before the pause: a device file held open is named anew when replugged
        if stop.is_set():
            return
        life_s = None if opened_at is None else time.monotonic() - opened_at
        if life_s is not None and life_s > SETTLED_S:
            failures = 0  # it worked for a while: this is a new loss, not the old one
        flaps = flaps + 1 if life_s is not None and life_s < FLAP_S else 0
        if not lost:
            log.warning("%s is not reachable: %s", role, reason)
            tell_health(role, kind, "lost", reason)
        lost = True
        stop.wait(_pause_s(failures, flaps))
        failures += 1


def _is_refusal(error: DeviceMisconfigured) -> bool:
    """Whether it is for want of a permission."""
    return getattr(error.__cause__, "errno", None) in (errno.EACCES, errno.EPERM)


def _pause_s(failures: int, flaps: int) -> float:
    """`failures` in a row, of which the last `flaps` were of a device that opened and was lost."""
    if flaps > FLAPS_FORGIVEN:
        return min(2.0 ** (flaps - FLAPS_FORGIVEN), FLAP_PAUSE_MAX_S)
    return BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]


def notify_systemd(message: str) -> None:
    """Tell systemd, if it started us: "READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=…".

    sd_notify(3): one datagram to the socket named by NOTIFY_SOCKET; "@" stands for a NUL byte.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify,
    ):
        notify.connect(address)
        notify.send(message.encode())

"""A lane whose loop hangs, that has no memory left or whose journal refuses runs again in time."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, logged, told
from tests.lab.guest.shop import Shop
from tests.lab.guest.usage import main_pid, shown
from tests.lab.guest.waiting import waited

STUCK_S = 15 + 30  #: the core counts as stuck after 15 s (agent/watchdog.py), systemd waits 30
SLACK_S = 6.0
MEMORY_MAX = 600 << 20
#: In the lane's cgroup, it takes what the lane may have, and keeps it until systemd ends it.
HOG = (
    "import time; room = bytearray({size}); room[::4096] = b'x' * len(room[::4096]); time.sleep(60)"
)
#: The journal refuses for a minute before others are asked (agent/watchdog.py).
REFUSED_S = 120.0
ANEW = "the lane begins anew"

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207  # sys/ptrace.h
WALL = 0x40000000  # bits/waitflags.h: threads, too


def watchdog(findings: Findings) -> None:
    with shop.opened() as open_shop:
        open_shop.sell(1, seed=4)
        _hang(findings, open_shop)
        _take_memory(findings, open_shop)
        open_shop.sell(1, seed=5)
        findings.hold_all(open_shop.booked())
        _lock_journal(findings, open_shop)


def _hang(findings: Findings, open_shop: Shop) -> None:
    """All threads of the lane but its first stand still: systemd ends it in time."""
    first, began = main_pid(LANE.unit), time.monotonic()
    threads = _stopped_threads(first)

    def started_again() -> bool:
        _bury(threads)
        return main_pid(LANE.unit) not in (0, first)

    waited(lambda: "Watchdog timeout" in logged(LANE.unit), "systemd misses it")
    ended_s = time.monotonic() - began
    findings.hold("stuck_to_ended_s", round(ended_s), held=ended_s <= STUCK_S + SLACK_S)
    waited(started_again, "systemd starts it again")
    open_shop.wait_until_up()
    findings.note("stuck_to_well_s", round(time.monotonic() - began))
    said = logged(LANE.unit)
    stacks = said.count("Current thread") + said.count("most recent call first")
    findings.hold("stacks_in_log", stacks, held=stacks > 0)


def _take_memory(findings: Findings, open_shop: Shop) -> None:
    """Somebody in the lane's unit takes more than the unit may have: it is started again."""
    limit = int(shown(LANE.unit, "MemoryMax"))
    findings.hold("memory_max_mb", limit >> 20, held=limit == MEMORY_MAX)
    first, began = main_pid(LANE.unit), time.monotonic()
    hog = subprocess.Popen([sys.executable, "-c", f"input(); {HOG.format(size=limit)}"],
                           stdin=subprocess.PIPE)  # fmt: skip
    cgroup = Path("/sys/fs/cgroup") / shown(LANE.unit, "ControlGroup").lstrip("/")
    (cgroup / "cgroup.procs").write_text(str(hog.pid))
    hog.communicate(b"\n")
    waited(lambda: main_pid(LANE.unit) not in (0, first), "it is started again")
    open_shop.wait_until_up()
    findings.note("memory_to_well_s", round(time.monotonic() - began))
    reason = "Failed with result 'oom-kill'"
    findings.hold("ended_for_memory", reason, held=reason in logged(LANE.unit))


def _lock_journal(findings: Findings, open_shop: Shop) -> None:
    """The disk is well, and the journal takes nothing: the lane begins anew, once."""
    first, began = main_pid(LANE.unit), time.monotonic()
    with closing(sqlite3.connect(LANE.journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        open_shop.cashier.scan(open_shop.label())
        waited(lambda: ANEW in logged(LANE.unit), ANEW, REFUSED_S)
        findings.note("refused_to_anew_s", round(time.monotonic() - began))
    waited(lambda: main_pid(LANE.unit) not in (0, first), "it is started again")
    open_shop.wait_until_up()
    open_shop.cashier.scan(open_shop.label())
    waited(lambda: not open_shop.pos.lane()["degraded"], "it writes again")
    anew = logged(LANE.unit).count(ANEW)
    findings.hold("begun_anew", anew, held=anew == 1)


def _stopped_threads(pid: int) -> list[int]:
    """All threads of the process but its first stand still from now on, as in a deadlock."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    threads.remove(pid)
    for thread in threads:
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            if libc.ptrace(request, thread, None, None):
                raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {thread}")
    return threads


def _bury(threads: list[int]) -> None:
    """A dead thread that is traced keeps its process from being buried: its tracer has to look."""
    for thread in threads:
        with suppress(ChildProcessError):
            os.waitpid(thread, WALL | os.WNOHANG)


if __name__ == "__main__":
    told(watchdog)

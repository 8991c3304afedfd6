"""A lane whose loop hangs, or that has no memory left, runs again within the limit."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.lab.guest import shop
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings, told
from tests.lab.guest.waiting import waited

#: The core counts as stuck after 15 s, systemd waits 30 s more, and a slow box starts in its time.
LIMIT_S = 90.0
TOO_LITTLE = "24M"

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207  # sys/ptrace.h
WALL = 0x40000000  # bits/waitflags.h: threads, too


def watchdog(findings: Findings) -> None:
    with shop.opened() as open_shop:
        open_shop.sell(1, seed=4)
        first = _pid()
        began = time.monotonic()
        threads = _stopped_threads(first)

        def started_again() -> bool:
            _bury(threads)
            return _pid() not in (0, first)

        waited(started_again, "systemd starts it again", LIMIT_S)
        open_shop.wait_until_up()
        stuck_s = time.monotonic() - began
        findings.hold("stuck_to_well_s", round(stuck_s), held=stuck_s <= LIMIT_S)
        said = _output("journalctl", "--no-pager", "--output=cat", "--boot", f"--unit={LANE.unit}")
        stacks = said.count("Current thread") + said.count("most recent call first")
        findings.hold("stacks_in_log", stacks, held=stacks > 0)

        second, began = _pid(), time.monotonic()
        _set_memory(TOO_LITTLE)
        waited(lambda: _pid() not in (0, second), "it was ended for its memory", LIMIT_S)
        _set_memory("600M")
        open_shop.wait_until_up()
        findings.note("memory_to_well_s", round(time.monotonic() - began))

        open_shop.sell(1, seed=5)
        report = open_shop.booked()
    findings.hold_all(report)


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


def _set_memory(limit: str) -> None:
    subprocess.run(
        ["systemctl", "set-property", "--runtime", LANE.unit, f"MemoryMax={limit}"], check=True
    )


def _pid() -> int:
    return int(_output("systemctl", "show", LANE.unit, "--property=MainPID", "--value"))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    told(watchdog)

"""What is freed goes back to the system."""

import platform
import subprocess
import sys

import pytest

from agent import memory

CHILD = """
from pathlib import Path
from agent.memory import give_back, keep_one_heap

def resident_kb():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])

keep_one_heap()
blocks = [b"x" * 60_000 for _ in range(1000)]
del blocks[:-1]  # the last one lies above them, so that the C library keeps what is below
kept = resident_kb()
give_back()
print(kept - resident_kb())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_goes_back_to_the_system():
    said = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, check=True).stdout
    assert int(said) > 30_000


def test_other_c_libraries_have_no_such_calls(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    memory.keep_one_heap()
    memory.give_back()

"""`lanetally demo` as a visitor runs it: its exit code, its last line, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LANETALLY = "import sys; from agent.cli import main; sys.exit(main(sys.argv[1:]))"
START_S = 40.0


def demo(*arguments: str, tmp: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp), "LC_ALL": "C.UTF-8"}
    return subprocess.Popen(
        [sys.executable, "-c", LANETALLY, "demo", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children_of(pid: int) -> dict[int, str]:
    """Process ids and command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended while we looked
                continue
            if parent == pid:
                found[int(entry.name)] = command
    return found


def wait_for(seen: Callable[[], bool], patience_s: float = START_S) -> None:
    deadline = time.monotonic() + patience_s
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def selling(process: subprocess.Popen[str]) -> dict[int, str]:
    """Wait until the demo sells: its children."""
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "baskets" in first, first + process.stderr.read()
    return children_of(process.pid)


def test_a_dozen_baskets_arrive_whole(tmp_path: Path):
    kept = tmp_path / "kept"
    process = demo("--baskets", "12", "--json", "--keep", str(kept), tmp=tmp_path)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    last = json.loads(out.splitlines()[-1])
    assert last["baskets"] == last["receipts_printed"] == 12
    assert last["missed_injected"] == last["missed_alerted"] == 1
    assert last["vouchers_posted"] == 24
    assert last["facts_journaled"] == last["facts_acknowledged"] > last["scans"] > 60
    for nothing in ("false_alerts", "ledger_sum_minor", "duplicates_posted"):
        assert last[nothing] == 0
    assert len(last["invariants"]) == 15
    assert all(last["invariants"].values())
    assert {path.name for path in kept.iterdir()} >= {"lane", "ledger.sqlite3", "receipts.txt"}
    assert (kept / "receipts.txt").read_text("utf-8").count("[QR lane-1-") == 12
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_leaves_nothing_behind(tmp_path: Path, number: signal.Signals):
    process = demo("--baskets", "200", tmp=tmp_path)
    children = selling(process)
    assert len(children) == 3
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.splitlines()[-1]) == (130, "stopped before the end")
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("lane.toml", "lane ended with code -9; the last lines of its log:"),
        ("bridge.toml", "bridge ended with code -9; the last lines of its log:"),
        ("iotcore", "The broker has ended"),
    ],
)
def test_a_process_that_dies_is_named_with_the_end_of_its_log(
    tmp_path: Path, which: str, words: str
):
    process = demo("--baskets", "200", tmp=tmp_path)
    children = selling(process)
    (victim,) = (pid for pid, command in children.items() if which in command)
    os.kill(victim, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert words in err
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    assert list(tmp_path.iterdir()) == []


def test_children_do_not_outlive_a_demo_that_was_killed(tmp_path: Path):
    process = demo("--baskets", "200", tmp=tmp_path)
    children = selling(process)
    process.kill()
    process.communicate(timeout=30)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 20)

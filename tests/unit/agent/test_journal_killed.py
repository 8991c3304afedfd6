"""A writer that is killed in the middle of its commits has lost nothing that was promised."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.journal import Journal
from agent.wire import GENESIS, chain_hash
from tests.lane_kit import dumped, replayed

#: Sells for ever, a sale in two commits, and says after each commit up to where it is promised.
WRITER = """
import sys
from pathlib import Path
from agent.domain.transaction import LaneState
from agent.journal import Journal
from tests.lane_kit import sale

journal = Journal(Path(sys.argv[1]))
state = journal.lane_state()
for number in range(10**9):
    step = sale(f"{journal.last_seq}", LaneState(state.last_number))
    for part in (step.facts[:2], step.facts[2:]):
        journal.append(part, wall_ms=number, mono_ms=number, acked_seq=journal.last_seq)
        print(journal.last_seq, flush=True)
    state = step.state
"""
ROOT = Path(__file__).parents[3]


def promised_before_kill(path: Path, commits: int) -> int:
    """Let a writer commit so often, kill it while it goes on, and return its last word."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert writer.stdout is not None
    said = [int(writer.stdout.readline()) for _ in range(commits)]
    writer.send_signal(signal.SIGKILL)
    said.extend(int(line) for line in writer.stdout.read().splitlines())
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    return said[-1]


@pytest.mark.timeout(60)
def test_nothing_promised_is_lost_and_nothing_is_torn(tmp_path):
    path = tmp_path / "journal.db"
    epoch = None
    for commits in (1, 20, 61):
        promised = promised_before_kill(path, commits)

        with Journal(path) as journal:
            epoch = epoch or journal.epoch
            assert journal.epoch == epoch
            assert journal.last_seq >= promised
            prev = GENESIS
            for seq, row in enumerate(journal.rows(), 1):
                header = (epoch, row.seq, row.type, row.version, row.wall_ms, row.mono_ms)
                prev = chain_hash(prev, *header, row.body)
                assert (row.seq, row.hash) == (seq, prev)
            assert journal.last_hash == prev
            assert journal.lane_state() == replayed(tuple(journal.facts()))
            before = dumped(journal)
            journal.rebuild()
            assert dumped(journal) == before

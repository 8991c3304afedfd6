"""A lane that was offline for a week of real baskets comes back: how fast it catches up, and how
long a sale of now takes to the ledger meanwhile."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.bench.lane import BenchLane, running
from tests.bench.rig import Line, baskets, bridge, inputs, items, mosquitto, percentile

WEEK_BASKETS = 7_500  #: of the month's 32,266, all through one lane
SALE_EVERY_S = 0.1
PATIENCE_S = 300.0


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    """`quick`: a day of it."""
    chosen = baskets(WEEK_BASKETS // 7 if quick else WEEK_BASKETS)
    with mosquitto(folder) as port:
        lane = BenchLane(folder, port, items(chosen))
        with running(lane):
            _sell(lane, chosen, 0)  # no bridge yet: nothing is acknowledged
            gathered = lane.journal.last_seq
            began = time.perf_counter()
            with bridge(folder, port, chosen), _ledger(folder / "ledger.db") as ledger:
                delays = _sell_meanwhile(lane, chosen, gathered, ledger)
                caught_up_s = time.perf_counter() - began
                lane.wait_for_ack(lane.journal.last_seq, PATIENCE_S)
                assert _vouchers(ledger) == 2 * (len(chosen) + len(delays))
    return [
        {
            "figure": f"a week offline: {gathered:,} facts caught up",
            "ours": f"{gathered / caught_up_s:,.0f} facts/s",
            "yardstick": f"{caught_up_s:.1f} s",
            "ratio": "",
            "target": "",
            "how": f"{len(chosen):,} real baskets through one lane, the bridge's start included",
        },
        {
            "figure": "a sale of now → ledger, while a week is caught up (p99)",
            "ours": f"{percentile(delays, 0.99):.0f} ms",
            "yardstick": f"p50 {percentile(delays, 0.5):.0f} ms, worst {max(delays):.0f} ms",
            "ratio": "",
            "target": "≤ 1,000 ms",
            "how": f"{len(delays)} sales, each from its settlement until its voucher is there",
        },
    ]


def _sell(lane: BenchLane, chosen: list[list[Line]], first: int) -> None:
    settled = threading.Semaphore(0)
    for item in inputs(chosen, lambda _outcome: settled.release(), first):
        lane.inbox.put(item)
    for _ in chosen:
        settled.acquire()


@contextmanager
def _ledger(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as ledger:
        yield ledger


def _vouchers(ledger: sqlite3.Connection) -> int:
    count: int = ledger.execute("SELECT count(*) FROM voucher").fetchone()[0]
    return count


def _sell_meanwhile(
    lane: BenchLane, chosen: list[list[Line]], gathered: int, ledger: sqlite3.Connection
) -> list[float]:
    """Milliseconds from each settlement to its voucher, until all that had gathered is there."""
    delays = []
    number = len(chosen)
    while lane.acked_seq < gathered:
        _sell(lane, [chosen[number % len(chosen)]], number)
        settled_s, seq = time.perf_counter(), lane.journal.last_seq
        _wait_for_voucher(ledger, seq)
        delays.append((time.perf_counter() - settled_s) * 1e3)
        number += 1
        time.sleep(SALE_EVERY_S)
    return delays


def _wait_for_voucher(ledger: sqlite3.Connection, seq: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ledger.execute("SELECT 1 FROM inbox WHERE seq = ? LIMIT 1", (seq,)).fetchone():
        if time.monotonic() > deadline:
            raise TimeoutError(f"seq {seq} is not in the ledger")
        time.sleep(0.002)

"""The journal's group commit, on the disk when it returns, beside bare sqlite3 in the same mode.

Both commit the facts of real baskets in WAL with synchronous=FULL, in turn. The journal encodes,
chains and projects them besides; bare sqlite3 is given rows that are ready.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from agent.core import Core
from agent.domain.facts import FactBody
from agent.domain.transaction import StoreRules
from agent.inbox import Inbox
from agent.inputs import CoreInput
from agent.journal import Journal
from agent.totals.keypad import read_keyed
from tests.bench.rig import baskets, inputs, items, percentile
from tests.silent import SilentOutlets

GROUPS = (1, 16, 256)  #: facts in one commit
COMMITS = {1: 2_000, 16: 1_000, 256: 100}
QUICK = 5  #: so many times fewer
BASKETS = 2_000  #: enough facts for each: none is committed twice
SCHEMA = "CREATE TABLE fact(seq INTEGER PRIMARY KEY, type, version, wall_ms, mono_ms, hash, body)"


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    facts, rows = _of_real_baskets(folder, BASKETS // (QUICK if quick else 1))
    figures = []
    for size in GROUPS:
        commits = COMMITS[size] // (QUICK if quick else 1)
        place = folder / str(size)
        place.mkdir()
        figures += _compared(place, facts, rows, size, commits)
    return figures


def _of_real_baskets(folder: Path, count: int) -> tuple[list[FactBody], list[tuple[Any, ...]]]:
    """Facts as the core makes them, and as rows."""
    chosen = baskets(count)
    with closing(Journal(folder / "source.db")) as journal:
        journal.load_items(items(chosen), "bench")
        rules = StoreRules("lane-1", journal.epoch, "TWD", 500)
        core = Core(journal, Inbox[CoreInput](), rules, SilentOutlets(), read_keyed)
        never = threading.Event()
        every = inputs(chosen, lambda _outcome: None)
        while turn := list(islice(every, 256)):
            core.process(turn, never)
        rows = [
            (row.type, row.version, row.wall_ms, row.mono_ms, row.hash, row.body)
            for row in journal.rows()
        ]
        return list(journal.facts()), rows


def _compared(
    folder: Path, facts: Sequence[FactBody], rows: Sequence[Any], size: int, commits: int
) -> Iterator[dict[str, str]]:
    ours, bare = [], []
    with (
        closing(Journal(folder / "journal.db")) as journal,
        closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as db,
    ):
        insert = _bare(db)
        for at in range(0, commits * size, size):  # in turn: the machine's moods meet both
            group, ready = facts[at : at + size], rows[at : at + size]
            assert len(group) == len(ready) == size
            ours.append(_seconds(partial(journal.append, group, wall_ms=1, mono_ms=1)))
            bare.append(_seconds(partial(insert, ready)))
    how = f"{commits:,} commits of {size} / bare sqlite3, WAL and FULL, rows ready-made, in turn"
    rates = [size / percentile(times, 0.5) for times in (ours, bare)]
    late = [percentile(times, 0.99) * 1e3 for times in (ours, bare)]
    name = f"journal, commits of {size}"
    yield _figure(f"{name} (p50)", rates, "facts/s", ",.0f", how)
    yield _figure(f"{name} (p99)", late, "ms", ".2f", how)


def _bare(db: sqlite3.Connection) -> Callable[[Sequence[Any]], None]:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(SCHEMA)

    def insert(rows: Sequence[Any]) -> None:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO fact VALUES (NULL,?,?,?,?,?,?)", rows)
        db.execute("COMMIT")

    return insert


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _figure(name: str, figures: Sequence[float], unit: str, form: str, how: str) -> dict[str, str]:
    a, b = figures
    return {
        "figure": name,
        "ours": f"{a:{form}} {unit}",
        "yardstick": f"{b:{form}} {unit}",
        "ratio": f"{a / b:.2f}",
        "target": "stated",
        "how": how,
    }

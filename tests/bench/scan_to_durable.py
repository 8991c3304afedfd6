"""From the last key event read to the commit returned, beside a bare commit of the same row."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.cli.run import give_back_memory
from agent.core import Core
from agent.domain.transaction import StoreRules
from agent.inbox import Inbox
from agent.inputs import CoreInput
from agent.intake import emit_into
from agent.journal import Journal, JournalReader
from agent.totals.keypad import read_keyed
from drivers.base import DeviceEvent, ScanData
from drivers.hid.sim import FifoOutput
from drivers.scanner.driver_hid_wedge import HidWedgeOptions, HidWedgeScanner
from drivers.scanner.sim import Wedge
from tests.bench.rig import aim_identifier, baskets, items, percentile
from tests.silent import SilentOutlets


class _Stopwatch(SilentOutlets):
    """Outlets that only note when a commit returned."""

    def __init__(self) -> None:
        self.committed_ns = 0
        self.returned = threading.Event()

    def committed(self, last_seq: int) -> None:
        self.committed_ns = time.monotonic_ns()
        self.returned.set()


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    rounds = 300 if quick else 2000
    chosen = baskets(400)
    labels = [line.gtin.encode() for basket in chosen for line in basket][:rounds]
    fifo = folder / "scanner"
    os.mkfifo(fifo)
    journal = Journal(folder / "journal.db")
    journal.load_items(items(chosen), "bench")
    watch, inbox, stop = _Stopwatch(), Inbox[CoreInput](), threading.Event()
    rules = StoreRules("lane-1", journal.epoch, "TWD", 500)
    core = Core(journal, inbox, rules, watch, read_keyed)
    read_ns: list[int] = []
    emit = emit_into(inbox)

    def noted(event: DeviceEvent) -> None:
        if isinstance(event, ScanData):
            read_ns.append(event.mono_ns)
        emit(event)

    scanner = HidWedgeScanner("scanner", HidWedgeOptions(path=str(fifo)))
    threads = [
        threading.Thread(target=core.run, args=(stop,)),
        threading.Thread(target=scanner.run, args=(noted, stop)),
    ]
    give_back_memory()  # as the daemon does once it has started
    ours, bare = [], []
    bare_commit = _bare(folder / "bare.db")
    reader = JournalReader(journal.path)
    with closing(FifoOutput(str(fifo))) as output:
        scanner.open()
        for thread in threads:
            thread.start()
        for label in labels:
            watch.returned.clear()
            output.send(Wedge().reports(label, aim_identifier(label.decode())))
            assert watch.returned.wait(5), label
            ours.append((watch.committed_ns - read_ns[-1]) / 1e6)
            bare.append(bare_commit(reader.rows_after(journal.last_seq - 1, 1)[0]))
        stop.set()
        inbox.close()
        for thread in threads:
            thread.join()
        scanner.close()
    return [_figure(ours, bare, part) for part in (0.5, 0.99)]


def _bare(path: Path) -> Callable[[object], float]:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE fact(seq INTEGER PRIMARY KEY, type, v, wall, mono, hash, body)")

    def commit(row: object) -> float:
        r = row
        began = time.perf_counter()
        db.execute("BEGIN IMMEDIATE")
        values = (r.seq, r.type, r.version, r.wall_ms, r.mono_ms, r.hash, r.body)
        db.execute("INSERT INTO fact VALUES (?,?,?,?,?,?,?)", values)
        db.execute("COMMIT")
        return (time.perf_counter() - began) * 1e3

    return commit


def _figure(ours: list[float], bare: list[float], part: float) -> dict[str, str]:
    a, b = percentile(ours, part), percentile(bare, part)
    return {
        "figure": f"scan → durable (p{part * 100:g})",
        "ours": f"{a:.2f} ms",
        "yardstick": f"{b:.2f} ms",
        "ratio": f"{a / b:.2f}",
        "target": "≤ 2" if part == 0.99 else "",
        "how": f"{len(ours)} scans by a FIFO of input events / bare WAL+FULL commit, in turn",
    }

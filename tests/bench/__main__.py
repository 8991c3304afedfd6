"""`make bench`: each figure beside its yardstick in the same run; a table, and JSON in out/."""

from __future__ import annotations

import argparse
import json
import tempfile
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.rig import ROOT

#: Each module has `measure(folder, quick) -> list[Figure as dict]`.
BENCHES = (
    "scan_to_durable",
    "journal_commit",
    "journal_growth",
    "throughput",
    "latency",
    "latency_tls",
    "catch_up",
    "ledger_postgres",
    "thousand_lanes",
    "assess",
    "footprint",
    "memory_flat",
    "replug",
    "scale_latency",
    "printer_tap",
    "wedge",
    "camera_reading",
    "camera_counting",
    "suggestions",
    "lane_screen",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", default=BENCHES, help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds, coarser figures")
    args = parser.parse_args()
    console = Console()
    figures = []
    for name in args.names:
        with console.status(f"{name} …"), tempfile.TemporaryDirectory() as folder:
            bench = import_module(f"tests.bench.{name}")
            figures.extend(bench.measure(Path(folder), args.quick))
    table = Table("figure", "ours", "yardstick", "ratio", "target", "how")
    for f in figures:
        table.add_row(f["figure"], f["ours"], f["yardstick"], f["ratio"], f["target"], f["how"])
    console.print(table)
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    (out / "bench.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False))
    console.print(f"written to {out.name}/bench.json")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

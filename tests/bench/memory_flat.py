"""The memory of agent and bridge after a million facts, beside that after a tenth of them.

Real processes: a serial scanner's bytes and the POS's totals go in, the ledger's acknowledgements
come back. The baskets are the month's larger ones, over and over. It ends after three minutes with
what came through by then; LANETALLY_BENCH_S gives it longer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import cycle
from pathlib import Path

import msgspec

from agent.cli.demo.till import Pos
from drivers.line.serving import serving
from drivers.scanner.sim_line import TextScanner
from tests.bench.rig import (
    Line,
    baskets,
    bridge,
    free_port,
    items,
    mosquitto,
    process,
    resident_mb,
    total,
    wait_for,
    wait_for_port,
)

EARLY, LATE = 100_000, 1_000_000
QUICK = 50  #: so many times fewer
SECONDS, SECONDS_QUICK = 170.0, 12.0
PIECES_MIN = 30
BASKETS = 500
TOKEN = "bench-token-0123456789"
LANE = """
[store]
org = "bench"
id = "store"
name = "Bench"
currency = "TWD"
minor_digits = 2
[lane]
id = "lane-1"
data_dir = "{folder}/data"
[items]
file = "{folder}/items.csv"
[api]
port = {api}
[[api.client]]
name = "pos"
token = "{token}"
[mqtt]
port = {broker}
[[device]]
role = "scanner"
kind = "scanner"
model = "serial"
path = "{scanner}"
"""


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    early, late = (n // QUICK if quick else n for n in (EARLY, LATE))
    seconds = float(os.environ.get("LANETALLY_BENCH_S") or (SECONDS_QUICK if quick else SECONDS))
    large = [b for b in baskets(20_000) if sum(line.quantity for line in b) >= PIECES_MIN]
    chosen = large[:BASKETS]
    with ExitStack() as stack:
        scanner = TextScanner()
        stack.enter_context(serving(scanner))
        broker, api = stack.enter_context(mosquitto(folder)), free_port()
        config = _write(folder, chosen, broker=broker, api=api, scanner=scanner.path)
        booking = stack.enter_context(bridge(folder, broker, chosen))
        start = "from agent.cli import main; raise SystemExit(main())"
        command = [sys.executable, "-c", start, "run", "--config", str(config)]
        lane = stack.enter_context(process(command, folder / "agent.log"))
        wait_for_port(api)
        pos = stack.enter_context(closing(Pos(api, TOKEN)))
        selling = _sell(pos, scanner, chosen)
        ends_s = time.monotonic() + seconds
        pids = lane.pid, booking.pid
        few, before = _after(early, time.monotonic() + seconds / 2, selling, pos, *pids)
        many, after = _after(late, ends_s, selling, pos, *pids)
    return [
        {
            "figure": f"memory of the {name} after {many:,} facts",
            "ours": f"{b:.1f} MB",
            "yardstick": f"{a:.1f} MB",
            "ratio": f"{b / a:.2f}",
            "target": "≤ 1.1",
            "how": f"VmRSS, all facts booked / after {few:,}",
        }
        for name, a, b in zip(("agent", "bridge"), before, after, strict=True)
    ]


def _write(folder: Path, chosen: list[list[Line]], **places: object) -> Path:
    rows = [f"{i.gtin},{i.description},{i.category},{i.price_minor}\n" for i in items(chosen)]
    (folder / "items.csv").write_text("gtin,description,category,price_minor\n" + "".join(rows))
    config = folder / "lane.toml"
    config.write_text(LANE.format(folder=folder, token=TOKEN, **places))
    return config


def _sell(pos: Pos, scanner: TextScanner, chosen: list[list[Line]]) -> Iterator[int]:
    """Facts in the journal, after each sale."""
    for number, basket in enumerate(cycle(chosen)):
        labels = [line.gtin for line in basket for _ in range(line.quantity)]
        scanner.say("".join(f"{label}\r" for label in labels).encode())
        wait_for(partial(_shows, pos, len(labels)), "lane shows all pieces")
        body = msgspec.to_builtins(total(f"bench-{number}", basket))
        del body["source"]
        code, answer = pos.settle(body)
        assert code == 201, answer
        yield pos.lane()["journal_seq"]


def _shows(pos: Pos, pieces: int) -> bool:
    return bool(pos.lane()["item_count"] >= pieces)


def _after(
    facts: int, latest_s: float, selling: Iterator[int], pos: Pos, *pids: int
) -> tuple[int, list[float]]:
    """How many facts are booked, so many or those of the time; resident memory of each process."""
    booked = next(seq for seq in selling if seq >= facts or time.monotonic() > latest_s)
    wait_for(lambda: _all_booked(pos), "all is booked", 60)
    return booked, [resident_mb(pid) for pid in pids]


def _all_booked(pos: Pos) -> bool:
    lane = pos.lane()
    return bool(lane["acknowledged_seq"] == lane["journal_seq"])

"""What the benchmarks share: the real month, servers on free loopback ports, percentiles."""

from __future__ import annotations

import csv
import gzip
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.domain.events import Scanned
from agent.domain.gs1 import read_label
from agent.domain.items import Item
from agent.domain.totals import CashierTotal, ChargedLine, Tender
from agent.inputs import CoreInput, TotalSubmitted

ROOT = Path(__file__).parents[2]
#: One month of a real supermarket, where it lies beside the checkout; else the demo's sample.
MONTH = ROOT.parent / "shared" / "data" / "tafeng_2000-11.csv.gz"
SAMPLE = ROOT / "agent" / "cli" / "demo" / "sample_baskets.csv.gz"
PIECES_MAX = 100  #: wholesale lines of hundreds of one article are no checkout lane's


@dataclass(frozen=True, slots=True)
class Line:
    gtin: str
    quantity: int
    cost_minor: int
    amount_minor: int
    category: str


def baskets(most: int) -> list[list[Line]]:
    """The first baskets of the month (or of the sample), whole."""
    source = MONTH if MONTH.exists() else SAMPLE
    grouped: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    with gzip.open(source, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            line = Line(
                row["gtin"],
                int(row["quantity"]),
                int(row["line_cost"]) * 100,
                int(row["line_price"]) * 100,
                row["product_subclass"],
            )
            grouped[row["date"], row["customer_id"]].append(line)
    whole = [b for b in grouped.values() if sum(line.quantity for line in b) <= PIECES_MAX]
    return whole[:most]


def items(chosen: list[list[Line]]) -> list[Item]:
    return [
        Item(gtin, f"Item {gtin}", line.category, line.amount_minor // line.quantity)
        for gtin, line in {line.gtin.zfill(14): line for b in chosen for line in b}.items()
    ]


def inputs(
    chosen: list[list[Line]], reply: Callable[..., None], first: int = 0
) -> Iterator[CoreInput]:
    """Every scan and every settlement of the baskets, as the core receives them."""
    for number, basket in enumerate(chosen, first):
        for line in basket:
            label = line.gtin.encode()
            scanned = Scanned(read_label(label, ""), label, "", "scanner", None)
            yield from [scanned] * line.quantity
        yield TotalSubmitted(total(f"bench-{number}", basket), reply)


def total(total_id: str, basket: list[Line]) -> CashierTotal:
    lines = tuple(
        ChargedLine(line.gtin.zfill(14), line.quantity * 1000, line.amount_minor) for line in basket
    )
    amount_minor = sum(line.amount_minor for line in lines)
    pieces = sum(line.pieces for line in lines)
    tenders = (Tender("cash", amount_minor),)
    return CashierTotal(total_id, "http", pieces, amount_minor, lines, tenders)


def aim_identifier(gtin: str) -> str:
    """What a scanner sends before an EAN-8, and before an EAN-13."""
    return "]E4" if len(gtin) == 8 else "]E0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mosquitto(folder: Path, *lines: str) -> Iterator[int]:
    """A broker as in production: persistence on, TCP_NODELAY, loopback. Gives its port. `lines`:
    more of its configuration, of the listener if they are TLS."""
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        + "".join(f"{line}\n" for line in lines)
        + f"persistence true\npersistence_location {folder}/\nmax_queued_messages 100000\n"
        + ("user root\n" if os.geteuid() == 0 else "")
    )
    binary = "/usr/sbin/mosquitto"
    with process([binary, "-c", str(config)], folder / "mosquitto.log"):
        wait_for_port(port)
        yield port


@contextmanager
def process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is ended at the end, by its own id."""
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def write_bridge_config(
    folder: Path, port: int, chosen: list[list[Line]], mqtt: str = "", ledger: str = ""
) -> Path:
    """A bridge's file, and the costs of the baskets' articles beside it. `mqtt`: more lines of that
    table; `ledger`: where the ledger is, if not in a file."""
    costs = folder / "costs.csv"
    rows = {line.gtin.zfill(14): line.cost_minor // line.quantity for b in chosen for line in b}
    costs.write_text(
        "gtin,unit_cost_minor,cost_per\n" + "".join(f"{g},{c},each\n" for g, c in rows.items())
    )
    config = folder / "bridge.toml"
    config.write_text(
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n{mqtt}'
        f'[ledger]\npath = "{folder}/ledger.db"\nchart = "cn_small"\ncurrency = "TWD"\n{ledger}'
        f'[items]\ncost_file = "{costs}"\n'
    )
    return config


@contextmanager
def bridge(
    folder: Path, port: int, chosen: list[list[Line]], mqtt: str = "", ledger: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """The real bridge as a child, with the costs of the baskets' articles."""
    config = write_bridge_config(folder, port, chosen, mqtt, ledger)
    start = "from cloud_bridge.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", start, "run", "--config", str(config)]
    log = folder / "bridge.log"
    with process(command, log) as child:
        wait_for(lambda: b"ready" in log.read_bytes(), "bridge is ready")
        yield child


def wait_for_port(port: int) -> None:
    def open_() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(open_, f"port {port} open")


def wait_for(true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.01)


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)

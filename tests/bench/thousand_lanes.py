"""A thousand lanes that sell all the time, on one bridge: how many facts a second it takes in, what
memory it needs, and whether any lane is left waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import mean

from tests.bench.fleet import Played, journaled, play
from tests.bench.rig import baskets, bridge, mosquitto, resident_mb
from tests.postgres_kit import Postgres

LANES, SECONDS = 1_000, 60.0
LANES_QUICK, SECONDS_QUICK = 200, 5.0
BASKETS = 1_000
STORES = ("SQLite", "PostgreSQL")


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    lanes, seconds = (LANES_QUICK, SECONDS_QUICK) if quick else (LANES, SECONDS)
    chosen = baskets(BASKETS)
    source = journaled(folder, chosen)
    figures = []
    for store in STORES:
        place = folder / store
        place.mkdir()
        with ExitStack() as stack:
            ledger = _postgres(stack) if store == "PostgreSQL" else ""
            port = stack.enter_context(mosquitto(place))
            child = stack.enter_context(bridge(place, port, chosen, ledger=ledger))
            at_rest_mb = resident_mb(child.pid)
            played, took_s = play(port, source, lanes, seconds)
            figures += _figures(store, played, took_s, at_rest_mb, resident_mb(child.pid))
    return figures


def _postgres(stack: ExitStack) -> str:
    server = Postgres()
    stack.callback(server.stop)
    server.make_template()
    return f'kind = "postgres"\ndsn = "{server.dsn(server.new_ledger(), "bridge")}"\n'


def _figures(
    store: str, played: list[Played], took_s: float, at_rest_mb: float, after_mb: float
) -> Iterator[dict[str, str]]:
    sales = [len(one.waits_s) for one in played]
    waits = [wait for one in played for wait in one.waits_s]
    lanes = f"{len(played):,} lanes on one bridge into {store}"
    how = f"{len(waits):,} real sales in {took_s:.0f} s, each lane's next when its last is booked"
    rate = sum(one.facts for one in played) / took_s
    yield _figure(f"{lanes}: sustained", f"{rate:,.0f} facts/s", "", "", "stated", how)
    yield _figure(
        "… memory of the bridge",
        f"{after_mb:.1f} MB",
        f"{at_rest_mb:.1f} MB",
        f"{after_mb / at_rest_mb:.2f}",
        "stated",
        "VmRSS afterwards / before the first fact",
    )
    yield _figure(
        "… sales of the slowest lane",
        f"{min(sales)}",
        f"{mean(sales):.1f}",
        f"{min(sales) / mean(sales):.2f}",
        "≥ 0.5",
        "sales of the lane that got through least / of the mean lane",
    )
    yield _figure(
        "… longest wait for the ledger",
        f"{max(waits):.2f} s",
        f"{mean(waits):.2f} s",
        f"{max(waits) / mean(waits):.1f}",
        "≤ 5",
        "longest / mean, of all sales; all lanes have one waiting at any time",
    )


def _figure(
    figure: str, ours: str, yardstick: str, ratio: str, target: str, how: str
) -> dict[str, str]:
    return {
        "figure": figure,
        "ours": ours,
        "yardstick": yardstick,
        "ratio": ratio,
        "target": target,
        "how": how,
    }

"""The bridge into PostgreSQL: workers that verify, map, post and commit real sales, beside as many
that write the same rows, ready-made, by executemany into the same tables without their triggers.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, TypeAlias

import psycopg

from agent import wire
from agent.domain.facts import SoldLine, TransactionSettled
from agent.domain.totals import TaxAmount, Tender
from agent.mqtt import WINDOW, Incoming
from agent.wire import FactRow, LaneAddress
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ingest import settle
from cloud_bridge.ledger.database import PostingRows
from cloud_bridge.ledger.postgres import PostgresLedger
from cloud_bridge.mapping import Books
from tests.bench.rig import Line, baskets
from tests.postgres_kit import Postgres

NOW_MS = 1_800_000_000_000
WORKERS = (1, 2, 4)
ROUNDS = 3
TABLES = ("inbox", "voucher", "entry_line", "stock_movement", "cost_gap")

#: What a worker gets: commits of messages, or commits of rows by table.
Share: TypeAlias = list[list[Incoming]] | list[dict[str, list[tuple[Any, ...]]]]


def measure(_folder: Path, quick: bool) -> list[dict[str, str]]:
    chosen = baskets(2_000 if quick else 8_000)
    lanes = [_messages(f"lane-{n}", f"{n:032x}", chosen[n::4]) for n in range(4)]
    server = Postgres()
    try:
        server.make_template()
        rows = [_recorded(server, messages, chosen) for messages in lanes]
        figures = [_figure(server, lanes, rows, chosen, n, quick=quick) for n in WORKERS]
        return [*figures, _twice(server, lanes, rows, chosen, quick=quick)]
    finally:
        server.stop()


def _figure(
    server: Postgres,
    lanes: list[list[Incoming]],
    rows: list[Share],
    chosen: list[list[Line]],
    workers: int,
    *,
    quick: bool,
) -> dict[str, str]:
    ours, bare = [], []
    for _ in range(1 if quick else ROUNDS):
        shares = [_commits([m for lane in lanes[n::workers] for m in lane]) for n in range(workers)]
        ours.append(_rate(server, _bridge, shares, chosen))
        shares = [[commit for lane in rows[n::workers] for commit in lane] for n in range(workers)]
        bare.append(_rate(server, _bare, shares, chosen))
    return _row(f"bridge into PostgreSQL, {workers} workers", ours, bare, "each message once")


def _twice(
    server: Postgres,
    lanes: list[list[Incoming]],
    rows: list[Share],
    chosen: list[list[Line]],
    *,
    quick: bool,
) -> dict[str, str]:
    """Both workers get everything: each fact comes once to each of them."""
    ours, bare = [], []
    for _ in range(1 if quick else ROUNDS):
        orders = (lanes, [*lanes[2:], *lanes[:2]])
        shares = [_commits([m for lane in order for m in lane]) for order in orders]
        ours.append(_rate(server, _bridge, shares, chosen))
        halves = [[commit for lane in rows[n::2] for commit in lane] for n in range(2)]
        bare.append(_rate(server, _bare, halves, chosen))
    how = "each message twice, once to each; different vouchers counted"
    return _row("bridge into PostgreSQL, 2 workers, all twice", ours, bare, how)


def _row(figure: str, ours: list[float], bare: list[float], how: str) -> dict[str, str]:
    a, b = statistics.median(ours), statistics.median(bare)
    return {
        "figure": figure,
        "ours": f"{a:,.0f} vouchers/s",
        "yardstick": f"{b:,.0f} vouchers/s",
        "ratio": f"{a / b:.2f}",
        "target": "≥ 0.6",
        "how": f"{how}; median of {len(ours)} / executemany of the same rows, as many processes",
    }


# --- what is sent --------------------------------------------------------------------------------


def _messages(lane: str, epoch: str, chosen: list[list[Line]]) -> list[Incoming]:
    """A lane's sales as batches on its topic, as full as the lane makes them."""
    rows: list[FactRow] = []
    prev = wire.GENESIS
    for seq, basket in enumerate(chosen, 1):
        body = wire.encode_body(_sale(lane, seq, basket))
        head = (seq, TransactionSettled.type, TransactionSettled.version, NOW_MS + seq, seq)
        prev = wire.chain_hash(prev, epoch, *head, body)
        rows.append(FactRow(*head, prev, body))
    topic = LaneAddress("acme", "harbour", lane).topic("tx")
    messages, batch, size, before = [], [], 0, wire.GENESIS
    for row in rows:
        if batch and (
            len(batch) == wire.BATCH_FACTS_MAX or size + len(row.body) > wire.BATCH_BYTES_MAX
        ):
            messages.append(Incoming(topic, wire.encode_batch(epoch, before, batch), 1, False, 1))
            before, batch, size = batch[-1].hash, [], 0
        batch.append(row)
        size += len(row.body)
    messages.append(Incoming(topic, wire.encode_batch(epoch, before, batch), 1, False, 1))
    return messages


def _sale(lane: str, number: int, basket: list[Line]) -> TransactionSettled:
    amount = sum(line.amount_minor for line in basket)
    net = amount * 100 // 105
    lines = tuple(
        SoldLine(n, line.gtin.zfill(14), line.quantity * 1000, None, line.amount_minor,
                 f"Item {line.gtin}", line.category, 500)
        for n, line in enumerate(basket, 1)
    )  # fmt: skip
    return TransactionSettled(
        f"{lane}-{number}", f"R{number}", "2000-11-01", "TWD", f"p{number}", len(basket), amount,
        0, 0, lines, (Tender("cash", amount),), (TaxAmount(500, net, amount - net),), 0,
    )  # fmt: skip


def _commits(messages: Sequence[Incoming]) -> list[list[Incoming]]:
    """As the bridge takes them: at most a window in one transaction."""
    return [list(messages[at : at + WINDOW]) for at in range(0, len(messages), WINDOW)]


# --- the bridge ----------------------------------------------------------------------------------


class _NoLink:
    def confirm(self, message: Incoming) -> None:
        pass

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        pass


def _ledger(dsn: str) -> PostgresLedger:
    return PostgresLedger(dsn, Books(load_chart("cn_small"), "TWD"))


def _bridge(dsn: str, share: Share, start: Barrier) -> tuple[float, float]:
    with closing(_ledger(dsn)) as ledger:
        start.wait()
        began = time.perf_counter()
        for messages in share:
            settle(messages, ledger, _NoLink(), NOW_MS)
        return began, time.perf_counter()


def _recorded(server: Postgres, messages: list[Incoming], chosen: list[list[Line]]) -> Share:
    """The rows that the bridge writes for these messages, by commit and table."""
    name = server.new_ledger()
    commits: list[dict[str, list[tuple[Any, ...]]]] = []
    with closing(_ledger(server.dsn(name, "bridge"))) as ledger:
        _load_costs(ledger, chosen)
        database = ledger._db
        insert, post = database.insert, database.post

        def noting_insert(table: str, rows: list[tuple[Any, ...]]) -> None:
            if table in TABLES:
                commits[-1][table] = rows
            insert(table, rows)

        def noting_post(batch: PostingRows) -> str | None:
            commits[-1]["voucher"], commits[-1]["entry_line"] = batch.vouchers, batch.lines
            return post(batch)

        database.insert, database.post = noting_insert, noting_post
        for group in _commits(messages):
            commits.append({})
            settle(group, ledger, _NoLink(), NOW_MS)
        assert ledger.status().quarantined == 0
    server.run(f"DROP DATABASE {name}")
    return commits


def _load_costs(ledger: PostgresLedger, chosen: list[list[Line]]) -> None:
    rows = {line.gtin.zfill(14): line.cost_minor // line.quantity for b in chosen for line in b}
    ledger.add_costs([CostRow(g, UnitCost(c, "each")) for g, c in rows.items()], 1)


# --- the yardstick -------------------------------------------------------------------------------


def _bare(dsn: str, share: Share, start: Barrier) -> tuple[float, float]:
    with psycopg.connect(dsn) as db, db.cursor() as cursor:
        start.wait()
        began = time.perf_counter()
        for commit in share:
            for table, rows in commit.items():
                if rows:
                    places = ",".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
            db.commit()
        return began, time.perf_counter()


# --- running -------------------------------------------------------------------------------------


def _rate(
    server: Postgres,
    work: Callable[[str, Share, Barrier], tuple[float, float]],
    shares: list[Share],
    chosen: list[list[Line]],
) -> float:
    """Vouchers a second from the first start to the last end, in a database of its own."""
    name = server.new_ledger()
    dsn = server.dsn(name, "bridge")
    with closing(_ledger(dsn)) as ledger:
        _load_costs(ledger, chosen)
    if work is _bare:
        for table in TABLES:
            server.run(f"ALTER TABLE {table} DISABLE TRIGGER USER", name)
    server.run("CHECKPOINT", name)
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(len(shares)), context.SimpleQueue()
    children = [
        context.Process(target=lambda share=share: answers.put(work(dsn, share, start)))
        for share in shares
    ]
    for child in children:
        child.start()
    times = [answers.get() for _ in children]
    for child in children:
        child.join()
    with closing(_ledger(dsn)) as ledger:
        vouchers = ledger.status().vouchers
    server.run(f"DROP DATABASE {name}")
    return vouchers / (max(end for _, end in times) - min(begin for begin, _ in times))

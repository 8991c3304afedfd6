"""Whatever the way does to the messages, the ledger ends as if all had come once and in order."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import wire
from agent.domain.facts import LaneStarted, SoldLine, TransactionSettled
from agent.domain.totals import TaxAmount, Tender
from agent.mqtt import Incoming
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.ingest import settle
from cloud_bridge.ledger.port import LedgerUnavailable
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books

BOOKS = Books(load_chart("cn_asbe"), "CNY")
TEA = "04710199010372"
NOW_MS = 1_800_000_000_000

#: All that a stream led to; when it was received is the only thing that may differ.
TABLES = {
    "inbox": "tenant, store, lane, epoch, seq, type, version, wall_ms, mono_ms, hash, body",
    "voucher": "*",
    "entry_line": "*",
    "stock_movement": "*",
    "cost_gap": "*",
    "lane_cursor": "tenant, store, lane, epoch, hw, last_seq",
    "quarantine": "tenant, store, lane, epoch, seq, reason, raw, amount_minor",
}


class Link:
    """Holds each acknowledgement against what is in the database when it is sent."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.ledger = ledger
        self.acks: dict[tuple[str, str], wire.Ack] = {}

    def confirm(self, message: Incoming) -> None:
        pass

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        ack = wire.decode_ack(payload)
        address, _ = wire.LaneAddress.of_topic(topic)
        sql = "SELECT seq FROM inbox WHERE lane = ? AND epoch = ?"
        here = {
            seq for (seq,) in self.ledger._db.connection.execute(sql, (address.lane, ack.epoch))
        }
        unbroken = next(n for n in range(len(here) + 1) if n + 1 not in here)
        assert (ack.hw, ack.gap) == (unbroken, len(here) > unbroken)
        self.acks[topic, ack.epoch] = ack
        return 1


class Journal:
    """One epoch of one lane, in memory."""

    def __init__(self, lane: str, epoch: str, kinds: list[str]) -> None:
        self.address = wire.LaneAddress("acme", "harbour", lane)
        self.epoch = epoch
        self.rows: list[wire.FactRow] = []
        for n, kind in enumerate(kinds, 1):
            self._append(n, *fact(kind, f"{lane}-{epoch}-{n}"))

    def _append(self, seq: int, type_: str, version: int, body: bytes) -> None:
        head = (seq, type_, version, 1_700_000_000_000 + seq, seq)
        digest = wire.chain_hash(self._prev(seq), self.epoch, *head, body)
        self.rows.append(wire.FactRow(*head, digest, body))

    def _prev(self, seq: int) -> str:
        return self.rows[seq - 2].hash if seq > 1 else wire.GENESIS

    def message(self, first: int, count: int) -> Incoming:
        rows = self.rows[first - 1 : first - 1 + count]
        payload = wire.encode_batch(self.epoch, self._prev(first), rows)
        return Incoming(self.address.topic("tx"), payload, 1, False, 1)

    def damage(self, seq: int, what: str) -> None:
        row = self.rows[seq - 1]
        changes = {"body": b"[1]", "hash": "0" * 64, "wall_ms": row.wall_ms + 1}
        self.rows[seq - 1] = replace(row, **{what: changes[what]})

    def broken(self) -> list[int]:
        """The seqs that do not follow from the row before."""
        return [
            row.seq
            for row in self.rows
            if row.hash
            != wire.chain_hash(
                self._prev(row.seq), self.epoch, row.seq, row.type, row.version,
                row.wall_ms, row.mono_ms, row.body,
            )
        ]  # fmt: skip

    def all(self) -> Incoming:
        return self.message(1, len(self.rows))


def fact(kind: str, number: str) -> tuple[str, int, bytes]:
    if kind == "garbage":
        return "TransactionSettled", 1, b'{"lines":7}'
    if kind == "novelty":
        return "Novelty", 3, b"{}"
    if kind == "started":
        body: LaneStarted | TransactionSettled = LaneStarted(number, "0.1")
    else:
        tender = Tender("bitcoin" if kind == "bitcoin" else "wechat", 11300)
        line = SoldLine(1, TEA, 1000, None, 11300, "Tea", "110411", 1300)
        body = TransactionSettled(
            number, number, "2000-11-01", "CNY", number, 1, 11300, 0, 0,
            (line,), (tender,), (TaxAmount(1300, 10000, 1300),), 0,
        )  # fmt: skip
    return body.type, body.version, wire.encode_body(body)


KINDS = st.lists(
    st.sampled_from(["sale", "sale", "started", "garbage", "novelty", "bitcoin"]),
    min_size=1,
    max_size=12,
)


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Journal], list[list[Incoming]]]:
    """Lanes (one of them re-imaged), and commits of messages: pieces of the journals in any order,
    any cut, any repetition, any loss; at last, as the lane does until it is acknowledged, all."""
    journals = [
        Journal("lane-1", "a" * 32, draw(KINDS)),
        Journal("lane-1", "b" * 32, draw(KINDS)),
        Journal("lane-2", "c" * 32, draw(KINDS)),
    ]
    messages = []
    for _ in range(draw(st.integers(0, 14))):
        journal = draw(st.sampled_from(journals))
        first = draw(st.integers(1, len(journal.rows)))
        messages.append(journal.message(first, draw(st.integers(1, 5))))
    messages += draw(st.permutations([journal.all() for journal in journals]))
    commits = []
    while messages:
        size = draw(st.integers(1, 6))
        commits.append(messages[:size])
        messages = messages[size:]
    return journals, commits


def opened(path: Path) -> SqliteLedger:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    ledger = SqliteLedger(path, BOOKS)
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], 1)
    return ledger


def dump(ledger: SqliteLedger) -> dict[str, list[tuple]]:
    return {
        table: sorted(
            ledger._db.connection.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr
        )
        for table, columns in TABLES.items()
    }


def in_order_once(journals: list[Journal], path: Path) -> dict[str, list[tuple]]:
    ledger = opened(path)
    try:
        for journal in journals:
            for seq in range(1, len(journal.rows) + 1):
                settle([journal.message(seq, 1)], ledger, Link(ledger), NOW_MS)
        return dump(ledger)
    finally:
        ledger.close()


def check(ledger: SqliteLedger, link: Link, journals: list[Journal], path: Path) -> None:
    assert dump(ledger) == in_order_once(journals, path)
    status = ledger.status()
    assert (status.ledger_sum_minor, status.duplicates) == (0, 0)
    assert not any(lane.cursor.gap for lane in status.lanes)
    for journal in journals:
        ack = link.acks[journal.address.topic("ack"), journal.epoch]
        assert (ack.epoch, ack.hw, ack.gap) == (journal.epoch, len(journal.rows), False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledgers")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_any_way_of_arriving_gives_the_same_books(folder, story):
    journals, commits = story
    ledger = opened(folder / "one.sqlite3")
    try:
        link = Link(ledger)
        for number, messages in enumerate(commits):
            settle(messages, ledger, link, NOW_MS + number)
        check(ledger, link, journals, folder / "other.sqlite3")
    finally:
        ledger.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories(), st.lists(st.sampled_from(["well", "locked", "full", "killed"]), max_size=12))
def test_failures_of_the_store_and_of_the_process_change_nothing(folder, story, fates):
    """locked, full: the commit fails, at once or half-way, and is tried again; killed: it is done,
    but the process dies before it has confirmed, so that all comes again to a new one."""
    journals, commits = story
    path = folder / "mortal.sqlite3"
    ledger = opened(path)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        link = Link(ledger)
        for number, messages in enumerate(commits):
            fate = fates[number] if number < len(fates) else "well"
            if fate == "locked":
                ledger._db.connection.execute("PRAGMA busy_timeout = 0")
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(LedgerUnavailable):
                    settle(messages, ledger, link, NOW_MS + number)
                other.execute("ROLLBACK")
            elif fate == "full":
                (pages,) = ledger._db.connection.execute("PRAGMA page_count").fetchone()
                ledger._db.connection.execute(f"PRAGMA max_page_count = {pages}")
                with suppress(LedgerUnavailable):  # unless there is room in the pages it has
                    settle(messages, ledger, link, NOW_MS + number)
                ledger._db.connection.execute("PRAGMA max_page_count = 1000000")
            elif fate == "killed":
                settle(messages, ledger, Link(ledger), NOW_MS + number)
                ledger.close()
                ledger = link.ledger = SqliteLedger(path, BOOKS)
            settle(messages, ledger, link, NOW_MS + number)
        check(ledger, link, journals, folder / "other.sqlite3")
    finally:
        other.close()
        ledger.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(KINDS, st.data())
def test_a_damaged_journal_is_received_to_its_end(folder, kinds, data):
    """Whatever pieces of it come in whatever order, each sound fact is posted and no other is."""
    journal = Journal("lane-1", "a" * 32, kinds)
    seqs = st.integers(1, len(kinds))
    for seq in data.draw(st.sets(seqs, min_size=1)):
        journal.damage(seq, data.draw(st.sampled_from(["body", "hash", "wall_ms"])))
    pieces = data.draw(st.lists(st.tuples(seqs, st.integers(1, 5)), max_size=6))
    ledger = opened(folder / "damaged.sqlite3")
    try:
        link = Link(ledger)
        for message in [*(journal.message(*piece) for piece in pieces), *[journal.all()] * 2]:
            settle([message], ledger, link, NOW_MS)
        broken = journal.broken()
        ack = link.acks[journal.address.topic("ack"), journal.epoch]
        assert (ack.epoch, ack.hw, ack.gap) == (journal.epoch, len(kinds), False)
        sold = [seq for seq, kind in enumerate(kinds, 1) if kind == "sale" and seq not in broken]
        posted = ledger._db.connection.execute(
            "SELECT seq FROM voucher WHERE kind = 'sale' ORDER BY seq"
        )
        assert [seq for (seq,) in posted] == sold
        assert sorted(c.seq for c in ledger.cases() if c.reason == "chain") == broken
    finally:
        ledger.close()

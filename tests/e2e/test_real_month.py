"""The whole month of a real supermarket: what was charged is what is booked, and each scan that was
left out on purpose is noticed, and no other."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from agent import wire
from agent.core import Core
from agent.domain.facts import MissedScanSuspected
from agent.domain.text import Text
from agent.domain.transaction import StoreRules
from agent.inbox import Inbox
from agent.inputs import CoreInput, TotalSubmitted
from agent.journal import Journal
from agent.mqtt import Incoming
from agent.totals.keypad import read_keyed
from agent.wire import LaneAddress
from cloud_bridge.config import load
from cloud_bridge.ingest import sort
from cloud_bridge.ledger.sqlite import SqliteLedger
from tests.bench.rig import MONTH, Line, baskets, inputs, items, write_bridge_config
from tests.silent import SilentOutlets

ADDRESS = LaneAddress("acme", "store-1", "lane-1")
TURN, MESSAGES = 256, 20
MISS_EVERY = 40

pytestmark = [
    pytest.mark.skipif(not MONTH.exists(), reason="NOT TESTED HERE: the month's file is not there"),
    pytest.mark.timeout(600),
]


class Quiet(SilentOutlets):
    """A lane without printer, beeper and connection, that remembers its alerts."""

    def __init__(self) -> None:
        self.alerts: list[MissedScanSuspected] = []

    def alert(self, suspected: MissedScanSuspected, text: Text) -> None:
        self.alerts.append(suspected)


def with_misses(month: list[list[Line]], missed: list[int]) -> Iterator[CoreInput]:
    """Every input of the month, but for the last scan of every fortieth basket of two or more."""
    for number, basket in enumerate(month):
        *scans, total = inputs([basket], lambda outcome: None, first=number)
        if number % MISS_EVERY == 0 and len(scans) > 1:
            scans.pop()
            missed.append(number)
        yield from scans
        assert isinstance(total, TotalSubmitted)
        yield total


def in_groups(values: Iterable[CoreInput], size: int) -> Iterator[list[CoreInput]]:
    rest = iter(values)
    while group := list(islice(rest, size)):
        yield group


def messages(journal: Journal) -> Iterator[Incoming]:
    """The journal as it travels: batches of facts on the lane's topic."""
    rows = iter(journal.rows())
    prev = wire.GENESIS
    while batch := list(islice(rows, wire.BATCH_FACTS_MAX)):
        payload = wire.encode_batch(journal.epoch, prev, batch)
        yield Incoming(ADDRESS.topic("tx"), payload, 1, False, 0)
        prev = batch[-1].hash


def test_a_month_of_a_real_supermarket_is_booked_as_it_was_charged(tmp_path: Path) -> None:
    month = baskets(100_000)
    lane, missed = Quiet(), []
    journal = Journal(tmp_path / "journal.db")
    journal.load_items(items(month), "month")
    rules = StoreRules("lane-1", journal.epoch, "TWD", 500)
    core = Core(journal, Inbox[CoreInput](), rules, lane, read_keyed)
    never = threading.Event()

    for turn in in_groups(with_misses(month, missed), TURN):
        core.process(turn, never)

    config = load(write_bridge_config(tmp_path, 1883, month))
    ledger = SqliteLedger(config.ledger_path, config.books)
    ledger.add_costs(config.costs, 1)
    sent = iter(messages(journal))
    while group := list(islice(sent, MESSAGES)):
        ledger.apply(sort(group), 2)

    status = ledger.status()
    balances = {row.account: row.balance_minor for row in ledger.trial_balance()}
    charged = sum(line.amount_minor for basket in month for line in basket)
    assert len(month) > 31_000
    assert len(lane.alerts) == len(missed) > 500
    assert all(alert.missed_count == 1 for alert in lane.alerts)
    assert (status.facts, status.lanes[0].cursor.hw) == (journal.last_seq, journal.last_seq)
    assert (status.vouchers, status.duplicates, status.quarantined) == (2 * len(month), 0, 0)
    assert status.ledger_sum_minor == 0
    cash = config.books.chart.account("clearing.cash")
    assert cash is not None
    assert balances[cash.number] == charged
    ledger.close()
    journal.close()

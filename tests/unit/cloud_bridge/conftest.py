"""Lanes that write true journals, without a lane: bodies in, wire messages out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent import wire
from agent.domain.facts import FactBody, SoldLine, TransactionSettled
from agent.domain.totals import TaxAmount, Tender
from agent.mqtt import Incoming
from agent.wire import FactRow, LaneAddress, WireFact
from cloud_bridge.chart import load_chart
from cloud_bridge.ledger.port import Delivery
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.ledger.store import SqlLedger
from cloud_bridge.mapping import Books
from cloud_bridge.voucher import Stream
from tests.postgres_kit import Postgres


@dataclass
class PlayedLane:
    """A lane's journal in memory. `raw` appends a fact of any type and bytes."""

    lane: str = "lane-1"
    epoch: str = "e" * 32
    rows: list[FactRow] = field(default_factory=list)

    @property
    def address(self) -> LaneAddress:
        return LaneAddress("acme", "harbour", self.lane)

    @property
    def stream(self) -> Stream:
        return Stream("acme", "harbour", self.lane, self.epoch)

    def append(self, *bodies: FactBody) -> PlayedLane:
        for body in bodies:
            self.raw(body.type, body.version, wire.encode_body(body))
        return self

    def raw(self, type_: str, version: int, body: bytes) -> PlayedLane:
        seq = len(self.rows) + 1
        head = (seq, type_, version, 1_700_000_000_000 + seq, seq)
        digest = wire.chain_hash(self.hash_at(seq - 1), self.epoch, *head, body)
        self.rows.append(FactRow(*head, digest, body))
        return self

    def damage(self, *seqs: int) -> PlayedLane:
        """As a worn disk does it: other bytes under the same hash."""
        for seq in seqs:
            row = self.rows[seq - 1]
            self.rows[seq - 1] = replace(row, body=row.body.replace(b"11300", b"11301"))
        return self

    def hash_at(self, seq: int) -> str:
        return self.rows[seq - 1].hash if seq else wire.GENESIS

    def payload(self, first: int = 1, last: int | None = None) -> bytes:
        rows = self.rows[first - 1 : last]
        return wire.encode_batch(self.epoch, self.hash_at(first - 1), rows)

    def message(self, first: int = 1, last: int | None = None, mid: int = 1) -> Incoming:
        return Incoming(self.address.topic("tx"), self.payload(first, last), 1, False, mid)

    def facts(self, first: int = 1, last: int | None = None) -> Sequence[WireFact]:
        return wire.decode_batch(self.payload(first, last)).facts

    def delivery(self, first: int = 1, last: int | None = None) -> Delivery:
        return Delivery(self.stream, self.hash_at(first - 1), self.facts(first, last))


@pytest.fixture
def new_lane() -> Callable[..., PlayedLane]:
    return PlayedLane


def sale(number: int = 1, **changes: object) -> TransactionSettled:
    """113.00 at 13 %, one piece for 100.00 and 0.5 kg for 13.00; 120.00 in cash, 7.00 back."""
    fields: dict[str, object] = {
        "transaction_id": f"t{number}",
        "receipt_number": f"R{number}",
        "business_date": "2000-11-01",
        "currency": "CNY",
        "total_id": f"pos-{number}",
        "item_count": 2,
        "amount_minor": 11300,
        "change_minor": 700,
        "rounding_minor": 0,
        "lines": (
            SoldLine(1, "04710199010372", 1000, None, 10000, "Tea", "110411", 1300),
            SoldLine(2, "00000020000015", 1000, 500, 1300, "Apples", "120107", 1300),
        ),
        "tenders": (Tender("cash", 12000),),
        "taxes": (TaxAmount(1300, 10000, 1300),),
        "missed_count": 0,
    }
    return TransactionSettled(**(fields | changes))  # type: ignore[arg-type]  # fields by name


@pytest.fixture(name="sale")
def sale_fixture() -> Callable[..., TransactionSettled]:
    return sale


@pytest.fixture
def books() -> Books:
    return Books(load_chart("cn_small"), "CNY")


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@dataclass
class Store:
    """A place for a ledger: `open` gives a bridge's hand on it, `connect` its owner's own SQL."""

    open: Callable[..., SqlLedger]
    connect: Callable[[], Any]
    unprotect: Callable[[str], list[str]]  #: statements that let a table be changed after all


@pytest.fixture
def sqlite_store(ledger_path: Path) -> Store:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(ledger_path, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = 1")
        return connection

    return Store(
        lambda *args: SqliteLedger(ledger_path, *args),
        connect,
        lambda table: [f"DROP TRIGGER {table}_no_{verb}" for verb in ("update", "delete")],
    )


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    return postgres.new_ledger()


@pytest.fixture
def postgres_store(postgres: Postgres, database: str) -> Iterator[Store]:
    from cloud_bridge.ledger.postgres import PostgresLedger

    yield Store(
        lambda *args: PostgresLedger(postgres.dsn(database, "bridge"), *args),
        lambda: psycopg.connect(postgres.dsn(database), autocommit=True),
        lambda table: [f"ALTER TABLE {table} DISABLE TRIGGER append_only"],
    )
    postgres.empty(database)


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """The tests of what every store promises have both in its place."""
    return sqlite_store


@pytest.fixture
def ledger(store: Store, books: Books) -> Iterator[SqlLedger]:
    ledger = store.open(books)
    yield ledger
    ledger.close()


@pytest.fixture
def sql(store: Store, ledger: SqlLedger) -> Iterator[Any]:
    """A second hand on the ledger, as an accountant with an SQL tool has it."""
    connection = store.connect()
    yield connection
    connection.close()

"""Facts whose chain is whole, and whose content no lane would write: a figure here and a word there
are something else. In whatever order they come, the bridge takes them all, and so does everything
that people ask of the ledger afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import wire
from agent.domain.facts import (
    BackfillReversed,
    DayClosed,
    ItemBackfilled,
    ReturnedLine,
    ReturnRecorded,
    SoldLine,
    SoldPart,
    TransactionSettled,
)
from agent.domain.totals import TaxAmount, Tender
from agent.mqtt import Incoming
from cloud_bridge.chart import load_chart
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.days import compared
from cloud_bridge.exports import FORMATS
from cloud_bridge.ingest import settle
from cloud_bridge.ledger.port import Decision
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books
from cloud_bridge.stockwatch import StockWatch

BOOKS = Books(load_chart("cn_small"), "CNY")
ADDRESS = wire.LaneAddress("acme", "harbour", "lane-1")
EPOCH = "e" * 32
NOW_MS = 1_800_000_000_000
RETRY = Decision("retry", "li", "hoping", NOW_MS)
TEA, APPLES = "04710199010372", "00000020000015"

LINES = (
    SoldLine(1, TEA, 1000, None, 10000, "Tea", "110411", 1300),
    SoldLine(2, APPLES, 1000, 500, 1300, "Apples", "120107", 1300),
)
TAXES = (TaxAmount(1300, 10000, 1300),)
CASH = (Tender("cash", 11300),)
SALE = TransactionSettled(
    *("t1", "R1", "2000-11-01", "CNY", "pos-1", 2, 11300, 0, 0),
    lines=LINES,
    tenders=CASH,
    taxes=TAXES,
    missed_count=0,
)
BACKFILL = ItemBackfilled(
    "b1", "t1", "R1", "2000-11-01", "CNY", "paid", LINES[:1], reason="seen", operator="wang"
)
#: At seq 1 a sale, at seq 2 a backfill, then what follows from both.
TRUE = (
    SALE,
    BACKFILL,
    BackfillReversed("v1", EPOCH, 2, BACKFILL, "it was scanned", "wang", "li"),
    ReturnRecorded(
        *("r1", "L1-R1", "t1", "R1", "2000-11-02", "CNY"),
        tuple(
            ReturnedLine(x, "resaleable", SoldPart(EPOCH, 1, "", x.quantity_milli, x.weight_g, 0))
            for x in LINES
        ),
        CASH,
        TAXES,
        11300,
        0,
        "too small",
        "wang",
        "li",
    ),
    DayClosed("2000-11-01", 1, 11300, "0" * 64, 1, 1),
)

figures = st.sampled_from((0, 1, -1, 1000, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 2**70))
words = st.sampled_from(
    ("", "t1", "cash", "9999-12-31", "0001-01-01", "a\0b", "\x1f;(", "名" * 200)
)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where figures and words stand in JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[call-overload]  # a list
    for key, one in inner:
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))
        elif isinstance(one, int | str):
            yield (*path, key)


@st.composite
def spoilt(draw, true):
    """The body of a fact, up to two of its figures and words being others."""
    body = json.loads(wire.encode_body(true))
    for path in draw(st.lists(st.sampled_from(list(places(body))), max_size=2)):
        *way, last = path
        holder = body
        for key in way:
            holder = holder[key]
        holder[last] = draw(words if isinstance(holder[last], str) else figures)
    return json.dumps(body, ensure_ascii=False).encode()


chains = st.tuples(*map(spoilt, TRUE))
orders = st.permutations(range(len(TRUE)))


def messages(bodies: tuple[bytes, ...]) -> list[Incoming]:
    """One fact each."""
    found, prev = [], wire.GENESIS
    for seq, (true, body) in enumerate(zip(TRUE, bodies, strict=True), 1):
        head = (seq, true.type, true.version, NOW_MS, seq)
        digest = wire.chain_hash(prev, EPOCH, *head, body)
        payload = wire.encode_batch(EPOCH, prev, [wire.FactRow(*head, digest, body)])
        found.append(Incoming(ADDRESS.topic("tx"), payload, 1, False, seq))
        prev = digest
    return found


class Link:
    def confirm(self, message: Incoming) -> None: ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.said = wire.decode_ack(payload)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chains, orders)
def test_no_content_stops_the_bridge_or_anything_that_is_asked_of_its_ledger(bodies, order):
    came = messages(bodies)
    link = Link()
    with TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db", BOOKS, "acme")
        costs = (UnitCost(6000, "each"), UnitCost(2000, "kg"))
        ledger.add_costs(map(CostRow, (TEA, APPLES), costs), 1)
        for index in order:
            settle([came[index]], ledger, link, NOW_MS)
        settle(came, ledger, link, NOW_MS)

        assert (link.said.hw, link.said.gap) == (len(TRUE), False)
        ledger.replay(NOW_MS)
        for case in ledger.cases():
            ledger.retry(case.case_id, RETRY)
        assert ledger.findings() == []
        assert sum(b.balance_minor for b in ledger.trial_balance()) == 0
        list(compared(ledger.day_closes(), ledger.settled))
        StockWatch().messages([], ledger.undeducted())
        for text in FORMATS.values():
            "\n".join(text(ledger.vouchers(), BOOKS)).encode()
        ledger.close()

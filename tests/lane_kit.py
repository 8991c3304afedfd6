"""A small shop for tests of the lane: its items, its rules, and short names for what happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.domain.events import Scanned, TotalReceived, Weighed
from agent.domain.facts import (
    CashierTotalRejected,
    CommandAnswered,
    FactBody,
    ItemBackfilled,
    ItemDescribed,
    LaneStarted,
    PieceWeighed,
    ReceiptUnprinted,
    ReturnedLine,
    ReturnRecorded,
    TransactionSettled,
)
from agent.domain.gs1 import read_label
from agent.domain.items import Item
from agent.domain.lane import step
from agent.domain.settlement import receipt_job_id
from agent.domain.totals import CashierTotal, ChargedLine, Tender
from agent.domain.transaction import LaneState, Step, StoreRules, evolve
from agent.journal import Journal
from agent.projections import TABLES

EPOCH = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
DAY = "2026-11-22"
RULES = StoreRules("L1", EPOCH, "CNY", tax_rate_bp=1300)

MILK = Item("06901234567892", "Milk 1 l", "dairy", 1250)
BREAD = Item("04006381333931", "Bread", "bakery", 800, tax_rate_bp=900)
TEA = Item("00000096385074", "Green tea", "drinks", 1000)
APPLES = Item("02001234567893", "Apples", "fruit", 980, "weight", 900)
PEARS = Item("02001234567893", "Pears", "fruit", None)
ITEMS = {item.gtin: item for item in (MILK, BREAD, TEA, APPLES)}
STARTED = LaneStarted("boot-1", "0.1.0")
STRANGE = "05449000000996"  #: a good GTIN that no item master has


def scanned(gtin: str, *, role: str = "scanner", symbology: str = "]E0") -> Scanned:
    """A scan of 14 digits as the intake and the core hand it to the domain."""
    label = gtin.encode()
    return Scanned(read_label(label, symbology), label, symbology, role, ITEMS.get(gtin))


def unclear(reason: Any = "lossy", data: bytes = b"40063\xff") -> Scanned:
    return Scanned(reason, data, "", "scanner", None)


def weighed(weight_g: int, *, net: bool = False) -> Weighed:
    return Weighed(weight_g, net, b"\x02%06d\r" % weight_g, "scale")


def charged(item: Item, pieces: int = 1, amount_minor: int | None = None, **more: Any) -> Any:
    at_price = (item.price_minor or 0) * pieces
    amount = at_price if amount_minor is None else amount_minor
    return ChargedLine(item.gtin, pieces * 1000, amount, **more)


def posted(total_id: str = "T1", count: int | None = None, **fields: Any) -> CashierTotal:
    """A total as the POS posts it."""
    return CashierTotal(total_id, "http", count, **fields)


def keyed(total_id: str, count: int) -> CashierTotal:
    return CashierTotal(total_id, "keypad", count)


def cash(amount_minor: int) -> tuple[Tender, ...]:
    return (Tender("cash", amount_minor),)


def received(total: CashierTotal, **context: Any) -> TotalReceived:
    """A total with the item master's word on its lines, as the core adds it."""
    items = {line.gtin: ITEMS[line.gtin] for line in total.lines or () if line.gtin in ITEMS}
    return TotalReceived(total, items, **context)


def played(*events: Any, state: LaneState | None = None, rules: StoreRules = RULES) -> Step:
    """One step after the other: the last state, all facts, all effects."""
    whole = Step(state or LaneState())
    for event in events:
        one = step(whole.state, event, rules, DAY)
        whole = Step(one.state, whole.facts + one.facts, whole.effects + one.effects)
    return whole


def basket(*gtins: str) -> LaneState:
    """The state of a lane after these scans."""
    return played(*map(scanned, gtins)).state


def replayed(facts: tuple[FactBody, ...]) -> LaneState:
    state = LaneState()
    for fact in facts:
        state = evolve(fact, state)
    return state


def only(cls: type, things: Any) -> Any:
    """The one thing of a class."""
    found = [thing for thing in things if isinstance(thing, cls)]
    assert len(found) == 1, [type(thing).__name__ for thing in things]
    return found[0]


def none_of(cls: type, things: Any) -> bool:
    return not any(isinstance(thing, cls) for thing in things)


def sale(
    total_id: str = "T1",
    state: LaneState | None = None,
    *,
    charges: tuple[Item, ...] = (MILK,),
    scans: tuple[Item, ...] = (MILK,),
    customer: str = "",
) -> Step:
    """A whole transaction, from the first scan to the settlement."""
    total = posted(total_id, None, lines=tuple(map(charged, charges)), customer=customer)
    return played(*(scanned(item.gtin) for item in scans), received(total), state=state)


def append(journal: Journal, bodies: Sequence[FactBody], wall_ms: int = 1000, **more: Any) -> None:
    journal.append(bodies, wall_ms=wall_ms, mono_ms=1, **more)


def dumped(journal: Journal) -> dict[str, list[str]]:
    """All projections, row by row as they lie in the tables."""
    return {
        table: sorted(map(repr, journal._db.execute(f"SELECT * FROM {table}"))) for table in TABLES
    }


def keep_busy_day(journal: Journal) -> LaneState:
    """A day in short: settled, suspected, held, rejected, printed in doubt and not printed."""
    first = sale("T1", scans=(MILK, TEA))
    second = sale("T2", first.state)
    third = played(
        scanned(TEA.gtin),
        received(keyed("K1", 4)),
        received(posted("T3", 1, amount_minor=-1)),
        state=second.state,
    )
    settled = only(TransactionSettled, first.facts)
    job = settled.transaction_id, receipt_job_id(settled.transaction_id)
    append(journal, [STARTED, *first.facts])
    append(journal, [ReceiptUnprinted(*job, "unconfirmed", "silent"), *second.facts])
    asked = CommandAnswered("c1", "resend", "done", "ok", "", "li")
    added = ItemBackfilled(
        "b1", settled.transaction_id, settled.receipt_number, DAY, "CNY", "gone", settled.lines
    )
    refused = posted("T4", 1, tenders=(Tender("cash", 100),))
    back = tuple(ReturnedLine(line, "resaleable") for line in settled.lines)
    returned = ReturnRecorded(
        "r1", "R1", settled.transaction_id, "", DAY, "CNY", back, settled.tenders, settled.taxes,
        settled.amount_minor, 0,
    )  # fmt: skip
    append(journal, [added, CashierTotalRejected(None, "no_open_transaction", refused), returned])
    append(journal, [asked, ReceiptUnprinted(*job, "failed", "offline"), *third.facts])
    described = ItemDescribed(TEA.gtin, "Green tea", "drinks", 1000, "each", 520, 540, 300)
    append(journal, [described, PieceWeighed(settled.transaction_id, MILK.gtin, 1030)])
    return third.state

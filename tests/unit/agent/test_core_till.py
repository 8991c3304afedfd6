"""A till through core and journal: paid once, put aside and taken up, restarted in the middle."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from agent.domain import facts
from agent.domain.events import (
    DiscardBasket,
    PayAtTill,
    RetrieveBasket,
    SuspendBasket,
    VoidLine,
)
from agent.domain.shop import Person, TillRules
from agent.domain.totals import Tender
from agent.domain.transaction import at_start
from agent.inputs import ActSubmitted
from agent.journal.sales import JournalSales
from tests.core_kit import Lane, scan
from tests.lane_kit import BREAD, MILK, RULES, TEA, dumped

AT_TILL = replace(RULES, till=TillRules())
CASHIER, SUPERVISOR = Person("07"), Person("07", "supervisor")


@pytest.fixture
def lane(tmp_path: Path):
    lane = Lane(tmp_path / "journal.db", AT_TILL)
    yield lane
    lane.close()


def did(lane, act):
    """What an act was answered with."""
    lane.turn(ActSubmitted(act, lane.replies.append))
    return lane.replies[-1]


def pay(total_id, amount_minor, *tenders):
    return PayAtTill(total_id, amount_minor, tuple(Tender(*t) for t in tenders), CASHIER)


def sales(lane):
    return [f for f in lane.journal.facts() if isinstance(f, facts.TransactionSettled)]


def test_a_basket_is_paid_by_several_means_and_printed_once(lane):
    lane.turn(scan(MILK.gtin), scan(BREAD.gtin))

    paid = did(lane, pay("P1", 2050, ("wechat", 1000), ("cash", 2000)))

    assert (paid.code, paid.payment.change_minor) == ("", 950)
    [sale] = sales(lane)
    assert (sale.item_count, sale.tenders[0]) == (2, Tender("wechat", 1000))
    assert len(lane.outlets.all("print")) == 1
    for what, durable in lane.outlets.durable:
        if what == "print":
            assert sale in durable


def test_a_payment_asked_for_again_after_a_power_cut_is_made_once(lane):
    lane.turn(scan(MILK.gtin))
    first = did(lane, pay("P1", 1250, ("cash", 2000)))

    lane.restart()
    again = did(lane, pay("P1", 1250, ("cash", 2000)))
    other = did(lane, pay("P1", 1250, ("card", 1250)))

    assert again == first
    assert other.code == "id_reused"
    assert len(sales(lane)) == 1


def test_a_payment_cut_off_before_its_commit_can_be_made(lane):
    lane.turn(scan(MILK.gtin))
    lane.restart()

    assert did(lane, pay("P1", 1250, ("cash", 1250))).code == ""


def test_the_same_payment_twice_in_one_turn_is_made_once(lane):
    lane.turn(scan(MILK.gtin))
    act = pay("P1", 1250, ("cash", 1250))

    first, second = [], []
    lane.turn(ActSubmitted(act, first.append), ActSubmitted(act, second.append))

    assert [reply.code for reply in (*first, *second)] == ["", "journal_unreadable"]
    assert did(lane, act).code == ""
    assert len(sales(lane)) == 1


def test_baskets_that_are_put_aside_outlive_a_restart_at_each_step(lane):
    lane.turn(scan(MILK.gtin))
    did(lane, SuspendBasket(CASHIER, 1000))
    lane.restart()
    lane.turn(scan(BREAD.gtin))
    lane.restart()
    assert did(lane, pay("P1", 800, ("card", 800))).code == ""
    lane.restart()
    [aside] = JournalSales(lane.path).aside()
    assert (aside.number, aside.item_count, aside.amount_minor) == (1, 1, 1250)
    assert did(lane, RetrieveBasket(1, CASHIER)).code == ""
    lane.restart()
    lane.turn(scan(TEA.gtin))
    lane.restart()

    assert did(lane, pay("P2", 2250, ("cash", 2250))).code == ""
    assert [len(sale.lines) for sale in sales(lane)] == [1, 2]
    assert JournalSales(lane.path).aside() == []


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_a_restart_ends_in_the_same_state(tmp_path, seed):
    chance = random.Random(seed)
    lane = Lane(tmp_path / "journal.db", AT_TILL)
    acts = (
        lambda: scan(chance.choice((MILK.gtin, BREAD.gtin, TEA.gtin))),
        lambda: scan(chance.choice((MILK.gtin, BREAD.gtin, TEA.gtin))),
        lambda: SuspendBasket(CASHIER, 1000),
        lambda: RetrieveBasket(chance.randint(1, 3), CASHIER),
        lambda: DiscardBasket(chance.randint(1, 9), SUPERVISOR),
        lambda: VoidLine(chance.randint(1, 3), CASHIER),
        lambda: pay(f"P{chance.random()}", due(lane), ("cash", 10**6)),
    )
    for _ in range(120):
        act = chance.choice(acts)()
        is_scan = hasattr(act, "label")
        lane.turn(act if is_scan else ActSubmitted(act, lane.replies.append))
        assert at_start(lane.journal.lane_state()) == replace(lane.core._state, plate=None)
    before = dumped(lane.journal)
    assert len(sales(lane)) > 3
    lane.journal.rebuild()
    assert dumped(lane.journal) == before
    lane.close()


def due(lane):
    transaction = lane.core._state.transaction
    return (transaction.amount_minor or 0) if transaction else 0

"""Baskets beside the open one: put aside, taken up again, given up; and who may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain import facts
from agent.domain.effects import AnswerAct
from agent.domain.events import (
    BagRests,
    DeviceChanged,
    DiscardBasket,
    OverridePrice,
    RetrieveBasket,
    SuspendBasket,
    VoidLine,
)
from agent.domain.evidence import Catalogue
from agent.domain.gather import by_transaction, evidence_of
from agent.domain.shop import Person, TillRules
from agent.domain.suspension import SUSPENDED_MAX
from agent.domain.transaction import LaneState, evolve
from tests.lane_kit import (
    BREAD,
    MILK,
    RULES,
    TEA,
    cash,
    none_of,
    only,
    played,
    posted,
    received,
    replayed,
    scanned,
)

CASHIER, SUPERVISOR = Person("07"), Person("07", "supervisor", "Lin")
AT_TILL = replace(RULES, till=TillRules())
ASIDE = SuspendBasket(CASHIER, 1_000)
FIRST = RetrieveBasket(1, CASHIER)


def at_till(*events, state=None):
    return played(*events, state=state, rules=AT_TILL)


def code(step):
    return only(AnswerAct, step.effects).outcome.code


def test_a_basket_is_put_aside_another_sold_and_the_first_taken_up_again():
    step = at_till(
        scanned(MILK.gtin),
        ASIDE,
        scanned(BREAD.gtin),
        received(posted("T1", 1, amount_minor=800, tenders=cash(800))),
        FIRST,
        scanned(TEA.gtin),
        received(posted("T2", 2, amount_minor=2250, tenders=cash(2250))),
    )

    first, second = (x for x in step.facts if isinstance(x, facts.TransactionSettled))
    assert [line.gtin for line in first.lines] == [BREAD.gtin]
    assert [line.gtin for line in second.lines] == [MILK.gtin, TEA.gtin]
    assert [line.line_no for line in second.lines] == [1, 2]
    assert none_of(facts.MissedScanSuspected, step.facts)
    assert step.state.around.aside == ()
    assert replayed(step.facts) == step.state


def test_what_is_put_aside_is_told_with_its_number_and_its_sum():
    step = at_till(scanned(MILK.gtin), scanned(BREAD.gtin), ASIDE)

    fact = only(facts.TransactionSuspended, step.facts)
    assert (fact.number, fact.at_ms, fact.item_count, fact.amount_minor) == (1, 1000, 2, 2050)
    assert (fact.operator, code(step)) == ("07", "")
    assert step.state.transaction is None


def test_the_lowest_number_is_given_and_nine_are_all():
    baskets = [event for _ in range(SUSPENDED_MAX) for event in (scanned(TEA.gtin), ASIDE)]
    full = at_till(*baskets).state
    assert [one.number for one in full.around.aside] == list(range(1, SUSPENDED_MAX + 1))

    refused = at_till(scanned(MILK.gtin), ASIDE, state=full)
    assert refused.state.transaction is not None
    assert code(refused) == "too_many"
    fourth = at_till(RetrieveBasket(4, CASHIER), ASIDE, state=full)
    assert only(facts.TransactionSuspended, fourth.facts).number == 4


@pytest.mark.parametrize("before", [(), (scanned(MILK.gtin), VoidLine(1, CASHIER))])
def test_nothing_is_not_put_aside(before):
    state = at_till(*before).state

    assert code(at_till(ASIDE, state=state)) == "no_basket"


def test_a_retry_puts_no_other_basket_aside():
    first = at_till(scanned(MILK.gtin))
    named = replace(ASIDE, transaction_id=first.state.transaction.transaction_id)
    aside = at_till(named, scanned(BREAD.gtin), state=first.state)

    again = at_till(named, state=aside.state)
    assert (again.facts, code(again)) == ((), "")
    assert again.state.transaction is not None
    other = at_till(replace(named, transaction_id="another"), state=aside.state)
    assert code(other) == "no_basket"


def test_a_retry_takes_up_no_other_basket():
    aside = at_till(scanned(MILK.gtin), ASIDE).state
    named = replace(FIRST, transaction_id=aside.around.aside[0].id)
    taken_up = at_till(named, state=aside)

    again = at_till(named, state=taken_up.state)

    assert (again.facts, code(again)) == ((), "")
    assert code(at_till(replace(named, transaction_id="x"), state=aside)) == "no_such_basket"


def test_an_open_basket_stays_in_the_way():
    state = at_till(scanned(MILK.gtin), ASIDE, scanned(BREAD.gtin)).state

    assert code(at_till(FIRST, state=state)) == "basket_open"


def test_an_open_basket_that_holds_nothing_makes_room():
    state = at_till(scanned(MILK.gtin), ASIDE, scanned(BREAD.gtin), VoidLine(1, CASHIER)).state

    step = at_till(FIRST, state=state)

    assert only(facts.TransactionDiscarded, step.facts).number == 0
    assert [line.gtin for line in step.state.transaction.lines] == [MILK.gtin]


def test_who_may_gives_a_basket_up_and_says_why():
    state = at_till(scanned(MILK.gtin), ASIDE).state

    assert code(at_till(DiscardBasket(1, CASHIER), state=state)) == "supervisor_needed"
    assert code(at_till(DiscardBasket(2, SUPERVISOR), state=state)) == "no_such_basket"
    long = DiscardBasket(1, SUPERVISOR, reason="x" * 201)
    assert code(at_till(long, state=state)) == "value_absurd"
    step = at_till(DiscardBasket(1, SUPERVISOR, reason="never came back"), state=state)
    fact = only(facts.TransactionDiscarded, step.facts)
    assert (fact.number, fact.amount_minor, fact.reason, fact.approver) == (
        1,
        1250,
        "never came back",
        "Lin",
    )
    assert step.state.around.aside == ()


def test_a_lane_with_a_pos_puts_nothing_aside():
    assert code(played(scanned(MILK.gtin), ASIDE)) == "no_till"


def test_lines_are_priced_and_taken_back_in_a_basket_that_was_put_aside():
    step = at_till(
        scanned(MILK.gtin),
        scanned(BREAD.gtin),
        ASIDE,
        FIRST,
        VoidLine(2, CASHIER),
        OverridePrice(1, 1000, SUPERVISOR),
    )

    assert step.state.transaction.amount_minor == 1000


# --- what sensors tell of it ---------------------------------------------------------------------


def test_no_sensor_is_a_witness_of_a_basket_that_was_put_aside():
    step = at_till(
        BagRests("bags", 0),
        scanned(MILK.gtin),
        BagRests("bags", 1035),
        ASIDE,
        BagRests("bags", 0),
        FIRST,
        BagRests("bags", 400),
        received(posted("T1", 1, amount_minor=1250, tenders=cash(1250))),
    )

    assert none_of(facts.MissedScanSuspected, step.facts)
    baskets = by_transaction(step.facts)
    [basket] = [
        told
        for told in baskets.values()
        if any(isinstance(fact, facts.TransactionSettled) for fact in told)
    ]
    assert evidence_of(basket, Catalogue()).scale is None
    assert replayed(step.facts) == step.state


def test_what_a_journal_tells_is_sorted_to_the_basket_that_was_open():
    step = at_till(
        scanned(MILK.gtin),
        ASIDE,
        BagRests("bags", 0),
        scanned(BREAD.gtin),
        DiscardBasket(1, SUPERVISOR),
        DeviceChanged("bags", up=False, reason="unplugged"),
    )
    first, second = by_transaction(step.facts).values()

    assert none_of(facts.BagWeightChanged, first)
    only(facts.BagWeightChanged, second)
    only(facts.DeviceLost, second)


def test_a_basket_given_up_while_none_is_open_leaves_none_open():
    step = at_till(scanned(MILK.gtin), VoidLine(1, CASHIER), scanned(TEA.gtin), ASIDE)
    gone = facts.TransactionDiscarded(step.state.around.aside[0].id, 1, 1, 1000)

    [basket] = by_transaction((*step.facts, gone)).values()

    assert none_of(facts.TransactionDiscarded, basket)


# --- a restart that begins in the middle ---------------------------------------------------------


def test_facts_of_a_basket_that_is_not_known_any_more_change_nothing():
    state = LaneState(last_number=3)
    told = (
        facts.TransactionSuspended("e-000002", 1, 1000, 1, 100),
        facts.TransactionRetrieved("e-000002", 1),
        facts.LineItemWeighed("e-000002", 1, 500, False, "", "scale"),
        facts.BagWeightChanged("e-000002", 10, 10, "bags"),
        facts.TransactionDiscarded("e-000002", 1, 1, 100),
    )
    for fact in told:
        after = evolve(fact, state)

        assert replace(after, around=replace(after.around, bags=())) == state

"""What is put right after a sale: who may, what it becomes, what is refused, what a retry does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.acts import act
from agent.domain.backfill import owed_pieces
from agent.domain.effects import AnswerAct, Show
from agent.domain.events import BackfillItem, CloseSuspicion, Looked, ReverseBackfill, SaleFile
from agent.domain.facts import (
    BackfillReversed,
    CashierTotalRejected,
    ItemBackfilled,
    MissedScanDismissed,
    MissedScanSuspected,
    SoldLine,
    TransactionSettled,
)
from agent.domain.finding import Finding
from agent.domain.items import Item
from agent.domain.lane import step
from agent.domain.shop import Person, ShopRules
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, TaxAmount, Tender
from agent.domain.transaction import Around, LaneState, evolve
from tests.lane_kit import BREAD, DAY, MILK, RULES, TEA, only, played, posted, received, scanned

CASHIER, BOSS = Person("07"), Person("07", "supervisor", "Lin")
MISSED = Text("the cashier counted {count}, the scanner {scanned}", {"count": 2, "scanned": 1})
IDLE = LaneState()


def sold(item_count=2, amount_minor=1250 + 1000, price_minor=1250):
    """Milk was scanned; two pieces were counted and paid."""
    line = SoldLine(1, MILK.gtin, 1000, None, price_minor, "Milk", "dairy", 900)
    return TransactionSettled(
        "e-1", "L1-1", "2026-11-20", "CNY", "T1", item_count, amount_minor, 0, 0, (line,),
        (Tender("cash", amount_minor),), (), 1,
    )  # fmt: skip


def suspicion(*kinds, missed_count=1, value_minor=1000):
    findings = tuple(Finding(k, 1, None, "drinks", value_minor, MISSED) for k in kinds)
    return MissedScanSuspected("e-1", "T1", missed_count, findings)


def file(sale=None, backfills=(), *, is_open=True, of=None):
    told = of or suspicion("missed_item")
    added = tuple((fact, "ep", 7, is_back) for fact, is_back in backfills)
    return SaleFile(sale or sold(), told, is_open, added)


def backfill(way="charged", *, by=BOSS, looked=None, **more):
    looked = looked or Looked(file(), item=TEA)
    return BackfillItem("b1", "e-1", way, TEA.gtin, by, looked=looked, **more)


def done(event, state=IDLE, rules=RULES):
    result = step(state, event, rules, DAY)
    return result, only(AnswerAct, result.effects).outcome


def added(event, **more):
    result, outcome = done(event, **more)
    assert outcome.code == "", outcome
    return only(ItemBackfilled, result.facts)


def code(event, **more):
    result, outcome = done(event, **more)
    assert result.facts == ()
    return outcome.code


# --- what it becomes ---------------------------------------------------------------------------


def test_an_item_that_was_charged_brings_goods_and_no_money():
    fact = added(backfill(reason="seen on video"))
    words = TEA.description, TEA.category, 1300
    assert fact.lines == (SoldLine(2, TEA.gtin, 1000, None, TEA.price_minor, *words),)
    assert (fact.tenders, fact.taxes, fact.business_date) == ((), (), "2026-11-20")
    assert (fact.reason, fact.operator, fact.approver) == ("seen on video", "07", "Lin")
    assert (fact.total_id, fact.findings) == ("T1", suspicion("missed_item").findings)


def test_an_item_that_was_paid_brings_its_money_with_the_tax_inside():
    fact = added(backfill("paid", amount_minor=1130, tender_type="wechat"))
    assert fact.tenders == (Tender("wechat", 1130),)
    assert fact.taxes == (TaxAmount(1300, 1000, 130),)
    assert (fact.amount_minor, fact.pieces) == (1130, 1)


def test_a_weighed_item_is_one_piece_of_the_weight_that_was_given():
    apples = Item(TEA.gtin, "Apples", "fruit", 980, "weight", tax_rate_bp=500)
    fact = added(backfill("gone", weight_g=640, looked=Looked(file(), item=apples)))
    assert (fact.lines[0].weight_g, fact.lines[0].amount_minor, fact.pieces) == (640, None, 1)
    assert fact.lines[0].tax_rate_bp == 500


def test_an_item_that_nobody_knows_is_added_by_its_number():
    fact = added(backfill("gone", quantity=2, looked=Looked(file())))
    assert (fact.lines[0].description, fact.lines[0].amount_minor, fact.pieces) == ("", None, 2)
    result, _ = done(backfill("gone", looked=Looked(SaleFile(sold()))))
    assert only(Show, result.effects).text.args["item"] == TEA.gtin
    assert only(ItemBackfilled, result.facts).findings == ()


@pytest.mark.parametrize(
    ("found", "count"),
    [
        (suspicion("missed_item"), 1),
        (suspicion("walk_around", missed_count=0), 1),
        (suspicion("swap", "voided_kept", missed_count=0), 2),
    ],
)
def test_a_suspicion_owes_what_passed_and_is_not_sold(found, count):
    assert owed_pieces(found) == count


# --- who may -----------------------------------------------------------------------------------


def test_a_supervisor_is_asked_unless_the_shop_leaves_it_to_cashiers():
    assert code(backfill(by=CASHIER)) == "supervisor_needed"
    rules = replace(RULES, shop=ShopRules(backfill_role="cashier", supervisor_from_minor=2000))
    assert added(backfill(by=CASHIER), rules=rules)
    assert code(backfill(by=CASHIER, amount_minor=2000), rules=rules) == "supervisor_needed"
    unknown = backfill("gone", by=CASHIER, looked=Looked(file()))
    assert code(unknown, rules=rules) == "supervisor_needed"
    assert added(unknown, rules=replace(RULES, shop=ShopRules(backfill_role="cashier")))


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (backfill(looked=Looked(trouble=True)), "journal_unreadable"),
        (backfill(looked=Looked(item=TEA)), "no_such_sale"),
        (replace(backfill(), gtin="123"), "value_absurd"),
        (replace(backfill(), backfill_id=""), "value_absurd"),
        (backfill(quantity=0), "value_absurd"),
        (backfill(weight_g=0), "value_absurd"),
        (backfill(amount_minor=-1), "value_absurd"),
        (backfill("paid", tender_type="no such"), "value_absurd"),
        (backfill(reason="two\nlines"), "value_absurd"),
        (backfill("paid", looked=Looked(file()), tender_type="cash"), "amount_needed"),
        (backfill("paid", amount_minor=100), "tender_needed"),
    ],
)
def test_what_cannot_be_is_refused(event, expected):
    assert code(event) == expected


def test_what_the_till_charged_as_a_line_is_not_added_again():
    whole = sold(item_count=1, amount_minor=1250)
    assert code(backfill(looked=Looked(file(whole), item=TEA))) == "already_sold"
    assert added(backfill("gone", looked=Looked(file(whole), item=TEA)))
    unpriced = sold(item_count=1, amount_minor=1250, price_minor=None)
    assert added(backfill(looked=Looked(file(unpriced), item=TEA)))


def test_as_many_are_charged_as_the_count_has_room_for():
    first = added(backfill())
    again = replace(backfill(), backfill_id="b2")
    full = file(backfills=((first, False),))
    assert code(replace(again, looked=Looked(full, item=TEA))) == "already_sold"
    taken_back = file(backfills=((first, True),))
    assert added(replace(again, looked=Looked(taken_back, item=TEA)))


# --- a retry -----------------------------------------------------------------------------------


def test_a_retry_gets_the_first_answer_and_adds_nothing():
    first = added(backfill("paid", tender_type="card"))
    again = backfill("paid", tender_type="card", by=CASHIER, looked=Looked(file(), first, TEA))
    result, outcome = done(again)
    assert (result.facts, outcome.code, outcome.transaction_id) == ((), "", "e-1")
    other = backfill("gone", looked=Looked(file(), first, TEA))
    assert code(other) == "id_reused"
    back = BackfillReversed("b1", "ep", 7, first)
    assert code(backfill(looked=Looked(file(), back, TEA))) == "id_reused"


# --- taking back -------------------------------------------------------------------------------


def reverse(first, *, by=BOSS, is_back=False, earlier=None, reversal_id="r1", **more):
    looked = Looked(file(backfills=((first, is_back),)), earlier)
    return ReverseBackfill(reversal_id, "e-1", "b1", by, looked=looked, **more)


def test_a_wrong_backfill_is_taken_back_by_a_fact_of_its_own():
    first = added(backfill())
    result, outcome = done(reverse(first, reason="it was tea"))
    back = only(BackfillReversed, result.facts)
    assert back == BackfillReversed("r1", "ep", 7, first, "it was tea", "07", "Lin")
    assert outcome.transaction_id == "e-1"
    again, outcome = done(reverse(first, is_back=True, earlier=back))
    assert (again.facts, outcome.code) == ((), "")


def test_what_cannot_be_taken_back_is_refused():
    first = added(backfill())
    assert code(reverse(first, by=CASHIER)) == "supervisor_needed"
    assert code(reverse(first, is_back=True)) == "no_such_backfill"
    assert code(reverse(first, earlier=first)) == "id_reused"
    another = replace(first, backfill_id="b9")
    assert code(reverse(first, earlier=BackfillReversed("r1", "ep", 8, another))) == "id_reused"
    assert code(reverse(first, reversal_id="")) == "value_absurd"
    assert code(reverse(first, reason="x" * 201)) == "value_absurd"


# --- letting be --------------------------------------------------------------------------------


def close(found=None, *, by=BOSS, **more):
    return CloseSuspicion("e-1", by, looked=Looked(found or file()), **more)


def test_a_suspicion_is_let_be_with_who_and_why():
    result, _ = done(close(reason="counted a bag"))
    assert result.facts == (MissedScanDismissed("e-1", "T1", "07", "Lin", "counted a bag"),)
    assert code(close(file(is_open=False))) == "no_suspicion"
    assert code(close(SaleFile(sold()))) == "no_suspicion"
    assert code(close(reason="\n")) == "value_absurd"
    rules = replace(RULES, shop=ShopRules(dismiss_role="manager"))
    assert code(close(), rules=rules) == "manager_needed"


def test_money_without_a_sale_is_let_be_by_who_may_add_to_sales():
    total = CashierTotal("T9", "http", 1, 900, tenders=(Tender("cash", 900),))
    rejected = CashierTotalRejected(None, "no_open_transaction", total)
    looked = Looked(unsettled=rejected)
    event = CloseSuspicion("", BOSS, "T9", "sold at the next lane", looked)
    result, _ = done(event)
    assert only(MissedScanDismissed, result.facts).total_id == "T9"
    assert code(replace(event, by=CASHIER)) == "supervisor_needed"
    assert code(replace(event, reason="\n")) == "value_absurd"


# --- the lane's own state ----------------------------------------------------------------------


def test_the_alert_of_the_last_sale_is_over_once_its_item_is_added():
    asked = LaneState(1, around=Around(suspicion=suspicion("missed_item")))
    fact = added(backfill(), state=asked)
    assert evolve(fact, asked).suspicion is None
    assert evolve(replace(fact, transaction_id="e-0"), asked) is asked


def test_an_old_suspicion_that_is_let_be_leaves_the_open_basket_alone():
    rules = replace(RULES, shop=ShopRules(holds_pos=True))
    total = received(posted("K1", 3))
    held = played(scanned(MILK.gtin), scanned(BREAD.gtin), total, rules=rules).state
    assert held.suspicion is not None
    assert evolve(MissedScanDismissed("e-1", "T1"), held) is held
    assert act(held, close(), RULES).state is held

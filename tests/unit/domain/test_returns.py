"""Goods that come back: what it comes to, who may, what is refused, what a retry does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.backfill import amend
from agent.domain.effects import AnswerAct, PrintReceipt, Show, is_promise
from agent.domain.events import Looked, ReverseBackfill, SaleFile
from agent.domain.facts import (
    ItemBackfilled,
    ReturnRecorded,
    SoldLine,
    SoldPart,
    TransactionSettled,
)
from agent.domain.items import Item
from agent.domain.lane import step
from agent.domain.outcome import RefundGiven
from agent.domain.return_events import LookedForReturn, ReturnGoods, ReturnItem
from agent.domain.returns import return_job_id
from agent.domain.shop import Person, ReturnLimit, ShopRules, TillRules
from agent.domain.totals import TaxAmount, Tender
from agent.domain.transaction import LaneState
from tests.lane_kit import APPLES, BREAD, DAY, MILK, RULES, TEA, only

CASHIER = Person("07")
BOSS = Person("07", "supervisor", "Lin")
MANAGER = Person("07", "manager", "Wang")
IDLE = LaneState()
OPEN = ReturnLimit()


def line(line_no, item, pieces=1, amount_minor=None, weight_g=None, rate=1300):
    at_price = (item.price_minor or 0) * pieces
    amount = at_price if amount_minor is None else amount_minor
    return SoldLine(
        line_no, item.gtin, 1000 * pieces, weight_g, amount, item.description, item.category, rate
    )


#: Three of milk, one of bread; 45.50 paid, 20.00 of it by card.
LINES = (line(1, MILK, 3), line(3, BREAD, rate=900))
TENDERS = (Tender("card", 2000), Tender("cash", 3000))
TAXES = (TaxAmount(900, 734, 66), TaxAmount(1300, 3319, 431))


def sold(lines=LINES, tenders=TENDERS, taxes=TAXES, change_minor=450, **more):
    amount_minor = sum(x.amount_minor or 0 for x in lines)
    fields = {
        "transaction_id": "e-1",
        "receipt_number": "L1-ep-1",
        "business_date": "2026-11-20",
        "currency": "CNY",
        "total_id": "T1",
        "item_count": 4,
        "amount_minor": amount_minor,
        "change_minor": change_minor,
        "rounding_minor": 0,
        "lines": lines,
        "tenders": tenders,
        "taxes": taxes,
        "missed_count": 0,
    }
    return TransactionSettled(**(fields | more))


def cash_sale(*lines, **more):
    amount_minor = more.get("amount_minor", sum(x.amount_minor or 0 for x in lines))
    paid = amount_minor + more.get("rounding_minor", 0)
    return sold(lines, (Tender("cash", paid),), (), 0, **more)


def file(sale=None, returns=(), backfills=()):
    added = tuple((fact, "ep", 7, is_back) for fact, is_back in backfills)
    return SaleFile(sale or sold(), None, False, added, "ep", 5, tuple(returns))


def item(line_no=1, quantity=1, **more):
    return ReturnItem(line_no, quantity=quantity, **more)


def returning(*items, by=BOSS, of=None, return_id="r1", **more):
    looked = more.pop("looked", None) or LookedForReturn(of or file(), number=4)
    return ReturnGoods(return_id, items or (item(),), by, "e-1", looked=looked, **more)


def elsewhere(*items, by=MANAGER, items_known=(TEA,), receipt_number="L2-ab-9", **more):
    looked = more.pop("looked", None) or LookedForReturn(items={i.gtin: i for i in items_known})
    goods = items or (ReturnItem(gtin=TEA.gtin),)
    return ReturnGoods("r1", goods, by, "", receipt_number, looked=looked, **more)


def done(event, rules=RULES):
    result = step(IDLE, event, rules, DAY)
    return result, only(AnswerAct, result.effects).outcome


def returned(event, **more):
    result, outcome = done(event, **more)
    assert outcome.code == "", outcome
    return only(ReturnRecorded, result.facts)


def code(event, **more):
    result, outcome = done(event, **more)
    assert result.facts == ()
    return outcome.code


def in_turn(*batches, sale=None, **more):
    """Returns of one sale, each of which sees those before."""
    facts = []
    for number, items in enumerate(batches, 1):
        event = returning(*items, of=file(sale, facts), return_id=f"r{number}", **more)
        facts.append(returned(event))
    return facts


def shop(*limits, **more):
    return replace(RULES, shop=ShopRules(return_limits=limits), **more)


# --- what it comes to --------------------------------------------------------------------------


def test_a_return_is_whole_in_itself_and_printed_once_it_is_durable():
    result, outcome = done(returning(item(3, condition="damaged"), reason="stale"))
    fact = only(ReturnRecorded, result.facts)
    (back,) = fact.lines
    assert back.goods == LINES[1]
    assert back.part == SoldPart("ep", 5, "", 1000, None, 0)
    assert (back.condition, fact.reason) == ("damaged", "stale")
    assert (fact.return_number, fact.receipt_number) == ("L1-0a1b-R000004", "L1-ep-1")
    assert (fact.business_date, fact.sold_on) == (DAY, "2026-11-20")
    assert (fact.operator, fact.approver) == ("07", "Lin")
    assert (fact.amount_minor, fact.taxes) == (800, (TaxAmount(900, 734, 66),))
    assert outcome.refund == RefundGiven(800, 0, (Tender("card", 800),))
    assert (outcome.receipt_number, outcome.transaction_id) == (fact.return_number, "e-1")
    printed = only(PrintReceipt, result.effects)
    assert (printed.job_id, printed.settled) == (return_job_id("r1"), fact)
    assert is_promise(only(Show, result.effects))
    assert result.state == IDLE


def test_the_last_piece_takes_the_rest_of_a_line():
    facts = in_turn((item(),), (item(),), (item(),), sale=cash_sale(line(1, MILK, 3, 1000)))
    assert [fact.amount_minor for fact in facts] == [333, 333, 334]
    assert [fact.lines[0].part.before for fact in facts] == [0, 1000, 2000]


def test_a_discount_on_the_whole_receipt_is_shared_by_its_lines():
    lines = line(1, MILK, 1, 1000), line(2, BREAD, 1, 500), line(3, TEA, amount_minor=0)
    sale = cash_sale(*lines, amount_minor=1000)
    (fact,) = in_turn((item(1), item(2), item(3)), sale=sale)
    assert [back.goods.amount_minor for back in fact.lines] == [666, 334, 0]


def test_what_was_not_scanned_is_not_given_back_with_what_was():
    (fact,) = in_turn((item(1),), sale=cash_sale(line(1, MILK, 1, 1000), amount_minor=1700))
    assert fact.amount_minor == 1000


def test_one_line_comes_back_in_parts_that_are_each_as_they_are():
    event = returning(item(1), item(1, quantity=2, condition="damaged"))
    fact = returned(event)
    said = [(b.goods.quantity_milli, b.part.before, b.condition) for b in fact.lines]
    assert said == [(1000, 0, "resaleable"), (2000, 1000, "damaged")]


def test_weighed_goods_come_back_by_weight_or_all_that_is_left():
    sale = cash_sale(line(1, APPLES, 1, 1000, weight_g=300))
    facts = in_turn((item(weight_g=100),), (item(),), sale=sale)
    assert [f.lines[0].goods.weight_g for f in facts] == [100, 200]
    assert [f.amount_minor for f in facts] == [333, 667]
    assert sum(f.lines[0].goods.quantity_milli for f in facts) == 1000
    assert code(returning(of=file(sale, facts))) == "too_much"


def test_what_was_added_to_the_sale_comes_back_as_it_was_paid():
    added = line(2, TEA)  # a number that a line of the sale may have too
    charged = ItemBackfilled("b1", "e-1", "L1-ep-1", DAY, "CNY", "charged", (added,))
    paid = replace(
        charged,
        backfill_id="b2",
        way="paid",
        tenders=(Tender("wechat", 1000),),
        taxes=(TaxAmount(1300, 885, 115),),
    )
    gone = replace(charged, backfill_id="b3", way="gone")
    sale = cash_sale(line(1, MILK), line(2, BREAD), amount_minor=1250 + 800 + 600)
    of = file(sale, backfills=((charged, False), (paid, False), (gone, False)))

    def back(backfill_id):
        return returning(item(2, backfill_id=backfill_id), of=of)

    assert returned(back("b1")).amount_minor == 600, "no more was charged for it"
    fact = returned(back("b2"))
    assert (fact.amount_minor, fact.taxes) == (1000, paid.taxes)
    assert fact.lines[0].part == SoldPart("ep", 7, "b2", 1000, None, 0)
    assert code(back("b3")) == "no_such_line"
    assert code(returning(item(2, backfill_id="b2"), of=file(sale, (), ((paid, True),)))) == (
        "no_such_line"
    )
    reverse = ReverseBackfill(
        "v1", "e-1", "b2", BOSS, looked=Looked(file(sale, (fact,), ((paid, False),)))
    )
    assert only(AnswerAct, amend(IDLE, reverse, RULES).effects).outcome.code == "returned_since"


def test_an_added_item_without_an_amount_needs_one():
    unknown = replace(line(2, TEA), amount_minor=None)
    charged = ItemBackfilled("b1", "e-1", "L1-ep-1", DAY, "CNY", "charged", (unknown,))
    of = file(cash_sale(line(1, MILK), amount_minor=2000), backfills=((charged, False),))
    assert code(returning(item(2, backfill_id="b1"), of=of)) == "amount_needed"
    assert returned(returning(item(2, backfill_id="b1", amount_minor=750), of=of))
    assert code(returning(item(2, backfill_id="b1", amount_minor=751), of=of)) == "too_much"


def test_a_line_without_an_amount_is_given_back_for_what_a_supervisor_says():
    unpriced = replace(line(2, APPLES, weight_g=500), amount_minor=None)
    sale = cash_sale(line(1, MILK), unpriced, amount_minor=1250 + 490)
    rules = shop(("cashier", OPEN))
    assert code(returning(item(2), of=file(sale)), rules=rules) == "amount_needed"
    said = item(2, amount_minor=490)
    assert code(returning(said, by=CASHIER, of=file(sale)), rules=rules) == "supervisor_needed"
    assert returned(returning(said, of=file(sale)), rules=rules).amount_minor == 490
    assert code(returning(item(2, amount_minor=491), of=file(sale)), rules=rules) == "too_much"


def test_a_return_of_a_line_that_a_damaged_journal_has_lost_does_no_harm():
    (fact,) = in_turn((item(),))
    lost = replace(fact.lines[0], part=replace(fact.lines[0].part, backfill_id="lost"))
    assert returned(
        returning(item(1, quantity=3), of=file(returns=(replace(fact, lines=(lost,)),)))
    )


# --- tax ---------------------------------------------------------------------------------------


def test_all_returns_together_bring_all_the_tax_back():
    facts = in_turn((item(1),), (item(3), item(1)), (item(1),))
    assert facts[0].taxes == (TaxAmount(1300, 1106, 144),)
    for rate, net, tax in ((900, 734, 66), (1300, 3319, 431)):
        mine = [one for fact in facts for one in fact.taxes if one.rate_bp == rate]
        assert (sum(x.net_minor for x in mine), sum(x.tax_minor for x in mine)) == (net, tax)


def test_a_pos_that_names_one_rate_for_all_gets_that_rate_back():
    sale = sold(taxes=(TaxAmount(600, 4292, 258),))
    facts = in_turn((item(1), item(3)), (item(1, quantity=2),), sale=sale)
    assert [one.rate_bp for fact in facts for one in fact.taxes] == [600, 600]
    assert sum(one.tax_minor for fact in facts for one in fact.taxes) == 258


def test_a_sale_without_tax_figures_gets_the_tax_inside_its_lines():
    (fact,) = in_turn((item(1), item(3)), sale=sold(taxes=()))
    assert fact.taxes == (TaxAmount(900, 734, 66), TaxAmount(1300, 1106, 144))


# --- how it is given back ----------------------------------------------------------------------


def test_it_is_given_back_as_it_was_paid_cash_last():
    (fact,) = in_turn((item(1, quantity=3), item(3)))
    assert fact.tenders == (Tender("card", 2000), Tender("cash", 2550))


def test_no_more_goes_to_a_card_than_was_paid_by_it():
    facts = in_turn((item(1),), tender_type="card")
    assert facts[0].tenders == (Tender("card", 1250),)
    again = returning(item(1), of=file(returns=facts), tender_type="card")
    assert code(again) == "tender_exceeded"
    assert returned(replace(again, tender_type="")).tenders == (
        Tender("card", 750),
        Tender("cash", 500),
    )
    assert code(returning(tender_type="wechat")) == "tender_exceeded"


def test_cash_for_what_was_paid_by_card_asks_a_supervisor():
    rules = shop(("cashier", OPEN))
    by_card = sold(tenders=(Tender("card", 4550),), change_minor=0)
    event = returning(of=file(by_card), by=CASHIER, tender_type="cash")
    assert code(event, rules=rules) == "supervisor_needed"
    assert returned(replace(event, by=BOSS), rules=rules).tenders == (Tender("cash", 1250),)
    assert returned(replace(event, tender_type=""), rules=rules).tenders == (Tender("card", 1250),)


def test_cash_is_rounded_over_all_that_is_given_back_so_that_the_rounding_comes_back_too():
    coins = replace(RULES, till=TillRules(smallest_coin_minor=10))
    sale = cash_sale(line(1, MILK, 2, 996), rounding_minor=4)
    first = returned(returning(of=file(sale)), rules=coins)
    assert (first.tenders, first.rounding_minor) == ((Tender("cash", 500),), 2)
    event = returning(of=file(sale, (first,)), return_id="r2")
    second = returned(event, rules=coins)
    assert (second.tenders, second.rounding_minor) == ((Tender("cash", 500),), 2)


def test_a_pos_that_rounded_another_means_gets_its_rounding_back():
    sale = sold((line(1, MILK, 2, 1001),), (Tender("card", 1000),), (), 0, rounding_minor=-1)
    facts = in_turn((item(),), (item(),), sale=sale)
    assert [(fact.tenders, fact.rounding_minor) for fact in facts] == [
        ((Tender("card", 500),), 0),
        ((Tender("card", 500),), -1),
    ]


def test_what_cost_nothing_brings_goods_and_no_money():
    (fact,) = in_turn((item(),), sale=cash_sale(line(1, TEA, amount_minor=0)))
    assert (fact.tenders, fact.taxes, fact.amount_minor) == ((), (), 0)
    without = elsewhere(ReturnItem(gtin=TEA.gtin, amount_minor=0))
    assert (returned(without).tenders, returned(without).taxes) == ((), ())


def test_a_sale_that_lacks_a_tender_is_given_back_in_cash_by_a_supervisor():
    sale = replace(sold(), tenders=(), change_minor=0)
    assert code(returning(by=CASHIER, of=file(sale)), rules=shop(("cashier", OPEN))) == (
        "supervisor_needed"
    )
    assert returned(returning(of=file(sale))).tenders == (Tender("cash", 1250),)


# --- elsewhere ---------------------------------------------------------------------------------


def test_a_receipt_from_elsewhere_is_given_back_in_cash_at_today_s_price():
    coins = replace(RULES, till=TillRules(smallest_coin_minor=50))
    bread = ReturnItem(gtin=BREAD.gtin, quantity=2, amount_minor=1610)
    event = elsewhere(ReturnItem(gtin=TEA.gtin), bread, items_known=(TEA, BREAD), by=BOSS)
    fact = returned(event, rules=coins)
    assert (fact.transaction_id, fact.receipt_number, fact.sold_on) == ("", "L2-ab-9", "")
    assert [back.part for back in fact.lines] == [None, None]
    assert [back.goods.amount_minor for back in fact.lines] == [1000, 1610]
    assert (fact.tenders, fact.rounding_minor) == ((Tender("cash", 2600),), -10)
    assert [tax.rate_bp for tax in fact.taxes] == [900, 1300]
    assert code(replace(event, tender_type="card")) == "tender_exceeded"


@pytest.mark.parametrize("master", [(), (APPLES,), (replace(TEA, price_minor=None),)])
def test_goods_without_a_price_here_need_one(master):
    known = tuple(replace(one, gtin=TEA.gtin) for one in master)
    assert code(elsewhere(items_known=known)) == "amount_needed"
    said = ReturnItem(gtin=TEA.gtin, amount_minor=700, weight_g=300)
    fact = returned(elsewhere(said, items_known=known))
    assert (fact.amount_minor, fact.lines[0].goods.weight_g) == (700, 300)


def test_who_names_a_receipt_of_this_lane_is_sent_to_its_lines():
    event = elsewhere(looked=LookedForReturn(file()))
    assert code(event) == "sale_is_here"


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (ReturnLimit(), ""),
        (ReturnLimit(amount_minor=1250), ""),
        (ReturnLimit(amount_minor=1249), "supervisor_needed"),
        (ReturnLimit(days=2), ""),
        (ReturnLimit(days=1), "supervisor_needed"),
    ],
)
def test_above_a_cashier_s_limit_a_supervisor_is_asked(limit, expected):
    rules = shop(("cashier", limit), ("supervisor", OPEN))
    assert done(returning(by=CASHIER), rules=rules)[1].code == expected
    assert done(returning(), rules=rules)[1].code == ""


def test_a_return_in_small_parts_meets_the_same_limit():
    rules = shop(("cashier", ReturnLimit(amount_minor=2000)), ("supervisor", OPEN))
    first = returned(returning(by=CASHIER), rules=rules)
    again = returning(by=CASHIER, of=file(returns=(first,)), return_id="r2")
    assert code(again, rules=rules) == "supervisor_needed"


def test_who_may_more_may_what_others_may():
    rules = shop(("cashier", OPEN), ("supervisor", ReturnLimit(days=0)))
    assert returned(returning(), rules=rules)


def test_a_shop_that_says_nothing_asks_a_supervisor_and_without_a_receipt_the_manager():
    assert code(returning(by=CASHIER)) == "supervisor_needed"
    assert code(elsewhere(by=CASHIER)) == "supervisor_needed"
    assert returned(elsewhere(by=BOSS))
    assert code(elsewhere(by=BOSS, receipt_number="")) == "manager_needed"
    assert returned(elsewhere(receipt_number="")).receipt_number == ""


def test_what_the_lane_cannot_look_up_asks_a_supervisor_whatever_the_cashier_may():
    rules = shop(("cashier", ReturnLimit(unreferenced=True)))
    assert code(elsewhere(by=CASHIER), rules=rules) == "supervisor_needed"
    assert code(elsewhere(by=CASHIER, receipt_number=""), rules=rules) == "supervisor_needed"
    assert returned(elsewhere(by=BOSS), rules=rules)


def test_the_day_of_a_sale_elsewhere_is_the_one_on_its_receipt():
    rules = shop(("supervisor", ReturnLimit(days=7)))
    assert code(elsewhere(), rules=rules) == "return_refused", "nobody knows when it was sold"
    assert returned(elsewhere(sold_on="2026-11-15"), rules=rules).sold_on == "2026-11-15"
    assert code(elsewhere(sold_on="2026-11-14"), rules=rules) == "return_refused"


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (returning(looked=LookedForReturn(trouble=True)), "journal_unreadable"),
        (ReturnGoods("r1", (item(),), BOSS, "e-1"), "journal_unreadable"),
        (returning(looked=LookedForReturn()), "no_such_sale"),
        (returning(item(2)), "no_such_line"),
        (returning(item(1, backfill_id="b1")), "no_such_line"),
        (returning(item(1, quantity=4)), "too_much"),
        (returning(item(1, quantity=2), item(1, quantity=2)), "too_much"),
        (returning(item(1, amount_minor=1251)), "amount_changed"),
        (returning(return_id=""), "value_absurd"),
        (returning(return_id="r" * 65), "value_absurd"),
        (returning(reason="x" * 201), "value_absurd"),
        (returning(reason="two\nlines"), "value_absurd"),
        (replace(returning(), items=()), "value_absurd"),
        (returning(item(1, quantity=0)), "value_absurd"),
        (returning(item(1, quantity=-1)), "value_absurd"),
        (returning(item(1, weight_g=0)), "value_absurd"),
        (returning(item(1, amount_minor=-1)), "value_absurd"),
        (returning(tender_type="No Such"), "value_absurd"),
        (elsewhere(sold_on="yesterday"), "value_absurd"),
        (elsewhere(ReturnItem(gtin="123")), "value_absurd"),
        (elsewhere(ReturnItem(gtin="06901234567890")), "value_absurd"),
        (elsewhere(receipt_number="L" * 65), "value_absurd"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(event, expected):
    assert code(event) == expected


def test_an_amount_that_was_shown_is_held_against_the_sale():
    assert returned(returning(item(1, amount_minor=1250))).amount_minor == 1250


# --- a retry -----------------------------------------------------------------------------------


def retried(fact, event):
    return done(replace(event, looked=replace(event.looked, earlier=fact)))


def test_a_retry_gets_the_first_answer_and_gives_nothing_back_twice():
    event = returning(item(1, quantity=2), item(3))
    first, outcome = done(event)
    fact = only(ReturnRecorded, first.facts)
    again, said = retried(fact, replace(event, by=CASHIER))
    assert (again.facts, said) == ((), outcome)


def test_a_retry_of_weighed_goods_may_name_the_weight_or_not():
    sale = cash_sale(line(1, APPLES, 1, 1000, weight_g=300))
    fact = returned(returning(item(), of=file(sale)))
    assert retried(fact, returning(item(), of=file(sale)))[1].code == ""
    assert retried(fact, returning(item(weight_g=300), of=file(sale)))[1].code == ""
    assert retried(fact, returning(item(weight_g=299), of=file(sale)))[1].code == "id_reused"


@pytest.mark.parametrize(
    "other",
    [
        returning(item(1, quantity=2)),
        returning(item(3)),
        returning(item(1), item(3)),
        returning(item(1, condition="damaged")),
        elsewhere(ReturnItem(gtin=MILK.gtin)),
    ],
)
def test_the_same_id_for_something_else_is_refused(other):
    result, outcome = retried(returned(returning()), other)
    assert (result.facts, outcome.code) == ((), "id_reused")


def test_a_retry_of_a_receipt_from_elsewhere_is_told_by_its_goods():
    fact = returned(elsewhere())
    assert retried(fact, elsewhere())[1].code == ""
    assert retried(fact, elsewhere(ReturnItem(gtin=BREAD.gtin)))[1].code == "id_reused"
    assert retried(fact, elsewhere(receipt_number="L3-1"))[1].code == "id_reused"


def test_the_id_of_another_act_is_refused():
    added = ItemBackfilled("r1", "e-1", "L1-ep-1", DAY, "CNY", "gone", (line(2, TEA),))
    assert retried(added, returning())[1].code == "id_reused"


def test_an_item_that_is_sold_by_weight_has_no_price_for_a_piece():
    pears = Item(TEA.gtin, "Pears", "fruit", 980, "weight", 900)
    assert code(elsewhere(items_known=(pears,))) == "amount_needed"

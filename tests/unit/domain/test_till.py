"""The lane as a till: what is due, what is given, what comes back, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import facts
from agent.domain.effects import AnswerAct, PrintReceipt, RaiseAlert
from agent.domain.events import (
    AnswerSuspicion,
    BagRests,
    LookedForTill,
    OverridePrice,
    PayAtTill,
    VoidLine,
)
from agent.domain.evidence import KnownItem, WeightRange, catalogue_of
from agent.domain.outcome import Payment
from agent.domain.shop import Person, ShopRules, TillRules
from agent.domain.till import Change, change_of, rounded
from agent.domain.totals import AMOUNT_MINOR_MAX, ID_CHARS_MAX, Tender
from agent.domain.transaction import LaneState
from tests.lane_kit import (
    APPLES,
    BREAD,
    MILK,
    RULES,
    STRANGE,
    TEA,
    basket,
    none_of,
    only,
    played,
    replayed,
    scanned,
    weighed,
)

CASHIER, SUPERVISOR = Person("07"), Person("07", "supervisor", "Lin")
TILL = TillRules()
AT_TILL = replace(RULES, till=TILL)
WEIGHS = replace(RULES, till=TillRules(prices_weights=True))
COINS = replace(RULES, till=TillRules(smallest_coin_minor=10))
FOUND = LookedForTill()


def paying(amount_minor, *tenders, total_id="P1", looked=FOUND, customer=""):
    given = tuple(Tender(kind, minor) for kind, minor in tenders)
    return PayAtTill(total_id, amount_minor, given, CASHIER, looked, customer)


def paid(state, amount_minor, *tenders, rules=AT_TILL, **more):
    return played(paying(amount_minor, *tenders, **more), state=state, rules=rules)


def outcome(step):
    return only(AnswerAct, step.effects).outcome


def bought(*items):
    return basket(*(item.gtin for item in items))


def refusal(step):
    assert step.facts == ()
    return outcome(step).code


def test_a_sale_names_the_customer_the_till_knows():
    step = paid(bought(MILK), 1250, ("cash", 1250), customer="13812345678")
    assert only(facts.TransactionSettled, step.facts).customer == "13812345678"


def test_a_customers_number_that_is_none_is_refused():
    assert refusal(paid(bought(MILK), 1250, ("cash", 1250), customer="138\n")) == "not_printable"


# --- what is given and what comes back -----------------------------------------------------------


def test_a_basket_is_paid_in_cash_with_change():
    step = paid(bought(MILK, BREAD), 2050, ("cash", 5000))

    sale = only(facts.TransactionSettled, step.facts)
    assert (sale.amount_minor, sale.change_minor, sale.item_count) == (2050, 2950, 2)
    assert [(x.gtin, x.amount_minor, x.description, x.category) for x in sale.lines] == [
        (MILK.gtin, 1250, "Milk 1 l", "dairy"),
        (BREAD.gtin, 800, "Bread", "bakery"),
    ]
    assert sum(tax.net_minor + tax.tax_minor for tax in sale.taxes) == 2050
    assert (sale.operator, sale.total_id) == ("07", "P1")
    assert outcome(step).payment == Payment(2050, 2950, 0)
    assert outcome(step).receipt_number == sale.receipt_number
    assert only(PrintReceipt, step.effects).settled == sale
    assert step.state.transaction is None
    assert only(facts.CashierTotalReceived, step.facts).total.source == "till"


def test_several_means_of_payment_pay_together():
    step = paid(bought(MILK, BREAD), 2050, ("wechat", 1000), ("card", 550), ("cash", 1000))

    sale = only(facts.TransactionSettled, step.facts)
    assert [(t.tender_type, t.amount_minor) for t in sale.tenders] == [
        ("wechat", 1000),
        ("card", 550),
        ("cash", 1000),
    ]
    assert sale.change_minor == 500


def test_what_is_missing_is_said_and_the_basket_stays_open():
    step = paid(bought(MILK, BREAD), 2050, ("card", 1000), ("cash", 1000))

    assert refusal(step) == "underpaid"
    assert outcome(step).text.english() == "0.50 is still to be paid"
    assert step.state.transaction is not None


@pytest.mark.parametrize("tenders", [[("card", 2051)], [("alipay", 2050), ("cash", 100)]])
def test_only_cash_gives_change(tenders):
    assert refusal(paid(bought(MILK, BREAD), 2050, *tenders)) == "overpaid"


@pytest.mark.parametrize(
    "tenders",
    [
        [("cheque", 2050)],
        [("cash", 0)],
        [("cash", -1)],
        [("cash", AMOUNT_MINOR_MAX + 1)],
        [("cash", 300)] * 9,
    ],
)
def test_what_nobody_takes_is_refused(tenders):
    assert refusal(paid(bought(MILK, BREAD), 2050, *tenders)) == "tender_wrong"


def test_cash_is_rounded_to_the_smallest_coin_and_cards_are_not():
    state = played(scanned(MILK.gtin), OverridePrice(1, 1254, SUPERVISOR), rules=COINS).state

    in_cash = only(facts.TransactionSettled, paid(state, 1254, ("cash", 1300), rules=COINS).facts)
    mixed = only(
        facts.TransactionSettled,
        paid(state, 1254, ("card", 1000), ("cash", 250), rules=COINS).facts,
    )
    by_card = only(facts.TransactionSettled, paid(state, 1254, ("card", 1254), rules=COINS).facts)

    assert (in_cash.rounding_minor, in_cash.change_minor) == (-4, 50)
    assert (mixed.rounding_minor, mixed.change_minor) == (-4, 0)
    assert (by_card.rounding_minor, by_card.change_minor) == (0, 0)


def test_goods_for_nothing_need_no_payment():
    state = played(scanned(MILK.gtin), OverridePrice(1, 0, SUPERVISOR), rules=AT_TILL).state

    assert only(facts.TransactionSettled, paid(state, 0).facts).amount_minor == 0


@given(
    st.integers(0, 10**7),
    st.integers(1, 100),
    st.lists(st.builds(Tender, st.sampled_from(TILL.tenders), st.integers(1, 10**7)), max_size=8),
)
def test_whatever_is_given_adds_up_or_is_refused(amount_minor, coin_minor, tenders):
    change = change_of(amount_minor, tuple(tenders), TillRules(smallest_coin_minor=coin_minor))

    if isinstance(change, Change):
        given_minor = sum(tender.amount_minor for tender in tenders)
        cash = sum(t.amount_minor for t in tenders if t.tender_type == "cash")
        assert given_minor - change.change_minor == amount_minor + change.rounding_minor
        assert 0 <= change.change_minor <= cash
        assert 2 * abs(change.rounding_minor) <= coin_minor
        assert cash or not change.rounding_minor


@given(st.integers(0, 10**7), st.integers(1, 100))
def test_rounding_finds_the_nearest_coin(amount_minor, coin_minor):
    near = rounded(amount_minor, coin_minor)

    assert near % coin_minor == 0
    assert 2 * abs(near - amount_minor) <= coin_minor


# --- lines without a price -----------------------------------------------------------------------


def test_a_line_without_a_price_is_named():
    step = paid(basket(MILK.gtin, STRANGE), 1250, ("cash", 1250))

    assert refusal(step) == "price_unknown"
    assert outcome(step).text.english().startswith("Line 2, 5449000000996: it has no price")


def test_a_weight_needs_the_scale_and_then_a_price_that_may_be_charged():
    apples = played(scanned(APPLES.gtin), rules=AT_TILL).state
    on_scale = played(weighed(500), state=apples, rules=AT_TILL).state

    assert refusal(paid(apples, 490, ("cash", 490))) == "not_weighed"
    assert refusal(paid(on_scale, 490, ("cash", 490))) == "price_unknown"


def test_a_supervisor_says_what_a_weighed_line_comes_to():
    step = played(
        scanned(APPLES.gtin),
        weighed(500),
        OverridePrice(1, 490, SUPERVISOR, of_line=True),
        paying(490, ("cash", 500)),
        rules=AT_TILL,
    )

    [line] = only(facts.TransactionSettled, step.facts).lines
    assert (line.amount_minor, line.weight_g) == (490, 500)
    assert only(facts.LineItemOverridden, step.facts).amount_minor == 490


def test_what_was_set_for_a_line_holds_when_it_is_weighed_after():
    step = played(
        scanned(APPLES.gtin),
        OverridePrice(1, 490, SUPERVISOR, of_line=True),
        weighed(500),
        paying(490, ("cash", 490)),
        rules=AT_TILL,
    )

    assert only(facts.TransactionSettled, step.facts).amount_minor == 490


def test_an_approved_scale_prices_a_weight():
    step = played(
        weighed(515),
        scanned(APPLES.gtin),
        OverridePrice(1, 1000, SUPERVISOR),
        paying(515, ("cash", 515)),
        rules=WEIGHS,
    )

    assert only(facts.LineItemWeighed, step.facts).amount_minor == 505  # 9.80 x 0.515 = 5.047
    assert only(facts.TransactionSettled, step.facts).amount_minor == 515


def test_a_price_that_is_set_before_the_weight_waits_for_it():
    step = played(
        scanned(APPLES.gtin),
        OverridePrice(1, 1000, SUPERVISOR),
        weighed(515),
        rules=WEIGHS,
    )

    assert only(facts.LineItemOverridden, step.facts).amount_minor is None
    assert step.state.transaction.amount_minor == 515
    assert replayed(step.facts) == step.state


def test_an_unknown_price_is_no_price_of_a_weight():
    assert TillRules(prices_weights=True).weighed_minor(None, 500) is None


# --- what is not paid ----------------------------------------------------------------------------


def test_a_lane_with_a_pos_takes_no_money():
    assert refusal(paid(bought(MILK), 1250, ("cash", 1250), rules=RULES)) == "no_till"


def test_nothing_scanned_is_nothing_to_pay():
    emptied = played(VoidLine(1, CASHIER), state=bought(MILK), rules=AT_TILL).state

    assert refusal(paid(LaneState(), 0)) == "no_basket"
    assert refusal(paid(emptied, 0)) == "no_basket"


def test_another_basket_than_the_one_shown_is_not_paid():
    assert refusal(paid(bought(MILK, TEA), 1250, ("cash", 1250))) == "amount_changed"


def test_without_the_journal_nothing_is_paid():
    step = played(PayAtTill("P1", 1250, (), CASHIER), state=bought(MILK), rules=AT_TILL)

    assert refusal(step) == "journal_unreadable"


def test_an_id_that_cannot_be_one_is_refused():
    step = paid(bought(MILK), 1250, ("cash", 1250), total_id="x" * (ID_CHARS_MAX + 1))

    assert refusal(step) == "too_long"


# --- once ----------------------------------------------------------------------------------------


def test_a_retry_is_answered_and_paid_once():
    first = paid(bought(MILK), 1250, ("cash", 2000))
    sale = only(facts.TransactionSettled, first.facts)

    again = paid(first.state, 1250, ("cash", 2000), looked=LookedForTill(sale))

    assert again.facts == ()
    assert outcome(again) == outcome(first)


def test_an_id_that_paid_something_else_pays_nothing():
    first = paid(bought(MILK), 1250, ("cash", 2000))
    sale = only(facts.TransactionSettled, first.facts)

    again = paid(bought(MILK), 1250, ("card", 1250), looked=LookedForTill(sale))

    assert refusal(again) == "id_reused"


# --- judged as any other -------------------------------------------------------------------------


def put_down_without_a_scan():
    """Tea lies in the bag that nobody scanned."""
    state = played(
        BagRests("bags", 0),
        scanned(MILK.gtin),
        BagRests("bags", 1035),
        BagRests("bags", 1365),
        scanned(BREAD.gtin),
        BagRests("bags", 1870),
        rules=AT_TILL,
    ).state
    weights = ((MILK, 1030, 1040), (BREAD, 495, 515), (TEA, 325, 335))
    known = [
        KnownItem(item.gtin, item.description, item.category, item.price_minor, WeightRange(*g))
        for item, *g in weights
    ]
    return state, LookedForTill(catalogue=catalogue_of(known))


def test_a_suspected_payment_is_asked_about_first_and_settles_when_it_goes_on():
    state, looked = put_down_without_a_scan()

    held = paid(state, 2050, ("cash", 3000), looked=looked)

    assert outcome(held).code == "held"
    assert none_of(facts.TransactionSettled, held.facts)
    assert only(RaiseAlert, held.effects).suspected.missed_count == 1
    gone_on = played(AnswerSuspicion("continue", CASHIER), state=held.state, rules=AT_TILL)
    sale = only(facts.TransactionSettled, gone_on.facts)
    assert (sale.amount_minor, sale.change_minor, sale.missed_count) == (2050, 950, 1)
    assert [line.category for line in sale.lines] == ["dairy", "bakery"]


def test_what_is_missing_can_be_scanned_and_paid():
    state, looked = put_down_without_a_scan()
    held = paid(state, 2050, ("cash", 3000), looked=looked)

    asked = played(AnswerSuspicion("scan_it", CASHIER), state=held.state, rules=AT_TILL)
    assert "take the payment again" in outcome(asked).text.english()
    step = played(
        scanned(TEA.gtin),
        paying(3050, ("cash", 5000), total_id="P2", looked=looked),
        state=asked.state,
        rules=AT_TILL,
    )

    assert only(facts.TransactionSettled, step.facts).missed_count == 0
    assert none_of(RaiseAlert, step.effects)


def test_a_quiet_shop_settles_at_once():
    state, looked = put_down_without_a_scan()
    quiet = replace(AT_TILL, shop=ShopRules(quiet=True))

    step = paid(state, 2050, ("cash", 3000), looked=looked, rules=quiet)

    assert only(facts.TransactionSettled, step.facts).missed_count == 1

"""A cashier total meets the open transaction: accepted, held, repeated or rejected."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import facts
from agent.domain.alerts import alert_text
from agent.domain.assessment import Candidate, Finding
from agent.domain.effects import Answer, PrintReceipt, RaiseAlert, Show, SoundBeep
from agent.domain.facts import MissedScanSuspected, SoldLine, TransactionSettled
from agent.domain.outcome import SettlementOutcome
from agent.domain.settlement import included_taxes, outcome_of, receipt_job_id
from agent.domain.text import Text
from agent.domain.totals import ChargedLine, TaxAmount, Tender
from agent.domain.transaction import LaneState
from tests.lane_kit import (
    APPLES,
    BREAD,
    DAY,
    MILK,
    RULES,
    STRANGE,
    TEA,
    basket,
    cash,
    charged,
    keyed,
    none_of,
    only,
    played,
    posted,
    received,
    scanned,
    weighed,
)


def answer(step) -> SettlementOutcome:
    return only(Answer, step.effects).outcome


def sale(step) -> TransactionSettled:
    return only(TransactionSettled, step.facts)


# --- a clean sale ------------------------------------------------------------------------------


def test_a_total_that_fits_settles_with_the_sale_whole_in_one_fact():
    lines = (charged(MILK, 2), charged(BREAD, description="Rye bread"))
    total = posted(
        "T1", 3, amount_minor=3300, lines=lines, tenders=cash(5000), change_minor=1700, operator="7"
    )

    step = played(received(total), state=basket(MILK.gtin, BREAD.gtin, MILK.gtin))

    assert step.facts[0] == facts.CashierTotalReceived("0a1b2c3d-000001", total)
    assert step.facts[1:] == (
        TransactionSettled(
            transaction_id="0a1b2c3d-000001",
            receipt_number="L1-0a1b-000001",
            business_date=DAY,
            currency="CNY",
            total_id="T1",
            item_count=3,
            amount_minor=3300,
            change_minor=1700,
            rounding_minor=0,
            lines=(
                SoldLine(1, MILK.gtin, 2000, None, 2500, "Milk 1 l", "dairy", 1300),
                SoldLine(2, BREAD.gtin, 1000, None, 800, "Rye bread", "bakery", 900),
            ),
            tenders=(Tender("cash", 5000),),
            taxes=(TaxAmount(900, 734, 66), TaxAmount(1300, 2212, 288)),
            missed_count=0,
            operator="7",
        ),
    )
    assert step.state == LaneState(last_number=1)


def test_the_answer_and_the_receipt_follow_the_sale():
    step = played(received(posted("T1", 1, amount_minor=1250)), state=basket(MILK.gtin))

    assert answer(step) == SettlementOutcome(
        "settled",
        Text("Settled: {receipt}", {"receipt": "L1-0a1b-000001"}),
        transaction_id="0a1b2c3d-000001",
        receipt_number="L1-0a1b-000001",
    )
    assert only(PrintReceipt, step.effects).job_id == receipt_job_id("0a1b2c3d-000001")
    assert only(PrintReceipt, step.effects).settled == sale(step)
    assert only(Show, step.effects).kind == "settled"
    assert none_of(RaiseAlert, step.effects)
    assert none_of(SoundBeep, step.effects)


def test_without_lines_what_was_scanned_was_sold():
    step = played(
        scanned(MILK.gtin),
        scanned(APPLES.gtin),
        weighed(412),
        received(posted("T1", 2, amount_minor=1654, tenders=cash(1654))),
    )

    assert sale(step).lines == (
        SoldLine(1, MILK.gtin, 1000, None, 1250, "Milk 1 l", "dairy", 1300),
        SoldLine(2, APPLES.gtin, 1000, 412, None, "Apples", "fruit", 900),
    )
    assert sale(step).amount_minor == 1654


def test_lines_alone_give_count_and_amount():
    total = posted("T1", None, lines=(charged(MILK, 2), charged(TEA)))

    step = played(received(total), state=basket(MILK.gtin, MILK.gtin, TEA.gtin))

    assert (sale(step).item_count, sale(step).amount_minor) == (3, 3500)


def test_a_charged_item_that_nobody_knows_is_sold_under_its_number():
    line = ChargedLine(STRANGE, 1000, 300, tax_rate_bp=500)

    step = played(received(posted("T1", 1, lines=(line,))), state=basket(STRANGE))

    assert sale(step).lines == (SoldLine(1, STRANGE, 1000, None, 300, "", "", 500),)


@pytest.mark.parametrize(
    ("line_rate", "gtin", "rate"),
    [(500, BREAD.gtin, 500), (0, BREAD.gtin, 0), (None, BREAD.gtin, 900), (None, MILK.gtin, 1300)],
)
def test_the_tax_rate_is_the_lines_else_the_items_else_the_stores(line_rate, gtin, rate):
    line = ChargedLine(gtin, 1000, 800, tax_rate_bp=line_rate)

    step = played(received(posted("T1", 1, lines=(line,))), state=basket(gtin))

    assert sale(step).lines[0].tax_rate_bp == rate


def test_without_tenders_the_stores_usual_one_paid_it_all():
    total = posted("T1", 1, amount_minor=1252, rounding_minor=-2)

    step = played(
        received(total), state=basket(MILK.gtin), rules=replace(RULES, default_tender="card")
    )

    assert sale(step).tenders == (Tender("card", 1250),)


def test_the_tills_own_taxes_are_taken_as_they_are():
    taxes = (TaxAmount(1300, 1100, 150),)

    step = played(
        received(posted("T1", 1, amount_minor=1250, taxes=taxes)), state=basket(MILK.gtin)
    )

    assert sale(step).taxes == taxes


def test_the_receipt_number_names_the_lane_its_life_and_the_transaction():
    step = played(
        received(posted("T1", 1, amount_minor=1250)),
        state=basket(MILK.gtin),
        rules=replace(RULES, lane="till-3", epoch="feed" + "0" * 28),
    )

    assert sale(step).receipt_number == "till-3-feed-000001"


def test_a_sale_belongs_to_the_day_on_which_it_was_begun():
    assert (
        sale(
            played(received(posted("T1", 1, amount_minor=1250)), state=basket(MILK.gtin))
        ).business_date
        == DAY
    )


# --- a missed scan -----------------------------------------------------------------------------


def test_a_missed_item_is_suspected_by_its_gtin_before_the_sale_and_said_in_red():
    lines = (charged(MILK), charged(TEA, 2))

    step = played(received(posted("T1", 3, lines=lines)), state=basket(MILK.gtin, TEA.gtin))

    total, suspected, settled = step.facts
    assert isinstance(total, facts.CashierTotalReceived)
    reason = Text("{count} × {item} charged but not scanned", {"count": 1, "item": "Green tea"})
    finding = Finding("missed_item", 1, TEA.gtin, "drinks", 1000, reason)
    candidate = Candidate(TEA.gtin, 1000, "Green tea", "drinks")
    assert suspected == MissedScanSuspected(
        "0a1b2c3d-000001", "T1", 1, (finding,), (candidate,), 1000
    )
    assert (settled.missed_count, settled.amount_minor) == (1, 3250)
    assert (answer(step).status, answer(step).missed_count) == ("settled", 1)
    assert answer(step).findings == (finding,)
    alert = only(RaiseAlert, step.effects)
    assert alert.suspected == suspected
    assert alert.text.english() == "1 item not scanned — drinks?"
    assert only(SoundBeep, step.effects).tone == "bad"


def test_a_missed_item_is_suspected_by_count_with_the_category_of_its_price():
    total = posted("T1", 2, amount_minor=2250, tenders=cash(2250))

    step = played(
        received(total, gap_categories=("drinks", "dairy", "drinks")), state=basket(MILK.gtin)
    )

    finding = only(MissedScanSuspected, step.facts).findings[0]
    assert (finding.gtin, finding.category, finding.value_minor) == (None, "drinks", 1000)
    assert only(RaiseAlert, step.effects).text.english() == "1 item not scanned — drinks?"


def test_a_missed_item_of_unknown_sort_is_said_without_a_guess():
    step = played(received(posted("T1", 3, amount_minor=9000)), state=basket(MILK.gtin))

    assert only(RaiseAlert, step.effects).text.english() == "2 items not scanned"


def test_an_item_scanned_but_not_charged_is_said_and_not_counted_as_missed():
    lines = (charged(MILK),)

    step = played(
        received(posted("T1", 1, lines=lines)), state=basket(MILK.gtin, TEA.gtin, TEA.gtin)
    )

    assert only(MissedScanSuspected, step.facts).missed_count == 0
    assert sale(step).missed_count == 0
    assert only(RaiseAlert, step.effects).text.english() == "2 items scanned but not charged"


def test_the_alert_names_the_sorts_of_what_is_missing_only():
    lines = (charged(BREAD), charged(MILK))

    step = played(received(posted("T1", 2, lines=lines)), state=basket(TEA.gtin))

    alert = only(RaiseAlert, step.effects)
    assert {f.category for f in alert.suspected.findings} == {"bakery", "dairy", "drinks"}
    assert alert.text == Text(
        "{count} item(s) not scanned — {category}?", {"count": 2, "category": "bakery/dairy"}
    )


def test_a_repeated_answer_made_from_facts_equals_the_first_one():
    lines = (charged(MILK), charged(TEA))
    step = played(received(posted("T1", 2, lines=lines)), state=basket(MILK.gtin))

    suspected = only(MissedScanSuspected, step.facts)

    assert outcome_of(sale(step), suspected.findings) == answer(step)


# --- a keyed count -----------------------------------------------------------------------------


def test_a_keyed_count_that_fits_settles_at_once_for_the_scanned_amount():
    step = played(received(keyed("K1", 2)), state=basket(MILK.gtin, TEA.gtin))

    assert (sale(step).amount_minor, sale(step).item_count) == (2250, 2)
    assert sale(step).tenders == (Tender("cash", 2250),)


def test_a_keyed_count_that_differs_is_held_and_the_transaction_stays_open():
    step = played(received(keyed("K1", 3)), state=basket(MILK.gtin, TEA.gtin))

    assert [type(f) for f in step.facts] == [facts.CashierTotalReceived, MissedScanSuspected]
    assert (answer(step).status, answer(step).missed_count) == ("held", 1)
    assert only(RaiseAlert, step.effects).text.english() == "1 item not scanned"
    assert only(Show, step.effects).text == answer(step).text
    assert only(SoundBeep, step.effects).tone == "bad"
    assert none_of(PrintReceipt, step.effects)
    assert (step.state.transaction.judged.total.item_count, step.state.transaction.attempts) == (
        3,
        1,
    )


def test_scanning_what_was_missing_and_keying_again_settles_clean():
    step = played(
        received(keyed("K1", 3)),
        scanned(BREAD.gtin),
        received(keyed("K2", 3)),
        state=basket(MILK.gtin, TEA.gtin),
    )

    assert (sale(step).missed_count, sale(step).amount_minor) == (0, 3050)
    assert only(MissedScanSuspected, step.facts).total_id == "K1"


def test_the_same_count_keyed_twice_settles_with_the_suspicion_on_the_sale():
    step = played(
        received(keyed("K1", 3)), received(keyed("K2", 3)), state=basket(MILK.gtin, TEA.gtin)
    )

    assert (sale(step).total_id, sale(step).missed_count, sale(step).item_count) == ("K2", 1, 3)
    assert sale(step).amount_minor == 2250
    assert [f.total_id for f in step.facts if isinstance(f, MissedScanSuspected)] == ["K1", "K2"]
    assert step.state.transaction is None


def test_another_wrong_count_is_held_again():
    step = played(
        received(keyed("K1", 3)), received(keyed("K2", 4)), state=basket(MILK.gtin, TEA.gtin)
    )

    assert none_of(TransactionSettled, step.facts)
    assert (step.state.transaction.judged.total.item_count, step.state.transaction.attempts) == (
        4,
        2,
    )


def test_a_scan_between_two_equal_wrong_counts_asks_again():
    step = played(
        received(keyed("K1", 9)),
        scanned(BREAD.gtin),
        received(keyed("K2", 9)),
        state=basket(MILK.gtin),
    )

    assert none_of(TransactionSettled, step.facts)


def test_a_total_from_the_pos_is_never_held_because_the_money_was_taken():
    step = played(received(posted("T1", 3, amount_minor=9000)), state=basket(MILK.gtin))

    assert sale(step).missed_count == 2


def test_a_pos_may_settle_what_a_keypad_had_held():
    step = played(
        received(keyed("K1", 9)),
        received(posted("T1", 1, amount_minor=1250)),
        state=basket(MILK.gtin),
    )

    assert (sale(step).total_id, sale(step).missed_count) == ("T1", 0)


@pytest.mark.parametrize("gtin", [STRANGE, APPLES.gtin])
def test_a_keyed_count_cannot_settle_what_has_no_price_here(gtin):
    step = played(received(keyed("K1", 2)), state=basket(MILK.gtin, gtin))

    assert (answer(step).status, answer(step).code) == ("rejected", "price_unknown")
    assert step.state.transaction.item_count == 2


# --- rejections --------------------------------------------------------------------------------


def rejected(total, state, code, **context):
    """A rejection keeps the total, says why, and changes nothing."""
    step = played(received(total, **context), state=state)
    here = state.transaction.transaction_id if state.transaction else None
    assert step.facts == (facts.CashierTotalRejected(here, code, total),)
    assert step.state == state
    assert answer(step) == SettlementOutcome("rejected", answer(step).text, code, here)
    shown, *to_manager = (effect for effect in step.effects if isinstance(effect, Show))
    assert shown.text == answer(step).text
    assert [show.kind for show in to_manager] == ["stock_not_deducted"] * bool(total.tenders)
    assert "{" not in answer(step).text.english()
    assert only(SoundBeep, step.effects).tone == "bad"
    return step


def test_a_total_for_no_open_transaction_is_rejected_and_kept():
    rejected(posted("T1", 1, amount_minor=100), LaneState(last_number=4), "no_open_transaction")


@pytest.mark.parametrize(
    ("total", "code"),
    [
        (posted("T1", 1, amount_minor=-1), "amount_negative"),
        (posted("T1", 1, amount_minor=10**12), "amount_absurd"),
        (posted("T1", 0, amount_minor=100), "item_count_absurd"),
        (posted("T1", -5, amount_minor=100), "item_count_absurd"),
        (posted("", 1, amount_minor=100), "total_id_empty"),
        (posted("T1", None), "nothing_given"),
        (posted("T1", 1, amount_minor=1250, tenders=cash(1200)), "tenders_do_not_match"),
    ],
)
def test_a_total_that_makes_no_sense_is_rejected_with_its_gravest_reason(total, code):
    rejected(total, basket(MILK.gtin), code)
    rejected(total, LaneState(), code)


def test_tenders_are_checked_against_an_amount_that_only_the_lane_knows():
    total = posted("T1", 1, tenders=cash(1200))

    rejected(total, basket(MILK.gtin), "tenders_do_not_match")


def test_tenders_are_checked_against_the_sum_of_the_lines():
    total = posted("T1", None, lines=(charged(MILK),), tenders=cash(1300))

    rejected(total, basket(MILK.gtin), "tenders_do_not_match")


def test_a_rounding_below_nothing_is_rejected():
    total = posted("T1", 1, amount_minor=0, rounding_minor=-5)

    rejected(total, basket(MILK.gtin), "tenders_do_not_match")


def test_taxes_are_checked_against_an_amount_that_the_total_does_not_give():
    total = posted("T1", None, lines=(charged(MILK),), taxes=(TaxAmount(1300, 1, 1),))

    rejected(total, basket(MILK.gtin), "taxes_do_not_match")


def test_a_count_without_amount_is_rejected_where_a_price_is_unknown():
    rejected(posted("T1", 1), basket(STRANGE), "price_unknown")


def test_an_id_that_settled_something_else_is_rejected():
    before = SettlementOutcome("settled", Text("Settled: {receipt}", {"receipt": "r"}))
    total = posted("T1", 1, amount_minor=1250)

    rejected(total, basket(MILK.gtin), "total_id_reused", earlier=before, same_content=False)
    rejected(total, LaneState(), "total_id_reused", earlier=before, same_content=False)


@pytest.mark.parametrize("state", [LaneState(last_number=1), basket(TEA.gtin)])
def test_a_repeated_total_is_answered_as_before_and_does_nothing(state):
    first = played(received(posted("T1", 1, amount_minor=1250)), state=basket(MILK.gtin))

    again = played(received(posted("T1", 1, amount_minor=1250), earlier=answer(first)), state=state)

    assert (again.facts, again.state) == ((), state)
    assert again.effects == (Answer(replace(answer(first), status="duplicate")),)


# --- tax ---------------------------------------------------------------------------------------


def sold(amount_minor, rate_bp):
    return SoldLine(1, MILK.gtin, 1000, None, amount_minor, "", "", rate_bp)


@pytest.mark.parametrize(
    ("amount_minor", "rate_bp", "tax_minor"),
    [
        (1130, 1300, 130),
        (1129, 1300, 130),  # 129.88…
        (1250, 1300, 144),  # 143.805…
        (10_500, 500, 500),
        (21, 10_000, 11),  # exactly 10.5: half up
        (19, 10_000, 10),  # exactly 9.5
        (20, 10_000, 10),
        (5, 1300, 1),  # 0.575…
        (4, 1300, 0),  # 0.46…
        (777, 0, 0),
        (0, 1300, 0),
    ],
)
def test_included_tax_is_rounded_half_up(amount_minor, rate_bp, tax_minor):
    taxes = included_taxes((sold(amount_minor, rate_bp),), amount_minor, rate_bp)

    assert taxes == (TaxAmount(rate_bp, amount_minor - tax_minor, tax_minor),)


def test_tax_is_rounded_once_per_rate_and_not_once_per_line():
    ten = tuple(sold(4, 1300) for _ in range(10))

    assert included_taxes(ten, 40, 1300) == (TaxAmount(1300, 35, 5),)


def test_mixed_rates_are_taxed_apart_lowest_first():
    lines = (sold(1130, 1300), sold(1090, 900), sold(500, 0), sold(1130, 1300))

    assert included_taxes(lines, 3850, 1300) == (
        TaxAmount(0, 500, 0),
        TaxAmount(900, 1000, 90),
        TaxAmount(1300, 2000, 260),
    )


def test_a_discount_on_the_whole_receipt_lowers_each_rate_by_its_share():
    lines = (sold(1000, 900), sold(3000, 1300))

    low, high = included_taxes(lines, 3600, 1300)

    assert (low.net_minor + low.tax_minor, high.net_minor + high.tax_minor) == (900, 2700)


@pytest.mark.parametrize("lines", [(), (sold(None, 900),), (sold(0, 900), sold(None, 0))])
def test_where_no_line_has_an_amount_all_is_taxed_at_the_stores_rate(lines):
    assert included_taxes(lines, 1130, 1300) == (TaxAmount(1300, 1000, 130),)


rates = st.sampled_from([0, 300, 600, 900, 1300, 1900, 10_000])


@given(
    st.lists(st.builds(sold, st.none() | st.integers(0, 10**7), rates), max_size=12).map(tuple),
    st.integers(0, 10**9),
    rates,
)
def test_net_and_tax_always_add_up_to_the_amount(lines, amount_minor, default_rate_bp):
    taxes = included_taxes(lines, amount_minor, default_rate_bp)

    assert sum(t.net_minor + t.tax_minor for t in taxes) == amount_minor
    assert all(t.net_minor >= 0 and t.tax_minor >= 0 for t in taxes)
    assert [t.rate_bp for t in taxes] == sorted({t.rate_bp for t in taxes})


def test_an_alert_about_a_surplus_counts_all_of_it():
    surplus = [Finding("scanned_not_charged", n, None, "tea", None, Text("")) for n in (1, 2)]

    assert alert_text(MissedScanSuspected("t", "T", 0, tuple(surplus))).args == {"count": 3}

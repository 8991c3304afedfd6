"""What a lane makes of scans, weights, prints and devices, one event after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain import facts
from agent.domain.effects import Show, SoundBeep
from agent.domain.events import DeviceChanged, Observed, PlateChanged, PrintEnded, ReceiptUnread
from agent.domain.rcn import Measure
from agent.domain.transaction import LaneState, StoreRules
from agent.domain.troubles import (
    PRINT_TEXTS,
    PRINT_TROUBLE,
    RECEIPT_TEXTS,
    RECEIPT_TROUBLE,
    SCAN_TEXTS,
)
from tests.lane_kit import (
    APPLES,
    BREAD,
    DAY,
    EPOCH,
    MILK,
    RULES,
    STRANGE,
    TEA,
    basket,
    cash,
    none_of,
    only,
    played,
    posted,
    received,
    replayed,
    scanned,
    unclear,
    weighed,
)


def settled(*events):
    return played(*events, received(posted("T1", 1, amount_minor=1250, tenders=cash(1250))))


# --- scans -------------------------------------------------------------------------------------


def test_the_first_scan_opens_a_transaction_and_adds_its_line():
    opened, line = played(scanned(MILK.gtin)).facts

    assert opened == facts.TransactionOpened(f"{EPOCH[:8]}-000001", 1, DAY)
    assert isinstance(line, facts.LineItemAdded)
    assert (line.transaction_id, line.line_no) == (opened.transaction_id, 1)
    assert (line.gtin, line.form, line.scan_label) == (MILK.gtin, "GTIN-14", MILK.gtin)
    assert (line.description, line.category, line.price_minor) == ("Milk 1 l", "dairy", 1250)
    assert line.known


def test_later_scans_add_lines_to_the_open_transaction():
    whole = played(scanned(MILK.gtin), scanned(BREAD.gtin), scanned(MILK.gtin))

    only(facts.TransactionOpened, whole.facts)
    assert [f.line_no for f in whole.facts if isinstance(f, facts.LineItemAdded)] == [1, 2, 3]
    assert whole.state.transaction.item_count == 3
    assert whole.state.transaction.amount_minor == 1250 + 800 + 1250


def test_a_line_has_the_items_tax_rate_or_else_the_stores():
    first, second = (f for f in played(scanned(MILK.gtin), scanned(BREAD.gtin)).facts[1:])

    assert (first.tax_rate_bp, second.tax_rate_bp) == (RULES.tax_rate_bp, 900)


def test_a_good_scan_is_shown_with_its_name_and_beeps_good():
    effects = played(scanned(MILK.gtin)).effects

    assert only(Show, effects).text.english() == "Milk 1 l"
    assert only(Show, effects).data["price_minor"] == 1250
    assert only(SoundBeep, effects).tone == "good"


def test_an_unknown_item_is_counted_without_price_and_said():
    whole = played(scanned(STRANGE))

    line = whole.facts[-1]
    assert (line.known, line.price_minor, line.tax_rate_bp) == (False, None, RULES.tax_rate_bp)
    assert whole.state.transaction.item_count == 1
    assert whole.state.transaction.amount_minor is None
    assert STRANGE in only(Show, whole.effects).text.english()
    assert only(SoundBeep, whole.effects).tone == "bad"


@pytest.mark.parametrize("reason", sorted(SCAN_TEXTS))
def test_a_scan_that_names_no_item_is_kept_said_and_not_counted(reason):
    whole = played(unclear(reason, b"40063\xff"))

    assert whole.facts == (facts.ScanRejected(None, reason, "3430303633ff", "", "scanner"),)
    assert whole.state == LaneState()
    assert only(Show, whole.effects).text == SCAN_TEXTS[reason]
    assert only(SoundBeep, whole.effects).tone == "bad"


def test_a_rejected_scan_belongs_to_the_open_transaction_and_leaves_it_as_it_is():
    state = basket(MILK.gtin)

    after = played(unclear(), state=state)

    assert after.facts[0].transaction_id == state.transaction.transaction_id
    assert after.state == state


def test_transaction_numbers_go_on_after_a_settlement_and_never_begin_anew():
    whole = settled(scanned(MILK.gtin))
    again = played(scanned(MILK.gtin), state=whole.state)

    assert whole.state.transaction is None
    assert again.facts[0].number == 2
    assert again.facts[0].transaction_id.endswith("-000002")


def test_two_lives_of_a_lane_never_share_a_transaction_id():
    other = StoreRules("L1", "f" * 32, "CNY", 1300)
    ids = {played(scanned(MILK.gtin), rules=r).facts[0].transaction_id for r in (RULES, other)}

    assert len(ids) == 2


# --- weights -----------------------------------------------------------------------------------


def test_a_weight_goes_to_the_weighed_line_that_was_scanned_before():
    whole = played(scanned(APPLES.gtin), weighed(412, net=True))

    fact = only(facts.LineItemWeighed, whole.facts)
    assert (fact.line_no, fact.weight_g, fact.net, fact.role) == (1, 412, True, "scale")
    assert bytes.fromhex(fact.raw_hex) == b"\x02000412\r"
    assert whole.state.transaction.lines[0].weight_g == 412
    assert whole.state.plate is None


def test_a_weight_that_comes_first_waits_on_the_plate_for_the_scan():
    waiting = played(weighed(412))
    assert (waiting.facts, waiting.state.plate) == ((), weighed(412))

    whole = played(scanned(APPLES.gtin), state=waiting.state)

    assert only(facts.LineItemWeighed, whole.facts).weight_g == 412
    assert whole.state.plate is None


def test_an_item_sold_by_the_piece_leaves_the_weight_on_the_plate():
    whole = played(weighed(412), scanned(MILK.gtin))

    assert none_of(facts.LineItemWeighed, whole.facts)
    assert whole.state.plate == weighed(412)


def test_a_weight_among_pieces_only_waits_too():
    assert played(scanned(MILK.gtin), weighed(412)).state.plate == weighed(412)


def test_what_was_taken_off_the_plate_weighs_nothing_any_more():
    whole = played(weighed(412), PlateChanged(), scanned(APPLES.gtin))

    assert none_of(facts.LineItemWeighed, whole.facts)


def test_a_scale_that_is_lost_takes_its_weight_with_it():
    whole = played(weighed(412), DeviceChanged("scale", False, "silent"), scanned(APPLES.gtin))

    assert none_of(facts.LineItemWeighed, whole.facts)


def test_another_device_that_is_lost_leaves_the_weight():
    whole = played(weighed(412), DeviceChanged("printer", False, "silent"), scanned(APPLES.gtin))

    assert only(facts.LineItemWeighed, whole.facts).weight_g == 412


# --- labels that carry a weight, a price or a count ----------------------------------------------


def labelled(gtin, **measure):
    return replace(scanned(gtin), measure=Measure(**measure))


def test_a_weight_on_the_label_needs_no_scale():
    whole = played(labelled(APPLES.gtin, weight_g=512))
    fact = only(facts.LineItemWeighed, whole.facts)
    assert (fact.line_no, fact.weight_g, fact.net, fact.role) == (1, 512, True, "scanner")
    assert bytes.fromhex(fact.raw_hex) == APPLES.gtin.encode()
    assert whole.state.transaction.lines[0].weight_g == 512
    assert [show.kind for show in whole.effects if isinstance(show, Show)] == [
        "line_item_added",
        "line_item_weighed",
    ]


def test_a_weight_on_the_label_leaves_the_plate_to_the_item_that_lies_there():
    whole = played(weighed(412), labelled(APPLES.gtin, weight_g=512), scanned(APPLES.gtin))
    assert [line.weight_g for line in whole.state.transaction.lines] == [512, 412]
    waiting = played(scanned(APPLES.gtin), labelled(APPLES.gtin, weight_g=512), weighed(100))
    assert [line.weight_g for line in waiting.state.transaction.lines] == [100, 512]


def test_a_weight_on_the_label_of_a_piece_makes_it_weighed_goods():
    (line,) = played(labelled(MILK.gtin, weight_g=512)).state.transaction.lines
    assert (line.sold_by, line.weight_g, line.pieces, line.amount_minor) == ("weight", 512, 1, None)


def test_a_price_on_the_label_is_the_price_of_that_piece():
    whole = played(weighed(412), labelled(APPLES.gtin, amount_minor=777), scanned(MILK.gtin))
    priced, _ = whole.state.transaction.lines
    assert (priced.sold_by, priced.price_minor, priced.amount_minor) == ("each", 777, 777)
    assert priced.weight_g is None
    assert whole.state.plate == weighed(412)
    assert whole.state.transaction.amount_minor == 777 + 1250


def test_a_count_on_the_label_is_so_many_pieces():
    (line,) = played(labelled(MILK.gtin, count=6)).state.transaction.lines
    assert (line.pieces, line.amount_minor) == (6, 6 * 1250)


def test_an_unknown_item_with_a_price_on_its_label_has_a_price():
    whole = played(labelled(STRANGE, amount_minor=777))
    assert whole.state.transaction.lines[0].amount_minor == 777
    show = only(Show, whole.effects)
    assert (
        show.text.english() == f"{STRANGE} is not in the item master; counted at its label's price"
    )
    assert SoundBeep("bad") in whole.effects


def test_two_weighed_lines_get_their_weights_in_the_order_of_their_scans():
    whole = played(
        scanned(APPLES.gtin), scanned(MILK.gtin), scanned(APPLES.gtin), weighed(100), weighed(200)
    )

    assert [line.weight_g for line in whole.state.transaction.lines] == [100, None, 200]


def test_a_weighed_line_is_one_piece_whose_amount_only_the_till_knows():
    transaction = played(scanned(APPLES.gtin), weighed(412)).state.transaction

    assert (transaction.item_count, transaction.amount_minor) == (1, None)


# --- printing ----------------------------------------------------------------------------------


def test_a_printed_receipt_is_a_fact():
    whole = played(PrintEnded("t", "t-receipt", True, "printed", ""))

    assert whole.facts == (facts.ReceiptPrinted("t", "t-receipt", True),)
    assert only(Show, whole.effects).kind == "receipt_printed"


@pytest.mark.parametrize("outcome", ["failed", "unconfirmed"])
@pytest.mark.parametrize("reason", [*sorted(PRINT_TEXTS), "io"])
def test_a_receipt_that_is_not_surely_on_paper_is_a_fact_and_says_what_to_do(outcome, reason):
    whole = played(PrintEnded("t", "t-receipt", False, outcome, reason))

    assert whole.facts == (facts.ReceiptUnprinted("t", "t-receipt", outcome, reason),)
    assert only(Show, whole.effects).text == PRINT_TEXTS.get(reason, PRINT_TROUBLE)
    assert only(SoundBeep, whole.effects).tone == "bad"


@pytest.mark.parametrize("reason", [*sorted(RECEIPT_TEXTS), "sum_differs"])
def test_a_receipt_of_the_pos_that_tells_no_total_is_counted_and_asks_for_the_open_baskets_count(
    reason,
):
    state = basket(MILK.gtin)

    step = played(ReceiptUnread("printer_tap", reason, 3, 1, 2), state=state)

    assert step.facts == (
        facts.ReceiptNotRead(
            state.transaction.transaction_id, "printer_tap", reason, images=3, cuts=1, kicks=2
        ),
    )
    assert step.state == state
    show = only(Show, step.effects)
    assert (show.kind, show.data) == ("receipt_not_read", {"images": 3, "cuts": 1, "kicks": 2})
    assert show.text == RECEIPT_TEXTS.get(reason, RECEIPT_TROUBLE)
    assert show.text.english().lower().endswith("key the item count")
    assert only(SoundBeep, step.effects).tone == "bad"


def test_without_an_open_basket_such_a_receipt_is_counted_in_silence():
    step = played(ReceiptUnread("serial_journal", "image", 1, 1, 0))

    assert only(facts.ReceiptNotRead, step.facts).transaction_id is None
    assert only(Show, step.effects).text.english() == (
        "A receipt of the POS tells no total: 1 cut, 0 drawer kicks counted"
    )
    assert none_of(SoundBeep, step.effects)


# --- devices -----------------------------------------------------------------------------------


def test_a_lost_device_is_a_fact_and_its_return_too():
    whole = played(DeviceChanged("scale", False, "no such file"), DeviceChanged("scale", True, ""))

    assert whole.facts == (
        facts.DeviceLost("scale", "no such file"),
        facts.DeviceReturned("scale"),
    )
    lost, back = (e for e in whole.effects if isinstance(e, Show))
    assert lost.text.english() == "scale is not reachable: no such file"
    assert back.text.english() == "scale is back"
    assert only(SoundBeep, whole.effects).tone == "bad"


# --- replay ------------------------------------------------------------------------------------


def test_a_replay_of_the_facts_ends_in_the_same_state():
    whole = played(
        scanned(MILK.gtin), scanned(APPLES.gtin), weighed(300), unclear(), scanned(STRANGE)
    )

    assert replayed(whole.facts) == whole.state


def test_facts_of_a_transaction_that_is_not_open_change_nothing():
    whole = played(
        scanned(APPLES.gtin),
        weighed(300),
        received(posted("T1", 1, amount_minor=300, tenders=cash(300))),
    )
    stray = tuple(f for f in whole.facts if not isinstance(f, facts.TransactionOpened))

    assert replayed(stray) == LaneState()


def test_one_line_of_many_is_weighed_and_the_others_are_not():
    state = played(scanned(TEA.gtin), scanned(APPLES.gtin), weighed(120)).state

    assert [line.weight_g for line in state.transaction.lines] == [None, 120]


# --- sensors -----------------------------------------------------------------------------------

OBSERVATIONS = (
    facts.TagObserved(None, "3034257BF4", MILK.gtin, "7", True, -54, 0, "rfid"),
    facts.LabelObserved(None, MILK.gtin, 3, "camera"),
    facts.CrossingObserved(None, -1, 80, "camera"),
)


@pytest.mark.parametrize("seen", OBSERVATIONS, ids=lambda seen: seen.type)
def test_what_a_sensor_saw_is_kept_for_the_open_basket_or_the_next_and_shown_to_nobody(seen):
    state = basket(MILK.gtin)

    idle, busy = played(Observed(seen)), played(Observed(seen), state=state)

    assert idle.facts == (seen,)
    assert busy.facts == (replace(seen, transaction_id=state.transaction.transaction_id),)
    assert idle.state.around.waiting == (seen,)
    assert busy.state.transaction.seen == busy.facts
    assert played(scanned(MILK.gtin), state=idle.state).state.transaction.seen == (seen,)
    assert idle.effects == busy.effects == ()

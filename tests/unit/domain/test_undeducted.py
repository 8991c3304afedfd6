"""An order is paid, and its stock is not deducted, or not wholly: what the lane says of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.effects import Show
from agent.domain.events import AnswerSuspicion
from agent.domain.facts import SoldLine
from agent.domain.shop import Person, ShopRules
from agent.domain.totals import Tender
from agent.domain.undeducted import KIND, pieces
from tests.lane_kit import (
    BREAD,
    MILK,
    RULES,
    TEA,
    basket,
    charged,
    keyed,
    played,
    posted,
    received,
    scanned,
)

STRANGE = "00000000000017"


def words(step):
    return [e.data for e in step.effects if isinstance(e, Show) and e.kind == KIND]


def test_an_order_whose_lines_are_all_that_was_paid_is_deducted():
    assert words(played(received(posted("T1", 2)), state=basket(MILK.gtin, TEA.gtin))) == []


def test_pieces_that_were_paid_without_a_scan_are_not_deducted():
    (said,) = words(played(received(posted("T1", 3)), state=basket(MILK.gtin, TEA.gtin)))
    assert (said["reason"], said["count"]) == ("unscanned", 1)
    assert said["receipt_number"].startswith("L1-")


def test_a_count_that_was_let_be_is_an_order_as_well():
    keyed_count = received(keyed("K1", 3))
    go_on = AnswerSuspicion("continue", Person())
    (said,) = words(played(keyed_count, go_on, state=basket(MILK.gtin, TEA.gtin)))
    assert (said["reason"], said["count"]) == ("unscanned", 1)


def test_lines_of_the_pos_are_deducted_whatever_was_scanned():
    total = posted("T1", None, lines=(charged(MILK), charged(BREAD)))
    assert words(played(received(total), state=basket(MILK.gtin))) == []


def test_a_line_that_the_item_master_does_not_have_is_named():
    state = basket(MILK.gtin, STRANGE)
    (said,) = words(played(received(posted("T1", 2, amount_minor=2000)), state=state))
    assert (said["reason"], said["gtin"]) == ("unknown_item", STRANGE)


def test_a_shop_without_an_item_master_is_told_nothing_of_items():
    state = basket(STRANGE)
    assert words(played(received(posted("T1", 1, amount_minor=900)), state=state)) == []


def test_money_for_a_total_that_settled_nothing_is_told():
    total = posted("T1", 1, tenders=(Tender("cash", 1000),), change_minor=100)
    (said,) = words(played(received(total)))
    assert (said["reason"], said["code"]) == ("rejected", "no_open_transaction")
    assert (said["total_id"], said["amount_minor"]) == ("T1", 900)
    assert words(played(received(posted("T2", 1)))) == [], "nobody says that money was taken"


def test_a_quiet_shop_hears_nothing_of_what_was_not_scanned():
    rules = replace(RULES, shop=ShopRules(quiet=True))
    step = played(scanned(MILK.gtin), received(posted("T1", 2)), rules=rules)
    assert words(step) == []


@pytest.mark.parametrize(("quantity", "weight_g", "count"), [(2000, None, 2), (1000, 640, 1)])
def test_a_weighed_line_is_one_piece(quantity, weight_g, count):
    assert pieces(SoldLine(1, TEA.gtin, quantity, weight_g, 1, "", "", 0)) == count

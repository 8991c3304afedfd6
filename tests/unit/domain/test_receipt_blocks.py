"""A settled transaction as blocks: what stands on the paper, in English and in Chinese."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.facts import SoldLine, TransactionSettled
from agent.domain.money import format_minor, format_rate
from agent.domain.receipt import ReceiptStyle, receipt_blocks
from agent.domain.text import Text
from agent.domain.totals import TaxAmount, Tender

STYLE = ReceiptStyle(("Corner Shop", "12 Main St"), ("Thank you",), 2, qr=True, kick_drawer=True)
SALE = TransactionSettled(
    transaction_id="0a1b2c3d-000007",
    receipt_number="L1-0a1b-000007",
    business_date="2026-11-22",
    currency="CNY",
    total_id="T7",
    item_count=4,
    amount_minor=4254,
    change_minor=749,
    rounding_minor=-3,
    lines=(
        SoldLine(1, "06901234567892", 1000, None, 1250, "Milk 1 l", "dairy", 1300),
        SoldLine(2, "04006381333931", 2000, None, 1600, "Bread", "bakery", 900),
        SoldLine(3, "02001234567893", 1000, 412, 404, "Apples", "fruit", 900),
        SoldLine(4, "00000096385074", 1000, None, None, "", "", 1300),
    ),
    tenders=(Tender("cash", 5000), Tender("gift.card", 0)),
    taxes=(TaxAmount(900, 1839, 165), TaxAmount(1300, 1991, 259)),
    missed_count=0,
)
CHINESE = {
    "REPRINT": "重印",
    "Items": "件数",
    "Total": "合计",
    "Cash": "现金",
    "Change": "找零",
    "Rounding": "抹零",
    "Tax {rate} included": "含税 {rate}",
    "  {count} pcs": "  {count} 件",
}


def in_chinese(text: Text) -> str:
    return CHINESE.get(text.id, text.id).format(**text.args)


def blocks(sale=SALE, style=STYLE, say=Text.english, **more):
    return receipt_blocks(sale, style, say, printed_at="2026-11-22 10:15", **more)


def words(of):
    """What stands on each line of the paper."""
    return [b.get("text") or f"{b['left']} | {b['right']}" for b in of if {"text", "left"} & set(b)]


def test_a_receipt_says_who_sold_what_for_how_much_and_how_it_was_paid():
    assert words(blocks()) == [
        "Corner Shop",
        "12 Main St",
        "L1-0a1b-000007 | 2026-11-22 10:15",
        "Milk 1 l | 12.50",
        "Bread",
        "  2 pcs | 16.00",
        "Apples",
        "  0.412 kg | 4.04",
        "96385074 | ",
        "Items | 4",
        "Total | CNY 42.54",
        "Rounding | -0.03",
        "Cash | 50.00",
        "gift.card | 0.00",
        "Change | 7.49",
        "Tax 9 % included | 1.65",
        "Tax 13 % included | 2.59",
        "Thank you",
    ]


def test_a_chinese_receipt_says_the_same_in_chinese():
    said = words(blocks(say=in_chinese, reprint=True))

    assert said[0] == "重印"
    assert "  2 件 | 16.00" in said
    assert said[-8:-1] == [
        "合计 | CNY 42.54",
        "抹零 | -0.03",
        "现金 | 50.00",
        "gift.card | 0.00",
        "找零 | 7.49",
        "含税 9 % | 1.65",
        "含税 13 % | 2.59",
    ]


@pytest.mark.parametrize("tender_type", ["card", "wechat", "alipay", "voucher", "cash"])
def test_usual_means_of_payment_are_said_in_the_shops_language(tender_type):
    asked = []
    sale = replace(SALE, tenders=(Tender(tender_type, 4254),))

    blocks(sale, say=lambda text: asked.append(text.id) or text.english())

    assert {"card": "Card", "wechat": "WeChat Pay", "alipay": "Alipay", "voucher": "Voucher"}.get(
        tender_type, "Cash"
    ) in asked


def test_only_the_first_line_of_the_head_is_bold():
    assert [b.get("bold") for b in blocks()[:2]] == [True, False]


def test_no_change_and_no_rounding_are_not_mentioned():
    said = words(blocks(replace(SALE, change_minor=0, rounding_minor=0)))

    assert not [line for line in said if line.startswith(("Change", "Rounding"))]


def test_a_reprint_says_so_first_and_leaves_the_drawer_shut():
    again = blocks(reprint=True)

    assert (again[0]["text"], again[0]["size"]) == ("REPRINT", 2)
    assert {"kick": True} not in again
    assert again[1:] == tuple(b for b in blocks() if b != {"kick": True})


def test_the_drawer_opens_for_cash_before_the_cut():
    assert blocks()[-2:] == ({"kick": True}, {"cut": True})


@pytest.mark.parametrize(
    ("tenders", "style"),
    [((Tender("card", 4254),), STYLE), (SALE.tenders, replace(STYLE, kick_drawer=False))],
)
def test_the_drawer_stays_shut_without_cash_or_without_a_drawer(tenders, style):
    assert {"kick": True} not in blocks(replace(SALE, tenders=tenders), style)


def test_a_qr_code_of_the_receipt_number_is_printed_where_the_shop_wants_it():
    assert {"qr": "L1-0a1b-000007"} in blocks()
    assert not [b for b in blocks(style=replace(STYLE, qr=False)) if "qr" in b]


def test_a_shop_without_words_around_the_sale_prints_the_sale_alone():
    bare = ReceiptStyle((), (), 0, qr=False, kick_drawer=False)

    assert words(blocks(style=bare))[0].startswith("L1-0a1b-000007")
    assert "Total | CNY 4254" in words(blocks(style=bare))


@pytest.mark.parametrize(
    ("amount_minor", "digits", "text"),
    [
        (1234567, 2, "12345.67"),
        (5, 2, "0.05"),
        (0, 2, "0.00"),
        (-5, 2, "-0.05"),
        (-1234, 3, "-1.234"),
        (1234567, 0, "1234567"),
        (-7, 0, "-7"),
        (0, 0, "0"),
    ],
)
def test_money_is_written_with_the_currencys_digits(amount_minor, digits, text):
    assert format_minor(amount_minor, digits) == text


@pytest.mark.parametrize(
    ("rate_bp", "text"),
    [(500, "5 %"), (1350, "13.5 %"), (825, "8.25 %"), (0, "0 %"), (10_000, "100 %")],
)
def test_rates_are_written_without_idle_zeros(rate_bp, text):
    assert format_rate(rate_bp) == text


def test_a_sentence_is_filled_in_after_its_id_was_looked_up():
    assert Text("{item}", {"item": "50% {off}"}).english() == "50% {off}"

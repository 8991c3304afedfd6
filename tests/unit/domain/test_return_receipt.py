"""Goods that came back as blocks: what stands on the paper."""

from __future__ import annotations

from dataclasses import replace

from agent.domain.facts import ReturnedLine, ReturnRecorded, SoldLine
from agent.domain.receipt import ReceiptStyle
from agent.domain.return_receipt import return_blocks
from agent.domain.text import Text
from agent.domain.totals import TaxAmount, Tender
from agent.i18n import translator

STYLE = ReceiptStyle(("Corner Shop", "12 Main St"), ("Thank you",), 2, qr=True, kick_drawer=True)
MILK = SoldLine(1, "06901234567892", 2000, None, 2500, "Milk 1 l", "dairy", 1300)
APPLES = SoldLine(3, "02001234567893", 1000, 412, 404, "Apples", "fruit", 900)
RETURN = ReturnRecorded(
    "r1",
    "L1-0a1b-R000002",
    "0a1b2c3d-000007",
    "L1-0a1b-000007",
    "2026-11-22",
    "CNY",
    (ReturnedLine(MILK, "resaleable"), ReturnedLine(APPLES, "damaged")),
    (Tender("card", 2000), Tender("cash", 900), Tender("gift.card", 5)),
    (TaxAmount(900, 371, 33), TaxAmount(1300, 2212, 288)),
    2904,
    1,
)


def blocks(fact=RETURN, style=STYLE, say=Text.english, *, reprint=False):
    return return_blocks(fact, style, say, printed_at="2026-11-22 10:05", reprint=reprint)


def test_what_came_back_and_how_it_was_given_back_stands_on_the_paper():
    assert blocks() == (
        {"text": "Corner Shop", "align": "center", "bold": True},
        {"text": "12 Main St", "align": "center", "bold": False},
        {"text": "RETURN", "align": "center", "bold": True},
        {"left": "L1-0a1b-R000002", "right": "2026-11-22 10:05"},
        {"left": "Receipt of the sale", "right": "L1-0a1b-000007"},
        {"rule": "-"},
        {"text": "Milk 1 l"},
        {"left": "  2 pcs", "right": "25.00"},
        {"text": "Apples"},
        {"left": "  0.412 kg", "right": "4.04"},
        {"text": "  damaged"},
        {"rule": "-"},
        {"left": "Given back", "right": "CNY 29.04", "bold": True},
        {"left": "Rounding", "right": "0.01"},
        {"left": "Card", "right": "20.00"},
        {"left": "Cash", "right": "9.00"},
        {"left": "gift.card", "right": "0.05"},
        {"left": "Tax 9 % included", "right": "0.33"},
        {"left": "Tax 13 % included", "right": "2.88"},
        {"feed": 1},
        {"text": "Customer's signature"},
        {"feed": 2},
        {"rule": "-"},
        {"qr": "L1-0a1b-R000002"},
        {"feed": 3},
        {"kick": True},
        {"cut": True},
    )


def test_a_second_paper_says_so_and_opens_no_drawer():
    paper = blocks(reprint=True)
    assert paper[0] == {"text": "REPRINT", "align": "center", "bold": True, "size": 2}
    assert {"kick": True} not in paper


def test_without_receipt_cash_rounding_or_code_nothing_is_said_of_them():
    plain = replace(RETURN, receipt_number="", rounding_minor=0, tenders=(Tender("card", 2904),))
    paper = blocks(plain, replace(STYLE, qr=False))
    said = {key for block in paper for key in block}
    assert not said & {"qr", "kick"}
    assert not {"Receipt of the sale", "Rounding"} & {block.get("left") for block in paper}


def test_the_paper_speaks_chinese():
    paper = blocks(say=translator("zh_CN"))
    assert {"text": "退货", "align": "center", "bold": True} in paper
    assert {"text": "  已损坏"} in paper

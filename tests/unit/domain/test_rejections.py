"""Why a total settled nothing: what was said then is said again to who finds it later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain.effects import Answer
from agent.domain.facts import CashierTotalRejected
from agent.domain.rejections import rejected_text
from agent.domain.totals import Tender
from agent.domain.transaction import LaneState
from tests.lane_kit import MILK, STRANGE, basket, charged, only, played, posted, received

SALE = posted("T1", None, lines=(charged(MILK),))
REFUSED = [
    (SALE, LaneState()),
    (replace(SALE, total_id=""), basket(MILK.gtin)),
    (replace(SALE, lines=None, item_count=0), basket(MILK.gtin)),
    (replace(SALE, lines=None, item_count=1, amount_minor=None), basket(STRANGE)),
    (
        replace(SALE, lines=None, item_count=1, amount_minor=None, tenders=(Tender("card", 1),)),
        basket(MILK.gtin),
    ),
]


@pytest.mark.parametrize(("total", "state"), REFUSED)
def test_what_was_said_of_it_is_said_of_it_later(total, state):
    step = played(received(total), state=state)
    said = only(Answer, step.effects).outcome.text

    assert rejected_text(only(CashierTotalRejected, step.facts)) == said


def test_of_a_code_of_another_release_the_code_is_all_there_is_to_say():
    rejected = CashierTotalRejected(None, "new_reason", SALE)

    assert rejected_text(rejected).english() == "refused: new_reason"

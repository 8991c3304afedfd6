"""Why a total settled nothing, in words, for who finds it on the list later."""

from __future__ import annotations

from agent.domain.facts import CashierTotalRejected
from agent.domain.settlement import (
    NO_OPEN_TRANSACTION,
    PRICE_UNKNOWN,
    TAXES_WRONG,
    TENDERS_WRONG,
    TOTAL_ID_REUSED,
)
from agent.domain.text import Text
from agent.domain.totals import problems

_AT_THE_LANE = {
    problem.code: problem.text
    for problem in (
        NO_OPEN_TRANSACTION,
        PRICE_UNKNOWN,
        TAXES_WRONG,
        TENDERS_WRONG,
        TOTAL_ID_REUSED,
    )
}


def rejected_text(rejected: CashierTotalRejected) -> Text:
    """What was said of it then. A code of another release is all that there is to say."""
    own = (p.text for p in problems(rejected.total) if p.code == rejected.code)
    unknown = Text("refused: {code}", {"code": rejected.code})
    return next(own, None) or _AT_THE_LANE.get(rejected.code, unknown)

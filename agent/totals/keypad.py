"""Cashier totals as the cashier keys them: the number of items, then Enter."""

from __future__ import annotations

from agent.domain.text import Text
from agent.domain.totals import ITEM_COUNT_MAX, CashierTotal, TotalProblem


def read_keyed(keyed: str, transaction_id: str, attempt: int) -> CashierTotal | TotalProblem:
    """The total of a keyed item count (the digits before Enter), or why it is none.

    `attempt` is the running number of totals for this transaction: each keying is a total of its
    own, and the same event read twice is the same total.
    """
    digits = keyed.lstrip("0")
    if not keyed:
        return TotalProblem("keyed_empty", Text("Key the number of items, then Enter"))
    if not (keyed.isascii() and keyed.isdigit()):
        return TotalProblem("keyed_not_a_number", Text("Key digits only, then Enter"))
    if not digits or len(digits) > len(str(ITEM_COUNT_MAX)) or int(digits) > ITEM_COUNT_MAX:
        text = Text("The item count must be between 1 and {limit}", {"limit": ITEM_COUNT_MAX})
        return TotalProblem("item_count_absurd", text, "item_count")
    return CashierTotal(f"{transaction_id}-keyed-{attempt}", "keypad", int(digits))

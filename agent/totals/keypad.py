"""Cashier totals as the cashier keys them: the number of items, then Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.domain.text import Text
from agent.domain.totals import ITEM_COUNT_MAX, CashierTotal, TotalProblem

if TYPE_CHECKING:
    from drivers.base import KeyedNumber


def read_keyed(
    keyed: KeyedNumber, transaction_id: str, attempt: int
) -> CashierTotal | TotalProblem:
    """The total of a keyed item count, or why it is none.

    `attempt` is the running number of totals for this transaction: each keying is a total of its
    own, and the same event read twice is the same total.
    """
    digits = keyed.digits.lstrip("0")
    if not keyed.digits:
        return TotalProblem("keyed_empty", Text("Key the number of items, then Enter"))
    if not (keyed.digits.isascii() and keyed.digits.isdigit()):
        return TotalProblem("keyed_not_a_number", Text("Key digits only, then Enter"))
    if not digits or len(digits) > len(str(ITEM_COUNT_MAX)) or int(digits) > ITEM_COUNT_MAX:
        text = Text("The item count must be between 1 and {limit}", {"limit": ITEM_COUNT_MAX})
        return TotalProblem("item_count_absurd", text, "item_count")
    return CashierTotal(f"{transaction_id}-keyed-{attempt}", "keypad", int(digits))

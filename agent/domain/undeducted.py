"""Paid, and not deducted from stock: an order-level check, at the moment an order is paid.

An order is paid once it is settled, or once the POS names the money of a total that settles none.
Its stock is deducted by its lines. So it is not deducted, wholly or in part, where

- more pieces were counted and paid than the sale has lines for: they were not scanned;
- a line names an item that the item master does not have, while it has others of the same sale (a
  shop without an item master is told nothing for each sale);
- the total was rejected: there is no sale, and no line at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agent.domain.effects import Show
from agent.domain.events import LaneEvent, TotalReceived
from agent.domain.facts import CashierTotalRejected, SoldLine, TransactionSettled
from agent.domain.text import Text
from agent.domain.transaction import LaneState, Step

KIND = "stock_not_deducted"


def watched(before: LaneState, event: LaneEvent, result: Step, *, quiet: bool = False) -> Step:
    """The step, with a word to the manager for each order of it that is paid and not deducted.
    `quiet`: what was not scanned is not said aloud."""
    words: list[Show] = []
    for fact in result.facts:
        if isinstance(fact, TransactionSettled):
            words += _of_sale(before, event, fact, quiet=quiet)
        elif isinstance(fact, CashierTotalRejected) and fact.total.tenders:
            words.append(_of_rejected(fact))
    return replace(result, effects=(*result.effects, *words)) if words else result


def _of_sale(
    before: LaneState, event: LaneEvent, sale: TransactionSettled, *, quiet: bool
) -> Iterator[Show]:
    short = sale.item_count - sum(map(pieces, sale.lines))
    head: dict[str, str | int | None] = {
        "transaction_id": sale.transaction_id,
        "receipt_number": sale.receipt_number,
    }
    if short > 0 and not quiet:
        text = Text(
            "Paid, but not deducted from stock: {count} of {receipt} not scanned",
            {"count": short, "receipt": sale.receipt_number},
        )
        yield Show(KIND, text, {**head, "reason": "unscanned", "count": short})
    for gtin in _unknown(before, event, sale):
        text = Text(
            "Paid, but not deducted from stock: {gtin} of {receipt} is not in the item master",
            {"gtin": gtin, "receipt": sale.receipt_number},
        )
        yield Show(KIND, text, {**head, "reason": "unknown_item", "gtin": gtin})


def _unknown(before: LaneState, event: LaneEvent, sale: TransactionSettled) -> list[str]:
    """GTINs of its lines that the item master does not have; none if it has none of them."""
    lines = before.transaction.lines if before.transaction else ()
    known = {line.gtin for line in lines if line.known}
    if isinstance(event, TotalReceived):
        known |= event.items.keys()
    sold = {line.gtin for line in sale.lines}
    return sorted(sold - known) if sold & known else []


def _of_rejected(fact: CashierTotalRejected) -> Show:
    total = fact.total
    paid_minor = sum(tender.amount_minor for tender in total.tenders) - total.change_minor
    text = Text(
        "Paid, but not deducted from stock: total {total_id} settled nothing",
        {"total_id": total.total_id},
    )
    data: dict[str, str | int | None] = {
        "transaction_id": fact.transaction_id,
        "total_id": total.total_id,
        "reason": "rejected",
        "code": fact.code,
        "amount_minor": paid_minor,
    }
    return Show(KIND, text, data)


def pieces(line: SoldLine) -> int:
    """As a cashier counts: a weighed line is one."""
    return 1 if line.weight_g is not None else line.quantity_milli // 1000

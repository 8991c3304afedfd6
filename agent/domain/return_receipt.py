"""Goods that came back, as a receipt: neutral blocks of plain data, as those of a sale."""

from __future__ import annotations

from collections.abc import Callable

from agent.domain.facts import ReturnedLine, ReturnRecorded
from agent.domain.money import format_minor
from agent.domain.receipt import (
    Block,
    ReceiptStyle,
    end_blocks,
    head_blocks,
    line_blocks,
    means_blocks,
    tax_blocks,
)
from agent.domain.text import Text


def return_blocks(
    fact: ReturnRecorded,
    style: ReceiptStyle,
    say: Callable[[Text], str],
    *,
    printed_at: str,
    reprint: bool = False,
) -> tuple[Block, ...]:
    """The whole receipt. `say` speaks the shop's language; `printed_at` is for people."""

    def money(amount_minor: int) -> str:
        return format_minor(amount_minor, style.minor_digits)

    blocks = head_blocks(style, say, reprint=reprint)
    blocks.append({"text": say(Text("RETURN")), "align": "center", "bold": True})
    blocks.append({"left": fact.return_number, "right": printed_at})
    if fact.receipt_number:
        blocks.append({"left": say(Text("Receipt of the sale")), "right": fact.receipt_number})
    blocks.append({"rule": "-"})
    for returned in fact.lines:
        blocks.extend(_line_blocks(returned, say, money))
    blocks.append({"rule": "-"})
    total = f"{fact.currency} {money(fact.amount_minor)}"
    blocks.append({"left": say(Text("Given back")), "right": total, "bold": True})
    blocks.extend(means_blocks(fact, say, money))
    blocks.extend(tax_blocks(fact, say, money))
    blocks.append({"feed": 1})
    blocks.append({"text": say(Text("Customer's signature"))})
    blocks.append({"feed": 2})
    blocks.append({"rule": "-"})
    blocks.extend(end_blocks(fact.return_number, fact, style, reprint=reprint))
    return tuple(blocks)


def _line_blocks(
    returned: ReturnedLine, say: Callable[[Text], str], money: Callable[[int], str]
) -> list[Block]:
    blocks = line_blocks(returned.goods, say, money)
    if returned.condition == "damaged":
        blocks.append({"text": "  " + say(Text("damaged"))})
    return blocks

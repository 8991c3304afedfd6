"""Goods that came back, as a receipt: neutral blocks of plain data, as those of a sale."""

from __future__ import annotations

from collections.abc import Callable

from agent.domain.facts import ReturnedLine, ReturnRecorded
from agent.domain.money import format_minor, format_rate
from agent.domain.receipt import TENDER_TEXTS, Block, ReceiptStyle, line_blocks
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

    blocks: list[Block] = []
    if reprint:
        blocks.append({"text": say(Text("REPRINT")), "align": "center", "bold": True, "size": 2})
    for number, line in enumerate(style.header):
        blocks.append({"text": line, "align": "center", "bold": number == 0})
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
    if fact.rounding_minor:
        blocks.append({"left": say(Text("Rounding")), "right": money(fact.rounding_minor)})
    for tender in fact.tenders:
        name = TENDER_TEXTS.get(tender.tender_type)
        word = say(name) if name else tender.tender_type
        blocks.append({"left": word, "right": money(tender.amount_minor)})
    for tax in fact.taxes:
        words: dict[str, str | int] = {"rate": format_rate(tax.rate_bp)}
        tax_word = say(Text("Tax {rate} included", words))
        blocks.append({"left": tax_word, "right": money(tax.tax_minor)})
    blocks.append({"feed": 1})
    blocks.append({"text": say(Text("Customer's signature"))})
    blocks.append({"feed": 2})
    blocks.append({"rule": "-"})
    if style.qr:
        blocks.append({"qr": fact.return_number})
    blocks.append({"feed": 3})
    if style.kick_drawer and not reprint and any(t.tender_type == "cash" for t in fact.tenders):
        blocks.append({"kick": True})
    blocks.append({"cut": True})
    return tuple(blocks)


def _line_blocks(
    returned: ReturnedLine, say: Callable[[Text], str], money: Callable[[int], str]
) -> list[Block]:
    blocks = line_blocks(returned.goods, say, money)
    if returned.condition == "damaged":
        blocks.append({"text": "  " + say(Text("damaged"))})
    return blocks

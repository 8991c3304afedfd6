"""A settled transaction as a receipt: neutral blocks of plain data, no printer's bytes.

The forms of a block are those of `drivers.base.PrintBlock`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from agent.domain.facts import Receipted, SoldLine, TransactionSettled
from agent.domain.money import format_minor, format_rate
from agent.domain.text import Text

Block: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReceiptStyle:
    """What the shop wants around the sale."""

    header: tuple[str, ...]
    footer: tuple[str, ...]
    minor_digits: int
    qr: bool
    kick_drawer: bool


#: The receipt's word for a means of payment; others are printed by their own name.
TENDER_TEXTS = {
    "cash": Text("Cash"),
    "card": Text("Card"),
    "wechat": Text("WeChat Pay"),
    "alipay": Text("Alipay"),
    "voucher": Text("Voucher"),
}


def receipt_blocks(
    settled: TransactionSettled,
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
    blocks.append({"left": settled.receipt_number, "right": printed_at})
    blocks.append({"rule": "-"})
    for sold in settled.lines:
        blocks.extend(line_blocks(sold, say, money))
    blocks.append({"rule": "-"})
    items = say(Text("Items"))
    blocks.append({"left": items, "right": str(settled.item_count)})
    total = f"{settled.currency} {money(settled.amount_minor)}"
    blocks.append({"left": say(Text("Total")), "right": total, "bold": True})
    blocks.extend(means_blocks(settled, say, money))
    if settled.change_minor:
        blocks.append({"left": say(Text("Change")), "right": money(settled.change_minor)})
    blocks.extend(tax_blocks(settled, say, money))
    blocks.extend({"text": line, "align": "center"} for line in style.footer)
    blocks.extend(end_blocks(settled.receipt_number, settled, style, reprint=reprint))
    return tuple(blocks)


# --- what the receipt of a return has, too -------------------------------------------------------


def head_blocks(style: ReceiptStyle, say: Callable[[Text], str], *, reprint: bool) -> list[Block]:
    again: Block = {"text": say(Text("REPRINT")), "align": "center", "bold": True, "size": 2}
    shop: list[Block] = [
        {"text": line, "align": "center", "bold": number == 0}
        for number, line in enumerate(style.header)
    ]
    return [again, *shop] if reprint else shop


def means_blocks(
    fact: Receipted, say: Callable[[Text], str], money: Callable[[int], str]
) -> Iterator[Block]:
    """By which means, and what was rounded."""
    if fact.rounding_minor:
        yield {"left": say(Text("Rounding")), "right": money(fact.rounding_minor)}
    for tender in fact.tenders:
        name = TENDER_TEXTS.get(tender.tender_type)
        word = say(name) if name else tender.tender_type
        yield {"left": word, "right": money(tender.amount_minor)}


def tax_blocks(
    fact: Receipted, say: Callable[[Text], str], money: Callable[[int], str]
) -> Iterator[Block]:
    for tax in fact.taxes:
        words: dict[str, str | int] = {"rate": format_rate(tax.rate_bp)}
        yield {"left": say(Text("Tax {rate} included", words)), "right": money(tax.tax_minor)}


def end_blocks(
    number: str, fact: Receipted, style: ReceiptStyle, *, reprint: bool
) -> Iterator[Block]:
    """The receipt's number as a code; the drawer for cash; the cut."""
    if style.qr:
        yield {"qr": number}
    yield {"feed": 3}
    if style.kick_drawer and not reprint and any(t.tender_type == "cash" for t in fact.tenders):
        yield {"kick": True}
    yield {"cut": True}


def line_blocks(
    sold: SoldLine, say: Callable[[Text], str], money: Callable[[int], str]
) -> list[Block]:
    name = sold.description or sold.gtin.lstrip("0")
    amount = "" if sold.amount_minor is None else money(sold.amount_minor)
    if sold.weight_g is not None:
        return [{"text": name}, {"left": f"  {format_minor(sold.weight_g, 3)} kg", "right": amount}]
    pieces = sold.quantity_milli // 1000
    if pieces == 1:
        return [{"left": name, "right": amount}]
    return [
        {"text": name},
        {"left": say(Text("  {count} pcs", {"count": pieces})), "right": amount},
    ]

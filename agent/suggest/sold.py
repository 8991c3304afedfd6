"""A settled sale of the journal as the basket that the model learns."""

from __future__ import annotations

from datetime import date

from agent.domain.facts import SoldLine, TransactionSettled
from agent.suggest.question import SoldBasket, SoldItem


def sold_basket(settled: TransactionSettled, hour: int | None = None) -> SoldBasket:
    """`hour`: of the store's clock. Lines without a GTIN and what was taken back teach nothing."""
    items = tuple(
        SoldItem(line.gtin, line.category, _price_minor(line))
        for line in settled.lines
        if is_gtin(line.gtin) and line.quantity_milli > 0
    )
    day = date.fromisoformat(settled.business_date).toordinal()
    return SoldBasket(day, items, hour, settled.customer)


def is_gtin(text: str) -> bool:
    return text.isascii() and text.isdigit() and 8 <= len(text) <= 14


def _price_minor(line: SoldLine) -> int | None:
    """Of one piece; None for what was weighed."""
    if line.amount_minor is None or line.weight_g is not None:
        return None
    return line.amount_minor * 1000 // line.quantity_milli

"""The cashier total: what the POS charged, in whichever way it reached the lane.

Money is in minor units of the store's currency, quantities in thousandths, weight in grams, tax
rates in basis points (500 = 5 %). Prices include tax; tax was rounded once, by the till.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agent.domain.text import Text

TotalSource: TypeAlias = Literal["http", "keypad"]

#: Absurd beyond these: a keying slip or a broken client, never a shop's basket.
AMOUNT_MINOR_MAX = 10_000_000_00
ITEM_COUNT_MAX = 9_999
LINES_MAX = 2_000


@dataclass(frozen=True, slots=True)
class ChargedLine:
    gtin: str  #: 14 digits
    quantity_milli: int
    amount_minor: int
    weight_g: int | None = None
    description: str = ""
    tax_rate_bp: int | None = None  #: None: the item master's rate, else the store's

    @property
    def pieces(self) -> int:
        """How many things a cashier would count: a weighed line is one."""
        return 1 if self.weight_g is not None else self.quantity_milli // 1000


@dataclass(frozen=True, slots=True)
class Tender:
    tender_type: str  #: "cash", "card", "wechat", "alipay", "voucher" or another name of the chart
    amount_minor: int


@dataclass(frozen=True, slots=True)
class TaxAmount:
    rate_bp: int
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class CashierTotal:
    """One settlement as the POS reported it. `total_id` is the POS's own id: it makes retries safe.

    Invariant checked by `problems`: sum of tenders - change = amount + rounding.
    """

    total_id: str
    source: TotalSource
    item_count: int | None
    amount_minor: int | None = None
    lines: tuple[ChargedLine, ...] | None = None
    tenders: tuple[Tender, ...] = ()
    change_minor: int = 0
    rounding_minor: int = 0
    taxes: tuple[TaxAmount, ...] | None = None
    operator: str = ""


@dataclass(frozen=True, slots=True)
class TotalProblem:
    """Why a total cannot be used: a stable code for machines, a sentence for the person."""

    code: str
    text: Text = field(default_factory=lambda: Text(""))

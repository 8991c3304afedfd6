"""What the API says of settled sales. A customer's number shows its last four digits only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from agent.api.answers import FindingAnswer, finding_answer
from agent.domain.alerts import alert_text
from agent.domain.facts import (
    BackfillWay,
    GoodsCondition,
    ItemBackfilled,
    MissedScanSuspected,
    ReturnRecorded,
    SoldLine,
)
from agent.domain.returnable import Returnable, account_of
from agent.domain.totals import Tender
from agent.sales import matter_texts

if TYPE_CHECKING:
    from agent.api.answers import Say
    from agent.sales import FoundSale, OpenMatter, SaleView

SHOWN_DIGITS = 4  #: of a customer's number
SCALE_HOLDS_MORE = "the scale holds {weight_g} g more than the scanned items weigh"


class SaleAnswer(msgspec.Struct, frozen=True):
    """A sale as a search finds it. `is_open`: something is suspected of it still."""

    transaction_id: str
    receipt_number: str
    business_date: str
    sold_at: str  #: local time of the lane
    amount_minor: int
    customer: str  #: all but the last four digits masked
    is_open: bool


class SalesAnswer(msgspec.Struct, frozen=True):
    """The newest first."""

    transactions: tuple[SaleAnswer, ...]


class BackfillAnswer(msgspec.Struct, frozen=True):
    """What was added. `is_reversed`: and taken back since."""

    backfill_id: str
    way: BackfillWay
    lines: tuple[SoldLine, ...]
    tenders: tuple[Tender, ...]
    reason: str
    operator: str
    approver: str
    is_reversed: bool


class OpenSuspicionAnswer(msgspec.Struct, frozen=True):
    """What was found of a sale, and what of it is unexplained, where that is known."""

    text: str
    is_open: bool
    findings: tuple[FindingAnswer, ...]
    weight_g: int | None
    amount_minor: int | None
    categories: tuple[str, ...]


class ReturnedLineAnswer(msgspec.Struct, frozen=True):
    """What came back; its amount is what was given back for it."""

    goods: SoldLine
    backfill_id: str
    condition: GoodsCondition


class ReturnAnswer(msgspec.Struct, frozen=True):
    """Goods of the sale that came back."""

    return_id: str
    return_number: str
    business_date: str
    lines: tuple[ReturnedLineAnswer, ...]
    tenders: tuple[Tender, ...]
    amount_minor: int
    reason: str
    operator: str
    approver: str


class ReturnableAnswer(msgspec.Struct, frozen=True):
    """A line of the sale, or of what was added to it, and what of it can still come back: in
    thousandths of a piece, of weighed goods in grams. `paid_minor` is for the whole line, null if
    only the receipt's amount is known."""

    line_no: int
    backfill_id: str
    gtin: str
    description: str
    weighed: bool
    units: int
    left: int
    paid_minor: int | None
    refunded_minor: int
    worth_minor: int | None  #: of all that is left


class SaleFileAnswer(msgspec.Struct, frozen=True):
    """A sale with all that stands beside it."""

    sale: SaleAnswer
    operator: str
    item_count: int
    lines: tuple[SoldLine, ...]
    tenders: tuple[Tender, ...]
    suspicion: OpenSuspicionAnswer | None
    backfills: tuple[BackfillAnswer, ...]
    returns: tuple[ReturnAnswer, ...]
    returnable: tuple[ReturnableAnswer, ...]


class MatterAnswer(msgspec.Struct, frozen=True):
    """Something that waits for somebody: a suspicion, or money that no sale explains."""

    kind: Literal["suspicion", "unsettled"]
    transaction_id: str
    total_id: str
    receipt_number: str
    happened_at: str
    age_s: int
    amount_minor: int
    value_minor: int
    owed: int  #: items to be added before it is closed
    is_confirmed: bool
    text: str
    reasons: tuple[str, ...]


class TodoAnswer(msgspec.Struct, frozen=True):
    """The oldest first."""

    open: tuple[MatterAnswer, ...]


def masked(customer: str) -> str:
    """All but the last four characters hidden."""
    hidden = max(0, len(customer) - SHOWN_DIGITS)
    return "*" * hidden + customer[hidden:] if len(customer) > SHOWN_DIGITS else "*" * len(customer)


def local_time(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000).astimezone().isoformat(timespec="seconds")


def sale_answer(found: FoundSale) -> SaleAnswer:
    return SaleAnswer(
        found.transaction_id,
        found.receipt_number,
        found.business_date,
        local_time(found.wall_ms),
        found.amount_minor,
        masked(found.customer),
        bool(found.is_open),
    )


def file_answer(view: SaleView, say: Say) -> SaleFileAnswer:
    file, sale = view.file, view.file.sale
    suspicion = None
    if file.suspicion is not None:
        suspicion = _suspicion(view, file.suspicion, say)
    return SaleFileAnswer(
        sale_answer(view.found),
        sale.operator,
        sale.item_count,
        sale.lines,
        sale.tenders,
        suspicion,
        tuple(_backfill(fact, is_reversed=back) for fact, _, _, back in file.backfills),
        tuple(map(_return, file.returns)),
        tuple(map(_returnable, account_of(file).lines.values())),
    )


def _return(fact: ReturnRecorded) -> ReturnAnswer:
    lines = (
        ReturnedLineAnswer(x.goods, x.part.backfill_id if x.part else "", x.condition)
        for x in fact.lines
    )
    return ReturnAnswer(
        fact.return_id,
        fact.return_number,
        fact.business_date,
        tuple(lines),
        fact.tenders,
        fact.amount_minor,
        fact.reason,
        fact.operator,
        fact.approver,
    )


def _returnable(line: Returnable) -> ReturnableAnswer:
    sold = line.sold
    return ReturnableAnswer(
        sold.line_no,
        line.backfill_id,
        sold.gtin,
        sold.description,
        sold.weight_g is not None,
        line.units,
        line.left,
        line.paid_minor,
        line.refunded_minor,
        line.worth_minor(line.left) if line.left else None,
    )


def _backfill(fact: ItemBackfilled, *, is_reversed: bool) -> BackfillAnswer:
    return BackfillAnswer(
        fact.backfill_id,
        fact.way,
        fact.lines,
        fact.tenders,
        fact.reason,
        fact.operator,
        fact.approver,
        is_reversed,
    )


def _suspicion(view: SaleView, suspicion: MissedScanSuspected, say: Say) -> OpenSuspicionAnswer:
    file = view.file
    amounts = [line.amount_minor for line in file.sale.lines]
    more_minor = file.sale.amount_minor - sum(amount or 0 for amount in amounts)
    texts = [text for f in suspicion.findings for text in (f.reason, *f.also)]
    grams = [text.args["weight_g"] for text in texts if text.id == SCALE_HOLDS_MORE]
    return OpenSuspicionAnswer(
        say(alert_text(suspicion)),
        file.is_open,
        tuple(finding_answer(finding, say) for finding in suspicion.findings),
        int(grams[0]) if grams else None,
        more_minor if more_minor > 0 and None not in amounts else None,
        tuple(sorted({f.category for f in suspicion.findings if f.category})),
    )


def matter_answer(matter: OpenMatter, now_ms: int, say: Say) -> MatterAnswer:
    suspicion = matter.suspicion
    text, *why = matter_texts(matter)
    return MatterAnswer(
        matter.kind,
        matter.transaction_id,
        matter.total_id,
        matter.receipt_number,
        local_time(matter.wall_ms),
        max(0, now_ms - matter.wall_ms) // 1000,
        matter.amount_minor,
        suspicion.value_minor if suspicion else matter.amount_minor,
        matter.owed,
        bool(matter.is_confirmed),
        say(text),
        tuple(say(reason) for reason in why),
    )

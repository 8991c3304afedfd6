"""What each event means at a lane, and which facts and effects follow. Pure.

`step` is the whole of it: (state, event) -> (state, facts, effects). The core commits the facts
before it runs an effect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from agent.domain import facts
from agent.domain.acts import act
from agent.domain.bags import bag_told
from agent.domain.effects import Effect, Show, SoundBeep
from agent.domain.events import (
    AnswerSuspicion,
    BackfillItem,
    BagMoves,
    BagRests,
    CloseSuspicion,
    DeviceChanged,
    DiscardBasket,
    LaneEvent,
    Observed,
    OverridePrice,
    PayAtTill,
    PlateChanged,
    PrintEnded,
    RareEvent,
    ReceiptUnread,
    RetrieveBasket,
    ReverseBackfill,
    Scanned,
    SuspendBasket,
    TotalReceived,
    VoidLine,
    Weighed,
)
from agent.domain.facts import FactBody, LineItemAdded, LineItemWeighed, ScanRejected
from agent.domain.gtin import ScanProblemCode, TradeItem
from agent.domain.items import Item
from agent.domain.rcn import Measure
from agent.domain.return_events import ReturnGoods
from agent.domain.returns import take_back
from agent.domain.settlement import settle
from agent.domain.text import Text
from agent.domain.transaction import (
    LaneState,
    OpenLine,
    OpenTransaction,
    Step,
    StoreRules,
    advance,
)
from agent.domain.troubles import (
    PRINT_TEXTS,
    PRINT_TROUBLE,
    RECEIPT_TEXTS,
    RECEIPT_TROUBLE,
    SCAN_TEXTS,
)
from agent.domain.undeducted import watched

NO_MEASURE = Measure()  #: the label says no more than which item it is


def step(state: LaneState, event: LaneEvent, rules: StoreRules, business_date: str) -> Step:
    """What follows from one event. `business_date` is the trading day the event belongs to."""
    if isinstance(event, Scanned):
        return _scanned(state, event, rules, business_date)
    if isinstance(event, ReturnGoods):
        return take_back(state, event, rules, business_date)
    result = _followed(state, event, rules)
    return watched(state, event, result, quiet=rules.shop.quiet) if result.facts else result


def _followed(state: LaneState, event: RareEvent, rules: StoreRules) -> Step:
    match event:
        case Weighed():
            return _weighed(state, event, rules)
        case PlateChanged():
            return Step(replace(state, plate=None))
        case BagRests() | BagMoves():
            return bag_told(state, event)
        case TotalReceived():
            return settle(state, event, rules)
        case VoidLine() | OverridePrice() | AnswerSuspicion():
            return act(state, event, rules)
        case BackfillItem() | ReverseBackfill() | CloseSuspicion() | PayAtTill():
            return act(state, event, rules)
        case SuspendBasket() | RetrieveBasket() | DiscardBasket():
            return act(state, event, rules)
        case PrintEnded():
            return _print_ended(state, event)
        case ReceiptUnread():
            return _receipt_unread(state, event)
        case Observed():
            return _observed(state, event)
        case DeviceChanged():
            return _device_changed(state, event)
        case _:  # pragma: no cover
            assert_never(event)


def _scanned(state: LaneState, event: Scanned, rules: StoreRules, business_date: str) -> Step:
    if isinstance(event.label, str):
        return _scan_rejected(state, event, event.label)
    opening, transaction = _opened(state, rules, business_date)
    line = _line(event, event.label, transaction, rules)
    effects = _line_effects(line)
    if line.sold_by != "weight":
        return advance(state, (*opening, line), *effects)
    weight, state = _weight_for(event, state)
    if weight is None:
        return advance(state, (*opening, line), *effects)
    weighed = _weighed_line(transaction.transaction_id, line, weight, rules)
    return advance(state, (*opening, line, weighed), *effects, _shown_weight(weighed))


def _line(
    event: Scanned, label: TradeItem, transaction: OpenTransaction, rules: StoreRules
) -> LineItemAdded:
    """What the label says of its own weight, price or count goes before the item master."""
    item = event.item or Item(label.gtin, "", "", None)
    measure = event.measure or NO_MEASURE
    sold_by = item.sold_by if event.measure is None else "each"
    return LineItemAdded(
        transaction_id=transaction.transaction_id,
        line_no=transaction.next_line_no,
        gtin=label.gtin,
        form=label.form,
        scan_label=event.scan_data.decode("latin-1"),
        symbology=event.symbology,
        quantity_milli=1000 * (measure.count or 1),
        known=event.item is not None,
        description=item.description,
        category=item.category,
        price_minor=item.price_minor if measure.amount_minor is None else measure.amount_minor,
        sold_by=sold_by if measure.weight_g is None else "weight",
        tax_rate_bp=rules.tax_rate_bp if item.tax_rate_bp is None else item.tax_rate_bp,
        role=event.role,
    )


_GOOD = SoundBeep("good")


def _line_effects(line: LineItemAdded) -> tuple[Effect, ...]:
    if line.known:
        return _shown_line(line, Text("{item}", {"item": line.description})), _GOOD
    if line.price_minor is None:
        text = Text("{gtin} is not in the item master; counted, price unknown", {"gtin": line.gtin})
    else:
        text = Text(
            "{gtin} is not in the item master; counted at its label's price", {"gtin": line.gtin}
        )
    return _shown_line(line, text), SoundBeep("bad")


def _weight_for(event: Scanned, state: LaneState) -> tuple[Weighed | None, LaneState]:
    """The weight of what was scanned, and the state without it: the label's own, else the plate's.

    A weight on the plate stays there for the item that lies on it.
    """
    if event.measure is not None and event.measure.weight_g is not None:
        return Weighed(event.measure.weight_g, True, event.scan_data, event.role), state
    return state.plate, replace(state, plate=None)


def _opened(
    state: LaneState, rules: StoreRules, business_date: str
) -> tuple[tuple[FactBody, ...], OpenTransaction]:
    if state.transaction is not None:
        return (), state.transaction
    number = state.last_number + 1
    transaction_id = f"{rules.epoch[:8]}-{number:06d}"
    opened = facts.TransactionOpened(transaction_id, number, business_date)
    return (opened,), OpenTransaction(transaction_id, number, business_date)


def _scan_rejected(state: LaneState, event: Scanned, reason: ScanProblemCode) -> Step:
    transaction_id = state.transaction.transaction_id if state.transaction else None
    fact = ScanRejected(transaction_id, reason, event.scan_data.hex(), event.symbology, event.role)
    show = Show("scan_rejected", SCAN_TEXTS[reason], {"reason": reason})
    return advance(state, (fact,), show, SoundBeep("bad"))


def _weighed(state: LaneState, event: Weighed, rules: StoreRules) -> Step:
    """A stable weight goes to the oldest line that waits for one, else it waits on the plate."""
    waiting = next(
        (line for line in state.transaction.lines if _awaits_weight(line))
        if state.transaction
        else iter(()),
        None,
    )
    if state.transaction is None or waiting is None:
        return Step(replace(state, plate=event))
    fact = _weighed_line(state.transaction.transaction_id, waiting, event, rules)
    return advance(state, (fact,), _shown_weight(fact))


def _awaits_weight(line: OpenLine) -> bool:
    return line.sold_by == "weight" and line.weight_g is None


def _weighed_line(
    transaction_id: str, line: LineItemAdded | OpenLine, weighed: Weighed, rules: StoreRules
) -> LineItemWeighed:
    till = rules.till
    return LineItemWeighed(
        transaction_id,
        line.line_no,
        weighed.weight_g,
        weighed.net,
        weighed.raw.hex(),
        weighed.role,
        till.weighed_minor(line.price_minor, weighed.weight_g) if till is not None else None,
    )


def _shown_line(line: LineItemAdded, text: Text) -> Show:
    data: dict[str, str | int | None] = {
        "transaction_id": line.transaction_id,
        "line_no": line.line_no,
        "gtin": line.gtin,
        "description": line.description,
        "price_minor": line.price_minor,
        "sold_by": line.sold_by,
    }
    return Show("line_item_added", text, data)


def _shown_weight(fact: LineItemWeighed) -> Show:
    data: dict[str, str | int | None] = {
        "transaction_id": fact.transaction_id,
        "line_no": fact.line_no,
        "weight_g": fact.weight_g,
    }
    return Show("line_item_weighed", Text("{weight_g} g", {"weight_g": fact.weight_g}), data)


def _print_ended(state: LaneState, event: PrintEnded) -> Step:
    if event.outcome == "printed":
        printed = facts.ReceiptPrinted(event.transaction_id, event.job_id, event.reprint)
        text = Text("Receipt printed")
        data: dict[str, str | int | None] = {"transaction_id": event.transaction_id}
        return advance(state, (printed,), Show("receipt_printed", text, data))
    fact = facts.ReceiptUnprinted(event.transaction_id, event.job_id, event.outcome, event.reason)
    text = PRINT_TEXTS.get(event.reason, PRINT_TROUBLE)
    return advance(
        state, (fact,), Show("receipt_unprinted", text, {"reason": event.reason}), SoundBeep("bad")
    )


def _receipt_unread(state: LaneState, event: ReceiptUnread) -> Step:
    """The open basket waits for a count; without one, it may have been settled in another way."""
    transaction_id = state.transaction.transaction_id if state.transaction else None
    counted: dict[str, str | int | None] = {
        "images": event.images,
        "cuts": event.cuts,
        "kicks": event.kicks,
    }
    fact = facts.ReceiptNotRead(
        transaction_id, event.source, event.reason, event.images, event.cuts, event.kicks
    )
    if transaction_id is None:
        words: dict[str, str | int] = {"cuts": event.cuts, "kicks": event.kicks}
        text = Text(
            "A receipt of the POS tells no total: {cuts} cut(s), {kicks} drawer kick(s) counted",
            words,
        )
        return advance(state, (fact,), Show("receipt_counted", text, counted))
    text = RECEIPT_TEXTS.get(event.reason, RECEIPT_TROUBLE)
    return advance(state, (fact,), Show("receipt_not_read", text, counted), SoundBeep("bad"))


def _observed(state: LaneState, event: Observed) -> Step:
    """Evidence for later: kept, and shown to nobody now."""
    transaction_id = state.transaction.transaction_id if state.transaction else None
    return advance(state, (replace(event.observation, transaction_id=transaction_id),))


def _device_changed(state: LaneState, event: DeviceChanged) -> Step:
    words: dict[str, str | int] = {"role": event.role, "reason": event.reason}
    if event.up:
        back = Text("{role} is back", {"role": event.role})
        return advance(state, (facts.DeviceReturned(event.role),), Show("device", back))
    if state.plate is not None and state.plate.role == event.role:
        state = replace(state, plate=None)  # nobody watches any more what lies there
    lost = Show("device", Text("{role} is not reachable: {reason}", words))
    return advance(state, (facts.DeviceLost(event.role, event.reason),), lost, SoundBeep("bad"))

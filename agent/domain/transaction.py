r"""The state of a lane, and what facts make of it.

    no transaction -- scan --> open -- cashier total --> settled (no transaction again)
                                 \-- keyed count that differs --> held: open, until the missing
                                     item is scanned and the count keyed again, or the same count
                                     is keyed twice

State changes through facts alone (`evolve`), so that a restart, which replays them, ends in the
same state. Only the weight on the plate is not a fact: the scale says it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from agent.domain import facts
from agent.domain.effects import Effect
from agent.domain.events import Weighed
from agent.domain.facts import FactBody, LineItemAdded, LineItemWeighed
from agent.domain.items import SoldBy


@dataclass(frozen=True, slots=True)
class StoreRules:
    """What the domain needs to know of the shop, from the configuration."""

    lane: str
    epoch: str
    currency: str
    tax_rate_bp: int
    default_tender: str = "cash"


@dataclass(frozen=True, slots=True)
class OpenLine:
    line_no: int
    gtin: str
    quantity_milli: int
    weight_g: int | None
    known: bool
    description: str
    category: str
    price_minor: int | None
    sold_by: SoldBy
    tax_rate_bp: int

    @property
    def amount_minor(self) -> int | None:
        """Price times pieces. None for weighed goods: only a certified scale may price a weight."""
        if self.price_minor is None or self.sold_by == "weight":
            return None
        return self.price_minor * self.quantity_milli // 1000

    @property
    def pieces(self) -> int:
        return 1 if self.sold_by == "weight" else self.quantity_milli // 1000


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    transaction_id: str
    number: int
    business_date: str
    lines: tuple[OpenLine, ...] = ()
    keyed_count: int | None = None  #: the count last keyed, if it was held
    attempts: int = 0  #: cashier totals received so far
    voided: tuple[OpenLine, ...] = ()  #: lines taken back; their numbers stay theirs

    @property
    def next_line_no(self) -> int:
        return len(self.lines) + len(self.voided) + 1

    @property
    def item_count(self) -> int:
        return sum(line.pieces for line in self.lines)

    @property
    def amount_minor(self) -> int | None:
        amounts = [line.amount_minor for line in self.lines]
        return None if None in amounts else sum(a for a in amounts if a is not None)


@dataclass(frozen=True, slots=True)
class LaneState:
    last_number: int = 0
    transaction: OpenTransaction | None = None
    plate: Weighed | None = None  #: a stable weight that no line has taken yet


@dataclass(frozen=True, slots=True)
class Step:
    state: LaneState
    facts: tuple[FactBody, ...] = ()
    effects: tuple[Effect, ...] = ()


def evolve(fact: FactBody, state: LaneState) -> LaneState:
    """The state after one fact. Facts without a say here leave it as it is."""
    change = _EVOLVED.get(type(fact))
    return change(fact, state) if change else state


def _opened(fact: facts.TransactionOpened, state: LaneState) -> LaneState:
    opened = OpenTransaction(fact.transaction_id, fact.number, fact.business_date)
    return LaneState(fact.number, opened, state.plate)


def _line_added(fact: LineItemAdded, state: LaneState) -> LaneState:
    line = OpenLine(
        fact.line_no,
        fact.gtin,
        fact.quantity_milli,
        None,
        fact.known,
        fact.description,
        fact.category,
        fact.price_minor,
        fact.sold_by,
        fact.tax_rate_bp,
    )
    # built, not replaced: this runs once a scan, and dataclasses.replace costs five times as much
    t = state.transaction
    if t is None:
        return state
    lines = (*t.lines, line)
    added = OpenTransaction(
        t.transaction_id, t.number, t.business_date, lines, None, t.attempts, t.voided
    )
    return LaneState(state.last_number, added, state.plate)


def _line_weighed(fact: LineItemWeighed, state: LaneState) -> LaneState:
    if state.transaction is None:
        return state
    lines = tuple(
        replace(line, weight_g=fact.weight_g) if line.line_no == fact.line_no else line
        for line in state.transaction.lines
    )
    return replace(state, transaction=replace(state.transaction, lines=lines))


def _line_voided(fact: facts.LineItemVoided, state: LaneState) -> LaneState:
    t = state.transaction
    if t is None:
        return state
    lines = tuple(line for line in t.lines if line.line_no != fact.line_no)
    gone = tuple(line for line in t.lines if line.line_no == fact.line_no)
    return replace(
        state, transaction=replace(t, lines=lines, voided=(*t.voided, *gone), keyed_count=None)
    )


def _line_overridden(fact: facts.LineItemOverridden, state: LaneState) -> LaneState:
    if state.transaction is None:
        return state
    lines = tuple(
        replace(line, price_minor=fact.price_minor) if line.line_no == fact.line_no else line
        for line in state.transaction.lines
    )
    return replace(state, transaction=replace(state.transaction, lines=lines))


def _total_received(fact: facts.CashierTotalReceived, state: LaneState) -> LaneState:
    if state.transaction is None:
        return state
    keyed = fact.total.item_count if fact.total.source == "keypad" else None
    attempts = state.transaction.attempts + 1
    return replace(
        state, transaction=replace(state.transaction, keyed_count=keyed, attempts=attempts)
    )


def _closed(_fact: facts.TransactionSettled, state: LaneState) -> LaneState:
    return replace(state, transaction=None)


_EVOLVED: dict[type, Callable[[Any, LaneState], LaneState]] = {
    facts.TransactionOpened: _opened,
    LineItemAdded: _line_added,
    LineItemWeighed: _line_weighed,
    facts.LineItemVoided: _line_voided,
    facts.LineItemOverridden: _line_overridden,
    facts.CashierTotalReceived: _total_received,
    facts.TransactionSettled: _closed,
}


def advance(state: LaneState, new_facts: tuple[FactBody, ...], *effects: Effect) -> Step:
    """The step whose state is what the facts make of it."""
    for fact in new_facts:
        state = evolve(fact, state)
    return Step(state, new_facts, effects)

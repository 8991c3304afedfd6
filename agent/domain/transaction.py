r"""The state of a lane, and what facts make of it.

    no transaction -- scan --> open -- cashier total --> settled (no transaction again)
                                 \-- total that is suspected --> held, where the lane asks first:
                                     open, until the missing item is scanned and the total comes
                                     again, the suspicion is dismissed, or a count is keyed twice

State changes through facts alone (`evolve`), so that a restart, which replays them, ends in the
same state. Only what moves or lies on the plates is not a fact: the scales say it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agent.domain import facts
from agent.domain.effects import Effect
from agent.domain.events import Weighed
from agent.domain.facts import (
    BagWeightChanged,
    FactBody,
    LineItemAdded,
    LineItemWeighed,
    MissedScanSuspected,
    Observation,
)
from agent.domain.gs1 import GS1_SYMBOLOGIES
from agent.domain.items import SoldBy
from agent.domain.seen import Seen, seen_after, waiting_after
from agent.domain.shop import ShopRules, TillRules
from agent.domain.totals import CashierTotal


@dataclass(frozen=True, slots=True)
class StoreRules:
    """What the domain needs to know of the shop, from the configuration."""

    lane: str
    epoch: str
    currency: str
    tax_rate_bp: int
    default_tender: str = "cash"
    shop: ShopRules = field(default_factory=ShopRules)
    till: TillRules | None = None  #: None: a POS takes the money


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
    gs1_label: str = ""  #: a label of element strings behind its AIM identifier
    weighed_minor: int | None = None  #: what a weighed line comes to

    @property
    def amount_minor(self) -> int | None:
        """Price times pieces; of weighed goods what was set for the line, for only an approved
        scale may price a weight. None if nobody knows."""
        if self.sold_by == "weight":
            return self.weighed_minor
        if self.price_minor is None:
            return None
        return self.price_minor * self.quantity_milli // 1000

    @property
    def pieces(self) -> int:
        return 1 if self.sold_by == "weight" else self.quantity_milli // 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """The last total that came, how it was judged, and what somebody answered."""

    total: CashierTotal
    suspicion: MissedScanSuspected | None = None  #: not answered yet
    dismissed: bool = False  #: somebody goes on in spite of it


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    transaction_id: str
    number: int
    business_date: str
    lines: tuple[OpenLine, ...] = ()
    judged: Judged | None = None  #: None again with each change of the basket
    attempts: int = 0  #: cashier totals received so far
    voided: tuple[OpenLine, ...] = ()  #: lines taken back; their numbers stay theirs
    seen: tuple[Seen, ...] = ()  #: what the sensors told, in their order
    was_aside: bool = False  #: nobody knows what was done with its goods: no sensor is a witness

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
class Suspended:
    """A basket that was put aside."""

    number: int
    transaction: OpenTransaction

    @property
    def id(self) -> str:
        return self.transaction.transaction_id


@dataclass(frozen=True, slots=True)
class Around:
    """What a lane knows beside the basket."""

    waiting: tuple[Observation, ...] = ()  #: told while no basket was open: for the next one
    bags: tuple[tuple[str, int], ...] = ()  #: bagging scales: role, what lies there
    moving: frozenset[str] = frozenset()  #: those that are not at rest
    suspicion: MissedScanSuspected | None = None  #: of the last sale, not answered yet
    aside: tuple[Suspended, ...] = ()  #: baskets that were put aside, oldest first


NOTHING_AROUND = Around()


@dataclass(frozen=True, slots=True)
class LaneState:
    last_number: int = 0
    transaction: OpenTransaction | None = None
    plate: Weighed | None = None  #: a stable weight that no line has taken yet
    around: Around = NOTHING_AROUND

    @property
    def suspicion(self) -> MissedScanSuspected | None:
        """What somebody is asked about now."""
        if self.transaction is None:
            return self.around.suspicion
        return self.transaction.judged.suspicion if self.transaction.judged else None


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
    around = state.around
    opened = OpenTransaction(
        fact.transaction_id, fact.number, fact.business_date, seen=around.waiting
    )
    if around.waiting or around.suspicion:
        around = replace(around, waiting=(), suspicion=None)
    return LaneState(fact.number, opened, state.plate, around)


def open_line(fact: LineItemAdded) -> OpenLine:
    symbology = fact.symbology
    return OpenLine(
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
        symbology + fact.scan_label if symbology in GS1_SYMBOLOGIES else "",
    )


def _line_added(fact: LineItemAdded, state: LaneState) -> LaneState:
    # built, not replaced: this runs once a scan, and dataclasses.replace costs five times as much
    t = state.transaction
    if t is None:
        return state
    lines = (*t.lines, open_line(fact))
    added = OpenTransaction(
        t.transaction_id,
        t.number,
        t.business_date,
        lines,
        None,
        t.attempts,
        t.voided,
        t.seen,
        t.was_aside,
    )
    return LaneState(state.last_number, added, state.plate, state.around)


def _line_weighed(fact: LineItemWeighed, state: LaneState) -> LaneState:
    if state.transaction is None:
        return state
    lines = tuple(
        weighed(line, fact) if line.line_no == fact.line_no else line
        for line in state.transaction.lines
    )
    return replace(state, transaction=replace(state.transaction, lines=lines))


def weighed(line: OpenLine, fact: LineItemWeighed) -> OpenLine:
    known = line.weighed_minor if fact.amount_minor is None else fact.amount_minor
    return replace(line, weight_g=fact.weight_g, weighed_minor=known)


def overridden(line: OpenLine, fact: facts.LineItemOverridden) -> OpenLine:
    return replace(line, price_minor=fact.price_minor, weighed_minor=fact.amount_minor)


def _line_voided(fact: facts.LineItemVoided, state: LaneState) -> LaneState:
    t = state.transaction
    if t is None:
        return state
    lines = tuple(line for line in t.lines if line.line_no != fact.line_no)
    gone = tuple(line for line in t.lines if line.line_no == fact.line_no)
    changed = replace(t, lines=lines, voided=(*t.voided, *gone), judged=None)
    return replace(state, transaction=changed)


def _line_overridden(fact: facts.LineItemOverridden, state: LaneState) -> LaneState:
    if state.transaction is None:
        return state
    lines = tuple(
        overridden(line, fact) if line.line_no == fact.line_no else line
        for line in state.transaction.lines
    )
    return replace(state, transaction=replace(state.transaction, lines=lines, judged=None))


def _total_received(fact: facts.CashierTotalReceived, state: LaneState) -> LaneState:
    if state.transaction is None:
        return state
    t = state.transaction
    judged = Judged(fact.total, dismissed=t.judged is not None and t.judged.dismissed)
    return replace(state, transaction=replace(t, attempts=t.attempts + 1, judged=judged))


def _suspected(fact: MissedScanSuspected, state: LaneState) -> LaneState:
    t = state.transaction
    if t is None or t.judged is None:
        return state
    return replace(state, transaction=replace(t, judged=Judged(t.judged.total, fact)))


def _dismissed(fact: facts.MissedScanDismissed, state: LaneState) -> LaneState:
    t = state.transaction
    if t is None or t.judged is None or fact.transaction_id != t.transaction_id:
        return _without_suspicion(fact.transaction_id, state)
    judged = Judged(t.judged.total, dismissed=True)
    return replace(state, transaction=replace(t, judged=judged))


def _without_suspicion(transaction_id: str, state: LaneState) -> LaneState:
    """Nobody is asked about the last sale any more, if it is this one."""
    asked = state.around.suspicion
    if asked is None or asked.transaction_id != transaction_id:
        return state
    return replace(state, around=replace(state.around, suspicion=None))


def _backfilled(fact: facts.ItemBackfilled, state: LaneState) -> LaneState:
    return _without_suspicion(fact.transaction_id, state)


def _confirmed(_fact: facts.MissedScanConfirmed, state: LaneState) -> LaneState:
    if state.transaction is None:
        return replace(state, around=replace(state.around, suspicion=None))
    return replace(state, transaction=replace(state.transaction, judged=None))


def _closed(_fact: facts.TransactionSettled, state: LaneState) -> LaneState:
    around, suspicion = state.around, state.suspicion
    if suspicion is not around.suspicion:
        around = replace(around, suspicion=suspicion)
    return LaneState(state.last_number, None, state.plate, around)


def _suspended(fact: facts.TransactionSuspended, state: LaneState) -> LaneState:
    t = state.transaction
    if t is None:
        return state
    t = replace(t, judged=None, seen=(), was_aside=True)
    aside = (*state.around.aside, Suspended(fact.number, t))
    return replace(state, transaction=None, around=replace(state.around, aside=aside))


def _retrieved(fact: facts.TransactionRetrieved, state: LaneState) -> LaneState:
    """A basket that is not known here was settled since: a restart need not know it."""
    found = [one.transaction for one in state.around.aside if one.id == fact.transaction_id]
    aside = tuple(one for one in state.around.aside if one.id != fact.transaction_id)
    around = replace(state.around, aside=aside, waiting=(), suspicion=None)
    return replace(state, transaction=found[0] if found else None, around=around)


def _discarded(fact: facts.TransactionDiscarded, state: LaneState) -> LaneState:
    t = state.transaction
    aside = tuple(one for one in state.around.aside if one.id != fact.transaction_id)
    is_open = t is not None and t.transaction_id == fact.transaction_id
    return replace(
        state, transaction=None if is_open else t, around=replace(state.around, aside=aside)
    )


# --- what the sensors tell -----------------------------------------------------------------------


def _told(fact: Seen, state: LaneState) -> LaneState:
    """For the open basket, else for the next one."""
    t, around = state.transaction, state.around
    if isinstance(fact, BagWeightChanged) and fact.total_g is not None:
        others = (bag for bag in around.bags if bag[0] != fact.role)
        around = replace(around, bags=(*others, (fact.role, fact.total_g)))
    if t is not None and not t.was_aside:
        t = replace(t, seen=seen_after(t.seen, fact))
    elif t is None and getattr(fact, "transaction_id", None) is None:
        around = replace(around, waiting=waiting_after(around.waiting, fact))
    return LaneState(state.last_number, t, state.plate, around)


def _lost(fact: facts.DeviceLost, state: LaneState) -> LaneState:
    state = _told(fact, state)
    bags = tuple(bag for bag in state.around.bags if bag[0] != fact.role)
    moving = state.around.moving - {fact.role}
    return replace(state, around=replace(state.around, bags=bags, moving=moving))


def at_start(state: LaneState) -> LaneState:
    """Nobody knows what lies on the scales: they say it again."""
    return replace(state, around=replace(state.around, bags=(), moving=frozenset()))


_EVOLVED: dict[type, Callable[[Any, LaneState], LaneState]] = {
    facts.TransactionOpened: _opened,
    LineItemAdded: _line_added,
    LineItemWeighed: _line_weighed,
    facts.LineItemVoided: _line_voided,
    facts.LineItemOverridden: _line_overridden,
    facts.CashierTotalReceived: _total_received,
    facts.TransactionSettled: _closed,
    facts.TransactionSuspended: _suspended,
    facts.TransactionRetrieved: _retrieved,
    facts.TransactionDiscarded: _discarded,
    MissedScanSuspected: _suspected,
    facts.MissedScanDismissed: _dismissed,
    facts.MissedScanConfirmed: _confirmed,
    facts.ItemBackfilled: _backfilled,
    facts.LaneStarted: lambda _, state: at_start(state),
    facts.DeviceLost: _lost,
    facts.DeviceReturned: _told,
    **dict.fromkeys(Observation.__args__, _told),
}


def advance(state: LaneState, new_facts: tuple[FactBody, ...], *effects: Effect) -> Step:
    """The step whose state is what the facts make of it."""
    for fact in new_facts:
        state = evolve(fact, state)
    return Step(state, new_facts, effects)

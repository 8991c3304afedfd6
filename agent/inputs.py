"""What reaches the core besides domain events: results, cursors, health, totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agent.domain.events import (
    Act,
    BagMoves,
    BagRests,
    Observed,
    PlateChanged,
    ReceiptUnread,
    Scanned,
    Weighed,
)
from agent.domain.items import Item
from agent.domain.outcome import ActOutcome, DayOutcome, SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal


@dataclass(frozen=True, slots=True)
class TotalSubmitted:
    total: CashierTotal
    reply: Callable[[SettlementOutcome], None]  #: called once, after the commit


@dataclass(frozen=True, slots=True)
class ActSubmitted:
    act: Act
    reply: Callable[[ActOutcome], None]  #: called once, after the commit


@dataclass(frozen=True, slots=True)
class CountKeyed:
    digits: str
    role: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    job_id: str
    outcome: Literal["printed", "failed", "unconfirmed"]
    reason: str


@dataclass(frozen=True, slots=True)
class PrinterWell:
    """The printer says that nothing is wrong: receipts that wait may go out."""

    role: str


@dataclass(frozen=True, slots=True)
class DeviceHealthChanged:
    role: str
    kind: str
    state: Literal["up", "lost", "misconfigured", "failed"]
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceSays:
    """A device's own word about itself, for the screen; no fact."""

    role: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScaleSays:
    """What a scale says now, for the screen; no fact."""

    role: str
    weight_g: int | None  #: None: as it was
    condition: str  #: "stable", or why there is no weight


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The bridge has every fact of this epoch up to `seq` in its database."""

    seq: int


@dataclass(frozen=True, slots=True)
class Reprint:
    receipt: str  #: its number, or its transaction's id


@dataclass(frozen=True, slots=True)
class ChangeItems:
    items: tuple[Item, ...]
    gone: tuple[str, ...]  #: GTINs of 14 digits


@dataclass(frozen=True, slots=True)
class Done:
    """It was carried out already; its answer is to be kept."""

    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What head office asks for, once for each id."""

    command_id: str
    name: str
    by: str
    request: Reprint | ChangeItems | Done


@dataclass(frozen=True, slots=True)
class DayEnded:
    """A trading day may be over: time to tell what it sold."""


@dataclass(frozen=True, slots=True)
class CloseDay:
    """Somebody ends today's trading before its time."""

    by: str
    reply: Callable[[DayOutcome], None]  #: called once, after the commit


@dataclass(frozen=True, slots=True)
class Announced:
    """What happened beside the core: no fact, but a word to the screen and to head office."""

    kind: str  #: as that of a notice
    text: Text
    data: Mapping[str, str | int | None] = field(default_factory=dict)


#: What the lane's own people and devices tell.
LaneInput: TypeAlias = (
    Scanned
    | Weighed
    | PlateChanged
    | Observed
    | BagRests
    | BagMoves
    | ReceiptUnread
    | TotalSubmitted
    | ActSubmitted
    | CountKeyed
    | JobFinished
    | PrinterWell
    | DeviceHealthChanged
    | DeviceSays
    | ScaleSays
    | Acknowledged
)

#: What concerns no basket.
OfficeInput: TypeAlias = Asked | DayEnded | CloseDay | Announced

CoreInput: TypeAlias = LaneInput | OfficeInput

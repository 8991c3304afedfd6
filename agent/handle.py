"""All that the API knows of the core: three calls, and the plain data that they carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from agent.domain.items import SoldBy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.domain.effects import RaiseAlert
    from agent.domain.events import Act
    from agent.domain.facts import MissedScanSuspected
    from agent.domain.outcome import ActOutcome, SettlementOutcome
    from agent.domain.text import Text
    from agent.domain.totals import CashierTotal
    from agent.domain.transaction import OpenTransaction

Scalar: TypeAlias = str | int | bool | None
NoticeValue: TypeAlias = Scalar | list[Scalar] | list[dict[str, Scalar]]

DeviceState: TypeAlias = Literal["starting", "up", "lost", "misconfigured", "failed"]


class LaneBusy(Exception):
    """The core's queue is full: nothing was taken, the caller may try again shortly."""


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """One line item of the open transaction."""

    line_no: int
    gtin: str  #: 14 digits
    description: str
    category: str
    quantity_milli: int
    weight_g: int | None
    price_minor: int | None  #: as `agent.domain.items.Item.price_minor`
    sold_by: SoldBy = "each"
    amount_minor: int | None = None  #: None without a price, and for a weight


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    role: str
    kind: str
    state: DeviceState
    reason: str  #: if up: the device's own words, such as "paper_near_end"; else why not


@dataclass(frozen=True, slots=True)
class LiveWeight:
    """What a scale says now."""

    role: str
    weight_g: int | None  #: the stable weight that lies there; None while there is none
    condition: str  #: "stable", or why there is no weight: `drivers.base.ScaleCondition`


@dataclass(frozen=True, slots=True)
class LaneSnapshot:
    """The lane at one moment, as a screen needs it."""

    transaction_id: str | None = None  #: None: no transaction is open
    lines: tuple[SnapshotLine, ...] = ()
    item_count: int = 0
    amount_minor: int | None = None  #: None if a line has no known price
    alert: Text | None = None  #: the last one
    devices: tuple[DeviceHealth, ...] = ()
    journal_seq: int = 0
    acknowledged_seq: int = 0
    degraded: bool = False
    suspected: MissedScanSuspected | None = None  #: what the alert is about
    live_weights: tuple[LiveWeight, ...] = ()


@dataclass(frozen=True, slots=True)
class LaneNotice:
    """Something happened and is durable. `kind` is a snake_case word such as "line_item_added"."""

    kind: str
    data: Mapping[str, NoticeValue] = field(default_factory=dict)
    text: Text | None = None  #: what a person should read, if anything


def snapshot_lines(transaction: OpenTransaction | None) -> tuple[SnapshotLine, ...]:
    return tuple(
        SnapshotLine(
            line.line_no,
            line.gtin,
            line.description,
            line.category,
            line.quantity_milli,
            line.weight_g,
            line.price_minor,
            line.sold_by,
            line.amount_minor,
        )
        for line in (transaction.lines if transaction else ())
    )


def alert_notice(alert: RaiseAlert) -> LaneNotice:
    """What a suspicion looks like to who listens."""
    suspected = alert.suspected
    findings: NoticeValue = [
        {
            "kind": finding.kind,
            "count": finding.count,
            "gtin": finding.gtin,
            "category": finding.category,
            "value_minor": finding.value_minor,
            "reason": "; ".join(text.english() for text in (finding.reason, *finding.also)),
        }
        for finding in suspected.findings
    ]
    candidates: list[dict[str, Scalar]] = [
        {
            "gtin": candidate.gtin,
            "description": candidate.description,
            "probability_permille": candidate.probability_permille,
        }
        for candidate in suspected.candidates
    ]
    data: dict[str, NoticeValue] = {
        "transaction_id": suspected.transaction_id,
        "missed_count": suspected.missed_count,
        "findings": findings,
        "candidates": candidates,
        "confidence_permille": suspected.confidence_permille,
        "value_minor": suspected.value_minor,
    }
    return LaneNotice("missed_scan_suspected", data, alert.text)


class LaneHandle(Protocol):
    """The core as seen from other threads."""

    def submit_total(self, total: CashierTotal, reply: Callable[[SettlementOutcome], None]) -> None:
        """Hand a total over without waiting. Raises LaneBusy.

        `reply` is called once, from the core's thread, after the commit.
        """
        ...

    def submit_act(self, act: Act, reply: Callable[[ActOutcome], None]) -> None:
        """Hand over what somebody does by hand, as `submit_total` does a total. Raises LaneBusy."""
        ...

    def snapshot(self) -> LaneSnapshot:
        """The lane now. Cheap; any thread."""
        ...

    def subscribe(self, listener: Callable[[LaneNotice], None]) -> Callable[[], None]:
        """Hear of everything from now on; the result ends it.

        `listener` is called from the core's thread: it only enqueues and raises nothing.
        """
        ...

"""From a device's event to the core's input: the one place where the two vocabularies meet."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from agent.domain.dual_marks import DualMarks
from agent.domain.events import (
    BagMoves,
    BagRests,
    Observed,
    PlateChanged,
    Scanned,
    Weighed,
)
from agent.domain.facts import CrossingObserved, LabelObserved, Observation, TagObserved
from agent.domain.gs1 import read_label
from agent.domain.rcn import LabelRules, read_measured
from agent.inbox import Inbox
from agent.inputs import (
    CoreInput,
    CountKeyed,
    DeviceSays,
    JobFinished,
    PrinterWell,
    ScaleSays,
)
from drivers.base import (
    DeviceEvent,
    Emit,
    ItemsCrossed,
    KeyedNumber,
    LabelSeen,
    PrinterStatus,
    PrintFinished,
    ScaleState,
    ScanData,
    StableWeight,
    TagPresence,
)

Keyed: TypeAlias = tuple[Hashable | None, CoreInput]

#: On these the plate's weight is no longer the one that was reported.
PLATE_CHANGES = frozenset({"zero", "motion", "under_zero"})
#: On these there is nothing to tell the cashier.
QUIET = PLATE_CHANGES | {"steady"}


@dataclass(frozen=True, slots=True)
class Labels:
    """How a lane understands what its scanners read: by no rules of its own, unless it has some."""

    rules: LabelRules = field(default_factory=LabelRules)
    marks: DualMarks = field(default_factory=lambda: DualMarks(0))


_PLAIN = Labels()


def emit_into(
    inbox: Inbox[CoreInput],
    labels: Labels = _PLAIN,
    bagging: frozenset[str] = frozenset(),
) -> Emit:
    """What a driver calls with each event. Never loses a scan; keeps the latest of each state.

    `bagging`: the roles of scales on which the goods stay until the total.
    """

    def emit(event: DeviceEvent) -> None:
        for key, item in translated(event, labels, bagging):
            if key is None:
                inbox.put(item)
            else:
                inbox.put_latest(key, item)

    return emit


def translated(
    event: DeviceEvent, labels: Labels = _PLAIN, bagging: frozenset[str] = frozenset()
) -> list[Keyed]:
    """The inputs that follow from a device event; a key where only the latest matters."""
    match event:
        case ScanData():
            return _scanned(event, labels)
        case StableWeight() | ScaleState() if event.role in bagging:
            return _bagged(event)
        case StableWeight():
            weighed = Weighed(event.weight_g, event.net, event.raw, event.role)
            return [(None, weighed), (None, ScaleSays(event.role, event.weight_g, "stable"))]
        case ScaleState():
            # in order with the weights, not coalesced: a weight must not outlive its placement
            moved = event.condition in PLATE_CHANGES
            said = _said(event.role, () if event.condition in QUIET else (event.condition,))
            live = (None, _live(event))
            return [(None, PlateChanged()), live, said] if moved else [live, said]
        case KeyedNumber():
            return [(None, CountKeyed(event.digits, event.role))]
        case PrintFinished():
            return [(None, JobFinished(event.job_id, event.outcome, event.reason))]
        case PrinterStatus():
            said = _said(event.role, (*event.problems, *event.warnings))
            well: Keyed = ((event.role, "well"), PrinterWell(event.role))
            return [said] if event.problems else [said, well]
        case TagPresence() | LabelSeen() | ItemsCrossed():
            return _observed(event)
        case _:  # pragma: no cover
            assert_never(event)


def _bagged(event: StableWeight | ScaleState) -> list[Keyed]:
    """A scale on which the goods stay weighs no line; each of its rests is evidence."""
    if isinstance(event, StableWeight):
        rests = BagRests(event.role, event.weight_g)
        return [(None, rests), (None, ScaleSays(event.role, event.weight_g, "stable"))]
    told: CoreInput = BagMoves(event.role)
    if event.condition == "steady":
        told = BagRests(event.role, None)
    elif event.condition in ("zero", "under_zero"):
        told = BagRests(event.role, 0)
    said = _said(event.role, () if event.condition in QUIET else (event.condition,))
    return [(None, told), (None, _live(event)), said]


def _scanned(event: ScanData, labels: Labels) -> list[Keyed]:
    data, symbology = event.scan_data, event.symbology
    label = "lossy" if event.lossy else read_measured(data, symbology, labels.rules)
    if isinstance(label, str):
        return [(None, Scanned(label, data, symbology, event.role, None))]
    if labels.marks.is_other_mark(event.role, label.item.gtin, symbology, event.mono_ns):
        return []
    return [(None, Scanned(label.item, data, symbology, event.role, None, label.measure))]


def _observed(event: TagPresence | LabelSeen | ItemsCrossed) -> list[Keyed]:
    match event:
        case TagPresence():
            seen: Observation = TagObserved(
                None,
                event.epc,
                event.gtin,
                event.serial,
                event.present,
                event.rssi_dbm,
                event.antenna,
                event.role,
            )
        case LabelSeen():
            label = read_label(event.scan_data, event.symbology)
            if isinstance(label, str):
                return []  # no article: the next frames may show it better
            seen = LabelObserved(None, label.gtin, event.frames, event.role)
        case ItemsCrossed():
            seen = CrossingObserved(None, event.count, event.confidence_pct, event.role)
    return [(None, Observed(seen))]


def _live(event: ScaleState) -> ScaleSays:
    condition = "stable" if event.condition == "steady" else event.condition
    return ScaleSays(event.role, 0 if condition == "zero" else None, condition)


def _said(role: str, words: tuple[str, ...]) -> Keyed:
    return (role, "says"), DeviceSays(role, words)

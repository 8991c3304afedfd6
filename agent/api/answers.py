"""What the API says, as JSON objects, and how the domain's words become them.

Every sentence is in the language of the one who asked; codes are not translated and do not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from agent.api.words import device_words
from agent.domain.assessment import Finding, FindingKind
from agent.domain.facts import MissedScanSuspected
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import TotalProblem
from agent.handle import (
    DeviceHealth,
    DeviceState,
    LaneNotice,
    LaneSnapshot,
    LiveWeight,
    SnapshotLine,
)

#: Turns a Text into a sentence of one language.
Say: TypeAlias = Callable[[Text], str]


class FindingAnswer(msgspec.Struct, frozen=True):
    """One explanation of a difference between what was scanned and what was charged."""

    kind: FindingKind
    count: int
    gtin: str | None
    category: str | None
    value_minor: int | None
    reason: str
    also: tuple[str, ...]  #: what else speaks for it


class SettlementAnswer(msgspec.Struct, frozen=True):
    """What became of a total. `duplicate`: settled before, and this is the first answer again."""

    status: Literal["settled", "held", "duplicate"]
    transaction_id: str | None
    receipt_number: str | None
    message: str
    missed_count: int
    findings: tuple[FindingAnswer, ...]


class ProblemAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request; `path` names the field."""

    code: str
    detail: str
    path: str = ""


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457). `problems` lists all if there are several."""

    code: str
    title: str
    status: int
    detail: str
    path: str = ""
    problems: tuple[ProblemAnswer, ...] = ()


class CandidateAnswer(msgspec.Struct, frozen=True):
    """An item that may be the missed one."""

    gtin: str
    description: str
    probability_permille: int


class SuspicionAnswer(msgspec.Struct, frozen=True):
    """What the red alert is about. `is_held`: the basket waits for the cashier's answer."""

    transaction_id: str
    is_held: bool
    missed_count: int
    findings: tuple[FindingAnswer, ...]
    candidates: tuple[CandidateAnswer, ...]  #: likeliest first


class DeviceAnswer(msgspec.Struct, frozen=True):
    """A device, and how it is in words. `is_well`: up, and with nothing to complain of."""

    role: str
    kind: str
    state: DeviceState
    reason: str
    name: str
    text: str
    is_well: bool


class LaneAnswer(msgspec.Struct, frozen=True):
    """The lane at this moment."""

    transaction_id: str | None
    lines: tuple[SnapshotLine, ...]
    item_count: int
    amount_minor: int | None
    alert: str | None
    suspicion: SuspicionAnswer | None
    devices: tuple[DeviceAnswer, ...]
    live_weights: tuple[LiveWeight, ...]
    journal_seq: int
    acknowledged_seq: int
    degraded: bool


class BasketChange(msgspec.Struct, frozen=True):
    """What changed of the basket. `is_whole`: these lines are all there are, forget the others."""

    transaction_id: str | None
    is_whole: bool
    lines: tuple[SnapshotLine, ...]  #: new or changed, by `line_no`
    gone: tuple[int, ...]  #: the numbers of lines that are no more
    item_count: int
    amount_minor: int | None


class AlertChange(msgspec.Struct, frozen=True):
    """The alert now; both None: there is none."""

    alert: str | None
    suspicion: SuspicionAnswer | None


class StatusChange(msgspec.Struct, frozen=True):
    """How the lane's parts are now."""

    devices: tuple[DeviceAnswer, ...]
    live_weights: tuple[LiveWeight, ...]
    journal_seq: int
    acknowledged_seq: int
    degraded: bool


class EventAnswer(msgspec.Struct, frozen=True):
    """One event of the stream; its `event:` field says the kind as well."""

    kind: str
    text: str | None
    data: Mapping[str, Any]


class HealthAnswer(msgspec.Struct, frozen=True):
    status: Literal["ok", "degraded"]


def settlement_answer(outcome: SettlementOutcome, say: Say) -> SettlementAnswer:
    assert outcome.status != "rejected"
    return SettlementAnswer(
        outcome.status,
        outcome.transaction_id,
        outcome.receipt_number,
        say(outcome.text),
        outcome.missed_count,
        tuple(finding_answer(finding, say) for finding in outcome.findings),
    )


def finding_answer(finding: Finding, say: Say) -> FindingAnswer:
    return FindingAnswer(
        finding.kind,
        finding.count,
        finding.gtin,
        finding.category,
        finding.value_minor,
        say(finding.reason),
        tuple(map(say, finding.also)),
    )


def problem_answer(problem: TotalProblem, say: Say) -> ProblemAnswer:
    return ProblemAnswer(problem.code, say(problem.text), problem.path)


def lane_answer(snapshot: LaneSnapshot, say: Say) -> LaneAnswer:
    alert = alert_change(snapshot, say)
    status = status_change(snapshot, say)
    return LaneAnswer(
        snapshot.transaction_id,
        snapshot.lines,
        snapshot.item_count,
        snapshot.amount_minor,
        alert.alert,
        alert.suspicion,
        status.devices,
        status.live_weights,
        status.journal_seq,
        status.acknowledged_seq,
        status.degraded,
    )


def alert_change(snapshot: LaneSnapshot, say: Say) -> AlertChange:
    if snapshot.alert is None:
        return AlertChange(None, None)
    suspected = snapshot.suspected
    suspicion = None if suspected is None else _suspicion(suspected, snapshot, say)
    return AlertChange(say(snapshot.alert), suspicion)


def _suspicion(suspected: MissedScanSuspected, now: LaneSnapshot, say: Say) -> SuspicionAnswer:
    return SuspicionAnswer(
        suspected.transaction_id,
        suspected.transaction_id == now.transaction_id,
        suspected.missed_count,
        tuple(finding_answer(finding, say) for finding in suspected.findings),
        tuple(
            CandidateAnswer(c.gtin, c.description, c.probability_permille)
            for c in suspected.candidates
        ),
    )


def status_change(snapshot: LaneSnapshot, say: Say) -> StatusChange:
    return StatusChange(
        tuple(_device(device, say) for device in snapshot.devices),
        snapshot.live_weights,
        snapshot.journal_seq,
        snapshot.acknowledged_seq,
        snapshot.degraded,
    )


def _device(device: DeviceHealth, say: Say) -> DeviceAnswer:
    name, text = device_words(device)
    return DeviceAnswer(
        device.role,
        device.kind,
        device.state,
        device.reason,
        say(name),
        say(text),
        is_well=device.state == "up" and not device.reason,
    )


def event_answer(notice: LaneNotice, say: Say) -> EventAnswer:
    text = None if notice.text is None else say(notice.text)
    return EventAnswer(notice.kind, text, notice.data)

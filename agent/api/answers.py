"""What the API says, as JSON objects, and how the domain's words become them.

Every sentence is in the language of the one who asked; codes are not translated and do not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from agent.domain.assessment import Finding, FindingKind
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import TotalProblem
from agent.handle import DeviceHealth, LaneNotice, LaneSnapshot, SnapshotLine

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


class LaneAnswer(msgspec.Struct, frozen=True):
    """The lane at this moment."""

    transaction_id: str | None
    lines: tuple[SnapshotLine, ...]
    item_count: int
    amount_minor: int | None
    alert: str | None
    devices: tuple[DeviceHealth, ...]
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
        tuple(_finding(finding, say) for finding in outcome.findings),
    )


def _finding(finding: Finding, say: Say) -> FindingAnswer:
    return FindingAnswer(
        finding.kind,
        finding.count,
        finding.gtin,
        finding.category,
        finding.value_minor,
        say(finding.reason),
    )


def problem_answer(problem: TotalProblem, say: Say) -> ProblemAnswer:
    return ProblemAnswer(problem.code, say(problem.text), problem.path)


def lane_answer(snapshot: LaneSnapshot, say: Say) -> LaneAnswer:
    return LaneAnswer(
        snapshot.transaction_id,
        snapshot.lines,
        snapshot.item_count,
        snapshot.amount_minor,
        None if snapshot.alert is None else say(snapshot.alert),
        snapshot.devices,
        snapshot.journal_seq,
        snapshot.acknowledged_seq,
        snapshot.degraded,
    )


def event_answer(notice: LaneNotice, say: Say) -> EventAnswer:
    text = None if notice.text is None else say(notice.text)
    return EventAnswer(notice.kind, text, notice.data)

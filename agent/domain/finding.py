"""What an assessment says, with the words for the cashier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.domain.text import Text

#: missed_item: passed without a line item. scanned_not_charged: the cashier left it out.
#: double_scan: one piece, two line items: the customer pays too much. swap: another item was
#: scanned than the one that passed. walk_around: scanned, and never put down with the others.
#: voided_kept: its line was voided, and it stayed.
FindingKind: TypeAlias = Literal[
    "missed_item", "scanned_not_charged", "double_scan", "swap", "walk_around", "voided_kept"
]
Verdict: TypeAlias = Literal["clean", "suspected"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One explanation of a difference, with the words for the cashier."""

    kind: FindingKind
    count: int
    gtin: str | None  #: None where only a count is known
    category: str | None
    value_minor: int | None  #: value at stake, where known
    reason: Text
    also: tuple[Text, ...] = ()  #: what else speaks for it


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may be the missed one."""

    gtin: str
    probability_permille: int
    description: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    verdict: Verdict
    missed_count: int
    findings: tuple[Finding, ...]
    candidates: tuple[Candidate, ...] = ()  #: likeliest first
    confidence_permille: int = 1000  #: how sure the verdict is

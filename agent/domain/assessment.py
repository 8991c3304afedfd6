"""Evidence in, assessment with reasons out. Pure: the same evidence always gives the same judgement.

This first form knows two kinds of evidence, scans and the cashier total. Weight, tags and camera
join as further fields of `Evidence` that default to "the lane has none".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.domain.text import Text

FindingKind: TypeAlias = Literal["missed_item", "scanned_not_charged", "weight_missing"]
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

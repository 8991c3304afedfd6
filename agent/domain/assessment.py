"""Evidence in, assessment with reasons out. Pure: same evidence, same judgement.

This first form knows two kinds of evidence, scans and the cashier total. Weight, tags and camera
join as further fields of `Evidence` whose default says "the lane has none".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.domain.text import Text

FindingKind: TypeAlias = Literal["missed_item", "scanned_not_charged"]
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


@dataclass(frozen=True, slots=True)
class Pieces:
    """So many pieces of one GTIN, as scanned or as charged."""

    gtin: str
    count: int
    amount_minor: int | None
    description: str
    category: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the lane knows of one basket at settlement. Order does not matter."""

    scanned: tuple[Pieces, ...]
    charged_count: int | None  #: the cashier's item count
    charged_minor: int | None  #: the cashier's amount
    charged: tuple[Pieces, ...] | None  #: the cashier's lines, None if the POS gives none
    gap_categories: tuple[
        str, ...
    ] = ()  #: categories of items that cost what the amounts differ by


@dataclass(frozen=True, slots=True)
class Assessment:
    verdict: Verdict
    missed_count: int
    findings: tuple[Finding, ...]


def assess(evidence: Evidence) -> Assessment:
    """Count what was scanned against what was charged: per GTIN where lines are given."""
    if evidence.charged is not None:
        findings = _by_gtin(evidence.scanned, evidence.charged)
    else:
        findings = _by_count(evidence)
    missed = sum(f.count for f in findings if f.kind == "missed_item")
    return Assessment("suspected" if findings else "clean", missed, findings)


def _by_gtin(scanned: tuple[Pieces, ...], charged: tuple[Pieces, ...]) -> tuple[Finding, ...]:
    scans: Counter[str] = Counter()
    for pieces in scanned:
        scans[pieces.gtin] += pieces.count
    difference: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for pieces in charged:
        difference[pieces.gtin] += pieces.count
        amounts[pieces.gtin] += pieces.amount_minor or 0
    counts = dict(difference)
    difference.subtract(scans)
    named = {p.gtin: p for p in (*scanned, *charged)}
    return tuple(
        _finding(named[gtin], n, amounts[gtin] * n // counts[gtin] if n > 0 else None)
        for gtin, n in sorted(difference.items())
        if n
    )


def _finding(item: Pieces, n: int, value_minor: int | None) -> Finding:
    words: dict[str, str | int] = {"count": abs(n), "item": item.description or item.gtin}
    if n > 0:
        reason = Text("{count} × {item} charged but not scanned", words)
        return Finding("missed_item", n, item.gtin, item.category or None, value_minor, reason)
    reason = Text("{count} × {item} scanned but not charged", words)
    return Finding("scanned_not_charged", -n, item.gtin, item.category or None, None, reason)


def _by_count(evidence: Evidence) -> tuple[Finding, ...]:
    scanned_count = sum(p.count for p in evidence.scanned)
    charged_count = scanned_count if evidence.charged_count is None else evidence.charged_count
    n = charged_count - scanned_count
    if n == 0:
        return ()
    words: dict[str, str | int] = {"charged": charged_count, "scanned": scanned_count}
    reason = Text("the cashier counted {charged}, the scanner {scanned}", words)
    if n < 0:
        return (Finding("scanned_not_charged", -n, None, None, None, reason),)
    value_minor = amount_gap(evidence.scanned, evidence.charged_minor)
    return (Finding("missed_item", n, None, _likeliest(evidence), value_minor, reason),)


def amount_gap(scanned: tuple[Pieces, ...], charged_minor: int | None) -> int | None:
    """What was charged above the price of the scans; None if unknown or not more."""
    amounts = [p.amount_minor for p in scanned]
    if charged_minor is None or None in amounts:
        return None
    gap = charged_minor - sum(a for a in amounts if a is not None)
    return gap if gap > 0 else None


def _likeliest(evidence: Evidence) -> str | None:
    """The category most often among the items that cost as much as the gap; ties by name."""
    counted = Counter(evidence.gap_categories)
    return min(counted, key=lambda c: (-counted[c], c)) if counted else None

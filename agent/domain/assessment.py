"""Evidence in, assessment with reasons out. Pure: same evidence, same judgement.

A basket is suspected where the best explanation with something amiss is so much likelier than the
best honest one that honest baskets pass this line no oftener than is acceptable. That line follows
from the accepted rate alone: an honest basket reaches a likelihood ratio of r or more with the
probability E[1 / ratio] over the baskets amiss that reach it, which is at most s / r, if s of the
baskets amiss lie within each factor e of the ratio. In simulated baskets s is 1 in 20 or less; 1 in
4 is reckoned with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from agent.domain.candidates import candidates_of
from agent.domain.case import Case, lay_out
from agent.domain.evidence import Evidence, Pieces, by_gtin
from agent.domain.evidence_cashier import amount_gap
from agent.domain.finding import Assessment, Candidate, Finding, FindingKind, Verdict
from agent.domain.likelihood import NEVER, ln, odds_permille
from agent.domain.reasons import findings_of
from agent.domain.search import Judged, search

__all__ = [
    "Assessment",
    "Candidate",
    "Evidence",
    "Finding",
    "FindingKind",
    "Pieces",
    "Tolerance",
    "Verdict",
    "agreement",
    "amount_gap",
    "assess",
]


AMISS_WITHIN_E = 4  #: one in so many baskets amiss, at most, lies within a factor e of a ratio


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What the shop accepts and expects."""

    #: honest baskets, in a million, that may be stopped: 500 are one in two thousand
    false_alarms_ppm: int = 500
    amiss_permille: int = 20  #: baskets with something amiss: only the confidence follows from it

    @property
    def threshold(self) -> int:
        """The likelihood ratio above which a basket is suspected, in milli-nats."""
        return ln(1_000_000) - ln(self.false_alarms_ppm) - ln(AMISS_WITHIN_E)


USUAL = Tolerance()


def assess(evidence: Evidence, tolerance: Tolerance = USUAL) -> Assessment:
    """The likeliest explanation of all that was witnessed, if it is not that all is well."""
    if is_plain(evidence):
        return agreement(tolerance, count_given=evidence.charged_count is not None)
    return judged(evidence, tolerance)


def is_plain(evidence: Evidence) -> bool:
    """The cashier's lines are the scans, and nobody else watched: most baskets of most lanes."""
    return (
        evidence.charged is not None
        and not evidence.has_witness
        and not evidence.voided
        and by_gtin(evidence.scanned) == by_gtin(evidence.charged)
        and all(pieces.serial is None for pieces in evidence.scanned)
    )


@cache
def agreement(tolerance: Tolerance, *, count_given: bool) -> Assessment:
    """Of a plain basket. Judged once, on one piece: it says the same whatever else is in it."""
    piece = (Pieces("", 1, None, "", ""),)
    return judged(Evidence(piece, 1 if count_given else None, None, piece), tolerance)


def judged(evidence: Evidence, tolerance: Tolerance) -> Assessment:
    """`assess`, by all that can be said for and against."""
    case = lay_out(evidence)
    tried = search(case, tolerance.threshold)
    honest = next((j for j in tried if j.explanation.is_honest), None)
    amiss = next(j for j in tried if not j.explanation.is_honest)
    ratio = amiss.score - (honest.score if honest is not None else NEVER)
    log_odds = ratio + ln(tolerance.amiss_permille) - ln(1000 - tolerance.amiss_permille)
    confidence = odds_permille(log_odds)
    if ratio < tolerance.threshold:
        return Assessment("clean", 0, (), confidence_permille=1000 - confidence)
    return _suspected(case, amiss, honest, confidence)


def _suspected(case: Case, amiss: Judged, honest: Judged | None, confidence: int) -> Assessment:
    candidates = candidates_of(case, amiss.explanation)
    findings = findings_of(case, amiss, honest, candidates)
    missed = sum(f.count for f in findings if f.kind == "missed_item")
    return Assessment("suspected", missed, findings, candidates, confidence)

"""The cashier's total against the scans: by lines where given, else by count, else by amount."""

from __future__ import annotations

from agent.domain.evidence import Evidence, Pieces, by_gtin


def line_differences(evidence: Evidence) -> tuple[tuple[str, int], ...]:
    """(GTIN, pieces charged above those scanned), where they differ."""
    scanned, charged = by_gtin(evidence.scanned), by_gtin(evidence.charged or ())
    if scanned == charged:
        return ()
    difference = {g: charged.get(g, 0) - scanned.get(g, 0) for g in sorted({*scanned, *charged})}
    return tuple((gtin, n) for gtin, n in difference.items() if n)


def missing_count(evidence: Evidence) -> int:
    """Pieces counted above those scanned, by the count or, without one, by the amount (then 1)."""
    if evidence.charged_count is not None:
        return evidence.charged_count - sum(p.count for p in evidence.scanned)
    return 1 if amount_gap(evidence.scanned, evidence.charged_minor) else 0


def amount_gap(scanned: tuple[Pieces, ...], charged_minor: int | None) -> int | None:
    """What was charged above the price of the scans; None if unknown or not more."""
    amounts = [p.amount_minor for p in scanned]
    if charged_minor is None or None in amounts:
        return None
    gap = charged_minor - sum(a for a in amounts if a is not None)
    return gap if gap > 0 else None


def charged_value(evidence: Evidence, gtin: str, n: int) -> int:
    """What `n` of the charged pieces of one GTIN cost: their share of its lines."""
    lines = [line for line in evidence.charged or () if line.gtin == gtin]
    amount_minor = sum(line.amount_minor or 0 for line in lines)
    return amount_minor * n // sum(line.count for line in lines)

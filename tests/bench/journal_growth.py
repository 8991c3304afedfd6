"""Does a fact cost more in a journal of a million rows than in one of ten thousand?"""

from __future__ import annotations

import time
from pathlib import Path

from agent.domain.facts import (
    CashierTotalReceived,
    FactBody,
    LineItemAdded,
    ReceiptPrinted,
    SoldLine,
    TransactionOpened,
    TransactionSettled,
)
from agent.domain.settlement import receipt_job_id
from agent.domain.totals import CashierTotal, ChargedLine, TaxAmount, Tender
from agent.journal import Journal
from tests.bench.rig import percentile

SMALL, LARGE = 10_000, 1_000_000
BASKETS = 4  #: in one commit
GTIN = "04006381333931"


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    large_rows = LARGE // 10 if quick else LARGE
    rounds = 200 if quick else 600
    small, large = _filled(folder / "small.db", SMALL), _filled(folder / "large.db", large_rows)
    costs: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(rounds):  # in turn, so that the machine's moods meet both
        costs["small"].append(_append(small))
        costs["large"].append(_append(large))
    ours, yardstick = (percentile(costs[name], 0.5) * 1e6 for name in ("large", "small"))
    return [
        {
            "figure": "cost per fact in a large journal (p50)",
            "ours": f"{ours:.1f} µs",
            "yardstick": f"{yardstick:.1f} µs",
            "ratio": f"{ours / yardstick:.2f}",
            "target": "≤ 1.1",
            "how": f"{BASKETS} baskets a commit at {large_rows:,} rows / at {SMALL:,}, in turn",
        }
    ]


def _filled(path: Path, rows: int) -> Journal:
    journal = Journal(path)
    while journal.last_seq < rows:
        facts = [fact for n in range(100) for fact in _basket(journal.last_seq + n)]
        journal.append(facts, wall_ms=1, mono_ms=1)
    return journal


def _append(journal: Journal) -> float:
    facts = [fact for n in range(BASKETS) for fact in _basket(journal.last_seq + n)]
    began = time.perf_counter()
    journal.append(facts, wall_ms=1, mono_ms=1)
    return (time.perf_counter() - began) / len(facts)


def _basket(number: int) -> list[FactBody]:
    """What a basket of seven articles leaves in the journal, under ids of its own."""
    transaction_id = f"0a1b2c3d-{number:07d}"
    lines = tuple(SoldLine(n, GTIN, 1000, None, 1500, "Item", "110411", 500) for n in range(1, 8))
    charged = tuple(ChargedLine(GTIN, 1000, 1500) for _ in lines)
    tenders = (Tender("cash", 10_500),)
    total = CashierTotal(f"pos-{hash(transaction_id):x}", "http", 7, 10_500, charged, tenders)
    settled = TransactionSettled(
        transaction_id,
        f"lane-1-{number:07d}",
        "2000-11-01",
        "TWD",
        total.total_id,
        7,
        10_500,
        0,
        0,
        lines,
        tenders,
        (TaxAmount(500, 10_000, 500),),
        0,
    )
    return [
        TransactionOpened(transaction_id, number, "2000-11-01"),
        *(_line(transaction_id, n) for n in range(1, 8)),
        CashierTotalReceived(transaction_id, total),
        settled,
        ReceiptPrinted(transaction_id, receipt_job_id(transaction_id), reprint=False),
    ]


def _line(transaction_id: str, number: int) -> LineItemAdded:
    return LineItemAdded(
        transaction_id,
        number,
        GTIN,
        "GTIN-13",
        GTIN[1:],
        "]E0",
        1000,
        known=True,
        description="Item",
        category="110411",
        price_minor=1500,
        sold_by="each",
        tax_rate_bp=500,
        role="scanner",
    )

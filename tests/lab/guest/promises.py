"""What the world outside was promised, answers to the POS and receipts, must be in the books."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout

import agent.cli
import cloud_bridge.cli
from agent.cli.demo.check import Evidence, evidence
from agent.domain.facts import LineItemAdded, ReceiptPrinted, TransactionSettled
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings
from tests.lab.guest.shop import LEDGER, SETTINGS, Shop
from tests.lab.guest.waiting import LabFailed

POS_MINOR = 100_00
VERIFIES: Mapping[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "journal_verify": (agent.cli.main, ["journal", "verify", "--config", f"{LANE.id}.toml"]),
    "ledger_verify": (cloud_bridge.cli.main, ["verify", "--config", "bridge.toml"]),
}


def settle_what_is_open(open_shop: Shop, total_id: str) -> None:
    """What was scanned before it happened is there to be paid. Raises LabFailed."""
    lane = open_shop.pos.lane()
    if lane["transaction_id"] is None:
        return
    # goods that were not weighed yet have a price at the POS alone
    amount_minor = POS_MINOR if lane["amount_minor"] is None else lane["amount_minor"]
    total = {"total_id": total_id, "item_count": lane["item_count"], "amount_minor": amount_minor}
    code, answer = open_shop.pos.settle(total)
    if answer.get("status") not in ("settled", "duplicate"):
        raise LabFailed(f"the open basket cannot be settled: {code} {answer}")


def lost(
    found: Evidence, promised: Mapping[str, Sequence[str]], shown: Mapping[str, int]
) -> dict[str, list[str]]:
    """What was promised and is not in the journal, by name; see `hold_promises`."""
    settled = found.of(TransactionSettled)
    lines = Counter(line.transaction_id for line in found.of(LineItemAdded))
    totals = {sale.total_id for sale in settled}
    numbers = {sale.receipt_number for sale in settled}
    return {
        "answered_but_lost": sorted(set(promised["settled"]) - totals),
        "printed_but_lost": sorted(set(promised["printed"]) - numbers),
        "shown_but_lost": sorted(one for one, count in shown.items() if lines[one] < count),
    }


def hold_promises(
    findings: Findings, promised: Mapping[str, Sequence[str]], shown: Mapping[str, int]
) -> None:
    """`promised`: "settled", the totals whose answer the POS has got; "printed", the numbers of
    the receipts that were cut off. `shown`: by transaction, how many items the screen has shown.
    All must be printed and acknowledged."""
    found = evidence(LANE.journal, LEDGER, [])
    settled = found.of(TransactionSettled)
    for name, which in lost(found, promised, shown).items():
        findings.hold(name, which, held=not which)
    owed = sorted(
        {sale.transaction_id for sale in settled}
        - {fact.transaction_id for fact in found.of(ReceiptPrinted)}
    )
    findings.hold("never_printed", owed, held=not owed)
    for name in ("duplicates", "unbalanced", "sum_minor", "quarantined"):
        findings.hold(name, found.ledger[name], held=found.ledger[name] == 0)
    findings.hold("sales", len(settled), held=len(settled) == found.ledger["sales"])
    facts = len(found.rows)
    same = found.inbox_hashes == [row.hash for row in found.rows]
    findings.hold("facts", facts, held=same)
    findings.note("reprints", sum(fact.reprint for fact in found.of(ReceiptPrinted)))
    for name, (program, arguments) in VERIFIES.items():
        *words, file = arguments
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = program([*words, str(SETTINGS / file)])
        findings.hold(name, code, held=code == 0)
        if code:
            findings.broken.append(said.getvalue()[-500:])

"""What the world outside was promised, answers to the POS and receipts, must be in the books."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import agent.cli
import cloud_bridge.cli
from agent.cli.demo.check import Evidence, evidence
from agent.domain.facts import LineItemAdded, ReceiptPrinted, TransactionSettled
from tests.lab.guest.devices import LANE
from tests.lab.guest.result import Findings
from tests.lab.guest.shop import LEDGER, SETTINGS, Shop
from tests.lab.guest.waiting import LabFailed

POS_MINOR = 100_00
What: TypeAlias = Literal["settled", "printed", "copied", "shown"]
WHATS: Mapping[str, What] = {what: what for what in get_args(What)}
LOST: Mapping[str, tuple[What, ...]] = {
    "answered_but_lost": ("settled",),
    "printed_but_lost": ("printed", "copied"),
    "shown_but_lost": ("shown",),
}
VERIFIES: Mapping[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "journal_verify": (agent.cli.main, ["journal", "verify", "--config", f"{LANE.id}.toml"]),
    "ledger_verify": (cloud_bridge.cli.main, ["verify", "--config", "bridge.toml"]),
}


@dataclass(frozen=True, slots=True)
class Promise:
    """`settled ID`: a total whose answer the POS has got. `printed NUMBER`, `copied NUMBER`: a
    receipt that was cut off, and its second copy. `shown TRANSACTION COUNT`: how many items the
    screen has shown."""

    what: What
    which: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.what} {self.which} {self.count}"


def heard(line: str) -> Promise | None:
    """The promise that a line tells of, if it does."""
    told, *rest = line.split(" ")
    what = WHATS.get(told)
    if what is None:
        return None
    which, count = rest
    return Promise(what, which, int(count))


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


def lost(found: Evidence, promises: Collection[Promise]) -> dict[str, list[str]]:
    """What was promised and is not in the journal, by name."""
    settled = found.of(TransactionSettled)
    lines = Counter(line.transaction_id for line in found.of(LineItemAdded))
    known = {
        "settled": {sale.total_id for sale in settled},
        "printed": {sale.receipt_number for sale in settled},
    }
    known["copied"] = known["printed"]

    def is_kept(promise: Promise) -> bool:
        if promise.what == "shown":
            return lines[promise.which] >= promise.count
        return promise.which in known[promise.what]

    missing = [promise for promise in promises if not is_kept(promise)]
    return {
        name: sorted({promise.which for promise in missing if promise.what in kinds})
        for name, kinds in LOST.items()
    }


def hold_promises(findings: Findings, promises: Collection[Promise]) -> None:
    """All must be in the books; all in the books must be printed and acknowledged."""
    found = evidence(LANE.journal, LEDGER, [])
    settled = found.of(TransactionSettled)
    for name, which in lost(found, promises).items():
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
    for name in VERIFIES:
        code, said = verified(name)
        findings.hold(name, code, held=code == 0)
        if code:
            findings.broken.append(said[-500:])


def verified(name: str) -> tuple[int, str]:
    """The code that one of VERIFIES ends with, and what it says."""
    program, (*words, file) = VERIFIES[name]
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = program([*words, str(SETTINGS / file)])
    return code, said.getvalue()

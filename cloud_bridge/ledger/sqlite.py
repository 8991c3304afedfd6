"""The sub-ledger in one SQLite file: the whole ledger of a shop, or of a chain of modest size.

WAL and `synchronous=FULL`: a commit that returned survives a power cut. One process posts; others
may read, import costs or replay the quarantine at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent.wire import WireFact
from cloud_bridge.costs import CostHistory, CostRow
from cloud_bridge.ledger import (
    sqlite_costs,
    sqlite_inbox,
    sqlite_postings,
    sqlite_quarantine,
    sqlite_reports,
)
from cloud_bridge.ledger.port import (
    Applied,
    Arrivals,
    Balance,
    Case,
    CaseFile,
    Cursor,
    Decision,
    Delivery,
    Received,
    Replayed,
    Status,
)
from cloud_bridge.ledger.sqlite_file import open_file, sorted_errors, transaction
from cloud_bridge.ledger.sqlite_postings import Due
from cloud_bridge.mapping import Books, MappingProblem, Posting, derive
from cloud_bridge.voucher import FactKey, Stream

POISON = MappingProblem("internal", "the bridge met a bug of its own; retry after an update")


@dataclass(slots=True)
class _Work:
    """What one transaction gathers on its way through the arrivals."""

    received_ms: int
    cursors: dict[Stream, Cursor] = field(default_factory=dict)
    dues: list[Due] = field(default_factory=list)
    cases: list[sqlite_quarantine.CaseRow] = field(default_factory=list)
    stored: int = 0
    repeated: int = 0

    def refuse(self, key: FactKey, fact: WireFact, problem: MappingProblem) -> None:
        self.cases.append(sqlite_quarantine.fact_case(key, fact, problem, self.received_ms))

    def contradicted(self, stream: Stream, facts: Iterable[WireFact]) -> None:
        for fact in facts:
            problem = MappingProblem("conflict", f"another fact is stored as seq {fact.seq}")
            self.refuse(FactKey(*stream, fact.seq), fact, problem)


class SqliteLedger:
    """`cloud_bridge.ledger.port.Ledger` in SQLite. `tenant` names the list of costs to use."""

    def __init__(self, path: Path, books: Books, tenant: str = "") -> None:
        """Open or create. Raises LedgerUnsafe or LedgerUnavailable."""
        self._db = open_file(path)
        self._books = books
        self._tenant = tenant
        self._costs = CostHistory(())
        self._costs_version: int | None = None

    def close(self) -> None:
        self._db.close()

    def apply(self, arrivals: Arrivals, received_ms: int) -> Applied:
        work = _Work(received_ms)
        with transaction(self._db):
            self._refresh_costs()
            for delivery in arrivals.deliveries:
                self._take(delivery, work)
            for delivery in arrivals.damaged:
                self._take_damaged(delivery, work)
            for delivery in arrivals.poison:
                self._take(delivery, work, POISON)
            vouchers = self._post(work)
            if vouchers:
                self._retry_all(sqlite_quarantine.parked(self._db), received_ms)
            work.cases += [
                sqlite_quarantine.message_case(message, received_ms)
                for message in arrivals.unreadable
            ]
            sqlite_quarantine.insert(self._db, work.cases)
            sqlite_inbox.save_cursors(self._db, work.cursors, received_ms)
            cursors = self._with_births(work.cursors, arrivals.births)
        return Applied(cursors, work.stored, work.repeated, vouchers, len(work.cases))

    def newest_ms(self) -> int:
        with sorted_errors():
            self._refresh_costs()
            return max(self._costs.newest_ms, sqlite_inbox.newest_ms(self._db))

    def add_costs(self, rows: Iterable[CostRow], now_ms: int) -> int:
        self._costs_version = None
        with transaction(self._db):
            return sqlite_costs.add(self._db, self._tenant, rows, now_ms)

    def replay(self, now_ms: int) -> Replayed:
        with transaction(self._db):
            self._refresh_costs()
            return self._retry_all(sqlite_quarantine.replayable(self._db), now_ms)

    def retry(self, case_id: int, decision: Decision) -> Replayed:
        with transaction(self._db):
            self._refresh_costs()
            case = sqlite_quarantine.one_replayable(self._db, case_id)
            if case is None or not self._may_retry(case_id, case, decision):
                return Replayed(0, int(case is not None))
            sqlite_quarantine.decide(self._db, case_id, decision)
            return self._retry_all([case], decision.made_ms)

    def discard(self, case_id: int, decision: Decision) -> bool:
        with transaction(self._db):
            found = sqlite_quarantine.case_file(self._db, case_id)
            if found is None or found.resolved_ms is not None:
                return False
            sqlite_quarantine.decide(self._db, case_id, decision)
            sqlite_quarantine.resolve(self._db, case_id, decision.made_ms)
        return True

    def case_file(self, case_id: int) -> CaseFile | None:
        with sorted_errors():
            return sqlite_quarantine.case_file(self._db, case_id)

    def hole(self, stream: Stream) -> tuple[int, int] | None:
        with sorted_errors():
            return sqlite_inbox.hole(self._db, stream)

    def day_closes(self) -> list[Received]:
        with sorted_errors():
            return sqlite_inbox.day_closes(self._db)

    def settled(self, stream: Stream, first: int, last: int) -> list[Received]:
        with sorted_errors():
            return sqlite_inbox.settled(self._db, stream, first, last)

    def cases(self) -> list[Case]:
        with sorted_errors():
            return sqlite_quarantine.open_cases(self._db)

    def status(self) -> Status:
        with sorted_errors():
            return sqlite_reports.status(self._db)

    def trial_balance(self) -> list[Balance]:
        with sorted_errors():
            return sqlite_reports.trial_balance(self._db)

    # --- steps of a transaction ------------------------------------------------------------------

    def _take(self, delivery: Delivery, work: _Work, problem: MappingProblem | None = None) -> None:
        """Keep what is new of a delivery, gather what follows from it, move the cursor.
        `problem`: why nothing follows from it."""
        stream = delivery.stream
        cursor = work.cursors.get(stream) or sqlite_inbox.cursor_of(self._db, stream)
        new, contradicting, known = sqlite_inbox.sift(self._db, delivery, cursor)
        sqlite_inbox.store(self._db, stream, new, work.received_ms)
        sqlite_quarantine.heal(self._db, stream, new, work.received_ms)
        problem = problem or self._misplaced(stream)
        for fact in new:
            key = FactKey(*stream, fact.seq)
            outcome = problem or self._derive(key, fact, work.received_ms)
            if isinstance(outcome, Posting):
                work.dues.append(Due(key, fact, outcome))
            elif outcome is not None:
                work.refuse(key, fact, outcome)
        work.contradicted(stream, contradicting)
        work.cursors[stream] = sqlite_inbox.advance(self._db, delivery, cursor)
        work.stored += len(new)
        work.repeated += known

    def _misplaced(self, stream: Stream) -> MappingProblem | None:
        """What is wrong with a stream whose lane took its journal to another address."""
        home = sqlite_inbox.home_of(self._db, stream)
        if home == (stream.store, stream.lane):
            return None
        return MappingProblem("address", f"this journal is known as that of {'/'.join(home)}")

    def _take_damaged(self, delivery: Delivery, work: _Work) -> None:
        """Keep what has come before with the same damage; of the rest, only open the cases."""
        stream = delivery.stream
        cursor = work.cursors.get(stream) or sqlite_inbox.cursor_of(self._db, stream)
        new, contradicting, known = sqlite_inbox.sift(self._db, delivery, cursor)
        for fact in new:
            problem = MappingProblem("chain", f"seq {fact.seq} is not what its hash was made for")
            work.refuse(FactKey(*stream, fact.seq), fact, problem)
            if sqlite_quarantine.seen(self._db, work.cases[-1]):
                sqlite_inbox.store(self._db, stream, [fact], work.received_ms)
                cursor = sqlite_inbox.advance(self._db, Delivery(stream, [fact]), cursor)
                work.stored += 1
        work.contradicted(stream, contradicting)
        work.cursors[stream] = cursor
        work.repeated += known

    def _post(self, work: _Work) -> int:
        """Write what is due; the number of vouchers written."""
        refused = sqlite_postings.post(self._db, work.dues)
        for due, reason in refused:
            work.refuse(due.key, due.fact, MappingProblem("refused", reason))
        written = sum(len(due.posting.vouchers) for due in work.dues)
        return written - sum(len(due.posting.vouchers) for due, _ in refused)

    def _may_retry(
        self, case_id: int, case: sqlite_quarantine.Replayable, decision: Decision
    ) -> bool:
        """A retry posts no fact that is contradicted, damaged, or posted at another address."""
        found = sqlite_quarantine.case_file(self._db, case_id)
        reason = found.case.reason if found else ""
        if reason == "address":
            accepted = decision.action == "accept"
            return accepted and sqlite_inbox.move_home(self._db, case.stream, case.fact.seq)
        return reason not in ("conflict", "chain")

    def _retry_all(self, cases: Iterable[sqlite_quarantine.Replayable], now_ms: int) -> Replayed:
        posted = still = 0
        for case in cases:
            problem = self._post_again(case)
            if problem is None:
                sqlite_quarantine.resolve(self._db, case.case_id, now_ms)
                posted += 1
            else:
                sqlite_quarantine.keep(self._db, case.case_id, problem, now_ms)
                still += 1
        return Replayed(posted, still)

    def _post_again(self, case: sqlite_quarantine.Replayable) -> MappingProblem | None:
        key = FactKey(*case.stream, case.fact.seq)
        outcome = self._derive(key, case.fact, case.received_ms)
        if not isinstance(outcome, Posting):
            return outcome
        refused = sqlite_postings.post(self._db, [Due(key, case.fact, outcome)])
        return MappingProblem("refused", refused[0].reason) if refused else None

    def _derive(
        self, key: FactKey, fact: WireFact, received_ms: int
    ) -> Posting | MappingProblem | None:
        cost_of = partial(self._costs.at, ms=received_ms)
        return derive(key, fact.type, fact.v, bytes(fact.body), self._books, cost_of)

    def _with_births(
        self, cursors: dict[Stream, Cursor], births: Iterable[Stream]
    ) -> dict[Stream, Cursor]:
        """Births last: the last word to a lane is about the epoch it lives in now."""
        for stream in births:
            cursor = cursors.pop(stream, None)
            cursors[stream] = cursor or sqlite_inbox.cursor_of(self._db, stream)
        return cursors

    def _refresh_costs(self) -> None:
        version = sqlite_costs.version(self._db)
        if version != self._costs_version:
            self._costs = sqlite_costs.history(self._db, self._tenant)
            self._costs_version = version

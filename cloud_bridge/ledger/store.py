"""What every store does with what arrives: `cloud_bridge.ledger.port.Ledger` over any database."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from agent.wire import WireFact, follows
from cloud_bridge.costs import CostRow
from cloud_bridge.ledger import inbox, postings, quarantine, reports, terms, verify
from cloud_bridge.ledger.database import Database, Row
from cloud_bridge.ledger.port import (
    BUGS,
    Applied,
    Arrivals,
    Balance,
    Case,
    CaseFile,
    Cursor,
    Decision,
    Delivery,
    Finding,
    Posted,
    Received,
    Replayed,
    Status,
    Undeducted,
)
from cloud_bridge.ledger.postings import Due
from cloud_bridge.mapping import (
    Books,
    MappingProblem,
    Posting,
    TermsHistory,
    derive,
)
from cloud_bridge.voucher import FactKey, Stream

log = logging.getLogger("lanetally.bridge")

POISON = MappingProblem("internal", "the bridge met a bug of its own; retry after an update")


@dataclass(slots=True)
class _Work:
    """What one transaction knows and gathers on its way through the arrivals."""

    received_ms: int
    cursors: dict[Stream, Cursor]
    homes: dict[tuple[str, str], tuple[str, str]]
    known: dict[FactKey, Row] = field(default_factory=dict)
    stored: dict[Stream, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    rows: list[Row] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    forked: set[Stream] = field(default_factory=set)
    repeated: int = 0

    def keep(self, stream: Stream, facts: Sequence[WireFact]) -> None:
        """New facts with consecutive seq, for the inbox."""
        for fact in facts:
            row = inbox.row_of(fact)
            self.known[FactKey(*stream, fact.seq)] = row
            self.rows.append((*stream, *row, self.received_ms))
        self.stored[stream].append((facts[0].seq, facts[-1].seq))

    def fork(self, key: FactKey) -> None:
        """This fact and the one before it are not of one chain."""
        self.forked.add(Stream(*key[:4]))
        self.cases.append(quarantine.fork_case(key, self.received_ms))

    def refuse(self, key: FactKey, fact: WireFact, problem: MappingProblem) -> None:
        self.cases.append(quarantine.fact_case(key, fact, problem, self.received_ms))

    def misplaced(self, stream: Stream) -> MappingProblem | None:
        """What is wrong with a stream whose lane took its journal to another address."""
        home = self.homes[stream.tenant, stream.epoch]
        if home == (stream.store, stream.lane):
            return None
        return MappingProblem("address", f"this journal is known as that of {'/'.join(home)}")


class SqlLedger:
    """`tenant` names the lists of costs and locks to use, and whose books these are: of others in
    the same database nothing is told and nothing tried again; "" are everybody's. `followers` get
    each voucher by the outbox."""

    def __init__(
        self, db: Database, books: Books, tenant: str = "", followers: Sequence[str] = ()
    ) -> None:
        self._db = db
        self._books = books
        self._tenant = tenant
        self._followers = followers
        self._terms = TermsHistory()
        self._terms_version: Row | None = None

    def close(self) -> None:
        self._db.close()

    def apply(self, arrivals: Arrivals, received_ms: int) -> Applied:
        with self._db.transaction():
            self._refresh_terms()
            work = self._begin(arrivals, received_ms)
            for delivery in arrivals.deliveries:
                self._take(delivery, work)
            for delivery in arrivals.poison:
                self._take(delivery, work, POISON)
            quarantine.heal(self._db, [FactKey(*row[:5]) for row in work.rows], received_ms)
            for delivery in arrivals.damaged:
                self._take_damaged(delivery, work)
            self._db.insert("inbox", sorted(work.rows, key=lambda row: row[:5]))
            vouchers = self._post(work)
            work.cases += [quarantine.message_case(m, received_ms) for m in arrivals.unreadable]
            quarantine.insert(self._db, work.cases)
            vouchers += self._post_released(work)
            cursors = self._move_cursors(arrivals, work)
        return Applied(cursors, len(work.rows), work.repeated, vouchers, len(work.cases))

    def newest_ms(self) -> int:
        with self._db.reading():
            self._refresh_terms()
            return max(self._terms.newest_ms, inbox.newest_ms(self._db))

    def add_costs(self, rows: Iterable[CostRow], now_ms: int) -> int:
        with self._db.transaction(alone=True):
            return terms.add_costs(self._db, self._tenant, rows, now_ms)

    def lock_period(self, until: str, now_ms: int) -> None:
        with self._db.transaction(alone=True):
            terms.lock(self._db, self._tenant, until, now_ms)

    def replay(self, now_ms: int) -> Replayed:
        with self._db.transaction(alone=True):
            self._refresh_terms()
            return self._retry_all(quarantine.replayable(self._db, self._tenant), now_ms)

    def retry(self, case_id: int, decision: Decision) -> Replayed:
        with self._db.transaction(alone=True):
            self._refresh_terms()
            case = quarantine.one_replayable(self._db, self._tenant, case_id)
            if case is None or not self._may_retry(case, decision):
                return Replayed(0, int(case is not None))
            quarantine.decide(self._db, case_id, decision)
            return self._retry_all([case], decision.made_ms)

    def discard(self, case_id: int, decision: Decision) -> bool:
        with self._db.transaction(alone=True):
            found = quarantine.case_file(self._db, self._tenant, case_id)
            if found is None or found.resolved_ms is not None:
                return False
            quarantine.decide(self._db, case_id, decision)
            quarantine.resolve(self._db, case_id, decision.made_ms)
        return True

    def case_file(self, case_id: int) -> CaseFile | None:
        with self._db.reading():
            return quarantine.case_file(self._db, self._tenant, case_id)

    def hole(self, stream: Stream) -> tuple[int, int] | None:
        with self._db.reading():
            return inbox.hole(self._db, stream)

    def day_closes(self) -> list[Received]:
        with self._db.reading():
            return inbox.day_closes(self._db, self._tenant)

    def settled(self, stream: Stream, first: int, last: int) -> list[Received]:
        with self._db.reading():
            return inbox.settled(self._db, stream, first, last)

    def cases(self) -> list[Case]:
        with self._db.reading():
            return quarantine.open_cases(self._db, self._tenant)

    def undeducted(self) -> list[Undeducted]:
        with self._db.reading():
            return reports.undeducted(self._db, self._tenant)

    def status(self) -> Status:
        with self._db.reading():
            return reports.status(self._db, self._tenant)

    def trial_balance(self) -> list[Balance]:
        with self._db.reading():
            return reports.trial_balance(self._db, self._tenant)

    def vouchers(self) -> Iterator[Posted]:
        with self._db.reading():
            yield from postings.vouchers(self._db, self._tenant, by_date=True)

    def findings(self) -> list[Finding]:
        with self._db.reading():
            self._refresh_terms()
            return list(verify.findings(self._db, self._tenant, self._books, self._terms))

    def outgoing(self, follower: str, most: int) -> list[Posted]:
        with self._db.reading():
            return postings.outgoing(self._db, self._tenant, follower, most)

    def delivered(self, follower: str, posted: Sequence[Posted], now_ms: int) -> None:
        with self._db.transaction():
            postings.delivered(self._db, follower, posted, now_ms)

    # --- steps of a transaction ------------------------------------------------------------------

    def _begin(self, arrivals: Arrivals, received_ms: int) -> _Work:
        """Hold the epochs, and read where they stand."""
        sent = sorted({delivery.stream for delivery in _sent(arrivals)})
        asked = sorted({*sent, *arrivals.births})
        self._db.hold(asked)
        return _Work(received_ms, inbox.cursors(self._db, asked), inbox.homes(self._db, sent))

    def _sift(self, delivery: Delivery, work: _Work) -> list[WireFact]:
        """The new facts of a delivery; others are repetitions, or contradict what is here."""
        stream, facts = delivery.stream, delivery.facts
        if facts[0].seq <= work.cursors[stream].last_seq:
            work.known |= inbox.known(self._db, stream, facts[0].seq, facts[-1].seq)
        new = []
        for fact in facts:
            key = FactKey(*stream, fact.seq)
            here = work.known.get(key)
            if here is None:
                new.append(fact)
                continue
            work.repeated += 1
            if here != inbox.row_of(fact):
                problem = MappingProblem("conflict", f"another fact is stored as seq {fact.seq}")
                work.refuse(key, fact, problem)
        return new

    def _take(self, delivery: Delivery, work: _Work, problem: MappingProblem | None = None) -> None:
        """Keep what is new of a delivery and gather what follows from it. `problem`: why nothing
        does."""
        stream = delivery.stream
        new = self._sift(delivery, work)
        problem = problem or work.misplaced(stream)
        for run in _runs(new):
            self._join(delivery, run, work)
            work.keep(stream, run)
        for fact in new:
            key = FactKey(*stream, fact.seq)
            outcome = problem or self._derive(key, fact, work.received_ms, work)
            if isinstance(outcome, Posting):
                work.dues.append(Due(key, fact, outcome))
            elif outcome is not None:
                work.refuse(key, fact, outcome)

    def _join(self, delivery: Delivery, run: Sequence[WireFact], work: _Work) -> None:
        """Where a run meets what is here, the chain must hold as it does within the run. It does
        not if a message of the life before a disk was set back comes into a gap of the life after:
        all is kept, and the lane is told the hashes of both sides."""
        stream, first, last = delivery.stream, run[0].seq, run[-1]
        if self._hash_here(stream, first - 1, work) not in ("", delivery.hash_before(first)):
            work.fork(FactKey(*stream, first))
        after = self._row_here(stream, last.seq + 1, work)
        if after and not follows(stream.epoch, last.hash, inbox.fact_of(after)):
            work.fork(FactKey(*stream, last.seq + 1))

    def _hash_here(self, stream: Stream, seq: int, work: _Work) -> str:
        """ "" if nothing is here."""
        cursor = work.cursors[stream]
        if seq == cursor.last_seq:
            return cursor.last_hash
        row = self._row_here(stream, seq, work)
        return row[inbox.HASH] if row else ""

    def _row_here(self, stream: Stream, seq: int, work: _Work) -> Row | None:
        key = FactKey(*stream, seq)
        if key not in work.known and 0 < seq <= work.cursors[stream].last_seq:
            work.known |= inbox.known(self._db, stream, seq, seq)
        return work.known.get(key)

    def _take_damaged(self, delivery: Delivery, work: _Work) -> None:
        """Keep what has come before with the same damage; of the rest, only open the cases."""
        stream = delivery.stream
        for fact in self._sift(delivery, work):
            problem = MappingProblem("chain", f"seq {fact.seq} is not what its hash was made for")
            work.refuse(FactKey(*stream, fact.seq), fact, problem)
            if quarantine.seen(self._db, work.cases[-1]):
                work.keep(stream, [fact])

    def _post(self, work: _Work) -> int:
        """Write what is due; the number of vouchers written."""
        ready = self._ready(work)
        refused = postings.post(self._db, ready, self._followers)
        for due, reason in refused:
            work.refuse(due.key, due.fact, MappingProblem("refused", reason))
        written = sum(len(due.posting.vouchers) for due in ready)
        return written - sum(len(due.posting.vouchers) for due, _ in refused)

    def _ready(self, work: _Work) -> list[Due]:
        """What need not wait for a sale that has not come."""
        sold = {
            (due.key.tenant, voucher.content.transaction_id)
            for due in work.dues
            for voucher in due.posting.vouchers
            if voucher.content.kind == "sale"
        }
        wanted = {(due.key.tenant, due.posting.needs) for due in work.dues if due.posting.needs}
        here = sold | postings.sales_here(self._db, wanted - sold)
        ready = []
        for due in work.dues:
            needs = due.posting.needs
            if not needs or (due.key.tenant, needs) in here:
                ready.append(due)
            else:
                work.refuse(due.key, due.fact, _waiting(due.posting))
        return ready

    def _post_released(self, work: _Work) -> int:
        """Post what has waited for a sale that is here now, whichever writer posted it. What waits
        on is asked in each commit, and not written of."""
        vouchers = 0
        lanes = sorted({stream[:3] for stream in work.cursors})
        for case in quarantine.released(self._db, self._tenant, lanes):
            outcome = self._tried(case)
            if not isinstance(outcome, MappingProblem) or outcome.code != "waits":
                vouchers += self._noted(case, outcome, work.received_ms) or 0
        return vouchers

    def _may_retry(self, case: quarantine.Replayable, decision: Decision) -> bool:
        """A retry posts no fact that is contradicted, damaged, or posted at another address."""
        found = quarantine.case_file(self._db, self._tenant, case.case_id)
        reason = found.case.reason if found else ""
        if reason == "address":
            return decision.action == "accept" and inbox.move_home(self._db, case.key)
        return reason not in quarantine.NOT_RETRIED

    def _retry_all(self, cases: Iterable[quarantine.Replayable], now_ms: int) -> Replayed:
        tried = [self._noted(case, self._tried(case), now_ms) for case in cases]
        return Replayed(len(tried) - tried.count(None), tried.count(None))

    def _tried(self, case: quarantine.Replayable) -> Posting | MappingProblem | None:
        """What follows from a case now; vouchers are written. A bug that it meets is its own: what
        came in the same commit is not to blame."""
        try:
            outcome = self._derive(case.key, case.fact, case.received_ms)
        except BUGS:
            log.exception("case %d meets a bug: it stays in quarantine", case.case_id)
            return POISON
        if isinstance(outcome, Posting):
            return self._written(Due(case.key, case.fact, outcome))
        return outcome

    def _noted(
        self, case: quarantine.Replayable, outcome: Posting | MappingProblem | None, now_ms: int
    ) -> int | None:
        """Close a case, or keep it with what is wrong now. The number of vouchers written; None if
        it stays."""
        if isinstance(outcome, MappingProblem):
            quarantine.keep(self._db, case.case_id, outcome, now_ms)
            return None
        quarantine.resolve(self._db, case.case_id, now_ms)
        return len(outcome.vouchers) if outcome else 0

    def _written(self, due: Due) -> Posting | MappingProblem:
        needs = due.posting.needs
        if needs and not postings.sales_here(self._db, {(due.key.tenant, needs)}):
            return _waiting(due.posting)
        refused = postings.post(self._db, [due], self._followers)
        return MappingProblem("refused", refused[0].reason) if refused else due.posting

    def _derive(
        self, key: FactKey, fact: WireFact, received_ms: int, work: _Work | None = None
    ) -> Posting | MappingProblem | None:
        def when(other: FactKey) -> int | None:
            due = work is not None and any(due.key == other for due in work.dues)
            return received_ms if due else inbox.received_ms(self._db, other)

        held = self._terms.at(received_ms, when)
        return derive(key, fact.type, fact.v, bytes(fact.body), self._books, held)

    def _move_cursors(self, arrivals: Arrivals, work: _Work) -> dict[Stream, Cursor]:
        """Where each stream stands now, births last: the last word to a lane is about the epoch it
        lives in now."""
        moved: dict[Stream, Cursor] = {}
        for delivery in _sent(arrivals):
            stream = delivery.stream
            if stream not in moved:
                stored = work.stored[stream]
                moved[stream] = inbox.advanced(self._db, stream, work.cursors[stream], stored)
        inbox.save_cursors(self._db, moved, work.received_ms)
        if arrivals.births and not moved:
            self._db.mark()
        for stream in arrivals.births:
            moved[stream] = moved.pop(stream, work.cursors[stream])
        return {stream: self._named(stream, cursor, work) for stream, cursor in moved.items()}

    def _named(self, stream: Stream, cursor: Cursor, work: _Work) -> Cursor:
        """With the hashes of its fact and of those at its forks, so that a lane sees whether they
        are its own."""
        row = self._row_here(stream, cursor.hw, work)
        forks: list[tuple[int, str]] = []
        if work.cursors[stream].is_forked or stream in work.forked:
            for seq in quarantine.forks(self._db, stream):
                rows = inbox.known(self._db, stream, seq - 1, seq).values()
                forks += sorted((found[0], found[inbox.HASH]) for found in rows)
        return replace(cursor, hash=row[inbox.HASH] if row else "", forks=tuple(forks))

    def _refresh_terms(self) -> None:
        version = terms.version(self._db, self._tenant)
        if version != self._terms_version:
            self._terms = terms.history(self._db, self._tenant)
            self._terms_version = version


def _sent(arrivals: Arrivals) -> tuple[Delivery, ...]:
    return (*arrivals.deliveries, *arrivals.damaged, *arrivals.poison)


def _waiting(posting: Posting) -> MappingProblem:
    worth = (
        sum(line.amount_minor for line in voucher.content.lines if line.amount_minor > 0)
        for voucher in posting.vouchers
    )
    detail = f"the sale {posting.needs} has not come yet"
    return MappingProblem("waits", detail, max(worth, default=0), posting.needs)


def _runs(facts: Sequence[WireFact]) -> Iterator[Sequence[WireFact]]:
    """Facts in order, cut where a seq is left out."""
    begin = 0
    for index in range(1, len(facts) + 1):
        if index == len(facts) or facts[index].seq != facts[index - 1].seq + 1:
            if facts:
                yield facts[begin:index]
            begin = index

"""The store of the sub-ledger as the ingest sees it: facts in, high-water marks out.

Every store keeps the same promises, and one test suite holds each to them:

- `apply` is atomic and durable: when it returns, all of it survives a power cut; when it raises,
  none of it happened, and the same call may be made again.
- A fact counts once per (tenant, store, lane, epoch, seq). The same fact to the byte is a
  repetition and changes nothing; another one goes to quarantine and changes nothing else.
- A fact that cannot be posted is kept, quarantined and counted as received; the others are posted.
- A damaged fact, which does not follow from the one before, is only quarantined at first: the way
  may have done it, and the lane sends again. The same bytes once more, in a later commit, are what
  the lane has: then it is kept and counted as received, and never posted.
- An epoch has one address, the first: its facts under another store or lane would double a history,
  so they are kept, quarantined and counted as received, and never posted.
- A fact that meets a bug is told apart by the ingest (`Arrivals.poison`): it is kept, quarantined
  and counted as received, and posted by a retry once the bug is mended. One that is tried again
  and meets a bug then stays a case, and holds up nothing else.
- A case with reason `waits` is parked: what it needs, as a refund its sale, is still to come.
  It is tried again in each commit, once its sale is there.
- What a person decided about a case is kept with who and why; a discarded case keeps its content.
- Vouchers, stock movements and what the outbox has for others are one transaction with the fact.
- Any number of writers may work on one ledger, if the store is made for it: they give what one
  would have given.
- Of a tenant's ledger nothing is told to others of the same database, and nothing of theirs is
  posted by its chart, costs and locks.
- The database itself refuses an unbalanced voucher and any change to what is posted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.wire import WireFact
from cloud_bridge.costs import CostRow
from cloud_bridge.voucher import FactKey, Stream, Voucher


class LedgerUnavailable(Exception):
    """The store cannot commit now (locked, full, I/O). Nothing was written: try again later."""


class LedgerRefuses(Exception):
    """The store takes this at no time, however often it is tried: something in it is poison.
    Nothing was written."""


class LedgerUnsafe(Exception):
    """The storage does not give what the ledger promises. Says what must be changed."""


INT64_MAX = 2**63 - 1  #: the largest number that every store can hold

#: What a bug in the mapping raises, or a value that a store cannot hold.
BUGS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Facts of one stream with consecutive seq, in order, at least one."""

    stream: Stream
    prev: str  #: the hash before the first fact, as its sender states it
    facts: Sequence[WireFact]

    def hash_before(self, seq: int) -> str:
        """Of the fact before one of these."""
        at = seq - self.facts[0].seq
        return self.facts[at - 1].hash if at else self.prev

    def singly(self) -> list[Delivery]:
        """The same, fact by fact."""
        return [Delivery(self.stream, self.hash_before(f.seq), [f]) for f in self.facts]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is no batch of facts, kept whole."""

    sender: tuple[str, str, str]  #: tenant, store and lane of the topic; "" where it has none
    reason: str
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came in since the last commit. `births`: streams that ask where they stand. `damaged`:
    facts that are not what their hashes were made for."""

    deliveries: tuple[Delivery, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    births: tuple[Stream, ...] = ()
    damaged: tuple[Delivery, ...] = ()
    poison: tuple[Delivery, ...] = ()  #: facts whose posting meets a bug: to be kept, not posted


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream has come: every seq up to `hw` is here, none is later than `last_seq`."""

    hw: int = 0
    last_seq: int = 0
    last_hash: str = field(default="", compare=False)  #: of the fact at `last_seq`; only before
    is_forked: bool = field(default=False, compare=False)  #: see `forks`; only before
    hash: str = field(default="", compare=False)  #: of the fact at `hw`; only after a commit
    #: (seq, hash) on both sides of each place where a fact does not follow from the one before,
    #: unless a person has looked at it; only after a commit
    forks: tuple[tuple[int, str], ...] = field(default=(), compare=False)

    @property
    def gap(self) -> bool:
        return self.last_seq > self.hw


@dataclass(frozen=True, slots=True)
class Applied:
    """What a commit did. `cursors` has each stream of the arrivals, in order of arrival."""

    cursors: Mapping[Stream, Cursor]
    stored: int = 0  #: facts that are new
    repeated: int = 0  #: facts that were here already
    vouchers: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class LaneStatus:
    stream: Stream
    cursor: Cursor
    received_ms: int


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the ledger in figures. `duplicates`: sale vouchers beyond one a transaction."""

    facts: int
    vouchers: int
    ledger_sum_minor: int  #: of all entry lines; 0, or the books are broken
    duplicates: int
    cost_gaps: int
    quarantined: int  #: open cases
    quarantined_minor: int  #: money in them, where known
    lanes: tuple[LaneStatus, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    account: str
    debit_minor: int
    credit_minor: int

    @property
    def balance_minor(self) -> int:
        return self.debit_minor - self.credit_minor


@dataclass(frozen=True, slots=True)
class Posted:
    """A voucher of the ledger, and the fact that it hangs on."""

    key: FactKey
    voucher: Voucher


@dataclass(frozen=True, slots=True)
class Case:
    """One thing in quarantine. `seq` 0: a whole message."""

    case_id: int
    stream: Stream
    seq: int
    reason: str
    detail: str
    amount_minor: int | None
    first_seen_ms: int
    tries: int


@dataclass(frozen=True, slots=True)
class Undeducted:
    """A sale that is paid, and whose stock the books have not, or not wholly, taken out."""

    stream: Stream
    seq: int
    reason: (
        str  #: "quarantined": nothing of it is posted; "no_cost": goods are out, their value not
    )
    detail: str  #: why it is held back, or the GTIN that has no cost
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be. `place`: a fact's key, an account, or "" for the whole ledger."""

    code: str
    place: str
    detail: str


@dataclass(frozen=True, slots=True)
class Replayed:
    posted: int
    still_quarantined: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a case: "retry", "accept" or "discard"."""

    action: str
    by: str
    why: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All that is known of a case, whether it is open or not."""

    case: Case
    raw: bytes  #: as it came: a fact as JSON, or a whole message
    resolved_ms: int | None  #: None: it is open
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A fact in the inbox. `posted`: nothing of it is held back."""

    stream: Stream
    seq: int
    type: str
    hash: str
    body: bytes
    posted: bool


class Ledger(Protocol):
    """Each call may raise LedgerUnavailable. Belongs to one thread."""

    def apply(self, arrivals: Arrivals, received_ms: int) -> Applied:
        """Take all in, at the costs that held at `received_ms`."""
        ...

    def newest_ms(self) -> int:
        """The latest time in the ledger: of a fact received, or a cost imported. 0 if it has none.
        What is received now is not dated before it, whatever the clock says."""
        ...

    def add_costs(self, rows: Iterable[CostRow], now_ms: int) -> int:
        """Costs that hold from now on; how many were not known already."""
        ...

    def lock_period(self, until: str, now_ms: int) -> None:
        """From now on, what is dated up to the day `until` is posted on the day after."""
        ...

    def replay(self, now_ms: int) -> Replayed:
        """Try the quarantined facts again, as after a change of the chart."""
        ...

    def cases(self) -> list[Case]:
        """What is open in quarantine, oldest first."""
        ...

    def case_file(self, case_id: int) -> CaseFile | None:
        """A case with its content and its history; None if there is none of this number."""
        ...

    def retry(self, case_id: int, decision: Decision) -> Replayed:
        """Try one case again. With action "accept", facts of a journal that has moved to another
        address are posted there from now on, those alone that its first address never had."""
        ...

    def discard(self, case_id: int, decision: Decision) -> bool:
        """Close a case without posting it; its content stays. False if it is not open."""
        ...

    def hole(self, stream: Stream) -> tuple[int, int] | None:
        """First and last seq of the first run of facts that are missing; None without a gap."""
        ...

    def day_closes(self) -> list[Received]:
        """Every fact by which a lane closed a day, by stream and seq."""
        ...

    def settled(self, stream: Stream, first: int, last: int) -> list[Received]:
        """The sales and returns among the facts from `first` to `last`, by seq."""
        ...

    def undeducted(self) -> list[Undeducted]:
        """Sales held back, and lines of posted ones whose items have no cost to this day, by
        stream and seq. Where costs are kept for no item, the latter are not told."""
        ...

    def status(self) -> Status: ...

    def trial_balance(self) -> list[Balance]:
        """By account number, over the whole ledger."""
        ...

    def vouchers(self) -> Iterator[Posted]:
        """All, by the day on which they count. Nothing else may be asked before the last one."""
        ...

    def findings(self) -> list[Finding]:
        """What is wrong with the books when all is read and derived again; empty if nothing is."""
        ...

    def outgoing(self, follower: str, most: int) -> list[Posted]:
        """The next vouchers that a follower of the ledger (an ERP) has not had yet."""
        ...

    def delivered(self, follower: str, posted: Sequence[Posted], now_ms: int) -> None:
        """The follower has these."""
        ...

    def close(self) -> None: ...

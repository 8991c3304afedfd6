"""The books against themselves: every fact is read and derived again, every voucher held against
what it says of itself. Nothing that was computed before is believed. Reads only.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

import msgspec

from agent.wire import GENESIS, follows
from cloud_bridge.documents import StockMovement
from cloud_bridge.ledger import inbox, postings
from cloud_bridge.ledger.database import MINE, Database
from cloud_bridge.ledger.inbox import Kept
from cloud_bridge.ledger.port import Finding, Posted
from cloud_bridge.mapping import Books, Posting, TermsHistory, derive
from cloud_bridge.voucher import FactKey, Voucher, seal

_T = TypeVar("_T")

_TOTAL = f"SELECT COALESCE(SUM(amount_minor), 0) FROM entry_line WHERE {MINE}"  # noqa: S608  a constant
_CASES = f"""
SELECT DISTINCT tenant, store, lane, epoch, seq, reason FROM quarantine
WHERE seq > 0 AND {MINE}"""  # noqa: S608  a constant
_OF_STREAM = "i.tenant = c.tenant AND i.store = c.store AND i.lane = c.lane AND i.epoch = c.epoch"
_CURSORS = f"""
SELECT tenant, store, lane, epoch, hw, last_seq,
  (SELECT COUNT(*) FROM inbox AS i WHERE {_OF_STREAM} AND seq <= hw),
  (SELECT COUNT(*) FROM inbox AS i WHERE {_OF_STREAM} AND seq = hw + 1),
  (SELECT COALESCE(MAX(seq), 0) FROM inbox AS i WHERE {_OF_STREAM})
FROM lane_cursor AS c WHERE {MINE} ORDER BY tenant, store, lane, epoch"""  # noqa: S608  constants of this package


def findings(db: Database, tenant: str, books: Books, terms: TermsHistory) -> Iterator[Finding]:
    """All that is wrong, most general first. What is posted is compared by role: another chart of
    accounts is no error, other voucher templates than those it was posted by are."""
    ((total,),) = db.rows(_TOTAL, (tenant,))
    if total:
        yield Finding("sum", "", f"all entry lines together are {total}, not 0")
    for *stream, hw, last_seq, counted, after, latest in db.rows(_CURSORS, (tenant,)):
        if (hw, 0, last_seq) != (counted, after, latest):
            detail = f"{hw} of {last_seq}, but {counted + after} facts are here, up to {latest}"
            yield Finding("cursor", "/".join(stream), detail)
    cases: dict[FactKey, set[str]] = defaultdict(set)
    for *key, reason in db.rows(_CASES, (tenant,)):
        cases[FactKey(*key)].add(reason)
    vouchers = _Grouped((p.key, p) for p in postings.vouchers(db, tenant))
    movements = _Grouped(postings.movements(db, tenant))
    before: Kept | None = None
    for fact in inbox.everything(db, tenant):
        yield from _orphans("vouchers", vouchers.until(fact.key))
        yield from _orphans("stock movements", movements.until(fact.key))
        reasons = cases.get(fact.key, set())
        if not reasons & {"chain", "fork"} and not _follows(before, fact):
            yield Finding("chain", _place(fact.key), "the fact is not what its hash was made for")
        posted, moved = vouchers.at(fact.key), movements.at(fact.key)
        for one in posted:
            yield from _itself(one)
        if posted or moved or reasons <= {"conflict", "fork"}:
            yield from _compared(db, fact, posted, moved, books, terms)
        before = fact
    yield from _orphans("vouchers", vouchers.until(None))
    yield from _orphans("stock movements", movements.until(None))


class _Grouped(Generic[_T]):
    """Pairs by ascending key, taken key by key beside another stream."""

    def __init__(self, pairs: Iterator[tuple[FactKey, _T]]) -> None:
        self._pairs = pairs
        self._next = next(pairs, None)

    def at(self, key: FactKey) -> list[_T]:
        found = []
        while self._next is not None and self._next[0] == key:
            found.append(self._next[1])
            self._next = next(self._pairs, None)
        return found

    def until(self, key: FactKey | None) -> Iterator[FactKey]:
        """The keys before one, which nothing asked for."""
        while self._next is not None and (key is None or self._next[0] < key):
            yield self._next[0]
            self._next = next(self._pairs, None)


def _orphans(what: str, keys: Iterator[FactKey]) -> Iterator[Finding]:
    for key in dict.fromkeys(keys):
        yield Finding("orphan", _place(key), f"{what} without their fact")


def _follows(before: Kept | None, fact: Kept) -> bool:
    """True also where the fact before is not here."""
    key = fact.key
    if before is not None and before.key == (*key[:4], key.seq - 1):
        return follows(key.epoch, before.fact.hash, fact.fact)
    return key.seq > 1 or follows(key.epoch, GENESIS, fact.fact)


def _itself(posted: Posted) -> Iterator[Finding]:
    voucher, place = posted.voucher, f"{_place(posted.key)} {posted.voucher.content.kind}"
    total = sum(line.amount_minor for line in voucher.content.lines)
    if total:
        yield Finding("balance", place, f"the voucher's lines are {total}, not 0")
    if seal(posted.key, voucher.content) != voucher:
        yield Finding("digest", place, "the voucher is not what its id and digest were made for")


def _compared(
    db: Database,
    fact: Kept,
    posted: Sequence[Posted],
    moved: Sequence[StockMovement],
    books: Books,
    terms: TermsHistory,
) -> Iterator[Finding]:
    """What is posted against what follows from the fact. What is not posted has a case instead."""
    wire, place = fact.fact, _place(fact.key)
    held = terms.at(fact.received_ms, partial(inbox.received_ms, db))
    due = derive(fact.key, wire.type, wire.v, bytes(wire.body), books, held)
    if not isinstance(due, Posting):
        if posted or moved:
            yield Finding("voucher", place, "is posted, and nothing follows from its fact")
        return
    if Counter(map(_figures, (p.voucher for p in posted))) != Counter(map(_figures, due.vouchers)):
        yield Finding("voucher", place, "the vouchers are not those that follow from the fact")
    if tuple(moved) != due.movements:
        yield Finding("stock", place, "the stock movements are not those that follow from the fact")


def _figures(voucher: Voucher) -> str:
    """What a voucher says, whatever its chart."""
    says = voucher.content
    lines = [(line.role, line.amount_minor) for line in says.lines]
    words = (says.kind, says.version, says.booked_on, says.transaction_id, lines)
    return hashlib.sha256(msgspec.json.encode(words)).hexdigest()


def _place(key: FactKey) -> str:
    return "/".join(map(str, key))

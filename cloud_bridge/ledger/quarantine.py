"""What could not be used, kept whole as a work list. Runs inside the caller's transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from agent.wire import WireFact
from cloud_bridge.ledger.port import Case, CaseFile, Decision, Unreadable
from cloud_bridge.mapping import MappingProblem
from cloud_bridge.voucher import FactKey, Stream

CaseRow: TypeAlias = tuple[Any, ...]

_INSERT = """
INSERT INTO quarantine (tenant, store, lane, epoch, seq, raw_sha256, reason, detail, raw,
                        amount_minor, first_seen_ms, last_seen_ms, tries)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1)
ON CONFLICT DO UPDATE SET tries = tries + 1, last_seen_ms = excluded.last_seen_ms"""
_OPEN_CASES = """
SELECT case_id, tenant, store, lane, epoch, seq, reason, detail, amount_minor, first_seen_ms, tries
FROM quarantine WHERE resolved_ms IS NULL ORDER BY case_id"""
_SEEN = """
SELECT 1 FROM quarantine
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq = ? AND raw_sha256 = ?"""
_HEAL = """
UPDATE quarantine SET resolved_ms = ?
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq = ?
  AND reason = 'chain' AND resolved_ms IS NULL"""
#: A contradicting fact is not the one in the inbox, a damaged one is not to be believed, and what
#: came under a second address has been posted under the first.
_REPLAYABLE = """
SELECT case_id, tenant, store, lane, epoch, received_ms,
       seq, type, version, wall_ms, mono_ms, hash, body
FROM quarantine JOIN inbox USING (tenant, store, lane, epoch, seq)
WHERE resolved_ms IS NULL AND reason NOT IN ('conflict', 'chain', 'address') ORDER BY case_id"""
_PARKED = _REPLAYABLE.replace("reason NOT IN ('conflict', 'chain', 'address')", "reason = 'waits'")
_ONE = _REPLAYABLE.replace("reason NOT IN ('conflict', 'chain', 'address')", "case_id = ?")
_CASE_FILE = """
SELECT case_id, tenant, store, lane, epoch, seq, reason, detail, amount_minor, first_seen_ms, tries,
       raw, resolved_ms
FROM quarantine WHERE case_id = ?"""
_DECISIONS = """
SELECT action, made_by, reason, made_ms FROM quarantine_decision WHERE case_id = ? ORDER BY rowid"""
_DECIDE = "INSERT INTO quarantine_decision VALUES (?,?,?,?,?)"
_RESOLVE = "UPDATE quarantine SET resolved_ms = ? WHERE case_id = ?"
_KEEP = """
UPDATE quarantine SET reason = ?, detail = ?, last_seen_ms = ?, tries = tries + 1
WHERE case_id = ?"""


def fact_case(key: FactKey, fact: WireFact, problem: MappingProblem, received_ms: int) -> CaseRow:
    raw = msgspec.json.encode(fact)
    at = (received_ms, received_ms)
    return (*key, _digest(raw), problem.code, problem.detail, raw, problem.amount_minor, *at)


def message_case(message: Unreadable, received_ms: int) -> CaseRow:
    at = (received_ms, received_ms)
    digest = _digest(message.raw)
    return (*message.sender, "", 0, digest, message.reason, message.detail, message.raw, None, *at)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def insert(db: sqlite3.Connection, cases: Iterable[CaseRow]) -> None:
    """A case that is there already counts one more try."""
    db.executemany(_INSERT, cases)


def seen(db: sqlite3.Connection, case: CaseRow) -> bool:
    """Whether the same bytes are here as a case from an earlier commit."""
    return db.execute(_SEEN, case[:6]).fetchone() is not None


def heal(
    db: sqlite3.Connection, stream: Stream, facts: Iterable[WireFact], received_ms: int
) -> None:
    """The true facts have come: what was damaged on its way before is no case any more."""
    db.executemany(_HEAL, [(received_ms, *stream, fact.seq) for fact in facts])


def open_cases(db: sqlite3.Connection) -> list[Case]:
    return [Case(row[0], Stream(*row[1:5]), *row[5:]) for row in db.execute(_OPEN_CASES)]


@dataclass(frozen=True, slots=True)
class Replayable:
    """An open case whose fact lies in the inbox."""

    case_id: int
    stream: Stream
    received_ms: int
    fact: WireFact


def replayable(db: sqlite3.Connection) -> list[Replayable]:
    return [_replayable(*row) for row in db.execute(_REPLAYABLE)]


def parked(db: sqlite3.Connection) -> list[Replayable]:
    """Cases that wait for something which may have come."""
    return [_replayable(*row) for row in db.execute(_PARKED)]


def one_replayable(db: sqlite3.Connection, case_id: int) -> Replayable | None:
    """An open case of any reason whose fact lies in the inbox."""
    row = db.execute(_ONE, (case_id,)).fetchone()
    return _replayable(*row) if row else None


def case_file(db: sqlite3.Connection, case_id: int) -> CaseFile | None:
    row = db.execute(_CASE_FILE, (case_id,)).fetchone()
    if row is None:
        return None
    case = Case(row[0], Stream(*row[1:5]), *row[5:11])
    decisions = tuple(Decision(*found) for found in db.execute(_DECISIONS, (case_id,)))
    return CaseFile(case, row[11], row[12], decisions)


def decide(db: sqlite3.Connection, case_id: int, decision: Decision) -> None:
    row = case_id, decision.action, decision.by, decision.why, decision.made_ms
    db.execute(_DECIDE, row)


def _replayable(case_id: int, *row: Any) -> Replayable:
    tenant, store, lane, epoch, received_ms, seq, type_, version, wall_ms, mono_ms, hash_, body = (
        row
    )
    fact = WireFact(seq, type_, version, wall_ms, mono_ms, hash_, msgspec.Raw(body))
    return Replayable(case_id, Stream(tenant, store, lane, epoch), received_ms, fact)


def resolve(db: sqlite3.Connection, case_id: int, now_ms: int) -> None:
    db.execute(_RESOLVE, (now_ms, case_id))


def keep(db: sqlite3.Connection, case_id: int, problem: MappingProblem, now_ms: int) -> None:
    """The case stays open, with what is wrong now."""
    db.execute(_KEEP, (problem.code, problem.detail, now_ms, case_id))

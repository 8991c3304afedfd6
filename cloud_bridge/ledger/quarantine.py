"""What could not be used, kept whole as a work list. Runs inside the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.wire import WireFact
from cloud_bridge.ledger.database import MINE, Database, Row, places
from cloud_bridge.ledger.inbox import fact_of
from cloud_bridge.ledger.port import Case, CaseFile, Decision, Unreadable
from cloud_bridge.mapping import MappingProblem
from cloud_bridge.voucher import FactKey, Stream

_INSERT = """
INSERT INTO quarantine (tenant, store, lane, epoch, seq, raw_sha256, reason, detail, raw,
                        amount_minor, waits_for, first_seen_ms, last_seen_ms, tries)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,1)
ON CONFLICT (tenant, store, lane, epoch, seq, raw_sha256) DO UPDATE SET
  tries = quarantine.tries + 1, last_seen_ms = excluded.last_seen_ms"""
#: What no lane's topic brought is anybody's.
MINE_OR_NOBODYS = f"(tenant = '' OR {MINE})"
_OPEN_CASES = f"""
SELECT case_id, tenant, store, lane, epoch, seq, reason, detail, amount_minor, first_seen_ms, tries
FROM quarantine WHERE resolved_ms IS NULL AND {MINE_OR_NOBODYS} ORDER BY case_id"""  # noqa: S608  constants of this package
_SEEN = """
SELECT 1 FROM quarantine
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq = ? AND raw_sha256 = ?"""
_DAMAGED = """
SELECT tenant, store, lane, epoch, seq, case_id FROM quarantine
WHERE reason = 'chain' AND resolved_ms IS NULL"""
_IN_INBOX = f"""
SELECT case_id, tenant, store, lane, epoch, received_ms,
       seq, type, version, wall_ms, mono_ms, hash, body
FROM quarantine JOIN inbox USING (tenant, store, lane, epoch, seq)
WHERE resolved_ms IS NULL AND {MINE}"""  # noqa: S608  constants of this package
#: A contradicting fact is not the one in the inbox, a damaged one is not to be believed, and at a
#: fork both sides are posted.
NOT_RETRIED = ("conflict", "chain", "fork")
#: What came under a second address has been posted under the first, unless a person accepts it.
_SETTLED = ", ".join(f"'{reason}'" for reason in (*NOT_RETRIED, "address"))
_REPLAYABLE = f"{_IN_INBOX} AND reason NOT IN ({_SETTLED}) ORDER BY case_id"
_FORKS = """
SELECT seq FROM quarantine WHERE reason = 'fork' AND resolved_ms IS NULL
  AND tenant = ? AND store = ? AND lane = ? AND epoch = ? ORDER BY seq LIMIT 4"""
#: Without a transaction's id, what a case waits for comes from its own lane: whose lane has sent
#: nothing is not asked. Each question costs half a millisecond in PostgreSQL, in each commit.
_RELEASED = f"""{_IN_INBOX} AND reason = 'waits' AND (
  waits_for = '' AND (tenant, store, lane) IN (VALUES {{}})
  OR waits_for <> '' AND EXISTS (
    SELECT 1 FROM voucher WHERE voucher.tenant = quarantine.tenant AND kind = 'sale'
                            AND transaction_id = waits_for))
ORDER BY tenant, store, lane, epoch, seq"""  # noqa: S608  constants of this file
_ONE = f"{_IN_INBOX} AND case_id = ?"
_CASE_FILE = f"""
SELECT case_id, tenant, store, lane, epoch, seq, reason, detail, amount_minor, first_seen_ms, tries,
       raw, resolved_ms
FROM quarantine WHERE case_id = ? AND {MINE_OR_NOBODYS}"""  # noqa: S608  constants of this package
_DECISIONS = """
SELECT action, made_by, reason, made_ms FROM quarantine_decision WHERE case_id = ?
ORDER BY made_ms"""
_RESOLVE = "UPDATE quarantine SET resolved_ms = ? WHERE case_id = ?"
_KEEP = """
UPDATE quarantine SET reason = ?, detail = ?, last_seen_ms = ?, tries = tries + 1
WHERE case_id = ?"""


def fact_case(key: FactKey, fact: WireFact, problem: MappingProblem, received_ms: int) -> Row:
    raw = msgspec.json.encode(fact)
    what = (problem.code, problem.detail, raw, problem.amount_minor, problem.waits_for)
    return (*key, _digest(raw), *what, received_ms, received_ms)


def message_case(message: Unreadable, received_ms: int) -> Row:
    what = (message.reason, message.detail, message.raw, None, "")
    return (*message.sender, "", 0, _digest(message.raw), *what, received_ms, received_ms)


def fork_case(key: FactKey, received_ms: int) -> Row:
    """A fact does not follow from the one before, though each is what its sender made it for."""
    detail = (
        f"seq {key.seq} does not follow from the {key.seq - 1} that is here: one of the two was "
        "written before the lane's disk was set back"
    )
    raw = msgspec.json.encode({"seq": key.seq, "does_not_follow_from": key.seq - 1})
    return (*key, _digest(raw), "fork", detail, raw, None, "", received_ms, received_ms)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def insert(db: Database, cases: Iterable[Row]) -> None:
    """A case that is there already counts one more try."""
    ordered = sorted(cases, key=lambda case: case[:6])
    db.many(_INSERT, [tuple(map(_without_nul, case)) for case in ordered])


def _without_nul(value: Any) -> Any:
    """Of a sentence about bytes from outside; the bytes themselves are kept beside it."""
    return value.replace("\0", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value


def seen(db: Database, case: Row) -> bool:
    """Whether the same bytes are here as a case from an earlier commit."""
    return any(db.rows(_SEEN, case[:6]))


def forks(db: Database, stream: Stream) -> list[int]:
    """The first seqs that do not follow from what is before them, until a person has looked."""
    return [seq for (seq,) in db.rows(_FORKS, stream)]


def heal(db: Database, keys: Iterable[FactKey], received_ms: int) -> None:
    """The true facts have come: what was damaged on its way before is no case any more."""
    healed = set(keys)
    cases = [row[5] for row in db.rows(_DAMAGED) if FactKey(*row[:5]) in healed]
    db.many(_RESOLVE, [(received_ms, case_id) for case_id in sorted(cases)])


def open_cases(db: Database, tenant: str) -> list[Case]:
    rows = db.rows(_OPEN_CASES, (tenant,))
    return [Case(row[0], Stream(*row[1:5]), *row[5:]) for row in rows]


@dataclass(frozen=True, slots=True)
class Replayable:
    """An open case whose fact lies in the inbox."""

    case_id: int
    key: FactKey
    received_ms: int
    fact: WireFact


def replayable(db: Database, tenant: str) -> list[Replayable]:
    """Oldest first."""
    return [_replayable(row) for row in db.rows(_REPLAYABLE, (tenant,))]


def released(
    db: Database, tenant: str, lanes: Collection[tuple[str, str, str]]
) -> list[Replayable]:
    """What waits and perhaps need not any more, now that these lanes have sent again, by key."""
    if not lanes:
        return []
    sql = _RELEASED.format(places(len(lanes), 3))
    names = [part for lane in lanes for part in lane]
    return [_replayable(row) for row in db.rows(sql, (tenant, *names))]


def one_replayable(db: Database, tenant: str, case_id: int) -> Replayable | None:
    """An open case of any reason whose fact lies in the inbox."""
    return next(map(_replayable, db.rows(_ONE, (tenant, case_id))), None)


def case_file(db: Database, tenant: str, case_id: int) -> CaseFile | None:
    for row in db.rows(_CASE_FILE, (case_id, tenant)):
        case = Case(row[0], Stream(*row[1:5]), *row[5:11])
        decisions = tuple(Decision(*found) for found in db.rows(_DECISIONS, (case_id,)))
        return CaseFile(case, row[11], row[12], decisions)
    return None


def decide(db: Database, case_id: int, decision: Decision) -> None:
    row = case_id, decision.action, decision.by, decision.why, decision.made_ms
    db.insert("quarantine_decision", [row])


def _replayable(row: Row) -> Replayable:
    key = FactKey(row[1], row[2], row[3], row[4], row[6])
    return Replayable(row[0], key, row[5], fact_of(row[6:]))


def resolve(db: Database, case_id: int, now_ms: int) -> None:
    db.many(_RESOLVE, [(now_ms, case_id)])


def keep(db: Database, case_id: int, problem: MappingProblem, now_ms: int) -> None:
    """The case stays open, with what is wrong now."""
    reason, detail = problem.code, _without_nul(problem.detail)
    db.many(_KEEP, [(reason, detail, now_ms, case_id)])

"""Vouchers, stock movements and cost gaps as rows, and back. Runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from agent.wire import WireFact
from cloud_bridge.documents import StockMovement
from cloud_bridge.ledger.database import MINE, Database, PostingRows, Row
from cloud_bridge.ledger.port import Posted
from cloud_bridge.mapping import Posting
from cloud_bridge.voucher import Content, EntryLine, FactKey, Voucher

_POSTED = """
SELECT voucher_id, digest FROM voucher
WHERE tenant = ? AND store = ? AND lane = ? AND epoch = ? AND seq = ?"""
_SALES = """
SELECT transaction_id FROM voucher
WHERE tenant = ? AND kind = 'sale' AND transaction_id = ?"""
_KEY = "tenant, store, lane, epoch, seq, kind"
_SAYS = """version, business_date, currency, transaction_id, receipt_number, posting_date, journal,
  note, approver, reverses, red, voucher_id, digest, role, account, amount_minor"""
_VOUCHERS = f"""
SELECT {_KEY}, {_SAYS} FROM voucher JOIN entry_line USING ({_KEY}) WHERE {MINE}
ORDER BY {_KEY}, line_no"""  # noqa: S608  constants of this package
_BY_DATE = f"""
SELECT {_KEY}, {_SAYS} FROM voucher JOIN entry_line USING ({_KEY}) WHERE {MINE}
ORDER BY CASE posting_date WHEN '' THEN business_date ELSE posting_date END, {_KEY}, line_no"""  # noqa: S608  constants of this file
_OUTGOING = f"""
SELECT {_KEY}, {_SAYS} FROM (
  SELECT {_KEY} FROM outbox WHERE follower = ? AND delivered_ms IS NULL AND {MINE}
  ORDER BY {_KEY} LIMIT ?
) AS due JOIN voucher USING ({_KEY}) JOIN entry_line USING ({_KEY}) ORDER BY {_KEY}, line_no"""  # noqa: S608  constants of this file
_DELIVERED = """
UPDATE outbox SET delivered_ms = ? WHERE follower = ? AND tenant = ? AND store = ? AND lane = ?
  AND epoch = ? AND seq = ? AND kind = ? AND delivered_ms IS NULL"""
_MOVEMENTS = f"""
SELECT tenant, store, lane, epoch, seq, line_no, gtin, quantity_milli, weight_g, cost_minor
FROM stock_movement WHERE {MINE}
ORDER BY tenant, store, lane, epoch, seq, line_no"""  # noqa: S608  a constant


@dataclass(frozen=True, slots=True)
class Due:
    """A posting that is to be written, and the fact that it follows from."""

    key: FactKey
    fact: WireFact
    posting: Posting


class Refused(NamedTuple):
    """A posting that the database itself did not take."""

    due: Due
    reason: str


def post(db: Database, dues: Sequence[Due], followers: Sequence[str]) -> list[Refused]:
    """Write all at once; what the database refuses is found by halves."""
    if not dues:
        return []
    reason = db.post(_rows(dues, followers))
    if reason is None:
        return []
    if len(dues) == 1:
        return [] if _posted_already(db, dues[0]) else [Refused(dues[0], reason)]
    half = len(dues) // 2
    return post(db, dues[:half], followers) + post(db, dues[half:], followers)


def _posted_already(db: Database, due: Due) -> bool:
    """Whether the ledger has exactly these vouchers: same ids, same digests."""
    posted = {tuple(row) for row in db.rows(_POSTED, due.key)}
    return posted == {(voucher.voucher_id, voucher.digest) for voucher in due.posting.vouchers}


def sales_here(db: Database, wanted: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of the (tenant, transaction id) have their sale posted."""
    return {sale for sale in wanted if any(db.rows(_SALES, sale))}


# --- rows out ----------------------------------------------------------------------------------


def _rows(dues: Sequence[Due], followers: Sequence[str]) -> PostingRows:
    ordered = sorted(dues, key=lambda due: due.key)
    return PostingRows(
        sorted(_voucher_rows(ordered), key=lambda row: row[:6]),
        sorted(_line_rows(ordered), key=lambda row: row[:7]),
        [
            (*due.key, m.line_no, m.gtin, m.quantity_milli, m.weight_g, m.cost_minor)
            for due in ordered
            for m in due.posting.movements
        ],
        [
            (*due.key, gap.line_no, gap.gtin, gap.reason)
            for due in ordered
            for gap in due.posting.gaps
        ],
        [
            (follower, *due.key, voucher.content.kind, None)
            for follower in sorted(followers)
            for due in ordered
            for voucher in due.posting.vouchers
        ],
    )


def _voucher_rows(dues: Sequence[Due]) -> Iterator[Row]:
    for due in dues:
        for voucher in due.posting.vouchers:
            says = voucher.content
            yield (
                *due.key,
                says.kind,
                says.version,
                voucher.voucher_id,
                voucher.digest,
                says.business_date,
                says.currency,
                says.transaction_id,
                says.receipt_number,
                says.posting_date,
                says.journal,
                says.note,
                says.approver,
                says.reverses,
                int(says.red),
                len(says.lines),
            )


def _line_rows(dues: Sequence[Due]) -> Iterator[Row]:
    for due in dues:
        for voucher in due.posting.vouchers:
            kind = voucher.content.kind
            for line_no, line in enumerate(voucher.content.lines, 1):
                yield *due.key, kind, line_no, line.role, line.account, line.amount_minor


# --- rows in -----------------------------------------------------------------------------------


def vouchers(db: Database, tenant: str, *, by_date: bool = False) -> Iterator[Posted]:
    """All vouchers by key, or by the day on which they count."""
    return _posted(db.stream(_BY_DATE if by_date else _VOUCHERS, (tenant,)))


def outgoing(db: Database, tenant: str, follower: str, most: int) -> list[Posted]:
    """The next vouchers that a follower has not had."""
    return list(_posted(iter(db.rows(_OUTGOING, (follower, tenant, most)))))


def delivered(db: Database, follower: str, posted: Sequence[Posted], now_ms: int) -> None:
    keys = sorted((*p.key, p.voucher.content.kind) for p in posted)
    db.many(_DELIVERED, [(now_ms, follower, *key) for key in keys])


def movements(db: Database, tenant: str) -> Iterator[tuple[FactKey, StockMovement]]:
    """All stock movements, by key."""
    rows = db.stream(_MOVEMENTS, (tenant,))
    return ((FactKey(*row[:5]), StockMovement(*row[5:])) for row in rows)


def _posted(rows: Iterator[Row]) -> Iterator[Posted]:
    """One row for each line -> one voucher for all rows of a key."""
    for key, group in groupby(rows, lambda row: tuple(row[:6])):
        lines = list(group)
        says = lines[0][6:]
        content = Content(
            key[5],
            says[0],
            says[1],
            says[2],
            says[3],
            says[4],
            tuple(EntryLine(*line[19:]) for line in lines),
            posting_date=says[5],
            journal=says[6],
            note=says[7],
            approver=says[8],
            reverses=says[9],
            red=bool(says[10]),
        )
        yield Posted(FactKey(*key[:5]), Voucher(says[11], content, says[12]))

"""What the journal's tables become after each fact: SQL as a table, rebuildable from facts alone.

A projection changes in the commit of its fact. None of them holds anything that the facts do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from agent import sale_tables, wire
from agent.domain import facts
from agent.domain.facts import FactBody
from agent.domain.learned import WEIGHINGS_MAX
from agent.domain.returns import return_job_id
from agent.domain.settlement import receipt_job_id
from agent.domain.totals import CashierTotal
from agent.sale_tables import Statement

#: Emptied by a rebuild, filled by replaying every fact.
TABLES = (
    "lane_state",
    "settlement",
    "print_job",
    "described_item",
    "weighed_piece",
    "command",
    "day",
    "sale",
    "suspicion",
    "backfill",
    "returned",
    "unsettled",
    "suspended",
)


def total_digest(total: CashierTotal) -> str:
    """The same for the same content, whatever order the client's JSON had."""
    return hashlib.sha256(wire.encode_total(total)).hexdigest()


def statements(seq: int, fact: FactBody, wall_ms: int) -> Iterable[Statement]:
    """The changes that follow from the fact at `seq`, which was journaled at `wall_ms`."""
    return _made(seq, fact, wall_ms) if type(fact) in _CHANGING else ()


def _made(seq: int, fact: FactBody, wall_ms: int) -> Iterable[Statement]:
    if isinstance(fact, facts.TransactionSettled):
        yield from _settled(seq, fact)
        yield from sale_tables.settled(seq, fact, wall_ms)
        return
    for table in (_PROJECTED, sale_tables.PROJECTED):
        project = table.get(type(fact))
        if project is not None:
            yield from project(seq, fact)


def _opened(seq: int, fact: facts.TransactionOpened) -> Iterable[Statement]:
    yield _OPENED, (fact.number, seq)


_OPENED = """
    INSERT INTO lane_state(id, last_number, open_seq) VALUES (1, ?, ?)
    ON CONFLICT DO UPDATE SET last_number = excluded.last_number, open_seq = excluded.open_seq
"""


def _put_aside(seq: int, fact: facts.TransactionSuspended) -> Iterable[Statement]:
    yield _PUT_ASIDE, (fact.transaction_id, fact.number, seq)
    yield _NONE_OPEN


def _retrieved(_seq: int, fact: facts.TransactionRetrieved) -> Iterable[Statement]:
    yield _TAKEN_UP, (fact.transaction_id,)
    yield _NOT_ASIDE, (fact.transaction_id,)


def _discarded(_seq: int, fact: facts.TransactionDiscarded) -> Iterable[Statement]:
    if not fact.number:
        yield _NONE_OPEN
    yield _NOT_ASIDE, (fact.transaction_id,)


_NONE_OPEN: Statement = ("UPDATE lane_state SET open_seq = NULL WHERE id = 1", ())
_NOT_ASIDE = "DELETE FROM suspended WHERE transaction_id = ?"
_PUT_ASIDE = "INSERT INTO suspended SELECT ?, ?, ?, coalesce(open_seq, 0) FROM lane_state"
_TAKEN_UP = """
    UPDATE lane_state SET open_seq = (SELECT open_seq FROM suspended WHERE transaction_id = ?)
    WHERE id = 1
"""


def _received(_seq: int, fact: facts.CashierTotalReceived) -> Iterable[Statement]:
    # an id that was held and never settled is free again, whoever takes it
    total = fact.total
    yield (_RECEIVED, (total.total_id, total_digest(total), fact.transaction_id, total.customer))


_RECEIVED = """
    INSERT OR REPLACE INTO settlement(total_id, digest, transaction_id, customer)
    VALUES (?, ?, ?, ?)
"""


def _suspected(seq: int, fact: facts.MissedScanSuspected) -> Iterable[Statement]:
    yield ("UPDATE settlement SET suspected_seq = ? WHERE total_id = ?", (seq, fact.total_id))


def _settled(seq: int, fact: facts.TransactionSettled) -> Iterable[Statement]:
    yield ("UPDATE lane_state SET sold_open_seq = open_seq, open_seq = NULL WHERE id = 1", ())
    yield ("UPDATE settlement SET settled_seq = ? WHERE total_id = ?", (seq, fact.total_id))
    yield _TO_BE_PRINTED, (receipt_job_id(fact.transaction_id), seq)
    if seq > 0:  # what a former epoch sold was closed by it, or is not any more
        yield _ONE_MORE, (fact.business_date, 1, 0, seq, seq)


_TO_BE_PRINTED = """
    INSERT INTO print_job(job_id, settled_seq, state, tries) VALUES (?, ?, 'waiting', 0)
"""
#: A sale or a return.
_ONE_MORE = """
    INSERT INTO day(business_date, sales, returns, closed_sales, first_seq, last_seq)
    VALUES (?, ?, ?, 0, ?, ?)
    ON CONFLICT DO UPDATE SET sales = sales + excluded.sales, returns = returns + excluded.returns,
        last_seq = excluded.last_seq, first_seq = iif(first_seq = 0, excluded.first_seq, first_seq)
"""


def _returned(seq: int, fact: facts.ReturnRecorded) -> Iterable[Statement]:
    here = "INSERT INTO returned VALUES (?, ?, ?)"
    yield here, (fact.return_id, fact.transaction_id, seq)
    yield _TO_BE_PRINTED, (return_job_id(fact.return_id), seq)
    if seq > 0:
        yield _ONE_MORE, (fact.business_date, 0, 1, seq, seq)


def _job_ended(state: str, _seq: int, fact: facts.ReceiptPrinted) -> Iterable[Statement]:
    yield (
        "UPDATE print_job SET state = ?, tries = tries + 1 WHERE job_id = ?",
        (state, fact.job_id),
    )


def _unprinted(_seq: int, fact: facts.ReceiptUnprinted) -> Iterable[Statement]:
    # "unconfirmed" stays so: a later failure before the first byte does not take back the doubt
    yield (_UNPRINTED, (fact.outcome, fact.job_id))


_UNPRINTED = """
    UPDATE print_job SET tries = tries + 1,
        state = CASE state WHEN 'unconfirmed' THEN state ELSE ? END
    WHERE job_id = ?
"""


def _described(_seq: int, fact: facts.ItemDescribed) -> Iterable[Statement]:
    yield (
        "INSERT OR REPLACE INTO described_item VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fact.gtin,
            fact.description,
            fact.category,
            fact.price_minor,
            fact.sold_by,
            fact.weight_low_g,
            fact.weight_high_g,
            fact.tagged_permille,
        ),
    )


def _weighed(seq: int, fact: facts.PieceWeighed) -> Iterable[Statement]:
    yield (
        "INSERT INTO weighed_piece VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            seq,
            fact.transaction_id,
            fact.gtin,
            fact.weight_g,
            fact.description,
            fact.category,
            fact.price_minor,
        ),
    )
    yield (_ONLY_THE_LATEST, (fact.gtin, fact.gtin, WEIGHINGS_MAX))


_ONLY_THE_LATEST = """
    DELETE FROM weighed_piece WHERE gtin = ? AND seq NOT IN (
        SELECT seq FROM weighed_piece WHERE gtin = ? ORDER BY seq DESC LIMIT ?
    )
"""


def _answered(seq: int, fact: facts.CommandAnswered) -> Iterable[Statement]:
    yield "INSERT OR IGNORE INTO command VALUES (?, ?)", (fact.command_id, seq)


def _day_closed(seq: int, fact: facts.DayClosed) -> Iterable[Statement]:
    if seq > 0:
        yield _CLOSED, (fact.business_date, fact.sales, fact.returns)


#: A day without sales comes into being when it is closed.
_CLOSED = """
    INSERT INTO day(business_date, sales, closed_sales, first_seq, last_seq, closed_returns)
    VALUES (?, 0, ?, 0, 0, ?)
    ON CONFLICT DO UPDATE SET closed_sales = excluded.closed_sales,
        closed_returns = excluded.closed_returns
"""


_PROJECTED: dict[type, Callable[[int, Any], Iterable[Statement]]] = {
    facts.TransactionOpened: _opened,
    facts.TransactionSuspended: _put_aside,
    facts.TransactionRetrieved: _retrieved,
    facts.TransactionDiscarded: _discarded,
    facts.CashierTotalReceived: _received,
    facts.MissedScanSuspected: _suspected,
    facts.ReturnRecorded: _returned,
    facts.ReceiptPrinted: partial(_job_ended, "printed"),
    facts.ReceiptUnprinted: _unprinted,
    facts.ItemDescribed: _described,
    facts.PieceWeighed: _weighed,
    facts.CommandAnswered: _answered,
    facts.DayClosed: _day_closed,
}

_CHANGING = frozenset((*_PROJECTED, *sale_tables.PROJECTED, facts.TransactionSettled))

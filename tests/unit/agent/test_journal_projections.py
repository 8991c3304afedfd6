"""What the journal makes of its facts: answers, print jobs, items; made again at will."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from agent.domain import facts
from agent.domain.items import Item
from agent.domain.settlement import receipt_job_id
from agent.domain.transaction import LaneState
from agent.itemfile import ItemFileError
from agent.journal import Journal
from agent.projections import TABLES
from tests.lane_kit import (
    ITEMS,
    MILK,
    STARTED,
    TEA,
    append,
    cash,
    dumped,
    keep_busy_day,
    keyed,
    only,
    played,
    posted,
    received,
    sale,
    scanned,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "journal.db"


@pytest.fixture
def journal(path):
    with Journal(path) as opened:
        yield opened


# --- projections -------------------------------------------------------------------------------


def test_a_rebuild_makes_the_same_projections_again(journal):
    open_id = keep_busy_day(journal).transaction.transaction_id
    append(journal, [facts.TransactionSuspended(open_id, 1, 1000, 1, 1000)])
    before = dumped(journal)
    assert all(before.values())

    journal.rebuild()

    assert dumped(journal) == before


def test_a_rebuild_repairs_projections_that_were_damaged(journal):
    keep_busy_day(journal)
    before = dumped(journal)
    for table in TABLES:
        journal._db.execute(f"DELETE FROM {table}")

    journal.rebuild()

    assert dumped(journal) == before


def test_a_rebuild_that_fails_leaves_the_projections_as_they_were(journal):
    keep_busy_day(journal)
    before = dumped(journal)
    body = b'{"transaction_id": 7}'
    journal._db.execute(
        "INSERT INTO fact VALUES (999, 'TransactionOpened', 1, 0, 0, '', ?)", (body,)
    )

    with pytest.raises(Exception, match="transaction_id"):
        journal.rebuild()

    assert dumped(journal) == before
    append(journal, [])  # no transaction was left open


def test_the_id_of_a_held_count_may_be_used_by_another_total(journal):
    held = played(scanned(MILK.gtin), received(keyed("K1", 3)))
    append(journal, held.facts)
    settled = played(received(posted("K1", 1, amount_minor=1250)), state=held.state)

    append(journal, settled.facts)

    outcome, same = journal.earlier_answer(posted("K1", 1, amount_minor=1250))
    assert (outcome.status, outcome.findings, same) == ("settled", (), True)


# --- earlier answers ---------------------------------------------------------------------------


def test_a_total_that_settled_is_answered_from_the_facts(journal):
    step = sale(charges=(MILK, TEA))
    append(journal, step.facts)
    suspected = only(facts.MissedScanSuspected, step.facts)
    total = only(facts.CashierTotalReceived, step.facts).total

    outcome, same = journal.earlier_answer(total)

    assert same
    assert (outcome.status, outcome.missed_count) == ("settled", 1)
    assert outcome.findings == suspected.findings
    assert outcome.receipt_number == only(facts.TransactionSettled, step.facts).receipt_number


def test_the_same_id_with_other_content_is_noticed(journal):
    step = sale()
    append(journal, step.facts)
    total = only(facts.CashierTotalReceived, step.facts).total

    assert journal.earlier_answer(replace(total, operator="other"))[1] is False
    assert journal.earlier_answer(replace(total, tenders=cash(1250)))[1] is False


def test_ids_that_settled_nothing_have_no_earlier_answer(journal):
    held = played(scanned(MILK.gtin), received(keyed("K1", 3)))
    refused = played(received(posted("T9", 1, amount_minor=-1)), state=held.state)
    append(journal, [*held.facts, *refused.facts])

    assert journal.earlier_answer(keyed("K1", 3)) is None
    assert journal.earlier_answer(posted("T9", 1, amount_minor=-1)) is None
    assert journal.earlier_answer(posted("never", 1)) is None


# --- print jobs --------------------------------------------------------------------------------


@pytest.fixture
def job(journal):
    """One settled transaction, its receipt at the printer: (job id, transaction id)."""
    step = sale()
    append(journal, step.facts, wall_ms=5000)
    transaction_id = only(facts.TransactionSettled, step.facts).transaction_id
    return receipt_job_id(transaction_id), transaction_id


def unprinted(journal, **more):
    return [(row.job_id, row.state, row.tries) for row in journal.unprinted_jobs(5, **more)]


def test_a_settled_transaction_waits_for_its_receipt(journal, job):
    (row,) = journal.unprinted_jobs(5)

    assert (row.job_id, row.state, row.tries) == (job[0], "waiting", 0)
    assert row.settled.transaction_id == job[1]


def test_a_printed_receipt_waits_no_more(journal, job):
    append(journal, [facts.ReceiptPrinted(job[1], job[0], reprint=False)])

    assert unprinted(journal) == []


def test_a_doubt_stays_a_doubt_even_if_the_next_try_surely_fails(journal, job):
    append(journal, [facts.ReceiptUnprinted(job[1], job[0], "unconfirmed", "silent")])
    append(journal, [facts.ReceiptUnprinted(job[1], job[0], "failed", "offline")])

    assert unprinted(journal) == [(job[0], "unconfirmed", 2)]


def test_a_sure_failure_may_become_a_doubt(journal, job):
    append(journal, [facts.ReceiptUnprinted(job[1], job[0], "failed", "offline")])
    assert unprinted(journal) == [(job[0], "failed", 1)]

    append(journal, [facts.ReceiptUnprinted(job[1], job[0], "unconfirmed", "silent")])
    assert unprinted(journal) == [(job[0], "unconfirmed", 2)]


def test_jobs_tried_too_often_or_too_old_are_left_alone(journal, job):
    assert unprinted(journal, since_ms=5000) == [(job[0], "waiting", 0)]
    assert unprinted(journal, since_ms=5001) == []

    append(journal, [facts.ReceiptUnprinted(job[1], job[0], "failed", "offline")] * 5)
    assert unprinted(journal) == []


def test_jobs_are_listed_oldest_first(journal):
    state = LaneState()
    for number in range(12):
        step = sale(f"T{number}", state)
        append(journal, step.facts)
        state = step.state

    seqs = [job_id for job_id, _, _ in unprinted(journal)]

    assert len(seqs) == 12
    assert all(a < b for a, b in pairwise(seqs))


# --- item master -------------------------------------------------------------------------------


def test_items_are_looked_up_as_they_were_loaded(journal):
    assert journal.load_items(ITEMS.values(), "v1")

    assert [journal.item(gtin) for gtin in ITEMS] == list(ITEMS.values())
    assert journal.item("00000000000000") is None


def test_the_same_file_is_not_loaded_twice_and_a_new_one_replaces_all(path):
    with Journal(path) as journal:
        journal.load_items(ITEMS.values(), "v1")
    with Journal(path) as journal:
        assert not journal.load_items([], "v1")
        assert journal.item(MILK.gtin) == MILK

        assert journal.load_items([replace(TEA, price_minor=1)], "v2")
        assert journal.item(MILK.gtin) is None
        assert journal.item(TEA.gtin).price_minor == 1


def test_a_list_that_breaks_off_leaves_the_items_as_they_were(journal):
    journal.load_items(ITEMS.values(), "v1")

    def broken():
        yield TEA
        raise ItemFileError("line 3: no GTIN")

    with pytest.raises(ItemFileError):
        journal.load_items(broken(), "v2")

    assert journal.item(MILK.gtin) == MILK
    append(journal, [STARTED])  # no transaction was left open
    assert journal.load_items([], "v2")


def test_a_price_names_the_categories_of_the_items_that_cost_so_much(journal):
    def item(gtin, category, price_minor):
        return Item(gtin, "", category, price_minor)

    journal.load_items(
        [
            item("1", "tea", 500),
            item("2", "milk", 500),
            item("3", "tea", 500),
            item("4", "", 500),
            item("5", "bread", 501),
            item("6", "bread", None),
        ],
        "v1",
    )

    assert journal.categories_priced(500) == ("tea", "milk", "tea")
    assert journal.categories_priced(500, limit=1) == ("tea",)
    assert journal.categories_priced(999) == ()

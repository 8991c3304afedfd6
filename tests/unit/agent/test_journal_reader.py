"""Readers beside the one writer: each commit at once, and nothing that is not committed."""

from __future__ import annotations

import sqlite3

import pytest

from agent.domain import facts
from agent.journal import Journal, JournalReader
from agent.wire import GENESIS
from tests.lane_kit import (
    STARTED,
    append,
    keep_busy_day,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "journal.db"


@pytest.fixture
def journal(path):
    with Journal(path) as opened:
        yield opened


def test_the_cursor_is_saved_with_facts_or_alone(path):
    with Journal(path) as journal:
        append(journal, [STARTED] * 4, acked_seq=2)
        journal.save_cursor(4)
    with Journal(path) as journal:
        assert journal.acked_seq == 4


def test_a_reader_beside_the_writer_sees_each_commit_at_once_and_nothing_earlier(path, journal):
    reader = JournalReader(path)
    assert reader.rows_after(0, 10) == []
    append(journal, [STARTED, facts.DeviceLost("scale", "silent")])
    assert reader.rows_after(0, 10) == list(journal.rows())
    assert reader.rows_after(1, 10) == list(journal.rows(2))
    assert reader.rows_after(0, 1) == list(journal.rows())[:1]

    journal._db.execute("BEGIN IMMEDIATE")
    journal._db.execute("INSERT INTO fact VALUES (3, 'X', 1, 0, 0, '', x'7b7d')")
    assert len(reader.rows_after(0, 10)) == 2
    journal._db.execute("ROLLBACK")
    reader.close()


def test_a_reader_knows_the_chain_at_each_fact(path, journal):
    append(journal, [STARTED, STARTED])
    reader = JournalReader(path)

    first, second = journal.rows()
    assert [reader.hash_at(seq) for seq in (0, 1, 2, 3, -5)] == [
        GENESIS,
        first.hash,
        second.hash,
        GENESIS,
        GENESIS,
    ]
    reader.close()


def test_a_reader_cannot_write(path, journal):
    reader = JournalReader(path)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("UPDATE sync_cursor SET acked_seq = 9")
    reader.close()


def test_a_reader_of_no_journal_says_so(tmp_path):
    with pytest.raises(sqlite3.OperationalError):
        JournalReader(tmp_path / "none.db")


def test_figures_count_what_the_technician_asks_for(path, journal):
    keep_busy_day(journal)
    append(journal, [facts.DeviceLost("scale", "a"), facts.LaneStarted("boot-2", "0.1.0")])
    append(journal, [facts.DeviceLost("printer", "b"), facts.DeviceLost("scanner", "c")])
    append(journal, [facts.DeviceReturned("scanner")], acked_seq=3)
    reader = JournalReader(path)

    assert reader.figures() == {
        "epoch": journal.epoch,
        "facts": journal.last_seq,
        "acknowledged": 3,
        "transactions": 2,
        "suspected": 2,
        "receipts_unprinted": 1,
        "devices_lost": ["printer"],
    }
    assert reader.receipts_awaited() == 3  # two of them at the printer
    append(journal, [STARTED])
    assert reader.figures()["facts"] == journal.last_seq  # no old moment is held on to
    reader.close()

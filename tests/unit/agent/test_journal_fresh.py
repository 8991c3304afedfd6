"""The newest facts need not be read back: what memory gives is what the journal would."""

import sqlite3
from contextlib import closing

import pytest

from agent.domain.facts import LaneStarted
from agent.journal import Journal, JournalReader
from agent.journal.fresh import ROWS_MAX, FreshRows

STARTED = LaneStarted("boot", "1")


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db") as journal:
        yield journal


def append(journal, facts):
    journal.append([STARTED] * facts, wall_ms=1, mono_ms=1)


@pytest.mark.parametrize(("seq", "most"), [(0, 1), (0, 64), (5, 2), (9, 64), (10, 64)])
def test_memory_and_disk_give_the_same_rows(journal, seq, most):
    append(journal, 7)
    append(journal, 3)
    with closing(JournalReader(journal.path)) as reader:
        assert journal.fresh.after(seq, most) == reader.rows_after(seq, most)


def test_what_has_left_memory_is_not_given_in_part(journal):
    append(journal, ROWS_MAX)
    append(journal, 3)
    assert journal.fresh.after(0, 64) == []
    assert journal.fresh.after(2, 64) == []
    assert [row.seq for row in journal.fresh.after(3, 2)] == [4, 5]


def test_nothing_is_given_that_the_disk_refused(journal):
    append(journal, 2)
    with pytest.raises(sqlite3.IntegrityError):
        journal.append([STARTED], wall_ms=None, mono_ms=1)
    assert [row.seq for row in journal.fresh.after(0, 64)] == [1, 2]


def test_a_journal_that_is_opened_again_begins_with_none(journal, tmp_path):
    append(journal, 2)
    journal.close()
    with Journal(tmp_path / "journal.db") as again:
        assert again.fresh.after(0, 64) == []
        append(again, 1)
        assert [row.seq for row in again.fresh.after(2, 64)] == [3]
        assert again.fresh.after(1, 64) == []


def test_no_rows_are_before_the_first():
    assert FreshRows().after(0, 64) == []

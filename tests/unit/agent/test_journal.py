"""The journal keeps what it has taken, across reopening and failing disks."""

from __future__ import annotations

import errno
import os
import sqlite3

import pytest

from agent.domain import facts
from agent.domain.text import Text
from agent.domain.transaction import LaneState
from agent.errors import TechnicianError
from agent.i18n import translator
from agent.journal import Journal, JournalUnsafe
from agent.journal.file import unsafe
from agent.wire import GENESIS, chain_hash
from tests.lane_kit import (
    APPLES,
    MILK,
    STARTED,
    append,
    dumped,
    keyed,
    played,
    received,
    sale,
    scanned,
    unclear,
    weighed,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "journal.db"


@pytest.fixture
def journal(path):
    with Journal(path) as opened:
        yield opened


# --- opening -----------------------------------------------------------------------------------


def test_the_file_is_made_with_its_folder_and_commits_to_the_disk(path, journal):
    assert path.exists()
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_storage_without_a_write_ahead_log_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # SQLite's name for a database in memory: the one place where it can never have a log
    with pytest.raises(JournalUnsafe, match="needs WAL and synchronous=FULL, got memory/2"):
        Journal(type(tmp_path)(":memory:"))


def test_a_file_that_is_no_database_is_refused_in_one_sentence(path):
    path.parent.mkdir()
    path.write_bytes(b"no database at all, though long enough to have a header" * 20)

    with pytest.raises(TechnicianError, match="file is not a database"):
        Journal(path)


def test_a_folder_that_cannot_be_made_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(TechnicianError, match="file"):
        Journal(tmp_path / "file" / "journal.db")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "this user may not write here"),
        (errno.EROFS, "the disk can only be read"),
        (errno.ENOSPC, "Make room"),
        (errno.EIO, "Input/output error. Check the folder and the disk"),
    ],
)
def test_an_error_of_the_system_is_a_sentence_with_what_to_do(path, number, said):
    told = unsafe(path, OSError(number, os.strerror(number))).told(Text.english)
    assert told.startswith(f"{path}: ")
    assert said in told
    assert "Errno" not in told


def test_a_second_writer_is_refused_until_the_first_has_gone(path, journal):
    append(journal, [STARTED])
    with pytest.raises(JournalUnsafe, match="another process runs this lane") as refused:
        Journal(path)
    assert refused.value.told(translator("zh_CN")).endswith("请先停止它")
    append(journal, [STARTED])
    journal.close()

    with Journal(path) as second:
        assert second.last_seq == 2


def test_a_journal_that_cannot_be_opened_keeps_no_lock(path):
    path.parent.mkdir()
    path.write_bytes(b"no database at all, though long enough to have a header" * 20)
    with pytest.raises(JournalUnsafe):
        Journal(path)
    path.unlink()

    Journal(path).close()


def test_a_journal_belongs_to_the_lane_that_began_it(path):
    with Journal(path) as journal:
        journal.belong_to("acme/harbour/lane-1")
    with Journal(path) as journal:
        journal.belong_to("acme/harbour/lane-1")
        with pytest.raises(JournalUnsafe, match=r"of acme/harbour/lane-1, not of acme/harbour/2"):
            journal.belong_to("acme/harbour/2")


def test_two_journals_have_different_epochs_and_each_keeps_its_own(tmp_path):
    with Journal(tmp_path / "a.db") as a, Journal(tmp_path / "b.db") as b:
        epochs = a.epoch, b.epoch
    with Journal(tmp_path / "a.db") as a, Journal(tmp_path / "b.db") as b:
        assert (a.epoch, b.epoch) == epochs
    assert epochs[0] != epochs[1]
    assert all(len(epoch) == 32 for epoch in epochs)


def test_a_new_journal_begins_before_the_first_fact(journal):
    assert (journal.last_seq, journal.last_hash, journal.acked_seq) == (0, GENESIS, 0)
    assert journal.lane_state() == LaneState()
    assert list(journal.rows()) == []


# --- appending ---------------------------------------------------------------------------------


def test_facts_are_numbered_chained_and_read_back(journal):
    bodies = [STARTED, *sale().facts]
    append(journal, bodies[:2], wall_ms=1000)
    append(journal, bodies[2:], wall_ms=2000)

    rows = list(journal.rows())

    assert [row.seq for row in rows] == list(range(1, len(bodies) + 1))
    assert list(journal.facts()) == bodies
    assert [row.wall_ms for row in rows[:3]] == [1000, 1000, 2000]
    prev = GENESIS
    for row in rows:
        header = (journal.epoch, row.seq, row.type, row.version, row.wall_ms, row.mono_ms)
        prev = chain_hash(prev, *header, row.body)
        assert row.hash == prev
    assert (journal.last_seq, journal.last_hash) == (len(bodies), prev)


def test_reading_may_begin_anywhere(journal):
    append(journal, [STARTED, facts.DeviceLost("scale", "silent"), facts.DeviceReturned("scale")])

    assert [type(fact) for fact in journal.facts(2)] == [facts.DeviceLost, facts.DeviceReturned]
    assert list(journal.facts(4)) == []


def test_a_reopened_journal_goes_on_where_it_was(path):
    step = played(scanned(MILK.gtin), scanned(APPLES.gtin), weighed(400), unclear())
    with Journal(path) as journal:
        append(journal, step.facts, acked_seq=3)
        before = journal.epoch, journal.last_seq, journal.last_hash

    with Journal(path) as journal:
        assert (journal.epoch, journal.last_seq, journal.last_hash) == before
        assert journal.acked_seq == 3
        assert journal.lane_state() == step.state
        append(journal, [STARTED])
        assert journal.last_seq == before[1] + 1


def test_a_held_keyed_count_survives_a_restart(path):
    step = played(scanned(MILK.gtin), received(keyed("K1", 3)))
    with Journal(path) as journal:
        append(journal, step.facts)
    with Journal(path) as journal:
        assert journal.lane_state() == step.state
        assert journal.lane_state().transaction.judged.total.item_count == 3


def test_after_a_settlement_only_the_running_number_is_left(path):
    with Journal(path) as journal:
        append(journal, sale().facts)
    with Journal(path) as journal:
        assert journal.lane_state() == LaneState(last_number=1)


def test_facts_of_a_later_release_are_kept_and_passed_over(journal):
    append(journal, [STARTED])
    journal._db.execute(
        "INSERT INTO fact VALUES (2, 'FutureFact', 3, 0, 0, 'h', ?)", (b'{"new":1}',)
    )

    assert [row.type for row in journal.rows()] == ["LaneStarted", "FutureFact"]
    assert list(journal.facts()) == [STARTED]
    journal.rebuild()


@pytest.mark.parametrize("sql", ["UPDATE fact SET body = x'7b7d'", "DELETE FROM fact"])
def test_a_fact_can_neither_be_changed_nor_deleted_whoever_holds_the_file(path, journal, sql):
    append(journal, [STARTED])
    stranger = sqlite3.connect(path, isolation_level=None)

    with pytest.raises(sqlite3.IntegrityError, match="facts are never"):
        stranger.execute(sql)

    stranger.close()
    assert list(journal.facts()) == [STARTED]


# --- all or nothing ----------------------------------------------------------------------------


def test_an_append_that_fails_half_way_leaves_nothing_and_may_be_made_again(journal):
    append(journal, [STARTED])
    journal._db.execute(
        "CREATE TRIGGER trouble BEFORE INSERT ON print_job "
        "BEGIN SELECT RAISE(ABORT, 'disk trouble'); END"
    )
    before = dumped(journal), journal.last_seq, journal.last_hash
    step = sale()

    with pytest.raises(sqlite3.Error, match="disk trouble"):
        append(journal, step.facts, acked_seq=1)

    assert (dumped(journal), journal.last_seq, journal.last_hash) == before
    assert journal.acked_seq == 0
    assert list(journal.facts()) == [STARTED]

    journal._db.execute("DROP TRIGGER trouble")
    append(journal, step.facts, acked_seq=1)

    assert list(journal.facts()) == [STARTED, *step.facts]
    assert journal.acked_seq == 1


def test_a_full_disk_leaves_whole_commits_only_and_writing_goes_on_when_there_is_room(path):
    with Journal(path) as journal:
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages + 4}")
        taken = []
        big = [facts.DeviceLost("scale", "x" * 900)] * 5
        full = None
        while full is None:
            try:
                append(journal, big)
                taken.extend(big)
            except sqlite3.OperationalError as error:
                full = str(error)
        assert full == "database or disk is full"
        assert taken
        assert list(journal.facts()) == taken
        assert journal.last_seq == len(taken)

        journal._db.execute("PRAGMA max_page_count = 100000")
        append(journal, big)
        assert list(journal.facts()) == taken + big
    with Journal(path) as journal:
        assert list(journal.facts()) == taken + big


def test_a_body_that_cannot_be_encoded_leaves_nothing(journal):
    with pytest.raises(UnicodeEncodeError):
        append(journal, [STARTED, facts.DeviceLost("scale", "\ud800")])

    append(journal, [STARTED])
    assert list(journal.facts()) == [STARTED]

"""A journal that was set back begins a new epoch, which has again what was never sent."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace

import pytest

from agent.domain.facts import (
    BackfillReversed,
    DayClosed,
    ItemBackfilled,
    LaneStarted,
    TransactionSettled,
)
from agent.domain.transaction import LaneState
from agent.journal import Journal, JournalReader, setback
from agent.journal.setback import SetBack
from agent.journal.succession import open_journal
from tests.lane_kit import DAY, MILK, STARTED, append, dumped, only, played, sale, scanned

NOW_MS = 1_795_343_400_000


@pytest.fixture
def path(tmp_path):
    """A journal as it was on an older image of the disk: one sale, acknowledged."""
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        append(journal, [STARTED, *sale("T1").facts])
        journal.save_cursor(journal.last_seq)
    return path


def run_on(path, *facts, wall_ms=2000):
    """A run of the lane on it; the seq at which it began."""
    with Journal(path) as journal:
        first = journal.last_seq + 1
        append(journal, [LaneStarted("boot-2", "0.1.0")], wall_ms)
        for fact in facts:
            append(journal, [fact], wall_ms + 1)
        return journal.epoch, first


def begun_anew(path, sent_seq=0, epoch=None, seen_epoch=""):
    setback.mark(path, SetBack(seen_epoch or epoch, 500, sent_seq))
    return open_journal(path, NOW_MS)


def test_what_was_never_sent_is_a_part_of_the_new_epoch_and_the_past_of_the_old(path):
    second = sale("T2", LaneState(1))
    epoch, first = run_on(path, *second.facts)
    anew, recovered = begun_anew(path, epoch=epoch)
    with anew, closing(JournalReader(path)) as reader:
        assert (recovered.cause, recovered.former_epoch) == ("set_back", epoch)
        assert "500" in recovered.reason
        assert list(anew.facts())[1:] == [LaneStarted("boot-2", "0.1.0"), *second.facts]
        assert [row.wall_ms for row in reader.rows()][1:] == [2000] + [2001] * len(second.facts)
        (former,) = reader.formers()
        assert (former.epoch, former.last_seq, former.acked_seq) == (epoch, first - 1, first - 1)
        assert reader.epochs_set_back() == [epoch]
        assert anew.settled_by("T1") is not None
        assert anew.settled_by("T2") == only(TransactionSettled, second.facts)
        before = dumped(anew)
        anew.rebuild()
        assert dumped(anew) == before
    again, nothing = open_journal(path, NOW_MS)
    with again:
        assert (nothing, again.epoch) == (None, anew.epoch), "once"


def test_what_was_sent_before_it_was_seen_stays_under_the_old_number(path):
    epoch, first = run_on(path, *sale("T2", LaneState(1)).facts)
    with Journal(path) as journal:
        last = journal.last_seq
    anew, recovered = begun_anew(path, first + 1, epoch)
    with anew:
        assert recovered.former_last_seq == first + 1
        assert anew.last_seq == 1 + last - (first + 1)


def test_if_all_was_sent_the_epoch_is_a_new_one_all_the_same(path):
    epoch, _ = run_on(path)
    anew, recovered = begun_anew(path, 10**6, epoch)
    with anew:
        assert anew.epoch != epoch
        assert list(anew.facts()) == [recovered]


def test_an_open_basket_goes_on(path):
    opened = played(scanned(MILK.gtin), state=LaneState(1))
    epoch, _ = run_on(path, *opened.facts)
    anew, _ = begun_anew(path, epoch=epoch)
    with anew:
        assert anew.lane_state().transaction == opened.state.transaction


def test_what_names_other_facts_names_them_as_they_are_now(path):
    settled = only(TransactionSettled, sale("T2", LaneState(1)).facts)
    added = ItemBackfilled(
        "b1", settled.transaction_id, settled.receipt_number, DAY, "CNY", "gone", settled.lines
    )
    with Journal(path) as journal:
        epoch, seq = journal.epoch, journal.last_seq + 2  # after LaneStarted
    back = BackfillReversed("r1", epoch, seq, added)
    of_the_past = replace(back, reversal_id="r2", seq=1)
    day = DayClosed(DAY, 1, 1, "", 1, 1)
    run_on(path, added, back, of_the_past, day)
    anew, _ = begun_anew(path, epoch=epoch)
    with anew:
        _, _, *again = anew.facts()
        assert again == [added, replace(back, epoch=anew.epoch, seq=3), of_the_past]


@pytest.mark.parametrize("word", [b"", b"{", b'{"epoch": 1}'])
def test_a_mark_that_cannot_be_read_is_none(path, word):
    run_on(path)
    path.with_suffix(".set-back").write_bytes(word)
    anew, recovered = open_journal(path, NOW_MS)
    with anew:
        assert recovered is None
    assert not path.with_suffix(".set-back").exists()


def test_a_mark_of_another_epoch_is_void(path):
    epoch, _ = run_on(path)
    anew, recovered = begun_anew(path, seen_epoch="f" * 32)
    with anew:
        assert (recovered, anew.epoch) == (None, epoch)


def test_a_set_back_journal_that_is_damaged_as_well_is_recovered(path, tmp_path):
    epoch, _ = run_on(path, *sale("T2", LaneState(1)).facts)
    shutil.copy(path, tmp_path / "copy")
    data = bytearray(path.read_bytes())
    data[:100] = bytes(100)
    path.write_bytes(data)
    anew, recovered = begun_anew(path, epoch=epoch)
    with anew:
        assert (recovered.cause, recovered.former_epoch) == ("damaged", epoch)
        assert anew.settled_by("T2") is not None

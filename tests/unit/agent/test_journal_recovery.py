"""A journal that was damaged, byte by byte as disks do it: what can be read goes on under a new
epoch, the rest is told, and the file is put aside."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing, suppress
from random import Random

import pytest

from agent.domain.facts import (
    DeviceLost,
    JournalRecovered,
    TransactionOpened,
    TransactionSettled,
)
from agent.domain.settlement import receipt_job_id
from agent.domain.transaction import LaneState
from agent.journal import Journal, JournalReader, JournalUnsafe
from agent.journal import succession as module
from agent.journal.succession import open_journal
from tests.lane_kit import (
    ITEMS,
    MILK,
    STARTED,
    TEA,
    append,
    charged,
    dumped,
    keep_busy_day,
    only,
    played,
    posted,
    received,
    sale,
    scanned,
)

NOW_MS = 1_795_343_400_000
PAGE = 4096


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "journal.db"


def busy(path, *, sales=60, acked=100):
    """A lane's journal in the middle of a basket: its rows, its epoch and how it stood."""
    with Journal(path) as journal:
        journal.belong_to("acme/harbour/lane-1")
        journal.load_items(ITEMS.values(), "items-1")
        append(journal, [STARTED])
        state = journal.lane_state()
        for number in range(sales):
            step = sale(f"T{number}", state, scans=(MILK, TEA), charges=(MILK, TEA))
            append(journal, [*step.facts, DeviceLost("scale", "x" * (number % 7) * 900)], NOW_MS)
            state = step.state
        append(journal, played(scanned(MILK.gtin), state=state).facts, NOW_MS, acked_seq=acked)
        return journal.epoch, list(journal.rows())


def former_rows(journal):
    with closing(JournalReader(journal.path)) as reader:
        (former,) = reader.formers()
        return former, list(reader.former_rows(former))


def overwrite(path, offset, data):
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(data)


def pages_of(path):
    return path.stat().st_size // PAGE


def page_with(path, needle):
    """The number, from 0, of the page that holds these bytes."""
    return path.read_bytes().index(needle) // PAGE


# --- damage, by bytes ----------------------------------------------------------------------------


def zero_the_header(path):
    overwrite(path, 0, bytes(100))


def zero_the_first_page(path):
    overwrite(path, 0, bytes(PAGE))


def tear_some_pages(path):
    chance = Random(7)
    for number in chance.sample(range(1, pages_of(path)), 5):
        overwrite(path, number * PAGE + 512 * chance.randrange(8), chance.randbytes(512))


def zero_a_run_of_pages(path):
    overwrite(path, PAGE * (pages_of(path) // 2), bytes(4 * PAGE))


def cut_the_file_short(path):
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size * 2 // 3 // 512 * 512 + 100)


def overwrite_all_but_a_third(path):
    overwrite(path, 0, Random(3).randbytes(path.stat().st_size * 2 // 3))


DAMAGES = (
    zero_the_header,
    zero_the_first_page,
    tear_some_pages,
    zero_a_run_of_pages,
    cut_the_file_short,
    overwrite_all_but_a_third,
)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_all_that_can_be_read_goes_on_and_all_that_cannot_is_told(path, damage):
    epoch, rows = busy(path)
    damage(path)
    damaged = path.read_bytes()

    journal, recovered = open_journal(path, NOW_MS)

    with journal:
        former, left = former_rows(journal)
        assert isinstance(recovered, JournalRecovered)
        assert recovered.cause == "damaged"
        assert journal.epoch != epoch
        assert (former.epoch, former.ago) == (epoch, 1)
        by_seq = {row.seq: row for row in rows}
        # each as it was written, or known to be torn
        assert sum(by_seq[row.seq] != row for row in left) <= former.breaks
        lost = {seq for gap in recovered.lost for seq in range(gap.first, gap.last + 1)}
        told = {row.seq for row in left} | lost
        assert told == set(range(1, recovered.former_last_seq + 1))
        assert recovered.lost_count == len(lost)
        assert len(left) > 50
        assert list(journal.facts()) == [recovered]
        assert (path.parent / recovered.set_aside).read_bytes() == damaged
        append(journal, sale("N1", LaneState(last_number=500)).facts)
        before = dumped(journal)
        journal.rebuild()
        assert dumped(journal) == before
    again, more = open_journal(path, NOW_MS)
    with again:
        assert (more, again.last_seq > 1) == (None, True)


def test_the_lane_goes_on_where_it_was(path):
    epoch, _ = busy(path)
    with Journal(path) as journal:
        state = journal.lane_state()
        jobs = journal.unprinted_jobs(5)
        total = posted("T7", None, lines=(charged(MILK), charged(TEA)))
        answer = journal.earlier_answer(total)
    zero_the_header(path)

    journal, recovered = open_journal(path, NOW_MS)

    with journal:
        assert recovered.lost == ()
        assert journal.lane_state() == state
        assert state.transaction is not None
        assert [job.job_id for job in journal.unprinted_jobs(5)] == [job.job_id for job in jobs]
        assert len(jobs) == 60
        assert journal.earlier_answer(total) == answer
        assert answer is not None
        with pytest.raises(JournalUnsafe, match="is the journal of acme/harbour/lane-1"):
            journal.belong_to("acme/harbour/lane-2")
        # the open basket is settled in the new epoch, under its own transaction id
        settled = played(received(posted("N1", None, lines=(charged(MILK),))), state=state)
        append(journal, settled.facts)
        sold = only(TransactionSettled, journal.facts())
        assert sold.transaction_id == state.transaction.transaction_id
        assert journal.lane_state().transaction is None
        assert journal.unprinted_jobs(5)[-1].job_id == receipt_job_id(sold.transaction_id)
    assert epoch[:8] != journal.epoch[:8]


def test_the_item_master_is_taken_over_if_it_is_whole(path):
    busy(path)
    zero_a_run_of_pages(path)
    with open_journal(path, NOW_MS)[0] as journal:
        assert journal.item(MILK.gtin) == MILK
        assert not journal.load_items([], "items-1")


def test_an_item_master_that_is_not_whole_is_loaded_anew(path):
    busy(path)
    overwrite(path, PAGE * page_with(path, MILK.description.encode()), bytes(PAGE))

    with open_journal(path, NOW_MS)[0] as journal:
        assert journal.item(MILK.gtin) is None
        assert journal.load_items(ITEMS.values(), "items-1")


def test_facts_in_a_damaged_log_are_found_too(path, tmp_path):
    epoch, rows = busy(path, sales=5)
    with Journal(path) as journal:
        journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        append(journal, [DeviceLost("scale", str(n)) for n in range(40)])
        for n in range(40):
            append(journal, [DeviceLost("scale", str(n))])
        rows = list(journal.rows())
        copy = tmp_path / "cut" / "journal.db"
        copy.parent.mkdir()
        for file in path.parent.glob("journal.*"):
            shutil.copy(file, copy.parent / file.name)
    log = copy.with_name("journal.db-wal")
    overwrite(log, 32 + 24 + 100, Random(1).randbytes(3000))  # in the first frame
    zero_the_header(copy)

    journal, recovered = open_journal(copy, NOW_MS)

    with journal:
        former, left = former_rows(journal)
        assert former.epoch == epoch
        assert left == rows
        assert recovered.lost == ()
        assert (copy.parent / f"{recovered.set_aside}-wal").exists()


def log_of_commits(path, tmp_path, commits):
    """A copy of a journal in use whose log has so many commits of four facts each: its rows."""
    busy(path, sales=5)
    with Journal(path) as journal:
        journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for n in range(commits):
            facts = [DeviceLost("scale", "x" * 1500)] * 4
            journal.append(facts, wall_ms=NOW_MS + n, mono_ms=n)
        copy = tmp_path / "cut" / "journal.db"
        copy.parent.mkdir()
        for file in path.parent.glob("journal.*"):
            shutil.copy(file, copy.parent / file.name)
        copy.with_name("journal.db-shm").unlink()
        return copy, list(journal.rows())


def spoil_frame(log, number):
    overwrite(log, 32 + number * (24 + PAGE) + 24 + 2000, b"\xff" * 64)


@pytest.mark.parametrize("harm", ["a frame", "the header", "garbage at its begin"])
def test_facts_behind_a_damaged_frame_of_the_log_are_not_forgotten(path, tmp_path, harm):
    copy, rows = log_of_commits(path, tmp_path, 30)
    log = copy.with_name("journal.db-wal")
    if harm == "a frame":
        spoil_frame(log, 20)
    else:
        overwrite(log, 0, Random(5).randbytes(32 if harm == "the header" else 3 * PAGE))

    journal, recovered = open_journal(copy, NOW_MS)

    with journal:
        assert "of its log cannot be reached any more" in recovered.reason
        former, left = former_rows(journal)
        lost = {seq for gap in recovered.lost for seq in range(gap.first, gap.last + 1)}
        assert {row.seq for row in left} == set(range(1, rows[-1].seq + 1)) - lost
        assert sum(rows[row.seq - 1] != row for row in left) <= former.breaks
        assert len(lost) <= 4


def test_a_last_commit_that_was_torn_was_not_promised_and_is_no_damage(path, tmp_path):
    copy, rows = log_of_commits(path, tmp_path, 30)
    log = copy.with_name("journal.db-wal")
    frames = (log.stat().st_size - 32) // (24 + PAGE)
    spoil_frame(log, frames - 1)

    journal, recovered = open_journal(copy, NOW_MS)

    with journal:
        assert recovered is None
        assert list(journal.rows()) == rows[:-4]


def test_a_log_that_is_whole_is_no_damage(path, tmp_path):
    copy, rows = log_of_commits(path, tmp_path, 30)
    journal, recovered = open_journal(copy, NOW_MS)
    with journal:
        assert recovered is None
        assert list(journal.rows()) == rows


def test_a_log_without_its_header_still_gives_its_facts(path, tmp_path):
    busy(path, sales=5)
    with Journal(path) as journal:
        append(journal, [DeviceLost("scale", "last")])
        rows = list(journal.rows())
        file, log = path.read_bytes(), path.with_name("journal.db-wal").read_bytes()
    found = module.salvaged(bytes(len(file)), bytes(32) + log[32:])
    facts = {one.row.seq: one.row for one in found if isinstance(one, module.Fact)}
    assert facts[rows[-1].seq] == rows[-1]


def test_without_the_page_of_its_epoch_the_note_beside_the_file_tells_it(path):
    epoch, rows = busy(path)
    overwrite(path, PAGE * page_with(path, epoch.encode()), bytes(PAGE))
    zero_the_header(path)

    with open_journal(path, NOW_MS)[0] as journal:
        former, left = former_rows(journal)
    assert former.epoch == epoch
    assert left == rows
    # the page had the cursor's neighbours, not the cursor: what is not known costs a resend
    assert former.acked_seq in (0, 100)


def test_facts_of_an_epoch_that_nobody_knows_are_kept_and_said_to_be_of_none(path):
    epoch, rows = busy(path)
    overwrite(path, PAGE * page_with(path, epoch.encode()), bytes(PAGE))
    zero_the_header(path)
    path.with_suffix(".lock").unlink()

    with open_journal(path, NOW_MS)[0] as journal:
        former, left = former_rows(journal)
    assert former.epoch.startswith("unknown-")
    assert left == rows


@pytest.mark.parametrize("gone", ["emptied", "deleted"])
def test_a_journal_that_is_gone_is_not_taken_for_a_new_lane(path, gone):
    epoch, _ = busy(path, sales=1)
    path.write_bytes(b"") if gone == "emptied" else path.unlink()

    journal, recovered = open_journal(path, NOW_MS)

    with journal:
        assert (recovered.cause, recovered.former_epoch) == ("missing", epoch)
        assert list(journal.facts()) == [recovered]


def test_a_new_lane_begins_with_nothing_to_tell(path):
    journal, recovered = open_journal(path, NOW_MS)
    with journal:
        assert (recovered, journal.last_seq) == (None, 0)
    journal, recovered = open_journal(path, NOW_MS)
    with journal:
        assert recovered is None


def test_a_start_that_is_interrupted_while_the_first_tables_are_made_is_no_damage(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA user_version = 1")
    journal, recovered = open_journal(path, NOW_MS)
    with journal:
        assert recovered is None


def test_a_fact_that_is_missing_at_the_end_is_damage_and_one_that_was_changed_is_told(path, caplog):
    _, rows = busy(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER fact_is_never_changed")
        db.execute("UPDATE fact SET wall_ms = 0 WHERE seq = 40")
    with caplog.at_level(logging.ERROR, "lanetally.journal"):
        journal, recovered = open_journal(path, NOW_MS)
    with journal:
        assert recovered is None
    assert "the fact at seq 40 is not the one that was written" in caplog.text

    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER fact_is_never_deleted")
        db.execute("DELETE FROM fact WHERE seq = 50")
    journal, recovered = open_journal(path, NOW_MS)
    with journal:
        assert recovered.reason == "the fact at seq 50 is missing"
        assert [(gap.first, gap.last) for gap in recovered.lost] == [(50, 50)]
        former, left = former_rows(journal)
        # seq 40 does not follow, 50 is not there, 51 cannot be told to follow: two breaks in all
        assert former.breaks == 2
        assert len(left) == len(rows) - 1


def test_a_former_epoch_stays_when_the_next_file_is_damaged_too(path):
    first, rows = busy(path)
    zero_the_header(path)
    with open_journal(path, NOW_MS)[0] as journal:
        second = journal.epoch
        append(journal, sale("S2", LaneState(last_number=500)).facts)
        state, mine = journal.lane_state(), list(journal.rows())
    zero_the_header(path)

    journal, recovered = open_journal(path, NOW_MS + 1000)

    with journal, closing(JournalReader(path)) as reader:
        assert recovered.former_epoch == second
        older, newer = reader.formers()
        assert (older.epoch, older.ago, newer.epoch, newer.ago) == (first, 2, second, 1)
        assert list(reader.former_rows(older)) == rows
        assert list(reader.former_rows(newer)) == mine
        assert (older.acked_seq, newer.acked_seq) == (100, 0)
        assert journal.lane_state() == state
        before = dumped(journal)
        journal.rebuild()
        assert dumped(journal) == before
    assert len(list(path.parent.glob("journal-until-*.db"))) == 2


@pytest.mark.parametrize("crash_at", range(1, 12))
def test_a_recovery_that_is_interrupted_is_taken_up_by_the_next_start(path, crash_at, monkeypatch):
    epoch, rows = busy(path, sales=3)
    zero_the_header(path)
    steps = 0

    class PowerCut(BaseException):
        pass

    def cut_before(real):
        def step(*args, **options):
            nonlocal steps
            steps += 1
            if steps == crash_at:
                raise PowerCut
            return real(*args, **options)

        return step

    for name in ("rename", "replace", "unlink"):
        monkeypatch.setattr(type(path), name, cut_before(getattr(type(path), name)))
    monkeypatch.setattr(module, "_remove", lambda part: None)
    with suppress(PowerCut):
        open_journal(path, NOW_MS)[0].close()
    monkeypatch.undo()

    with open_journal(path, NOW_MS)[0] as journal:
        former, left = former_rows(journal)
        assert (former.epoch, left) == (epoch, rows)
    assert len(list(path.parent.glob("journal-until-*.db"))) == 1
    assert not list(path.parent.glob("journal-next*"))


def test_of_two_rows_with_one_seq_that_one_stays_which_follows(path):
    epoch, rows = busy(path)
    true = rows[9]
    twin = module.FactRow(10, true.type, true.version, 0, true.mono_ms, true.hash, true.body)
    for order in ([twin, true], [true, twin]):
        found = [module.Fact(row) for row in (*rows[:9], *order, *rows[10:])]
        other = path.with_name(f"{order[0].wall_ms}") / "journal.db"
        other.parent.mkdir()
        estate = module.Estate([*found, module.Meta("epoch", epoch)], "imported")
        module.succeed(other, estate, NOW_MS)
        with Journal(other) as journal:
            assert former_rows(journal)[1] == rows


def test_a_disk_that_fails_is_no_damage(path, monkeypatch):
    busy(path, sales=1)

    def failing(*args, **options):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr("agent.journal.health.sqlite3.connect", failing)
    with pytest.raises(JournalUnsafe, match="disk I/O error"):
        open_journal(path, NOW_MS)
    monkeypatch.undo()
    assert not list(path.parent.glob("journal-until-*"))
    open_journal(path, NOW_MS)[0].close()


def test_a_second_lane_does_not_recover_what_the_first_writes(path):
    busy(path, sales=1)
    with Journal(path):
        zero_the_header(path)
        with pytest.raises(JournalUnsafe, match="another process runs this lane"):
            open_journal(path, NOW_MS)
    assert not list(path.parent.glob("journal-until-*"))


def test_where_the_new_file_finds_no_room_the_old_one_stays(path, monkeypatch):
    busy(path)
    zero_the_header(path)

    def full(db, *args):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "_keep", full)
    with pytest.raises(JournalUnsafe, match="disk is full"):
        open_journal(path, NOW_MS)
    monkeypatch.undo()

    assert [file.name for file in path.parent.glob("*.db")] == ["journal.db"]
    with open_journal(path, NOW_MS)[0] as journal:
        assert journal.last_seq == 1


def test_a_busy_day_with_everything_in_it_is_taken_over(path):
    with Journal(path) as journal:
        state = keep_busy_day(journal)
        assert any(isinstance(fact, TransactionOpened) for fact in journal.facts())
    zero_the_header(path)
    with open_journal(path, NOW_MS)[0] as journal:
        assert journal.lane_state() == state


@pytest.mark.parametrize(
    "spoilt", ["body = x'7b00ff'", "hash = CAST(x'ff22' AS TEXT)", "type = 'a b'"]
)
def test_a_fact_that_cannot_be_read_is_damage_for_the_lane_could_not_start_on_it(path, spoilt):
    busy(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER fact_is_never_changed")
        db.execute(f"UPDATE fact SET {spoilt} WHERE seq = 40")
    journal, recovered = open_journal(path, NOW_MS)
    with journal:
        assert recovered.reason == "the fact at seq 40 cannot be read"
        journal.lane_state()

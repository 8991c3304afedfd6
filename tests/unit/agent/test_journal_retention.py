"""What leaves the journal's file is in an archive, to the byte, and nothing leaves it too early."""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
from contextlib import closing

import pytest

from agent.domain import facts
from agent.domain.transaction import LaneState
from agent.journal import Journal, JournalReader
from agent.journal import archive as archives
from agent.journal.archive import ArchiveUnreadable, folder_of
from agent.journal.chain import faults
from agent.journal.file import whole_file
from agent.journal.retention import Rule, archive_next, delete_archived, give_back_room
from agent.journal.succession import open_journal
from agent.wire import GENESIS, decode_batch, decode_body, encode_batch
from tests.lane_kit import (
    MILK,
    STARTED,
    TEA,
    append,
    charged,
    dumped,
    played,
    posted,
    sale,
    scanned,
)

DAY_MS = 86_400_000
NOW_MS = 1_795_343_400_000
RULE = Rule(NOW_MS, keep_days=30, facts=50, kept=20)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "journal.db"


@pytest.fixture
def journal(path):
    """Sales of many days, the last today, nearly all of them acknowledged."""
    with Journal(path) as opened:
        append(opened, [STARTED], NOW_MS - 90 * DAY_MS)
        state = LaneState()
        for number in range(60):
            step = sale(f"T{number}", state, scans=(MILK, TEA), charges=(MILK, TEA))
            wall_ms = NOW_MS - (60 - number) * DAY_MS
            append(opened, [*step.facts, facts.DeviceLost("scale", "x")], wall_ms)
            state = step.state
        append(opened, opened.days_due("2027-01-01"), NOW_MS)
        opened.save_cursor(opened.last_seq - 2)
        yield opened


def close_days(journal):
    append(journal, journal.days_due("2027-01-01"), NOW_MS)
    journal.save_cursor(journal.last_seq)


def archive_all(journal, rule=RULE):
    written = []
    while one := archive_next(journal._db, folder_of(journal.path), rule):
        written.append(one)
    return written


def archive_and_delete(journal, rule=RULE):
    written = archive_all(journal, rule)
    for _ in delete_archived(journal._db):
        pass
    return written


def positions(journal):
    return [seq for (seq,) in journal._db.execute("SELECT seq FROM fact ORDER BY seq")]


def test_old_and_acknowledged_facts_are_archived_deleted_and_still_one_chain(journal):
    before, rows = dumped(journal), list(journal.rows())

    written = archive_and_delete(journal)

    assert [(a.first, a.last) for a in written] == [
        (n, n + 49) for n in range(1, written[-1].last, 50)
    ]
    assert positions(journal) == list(range(written[-1].last + 1, len(rows) + 1))
    ages = [NOW_MS - row.wall_ms for row in rows[: written[-1].last]]
    assert min(ages) > 30 * DAY_MS
    with closing(JournalReader(journal.path)) as reader:
        assert list(reader.rows()) == rows
        assert list(faults(reader.rows(), journal.epoch)) == []
        assert list(reader.rows(37, 90)) == rows[36:90]
    journal.rebuild()
    assert dumped(journal) == before


def test_an_archive_is_lines_that_anybody_can_read(journal):
    first = archive_all(journal)[0]

    lines = gzip.decompress((folder_of(journal.path) / first.file).read_bytes()).splitlines()

    assert first.file == f"{journal.epoch}-0000000001-0000000050.jsonl.gz"
    assert json.loads(lines[0]) == {
        "epoch": journal.epoch,
        "seq": 1,
        "type": "LaneStarted",
        "v": 1,
        "ts": NOW_MS - 90 * DAY_MS,
        "mono": 1,
        "hash": next(iter(journal.rows())).hash,
        "body": {"boot_id": "boot-1", "agent_version": "0.1.0"},
    }
    assert len(lines) == 50


def test_the_lane_remembers_what_it_archived(journal):
    total = posted("T3", None, lines=(charged(MILK), charged(TEA)))
    answer = journal.earlier_answer(total)
    assert answer is not None
    archive_and_delete(journal)

    assert journal.earlier_answer(total) == answer

    for file in folder_of(journal.path).iterdir():
        file.unlink()
    with pytest.raises(sqlite3.OperationalError, match="No such file"):
        journal.earlier_answer(total)


def test_head_office_gets_archived_facts_again_if_it_lost_them(journal):
    rows = list(journal.rows())
    archive_and_delete(journal)
    with closing(JournalReader(journal.path)) as reader:
        after, got = 0, []
        while batch := reader.rows_after(after, 64):
            payload = encode_batch(journal.epoch, reader.hash_at(after), batch)
            got += decode_batch(payload).facts  # raises if the chain is broken
            after = batch[-1].seq
        assert [fact.hash for fact in got] == [row.hash for row in rows]
        assert [reader.hash_at(n) for n in (0, 17, 50)] == [GENESIS, rows[16].hash, rows[49].hash]


def test_what_head_office_can_no_longer_get_does_not_hold_up_the_rest(journal, caplog):
    archived = archive_and_delete(journal)
    for file in folder_of(journal.path).iterdir():
        file.unlink()
    with closing(JournalReader(journal.path)) as reader:
        assert reader.rows_after(0, 5)[0].seq == archived[-1].last + 1
    assert "facts after 0 cannot be sent again" in caplog.text


@pytest.mark.parametrize(("acked", "last"), [(0, None), (49, None), (50, 50), (75, 50), (120, 100)])
def test_nothing_goes_that_is_not_acknowledged(journal, acked, last):
    journal.save_cursor(acked)
    written = archive_all(journal)
    assert (written[-1].last if written else None) == last


def test_the_newest_facts_and_the_open_basket_stay_whatever_their_age(journal):
    step = played(scanned(MILK.gtin), state=LaneState(60))
    append(journal, step.facts, NOW_MS - 80 * DAY_MS)
    append(journal, [facts.DeviceLost("scale", "x")] * 200, NOW_MS - 80 * DAY_MS)
    close_days(journal)
    opened = journal.last_seq - 200 - len(step.facts) + 1

    archive_and_delete(journal, Rule(NOW_MS, 1, facts=1, kept=10))

    assert min(positions(journal)) <= opened - 2  # the last sale, and what came after it
    assert journal.lane_state().transaction.lines == step.state.transaction.lines


def test_the_facts_of_a_day_stay_until_it_is_closed(journal):
    append(journal, sale("late", LaneState(500)).facts, NOW_MS)
    journal.save_cursor(journal.last_seq)
    assert archive_all(journal) == []
    close_days(journal)
    assert archive_all(journal) != []


def test_a_clock_that_was_ahead_does_not_keep_facts_for_ever(journal):
    append(journal, [facts.DeviceLost("scale", "x")] * 3, NOW_MS + 9000 * DAY_MS)
    assert Rule(NOW_MS, 30).is_old(NOW_MS + 9000 * DAY_MS)
    assert not Rule(NOW_MS, 30).is_old(NOW_MS - 30 * DAY_MS)


def test_the_file_itself_refuses_to_forget(journal):
    (first, *_) = archive_all(journal)
    one = journal._db.execute
    with pytest.raises(sqlite3.IntegrityError, match="facts are never deleted"):
        one("DELETE FROM fact WHERE seq = 300")
    with pytest.raises(sqlite3.IntegrityError, match="archives are never"):
        one("DELETE FROM archive")
    with pytest.raises(sqlite3.IntegrityError, match="archives are never"):
        one("UPDATE archive SET last = 10000")
    unacknowledged = (journal.last_seq, journal.last_seq, journal.epoch)
    for epoch in (journal.epoch, "another"):
        with pytest.raises(sqlite3.IntegrityError, match="once they are acknowledged"):
            one("INSERT INTO archive VALUES (?,?,?,'','','')", (*unacknowledged[:2], epoch))
    one("DELETE FROM fact WHERE seq = ?", (first.last,))


def test_an_archive_that_is_not_what_was_written_is_not_noted(journal, monkeypatch):
    def lying(folder, archive):
        yield from ()

    monkeypatch.setattr(archives, "read", lying)
    with pytest.raises(ArchiveUnreadable, match="is not what was written"):
        archive_all(journal)
    assert archives.listed(journal._db) == []


@pytest.mark.parametrize("harm", ["changed", "cut short", "no gzip", "other lines"])
def test_an_archive_that_was_harmed_is_found_out(journal, harm):
    first = archive_and_delete(journal)[0]
    file = folder_of(journal.path) / first.file
    data = file.read_bytes()
    harmed = {
        "changed": data[:200] + b"\0" + data[201:],
        "cut short": data[:100],
        "no gzip": b"",
        "other lines": gzip.compress(b"{}\n"),
    }[harm]
    file.write_bytes(harmed)
    with pytest.raises(ArchiveUnreadable), closing(JournalReader(journal.path)) as reader:
        list(reader.rows())
    before = dumped(journal)
    with pytest.raises(ArchiveUnreadable):
        journal.rebuild()
    assert dumped(journal) == before


def test_a_body_that_is_no_json_is_archived_to_the_byte(journal):
    for number, body in enumerate((b"\xff\0", b'{"a"\n:1}', b"", b'"\xff"'), 1):
        row = (journal.last_seq + number, "X", 1, 0, 0, "h" * 64, body)
        journal._db.execute("INSERT INTO fact VALUES (?,?,?,?,?,?,?)", row)
    rows = list(journal.rows())
    written = archives.write(folder_of(journal.path), journal.epoch, 0, rows)
    assert list(archives.read(folder_of(journal.path), written)) == rows


def test_a_file_that_is_half_written_is_not_there(tmp_path):
    with pytest.raises(OSError, match="full"), whole_file(tmp_path / "x") as stream:  # noqa: PT012  the file is what raises
        stream.write(b"half")
        raise OSError(28, "full")
    assert list(tmp_path.iterdir()) == []


def test_room_goes_back_to_the_disk_when_there_is_far_too_much(journal):
    append(journal, [facts.DeviceLost("scale", "x" * 3000)] * 400, NOW_MS - 40 * DAY_MS)
    append(journal, sale("last", LaneState(500)).facts, NOW_MS)
    close_days(journal)
    archive_and_delete(journal, Rule(NOW_MS + 99 * DAY_MS, 1, facts=50, kept=20))
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]

    assert list(give_back_room(journal._db)) == []  # it is used again soon
    for _ in give_back_room(journal._db, free_pages_max=10):
        pass

    assert journal._db.execute("PRAGMA freelist_count").fetchone()[0] <= 10
    assert journal._db.execute("PRAGMA page_count").fetchone()[0] < pages // 2
    assert journal._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_cannot_give_room_back_is_left_as_it_is(tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("CREATE TABLE t(x)")
        db.execute("INSERT INTO t VALUES (zeroblob(100000))")
        db.execute("DROP TABLE t")
        assert list(give_back_room(db, free_pages_max=5)) == []


def test_archives_and_former_epochs_survive_a_damaged_file(path, journal):
    rows, epoch = list(journal.rows()), journal.epoch
    total = posted("T3", None, lines=(charged(MILK), charged(TEA)))
    answer = journal.earlier_answer(total)
    archived = archive_and_delete(journal)
    journal.close()
    data = bytearray(path.read_bytes())
    data[:4096] = bytes(4096)
    path.write_bytes(data)

    recovered_journal, recovered = open_journal(path, NOW_MS)

    with recovered_journal as anew, closing(JournalReader(path)) as reader:
        assert recovered.lost == ()
        (former,) = reader.formers()
        assert list(reader.former_rows(former)) == rows
        assert former.epoch == epoch
        assert former.acked_seq >= archived[-1].last
        assert anew.earlier_answer(total) == answer
        assert len(reader.archives()) == len(archived)
        before = dumped(anew)
        anew.rebuild()
        assert dumped(anew) == before

        # once head office has the rest too, all of it goes, and is one chain still
        anew._db.execute("UPDATE former SET acked_seq = last_seq")
        append(anew, sale("N1", LaneState(700)).facts, NOW_MS)
        sold = [day.sales for day in anew.days_due("2027-01-01") if day.sales]
        assert sold == [1]  # its own, not the former's
        close_days(anew)
        archive_and_delete(anew, Rule(NOW_MS + 99 * DAY_MS, 1, facts=500, kept=1))
        assert min(positions(anew)) > 0
        assert list(reader.former_rows(former)) == rows
        assert former.breaks == 0
        anew.rebuild()
        assert anew.earlier_answer(total) == answer


def test_an_archive_that_is_gone_is_told_as_lost(path, journal):
    archived = archive_and_delete(journal)
    journal.close()
    (folder_of(path) / archived[1].file).unlink()
    (folder_of(path) / "notes.jsonl.gz").write_text("not ours")
    path.write_bytes(bytes(100) + path.read_bytes()[100:])

    with open_journal(path, NOW_MS)[0] as anew:
        (told,) = anew.facts()
        assert [(gap.first, gap.last) for gap in told.lost] == [(51, 100)]


# --- telemetry -----------------------------------------------------------------------------------


def test_at_the_limit_sales_are_written_and_sensors_are_counted(journal):
    journal.shedding = True
    seq = journal.last_seq
    append(journal, [facts.DeviceLost("scale", "x"), facts.DeviceReturned("scale")])
    assert journal.last_seq == seq
    step = sale("full", LaneState(800))
    append(journal, [facts.CrossingObserved(None, 1, 90, "camera"), *step.facts])
    shed = facts.TelemetryShed(3, ("CrossingObserved", "DeviceLost", "DeviceReturned"))
    assert list(journal.facts(seq + 1)) == [*step.facts, shed]

    journal.shedding = False
    append(journal, [facts.DeviceLost("scale", "x"), *sale("after", step.state).facts])
    types = [fact.type for fact in journal.facts(seq + 1)]
    assert types.count("TelemetryShed") == 1
    assert types.count("DeviceLost") == 1


def test_what_was_left_out_is_told_even_if_the_first_try_to_tell_it_fails(journal):
    journal.shedding = True
    append(journal, [facts.DeviceLost("scale", "x")])
    step = sale("full", LaneState(800))
    trigger = (
        "CREATE TRIGGER trouble BEFORE INSERT ON print_job BEGIN SELECT RAISE(ABORT, 'x'); END"
    )
    journal._db.execute(trigger)
    with pytest.raises(sqlite3.Error):
        append(journal, step.facts)
    journal._db.execute("DROP TRIGGER trouble")
    append(journal, step.facts)
    assert list(journal.facts())[-1] == facts.TelemetryShed(1, ("DeviceLost",))


def test_the_facts_of_a_basket_that_is_put_aside_stay_whatever_their_age(journal):
    opened = played(scanned(MILK.gtin), state=LaneState(60))
    aside_id = opened.state.transaction.transaction_id
    first = journal.last_seq + 1
    aside = facts.TransactionSuspended(aside_id, 1, 1000, 1, 1250)
    append(journal, [*opened.facts, aside], NOW_MS - 80 * DAY_MS)
    append(journal, sale("later", LaneState(61)).facts, NOW_MS - 80 * DAY_MS)
    append(journal, [facts.DeviceLost("scale", "x")] * 200, NOW_MS - 80 * DAY_MS)
    close_days(journal)

    archive_and_delete(journal, Rule(NOW_MS, 1, facts=1, kept=10))

    assert min(positions(journal)) <= first
    [waiting] = journal.lane_state().around.aside
    assert (waiting.number, waiting.transaction.lines) == (1, opened.state.transaction.lines)


# --- a day that is archived, and sells once more --------------------------------------------------


def closes_of(journal):
    return [fact for fact in journal.facts() if isinstance(fact, facts.DayClosed)]


def test_a_late_sale_closes_an_archived_day_again_with_all_that_it_sold(journal):
    before = next(day for day in closes_of(journal) if day.sales)
    close_days(journal)
    archive_and_delete(journal)
    assert positions(journal)[0] > before.first_seq, "its first sales are in archives"

    append(journal, sale("late", LaneState(500)).facts, NOW_MS)
    (again,) = journal.days_due("2026-11-23")

    sold = [row for row in journal.history() if row.type == "TransactionSettled"]
    digest = hashlib.sha256("".join(f"{row.seq} {row.hash}\n" for row in sold).encode())
    assert (again.business_date, again.sales) == (before.business_date, before.sales + 1)
    assert again.sum_minor == before.sum_minor + MILK.price_minor
    assert (again.first_seq, again.last_seq) == (before.first_seq, sold[-1].seq)
    assert again.hash == digest.hexdigest()
    append(journal, [again], NOW_MS)
    assert journal.days_due("2026-11-23") == [], "told once"


def test_an_item_added_to_a_sale_of_an_archived_day_leaves_its_close_as_it_is(journal):
    close_days(journal)
    archive_and_delete(journal)
    settled = next(
        decode_body(row.type, row.version, row.body)
        for row in journal.history()
        if row.type == "TransactionSettled"
    )
    added = facts.ItemBackfilled(
        "b1", settled.transaction_id, settled.receipt_number, settled.business_date, "CNY",
        "gone", settled.lines,
    )  # fmt: skip
    append(journal, [added], NOW_MS)
    assert journal.days_due("2026-11-23") == [], "it is no sale of that day's till"


def test_a_day_whose_archive_is_gone_stays_open_rather_than_told_wrong(journal):
    close_days(journal)
    written = archive_and_delete(journal)
    (folder_of(journal.path) / written[0].file).unlink()
    append(journal, sale("late", LaneState(500)).facts, NOW_MS)
    with pytest.raises(sqlite3.OperationalError, match="No such file"):
        journal.days_due("2026-11-23")
    append(journal, sale("later", LaneState(501)).facts, NOW_MS)

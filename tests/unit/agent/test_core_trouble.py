"""A disk that is full, a journal that refuses: nothing is lost, nothing is answered too early."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading

import pytest

from agent.domain import facts
from agent.domain.facts import TransactionSettled
from agent.inputs import CountKeyed, JobFinished, PrinterWell
from tests.core_kit import Lane, scan
from tests.lane_kit import MILK, TEA, charged, none_of, only, posted


@pytest.fixture
def lane(tmp_path, monkeypatch):
    monkeypatch.setattr("agent.core.RETRY_S", 0.01)
    built = Lane(tmp_path / "journal.db")
    yield built
    built.close()


def fill(lane):
    """Leave no room for one more page."""
    db = lane.journal._db
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    for size in (400, 1):  # down to the smallest fact
        with contextlib.suppress(sqlite3.OperationalError):
            while True:
                lane.journal.append([facts.DeviceLost("f", "x" * size)], wall_ms=0, mono_ms=0)


def make_room(lane):
    lane.journal._db.execute("PRAGMA max_page_count = 1000000")


def total():
    return posted("T1", None, lines=(charged(MILK), charged(TEA)))


def in_turn(lane, *inputs):
    """The turn in a thread of its own, as the core runs it."""
    thread = threading.Thread(target=lane.turn, args=inputs)
    thread.start()
    return thread


def test_a_full_disk_holds_the_lane_loudly_and_loses_nothing(lane, caplog):
    caplog.set_level(logging.INFO)
    lane.turn(scan(MILK.gtin))
    fill(lane)
    seq = lane.journal.last_seq
    heard = threading.Event()
    lane.core.subscribe(lambda notice: heard.set())
    told = len(lane.outlets.told)

    thread = in_turn(lane, scan(TEA.gtin), lane.post(total()))
    assert heard.wait(5)

    assert thread.is_alive()
    assert lane.core.snapshot().degraded
    assert lane.kinds()[-1] == "degraded"
    assert "check the disk" in lane.notices[-1].text.english()
    assert "full" in lane.notices[-1].data["reason"]
    assert lane.replies == []
    assert len(lane.outlets.told) == told
    assert lane.journal.last_seq == seq

    make_room(lane)
    thread.join(5)

    assert not thread.is_alive()
    assert not lane.core.snapshot().degraded
    assert [r.status for r in lane.replies] == ["settled"]
    assert lane.kinds().count("degraded") == 1
    assert lane.kinds()[-3:] == ["recovered", "line_item_added", "settled"]
    assert only(TransactionSettled, lane.journal.facts()).item_count == 2
    assert caplog.text.count("the journal cannot be written") == 1
    assert caplog.text.count("the journal is written again") == 1


def test_the_heart_beats_while_the_disk_is_full(lane):
    fill(lane)
    before = lane.core.heartbeat_ns
    lane.time.mono_ns += 99

    thread = in_turn(lane, scan(MILK.gtin))
    for _ in range(500):
        if lane.core.heartbeat_ns == before + 99:
            break
        threading.Event().wait(0.01)
    make_room(lane)
    thread.join(5)

    assert lane.core.heartbeat_ns == before + 99


def test_a_lane_that_is_stopped_while_the_disk_is_full_promises_nothing(lane):
    lane.turn(scan(MILK.gtin))
    fill(lane)
    lane.stop.set()

    assert lane.turn(lane.post(posted("T1", None, lines=(charged(MILK),)))) == []

    assert lane.replies == []
    make_room(lane)
    lane.stop.clear()
    lane.turn(lane.post(posted("T1", None, lines=(charged(MILK),))))
    assert [r.status for r in lane.replies] == ["settled"]


def test_a_start_on_a_full_disk_waits_for_room_or_for_the_stop_and_prints_nothing(lane):
    lane.turn(scan(MILK.gtin), lane.post(posted("T1", None, lines=(charged(MILK),))))
    ((job, _),) = lane.outlets.all("print")
    lane.turn(JobFinished(job, "failed", "offline"))
    fill(lane)
    stop = threading.Event()
    starting = threading.Thread(target=lane.core.start, args=("boot-2", "0.1.0", stop))
    starting.start()
    starting.join(0.1)
    assert starting.is_alive()

    stop.set()
    starting.join(5)
    assert not starting.is_alive()
    assert lane.outlets.all("print") == [(job, False)]


def test_a_broken_constraint_is_a_bug_and_not_waited_out(lane):
    lane.journal._db.execute(
        "CREATE TRIGGER bug BEFORE INSERT ON settlement BEGIN SELECT RAISE(ABORT, 'a bug'); END"
    )
    lane.turn(scan(MILK.gtin))
    sale = posted("T1", None, lines=(charged(MILK),))

    with pytest.raises(sqlite3.IntegrityError, match="a bug"):
        lane.turn(lane.post(sale))

    assert lane.replies == []
    lane.journal._db.execute("DROP TRIGGER bug")
    lane.turn(lane.post(sale))
    assert [r.status for r in lane.replies] == ["settled"]
    assert lane.core.snapshot().transaction_id is None


# --- a journal that cannot be read -------------------------------------------------------------


def test_an_item_that_cannot_be_read_is_counted_and_read_again_once_it_can(lane):
    lane.journal._db.execute("ALTER TABLE item RENAME TO gone")
    new = lane.turn(scan(MILK.gtin), scan(MILK.gtin))

    assert [f.known for f in new if isinstance(f, facts.LineItemAdded)] == [False, False]
    assert lane.core.snapshot().degraded
    assert lane.kinds().count("degraded") == 1
    lane.journal._db.execute("ALTER TABLE gone RENAME TO item")
    (line,) = lane.turn(scan(MILK.gtin))
    assert line.known
    assert not lane.core.snapshot().degraded
    assert lane.kinds()[-1] == "recovered"


def test_a_total_is_not_settled_while_nobody_can_tell_whether_it_was(lane, caplog):
    lane.turn(scan(MILK.gtin))
    sale = posted("T1", None, lines=(charged(MILK),))
    lane.journal._db.execute("ALTER TABLE settlement RENAME TO gone")

    new = lane.turn(lane.post(sale), scan(TEA.gtin), CountKeyed("2", "keypad"))

    (reply,) = lane.replies
    assert (reply.status, reply.code) == ("rejected", "journal_unreadable")
    assert "send the total again" in reply.text.english()
    assert only(facts.LineItemAdded, new).gtin == TEA.gtin
    assert none_of(facts.CashierTotalReceived, new)
    assert lane.kinds().count("total_rejected") == 2
    assert "the journal cannot be read" in caplog.text
    lane.journal._db.execute("ALTER TABLE gone RENAME TO settlement")
    lane.turn(lane.post(total()))
    assert lane.replies[-1].status == "settled"


def test_without_the_categories_a_missed_item_is_suspected_all_the_same(lane):
    lane.turn(scan(MILK.gtin))
    lane.journal._db.execute("ALTER TABLE item RENAME TO gone")

    lane.turn(lane.post(posted("T1", 2, amount_minor=1250 + 1000)))

    assert lane.replies[0].missed_count == 1
    assert lane.replies[0].findings[0].category is None
    assert lane.core.snapshot().degraded


def test_receipts_that_cannot_be_looked_up_go_out_when_they_can(lane):
    lane.turn(scan(MILK.gtin), lane.post(posted("T1", None, lines=(charged(MILK),))))
    ((job, _),) = lane.outlets.all("print")
    lane.turn(JobFinished(job, "failed", "offline"))
    lane.journal._db.execute("ALTER TABLE print_job RENAME TO gone")

    assert lane.turn(PrinterWell("printer")) == []
    assert lane.core.snapshot().degraded
    lane.journal._db.execute("ALTER TABLE gone RENAME TO print_job")
    lane.turn(PrinterWell("printer"))

    assert lane.outlets.all("print") == [(job, False)] * 2
    assert not lane.core.snapshot().degraded

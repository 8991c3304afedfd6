"""A disk that is full, a journal that refuses: nothing is lost, nothing is answered too early."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from dataclasses import replace

import pytest

from agent.domain import facts
from agent.domain.events import PayAtTill
from agent.domain.facts import TransactionSettled
from agent.domain.shop import Person, TillRules
from agent.domain.till import NOT_PAID, WAITS
from agent.domain.totals import Tender
from agent.inputs import ActSubmitted, CountKeyed, JobFinished, PrinterWell
from tests.core_kit import Lane, scan
from tests.lane_kit import BREAD, MILK, RULES, TEA, charged, none_of, only, posted


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


def wait_until(true, seconds=5):
    """Whether it became true in time."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        threading.Event().wait(0.005)
    return bool(true())


def total():
    return posted("T1", None, lines=(charged(MILK), charged(TEA)))


def test_while_the_disk_is_full_scans_are_seen_and_heard_and_nothing_is_promised(lane, caplog):
    caplog.set_level(logging.INFO)
    lane.turn(scan(MILK.gtin))
    fill(lane)
    seq = lane.journal.last_seq

    assert lane.turn(scan(TEA.gtin), lane.post(posted("T1", 3, amount_minor=9_000))) == []

    assert lane.core.snapshot().degraded
    assert lane.kinds()[-3:] == ["degraded", "line_item_added", "missed_scan_suspected"]
    degraded = lane.notices[-3]
    assert "check the disk" in degraded.text.english()
    assert "full" in degraded.data["reason"]
    assert lane.outlets.all("beep")[-2:] == ["good", "bad"]
    assert len(lane.outlets.all("alert")) == 1
    assert lane.replies == []
    assert lane.outlets.all("print") == []
    assert "settled" not in lane.outlets.all("show")
    assert lane.journal.last_seq == seq

    make_room(lane)
    lane.turn(scan(BREAD.gtin))

    assert not lane.core.snapshot().degraded
    assert [r.status for r in lane.replies] == ["settled"]
    assert len(lane.outlets.all("print")) == 1
    assert lane.kinds().count("degraded") == 1
    assert lane.kinds()[-4:-1] == ["recovered", "line_item_added", "settled"]
    assert lane.kinds()[-1] == "stock_not_deducted", "of three pieces paid, two were scanned"
    assert only(TransactionSettled, lane.journal.facts()).missed_count == 1
    assert [line.gtin for line in lane.core.snapshot().lines] == [BREAD.gtin]
    assert caplog.text.count("the journal cannot be written") == 1
    assert caplog.text.count("the journal is written again") == 1


def test_while_the_disk_refuses_the_till_says_what_to_do_and_is_paid_once_it_does_not(tmp_path):
    lane = Lane(tmp_path / "journal.db", replace(RULES, till=TillRules()))

    def pay(total_id, amount_minor, given_minor):
        given = (Tender("cash", given_minor),)
        act = PayAtTill(total_id, amount_minor, given, Person("07"))
        lane.turn(ActSubmitted(act, lane.replies.append))
        return lane.replies[-1] if lane.replies else None

    lane.turn(scan(MILK.gtin))
    fill(lane)
    assert pay("P1", 1250, 2000) is None  # promised to nobody yet
    assert pay("P1", 1250, 2000) == WAITS
    lane.turn(scan(BREAD.gtin))
    assert pay("P2", 800, 800) == NOT_PAID
    assert none_of(TransactionSettled, lane.journal.facts())

    make_room(lane)
    lane.turn(scan(TEA.gtin))
    assert lane.replies[-1].payment.change_minor == 750  # who asked first is answered
    assert pay("P1", 1250, 2000).payment.change_minor == 750
    assert pay("P2", 1800, 1800).code == ""
    settled = [f for f in lane.journal.facts() if isinstance(f, TransactionSettled)]
    assert [sale.total_id for sale in settled] == ["P1", "P2"]
    lane.close()


def test_facts_from_memory_keep_the_time_at_which_they_happened(lane):
    fill(lane)
    lane.turn(scan(MILK.gtin))
    lane.time.pass_minutes(5)
    make_room(lane)
    lane.turn(scan(TEA.gtin))

    milk, tea = (row for row in lane.journal.rows() if row.type == "LineItemAdded")
    assert tea.wall_ms - milk.wall_ms == tea.mono_ms - milk.mono_ms == 5 * 60_000


def test_a_total_that_comes_again_while_the_disk_is_full_is_settled_once(lane):
    lane.turn(scan(MILK.gtin), scan(TEA.gtin))
    fill(lane)
    lane.turn(lane.post(total()))
    lane.turn(lane.post(total()))
    lane.turn(lane.post(replace(total(), operator="another")))
    assert lane.replies == []

    make_room(lane)
    lane.turn(scan(MILK.gtin))
    lane.turn(lane.post(total()))

    assert [r.status for r in lane.replies] == ["settled", "duplicate", "rejected", "duplicate"]
    assert lane.replies[2].code == "total_id_reused"
    only(TransactionSettled, lane.journal.facts())


def test_an_idle_lane_writes_what_it_owes_as_soon_as_there_is_room(lane, monkeypatch):
    monkeypatch.setattr("agent.core.TICK_S", 0.01)
    lane.turn(scan(MILK.gtin), scan(TEA.gtin))
    fill(lane)
    lane.turn(lane.post(total()))
    make_room(lane)

    running = threading.Thread(target=lane.core.run, args=(lane.stop,))
    running.start()
    answered = wait_until(lambda: lane.replies)
    lane.stop.set()
    running.join(5)

    assert answered
    assert lane.replies[0].status == "settled"


def test_the_reserve_is_given_up_before_anything_waits(lane):
    def give_up():
        lane.give_up_reserve = lambda: False
        make_room(lane)
        return True

    lane.give_up_reserve = give_up
    lane.turn(scan(MILK.gtin), scan(TEA.gtin))
    fill(lane)

    lane.turn(lane.post(total()))

    assert [r.status for r in lane.replies] == ["settled"]
    assert not lane.core.snapshot().degraded
    assert (
        "make room today" in next(n for n in lane.notices if n.kind == "disk_full").text.english()
    )


def test_another_fault_than_a_full_disk_leaves_the_reserve_alone(lane):
    lane.give_up_reserve = lambda: pytest.fail("given up for nothing")
    lane.journal._db.execute("PRAGMA query_only = 1")

    assert lane.turn(scan(MILK.gtin)) == []

    assert "readonly" in lane.notices[-2].data["reason"]
    lane.journal._db.execute("PRAGMA query_only = 0")
    lane.turn(scan(TEA.gtin))
    assert lane.core.snapshot().item_count == 2


def test_memory_has_an_end_at_which_the_lane_holds_and_its_heart_beats(lane, monkeypatch):
    monkeypatch.setattr("agent.core.OWED_FACTS_MAX", 2)
    fill(lane)
    lane.turn(scan(MILK.gtin))
    before = lane.core.heartbeat_ns
    lane.time.mono_ns += 99

    thread = threading.Thread(target=lane.turn, args=(scan(TEA.gtin),))
    thread.start()
    beats = wait_until(lambda: lane.core.heartbeat_ns == before + 99)
    held = thread.is_alive()
    make_room(lane)
    thread.join(5)

    assert beats
    assert held
    assert not thread.is_alive()
    assert lane.core.snapshot().item_count == 2


def test_a_lane_that_is_stopped_while_the_disk_is_full_has_promised_nothing(lane, caplog):
    lane.turn(scan(MILK.gtin))
    fill(lane)
    lane.inbox.put(lane.post(posted("T1", None, lines=(charged(MILK),))))
    lane.stop.set()

    lane.core.run(lane.stop)

    assert lane.replies == []
    assert "2 facts that the disk did not take" in caplog.text
    make_room(lane)
    lane.restart()
    lane.turn(lane.post(posted("T1", None, lines=(charged(MILK),))))
    assert [r.status for r in lane.replies] == ["settled"]


def test_a_start_on_a_full_disk_sells_from_memory_and_prints_once_there_is_room(lane):
    lane.turn(scan(MILK.gtin), lane.post(posted("T1", None, lines=(charged(MILK),))))
    ((job, _),) = lane.outlets.all("print")
    lane.turn(JobFinished(job, "failed", "offline"))
    fill(lane)
    lane.core.start("boot-2", "0.1.0", threading.Event())
    lane.turn(scan(TEA.gtin))
    assert lane.outlets.all("print") == [(job, False)]
    assert lane.core.snapshot().item_count == 1

    make_room(lane)
    lane.turn(scan(TEA.gtin))

    assert lane.outlets.all("print") == [(job, False)] * 2


def test_a_broken_constraint_is_a_bug_and_not_waited_out(lane):
    lane.journal._db.execute(
        "CREATE TRIGGER bug BEFORE INSERT ON settlement BEGIN SELECT RAISE(ABORT, 'a bug'); END"
    )
    lane.turn(scan(MILK.gtin))
    sale = posted("T1", None, lines=(charged(MILK),))

    with pytest.raises(sqlite3.IntegrityError, match="a bug"):
        lane.turn(lane.post(sale))

    assert lane.replies == []
    assert lane.core.snapshot().item_count == 1
    lane.journal._db.execute("DROP TRIGGER bug")
    lane.turn(lane.post(sale))
    assert [r.status for r in lane.replies] == ["settled"]
    assert lane.core.snapshot().transaction_id is None


def test_a_bug_in_what_is_owed_ends_at_what_the_journal_holds(lane):
    fill(lane)
    lane.turn(scan(MILK.gtin))
    lane.turn(lane.post(posted("T1", None, lines=(charged(MILK),))))
    make_room(lane)
    lane.journal._db.execute(
        "CREATE TRIGGER bug BEFORE INSERT ON settlement BEGIN SELECT RAISE(ABORT, 'a bug'); END"
    )

    with pytest.raises(sqlite3.IntegrityError, match="a bug"):
        lane.turn(scan(TEA.gtin))

    assert lane.replies == []
    assert [line.gtin for line in lane.core.snapshot().lines] == [MILK.gtin]
    assert not lane.core.snapshot().degraded


def test_promises_that_were_paid_for_are_kept_before_a_bug_in_what_is_owed_next(lane):
    lane.turn(scan(MILK.gtin), scan(TEA.gtin))
    fill(lane)
    lane.turn(lane.post(total()))
    lane.turn(scan(MILK.gtin), lane.post(posted("bug", None, lines=(charged(MILK),))))
    make_room(lane)
    lane.journal._db.execute(
        "CREATE TRIGGER bug BEFORE INSERT ON settlement WHEN NEW.total_id = 'bug' "
        "BEGIN SELECT RAISE(ABORT, 'a bug'); END"
    )

    lane.turn(scan(TEA.gtin))
    assert [r.status for r in lane.replies] == ["settled"]
    with pytest.raises(sqlite3.IntegrityError, match="a bug"):
        lane.turn(scan(TEA.gtin))
    assert [r.status for r in lane.replies] == ["settled"]


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


def test_a_total_that_is_refused_as_unreadable_is_answered_while_the_disk_takes_nothing(lane):
    lane.turn(scan(MILK.gtin))
    fill(lane)
    lane.turn(scan(TEA.gtin))  # owed to the disk from here on
    lane.journal._db.execute("ALTER TABLE settlement RENAME TO gone")

    lane.turn(lane.post(total()))

    assert [(reply.status, reply.code) for reply in lane.replies] == [
        ("rejected", "journal_unreadable")
    ]


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

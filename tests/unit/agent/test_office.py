"""What head office asks the core for is done once for each id; each trading day is closed."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import date, timedelta

import pytest

from agent.domain.facts import CommandAnswered, DayClosed, ReceiptPrinted, TransactionSettled
from agent.domain.items import Item
from agent.domain.text import Text
from agent.inputs import (
    Announced,
    Asked,
    ChangeItems,
    CloseDay,
    DayEnded,
    Done,
    JobFinished,
    Reprint,
)
from agent.journal.days import EMPTY_DAYS_MAX
from tests.core_kit import Lane, scan
from tests.lane_kit import MILK, TEA, charged, only, posted

MINUTES_A_DAY = 24 * 60


@pytest.fixture
def lane(tmp_path):
    lane = Lane(tmp_path / "journal.db")
    yield lane
    lane.close()


def sell(lane, total_id="T1"):
    lane.turn(scan(MILK.gtin))
    return only(
        TransactionSettled, lane.turn(lane.post(posted(total_id, None, lines=(charged(MILK),))))
    )


def ask(lane, request, command_id="c1", name="reprint"):
    facts = lane.turn(Asked(command_id, name, "li", request))
    return facts, lane.outlets.all("answer")[-1]


@pytest.mark.parametrize("by", ["receipt_number", "transaction_id"])
def test_a_receipt_is_printed_once_more(lane, by):
    settled = sell(lane)
    facts, answer = ask(lane, Reprint(getattr(settled, by)))
    job_id, reprint = lane.outlets.all("print")[-1]
    assert facts == [answer]
    assert (answer.status, answer.code, answer.by, reprint) == ("done", "ok", "li", True)
    printed = only(ReceiptPrinted, lane.turn(JobFinished(job_id, "printed", "")))
    assert (printed.transaction_id, printed.reprint) == (settled.transaction_id, True)


def test_the_same_id_prints_once_before_and_after_a_restart(lane):
    settled = sell(lane)
    _, answer = ask(lane, Reprint(settled.receipt_number))
    prints = len(lane.outlets.all("print"))
    assert ask(lane, Reprint(settled.receipt_number)) == ([], answer)
    assert len(lane.outlets.all("print")) == prints
    lane.restart()
    assert ask(lane, Reprint(settled.receipt_number)) == ([], answer)
    reprints = [job for job, _ in lane.outlets.all("print") if job.endswith("c1")]
    assert reprints == []


def test_two_of_one_id_in_one_turn_are_one(lane):
    settled = sell(lane)
    asked = Asked("c1", "reprint", "li", Reprint(settled.receipt_number))
    assert len(lane.turn(asked, asked)) == 1
    assert len(lane.outlets.all("answer")) == 2


def test_an_answer_is_durable_before_it_is_given(lane):
    ask(lane, Done("3 facts"), name="resend")
    (durable,) = [facts for what, facts in lane.outlets.durable if what == "answer"]
    assert only(CommandAnswered, durable).detail == "3 facts"


@pytest.mark.parametrize("receipt", ["lane-1-ffff-000001", "nonsense", "", "%", "x-%"])
def test_what_is_no_receipt_is_refused(lane, receipt):
    sell(lane)
    _, answer = ask(lane, Reprint(receipt))
    assert (answer.status, answer.code) == ("refused", "unknown_receipt")


def test_without_a_printer_nothing_is_reprinted(tmp_path):
    lane = Lane(tmp_path / "journal.db", has_printer=False)
    settled = sell(lane)
    _, answer = ask(lane, Reprint(settled.receipt_number))
    assert answer.code == "no_printer"
    lane.close()


def test_items_are_changed_for_the_very_next_scan_and_after_a_restart(lane):
    lane.turn(scan(MILK.gtin))
    dearer = Item(MILK.gtin, "Milk, fresh", "dairy", (MILK.price_minor or 0) + 50)
    _, answer = ask(lane, ChangeItems((dearer,), (TEA.gtin,)), name="items")
    assert answer.detail == "1 items changed, 1 gone"
    lane.turn(scan(MILK.gtin), scan(TEA.gtin))
    assert [line.description for line in lane.core.snapshot().lines[1:]] == ["Milk, fresh", ""]
    lane.restart()
    assert lane.journal.item(MILK.gtin) == dearer
    assert lane.journal.item(TEA.gtin) is None


def test_what_the_disk_refuses_is_not_answered_and_may_be_asked_again(lane, monkeypatch):
    real = lane.journal.change_items

    def refuse(items, gone):
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(lane.journal, "change_items", refuse)
    assert lane.turn(Asked("c1", "items", "li", ChangeItems((), (TEA.gtin,)))) == []
    assert lane.outlets.all("answer") == []
    monkeypatch.setattr(lane.journal, "change_items", real)
    assert ask(lane, ChangeItems((), (TEA.gtin,)), name="items")[1].status == "done"


# --- days ----------------------------------------------------------------------------------------


def digest(lane, first, last):
    rows = [r for r in lane.journal.rows(first) if r.seq <= last and r.type == "TransactionSettled"]
    return hashlib.sha256("".join(f"{r.seq} {r.hash}\n" for r in rows).encode()).hexdigest()


def test_a_day_is_closed_with_what_it_sold(lane):
    day = lane.time.wall.date().isoformat()
    sales = [sell(lane, f"T{n}") for n in range(3)]
    assert lane.turn(DayEnded()) == [], "it is still that day"
    lane.time.pass_minutes(MINUTES_A_DAY)
    closed = only(DayClosed, lane.turn(DayEnded()))
    total = sum(sale.amount_minor for sale in sales)
    assert (closed.business_date, closed.sales, closed.sum_minor) == (day, 3, total)
    assert closed.hash == digest(lane, closed.first_seq, closed.last_seq)
    assert lane.turn(DayEnded()) == [], "told once"
    lane.restart()
    assert lane.turn(DayEnded()) == []


def test_a_day_waits_for_its_last_sale(lane):
    sell(lane, "T1")
    lane.turn(scan(MILK.gtin))
    lane.time.pass_minutes(MINUTES_A_DAY)
    assert lane.turn(DayEnded()) == []
    lane.turn(lane.post(posted("T2", None, lines=(charged(MILK),))))
    assert only(DayClosed, lane.turn(DayEnded())).sales == 2


def test_a_day_that_sold_again_is_closed_again(lane):
    sell(lane, "T1")
    lane.time.pass_minutes(MINUTES_A_DAY)
    first = only(DayClosed, lane.turn(DayEnded()))
    lane.time.wall -= timedelta(minutes=MINUTES_A_DAY)  # the clock is set back
    sell(lane, "T2")
    lane.time.pass_minutes(MINUTES_A_DAY)
    again = only(DayClosed, lane.turn(DayEnded()))
    assert (again.business_date, again.sales) == (first.business_date, 2)


def test_several_days_of_a_lane_that_was_off_are_closed_at_once(lane):
    for number in range(3):
        sell(lane, f"T{number}")
        lane.time.pass_minutes(MINUTES_A_DAY)
    closes = [fact for fact in lane.turn(DayEnded()) if isinstance(fact, DayClosed)]
    assert [close.sales for close in closes] == [1, 1, 1]


def test_days_without_sales_are_closed_too(lane):
    lane.time.pass_minutes(2 * MINUTES_A_DAY)
    assert lane.turn(DayEnded()) == [], "a lane that never sold anything tells of no day"
    sell(lane, "T1")
    lane.time.pass_minutes(3 * MINUTES_A_DAY)
    sold, *empty = lane.turn(DayEnded())
    assert (sold.sales, [close.sales for close in empty]) == (1, [0, 0])
    days = [date.fromisoformat(close.business_date) for close in (sold, *empty)]
    assert [(day - days[0]).days for day in days] == [0, 1, 2]
    assert {(c.sum_minor, c.first_seq, c.last_seq, c.hash) for c in empty} == {
        (0, 0, 0, hashlib.sha256().hexdigest())
    }
    assert lane.turn(DayEnded()) == [], "told once"


def test_a_day_that_was_closed_empty_and_sold_after_all_is_closed_again(lane):
    sell(lane, "T1")
    lane.time.pass_minutes(2 * MINUTES_A_DAY)
    _, empty = lane.turn(DayEnded())
    lane.time.wall -= timedelta(minutes=MINUTES_A_DAY)  # the clock is set back
    sell(lane, "T2")
    lane.time.pass_minutes(MINUTES_A_DAY)
    again = only(DayClosed, lane.turn(DayEnded()))
    assert (again.business_date, again.sales) == (empty.business_date, 1)
    assert again.hash == digest(lane, again.first_seq, again.last_seq)


def test_a_lane_that_was_off_for_a_year_tells_of_its_last_month(lane):
    sell(lane, "T1")
    lane.time.pass_minutes(365 * MINUTES_A_DAY)
    assert len(lane.turn(DayEnded())) == 1 + EMPTY_DAYS_MAX


def test_what_head_office_asked_for_and_the_days_follow_from_the_facts_alone(lane):
    sell(lane)
    ask(lane, Done("x"))
    lane.time.pass_minutes(MINUTES_A_DAY)
    lane.turn(DayEnded())
    before = list(lane.journal.projections())
    lane.journal.rebuild()
    assert list(lane.journal.projections()) == before


# --- closed by hand ------------------------------------------------------------------------------


def close(lane, *before):
    """What somebody is told who closes the day, and the closes that were written."""
    told = []
    facts = lane.turn(*before, CloseDay("li", told.append))
    return told, [fact for fact in facts if isinstance(fact, DayClosed)]


def test_a_day_is_closed_by_hand_with_what_it_has_sold_so_far(lane):
    settled = sell(lane)
    (told,), closes = close(lane)
    assert (told.code, told.closes) == ("", tuple(closes))
    assert [(c.business_date, c.sales, c.sum_minor, c.closed_by) for c in closes] == [
        (settled.business_date, 1, settled.amount_minor, "li")
    ]
    assert closes[0].hash == digest(lane, closes[0].first_seq, closes[0].last_seq)


def test_a_day_is_closed_by_hand_once(lane):
    sell(lane)
    close(lane)
    (told,), closes = close(lane)
    assert (told.code, told.closes, closes) == ("", (), [])
    assert "already" in told.text.english()
    lane.time.pass_minutes(MINUTES_A_DAY)
    assert lane.turn(DayEnded()) == [], "nor by itself at its end"


def test_what_is_sold_after_a_close_by_hand_is_told_at_the_days_own_end(lane):
    sell(lane, "T1")
    close(lane)
    sell(lane, "T2")
    lane.time.pass_minutes(MINUTES_A_DAY)
    again = only(DayClosed, lane.turn(DayEnded()))
    assert (again.sales, again.closed_by) == (2, "")


def test_a_day_without_sales_is_closed_by_hand_after_one_with_some(lane):
    sell(lane)
    lane.time.pass_minutes(MINUTES_A_DAY)
    (told,), closes = close(lane)
    assert [c.sales for c in told.closes] == [1, 0]
    assert tuple(closes) == told.closes


@pytest.mark.parametrize(
    ("before", "code"), [((), "nothing_sold"), ((scan(MILK.gtin),), "basket_open")]
)
def test_why_a_day_is_not_closed_by_hand(lane, before, code):
    (told,), closes = close(lane, *before)
    assert (told.code, closes) == (code, [])


def test_a_day_is_not_closed_in_the_turn_in_which_it_still_sells(lane):
    lane.turn(scan(MILK.gtin))
    total = lane.post(posted("T1", None, lines=(charged(MILK),)))
    (told,), closes = close(lane, total)
    assert (told.code, closes) == ("journal_behind", [])
    assert lane.turn(DayEnded()) == []
    assert only(DayClosed, close(lane)[1]).sales == 1


def test_who_closes_the_day_is_told_after_the_commit_and_when_the_journal_cannot_be_read(
    lane, monkeypatch
):
    sell(lane)
    durable = []

    def reply(told):
        durable.append([fact for fact in lane.journal.facts() if isinstance(fact, DayClosed)])

    lane.turn(CloseDay("li", reply))
    assert [len(facts) for facts in durable] == [1]

    def refuse(_today):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(lane.journal, "days_due", refuse)
    (told,), closes = close(lane)
    assert (told.code, closes) == ("journal_unreadable", [])


# --- what happens beside the core ----------------------------------------------------------------


def test_what_is_announced_is_seen_on_the_screen_and_told_head_office(lane):
    text = Text("The journal's upkeep ({chore}) failed: {reason}", {"chore": "b", "reason": "c"})
    assert lane.turn(Announced("journal_trouble", text, {"chore": "b"})) == []
    notice = lane.notices[-1]
    assert (notice.kind, notice.text, notice.data) == ("journal_trouble", text, {"chore": "b"})
    assert lane.outlets.all("announce") == [("journal_trouble", text)]

"""Goods that come back at a running lane: journaled before anybody is told, printed once, seen by
the next return, counted by the day."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from agent.domain import facts
from agent.domain.return_events import ReturnGoods, ReturnItem
from agent.domain.returns import return_job_id
from agent.domain.shop import Person
from agent.inputs import ActSubmitted, DayEnded, JobFinished
from agent.journal import JournalReader
from agent.outlets import LaneOutlets
from drivers.base import PrintJob
from tests.core_kit import Lane, scan
from tests.lane_kit import BREAD, MILK, charged, none_of, only, posted
from tests.unit.agent.test_outlets import STYLE, Device

BOSS = Person("07", "manager", "Lin")


@pytest.fixture
def lane(tmp_path):
    built = Lane(tmp_path / "journal.db")
    built.told = []
    yield built
    built.close()


def sell(lane, *items, total_id="T1"):
    """A sale, its receipt on paper: the transaction's id."""
    lane.turn(*(scan(item.gtin) for item in items))
    lane.turn(lane.post(posted(total_id, None, lines=tuple(map(charged, items)))))
    transaction_id = lane.replies[-1].transaction_id
    lane.turn(JobFinished(f"{transaction_id}-receipt", "printed", ""))
    return transaction_id


def asked(lane, transaction_id, *line_nos, return_id="r1", **more):
    items = tuple(ReturnItem(line_no) for line_no in line_nos)
    event = ReturnGoods(return_id, items, BOSS, transaction_id, **more)
    return ActSubmitted(event, lane.told.append)


def returned(lane, *asks):
    return [f for f in lane.turn(*asks) if isinstance(f, facts.ReturnRecorded)]


def test_what_comes_back_is_durable_before_it_is_printed_or_answered(lane):
    sale = sell(lane, MILK, BREAD)
    (fact,) = returned(lane, asked(lane, sale, 1))
    assert lane.outlets.all("print")[-1] == (return_job_id("r1"), False)
    what, durable = lane.outlets.durable[-1]
    assert (what, only(facts.ReturnRecorded, durable)) == ("print", fact)
    assert (lane.told[-1].code, lane.told[-1].refund.amount_minor) == ("", MILK.price_minor)
    assert lane.kinds()[-1] == "goods_returned"
    with closing(JournalReader(lane.path)) as reader:
        assert reader.sale_file(sale).returns == (fact,)


def test_the_next_return_sees_the_one_before(lane):
    sale = sell(lane, MILK)
    (first,) = returned(lane, asked(lane, sale, 1))
    lane.restart()
    assert returned(lane, asked(lane, sale, 1, return_id="r2")) == []
    assert lane.told[-1].code == "too_much"
    assert returned(lane, asked(lane, sale, 1)) == []
    assert lane.told[-1].receipt_number == first.return_number


def test_of_two_in_one_turn_the_second_is_to_be_tried_again(lane):
    sale = sell(lane, MILK)
    assert len(returned(lane, asked(lane, sale, 1), asked(lane, sale, 1, return_id="r2"))) == 1
    assert {told.code for told in lane.told} == {"", "journal_unreadable"}


def test_a_return_receipt_that_may_be_on_paper_is_a_reprint_after_a_restart(lane):
    sale = sell(lane, MILK)
    returned(lane, asked(lane, sale, 1))
    lane.restart()
    assert lane.outlets.all("print") == [(return_job_id("r1"), True)]
    (fact,) = lane.turn(JobFinished(return_job_id("r1"), "printed", ""))
    assert fact == facts.ReceiptPrinted(sale, return_job_id("r1"), reprint=True)
    lane.restart()
    assert lane.outlets.all("print") == []


def test_a_day_counts_what_came_back_on_it(lane):
    sale = sell(lane, MILK, BREAD)
    lane.time.wall += timedelta(days=1)
    lane.turn(DayEnded())
    (fact,) = returned(lane, asked(lane, sale, 2))
    lane.time.wall += timedelta(days=1)
    (closed,) = [f for f in lane.turn(DayEnded()) if isinstance(f, facts.DayClosed)]
    assert (closed.business_date, closed.sales, closed.sum_minor) == ("2026-11-23", 0, 0)
    assert (closed.returns, closed.returned_minor) == (1, fact.amount_minor)
    assert closed.first_seq == closed.last_seq > 0
    assert none_of(facts.DayClosed, lane.turn(DayEnded())), "told once"


def test_a_day_with_both_is_closed_again_after_another_return(lane):
    sale = sell(lane, MILK, BREAD)
    returned(lane, asked(lane, sale, 1))
    (first,) = lane.journal.days_due("2026-11-23")
    assert (first.sales, first.returns) == (1, 1)
    lane.journal.append([first], wall_ms=1, mono_ms=1)
    assert lane.journal.days_due("2026-11-23") == []
    returned(lane, asked(lane, sale, 2, return_id="r2"))
    (again,) = lane.journal.days_due("2026-11-23")
    assert (again.returns, again.hash == first.hash) == (2, False)


def test_returns_of_an_epoch_are_numbered_and_the_tables_can_be_made_again(lane):
    sale = sell(lane, MILK, BREAD)
    numbers = [returned(lane, asked(lane, sale, n, return_id=f"r{n}"))[0] for n in (1, 2)]
    assert [fact.return_number[-7:] for fact in numbers] == ["R000001", "R000002"]
    before = list(lane.journal.projections())
    lane.journal.rebuild()
    assert list(lane.journal.projections()) == before


def test_a_return_receipt_goes_to_the_printer_as_what_it_is(lane):
    (fact,) = returned(lane, asked(lane, sell(lane, MILK), 1))
    printer = Device((PrintJob,))
    told = LaneOutlets((printer,), None, STYLE, lambda text: text.english(), lambda: lane.time.wall)
    told.print_receipt("job-1", fact, reprint=False)
    (job,) = printer.taken
    assert {"left": fact.return_number, "right": "2026-11-22 10:00"} in job.blocks

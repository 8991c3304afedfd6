"""Receipts: each sale is on paper once, and a second paper that may be a copy says REPRINT."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

import pytest

from agent.domain import facts
from agent.domain.settlement import receipt_job_id
from agent.inputs import JobFinished, PrinterWell
from agent.journal import JournalReader
from agent.lookups import PRINT_TRIES_MAX
from tests.core_kit import BEIJING, Lane, scan
from tests.lane_kit import MILK, charged, posted

WELL = PrinterWell("printer")


@pytest.fixture
def lane(tmp_path):
    built = Lane(tmp_path / "journal.db")
    yield built
    built.close()


def sell(lane, total_id="T1"):
    """A sale, its receipt at the printer: the job's id."""
    lane.turn(scan(MILK.gtin))
    lane.turn(lane.post(posted(total_id, None, lines=(charged(MILK),))))
    return receipt_job_id(lane.replies[-1].transaction_id)


def papers(lane):
    """(job id, says REPRINT) of each paper that was asked for."""
    return lane.outlets.all("print")


def test_a_receipt_that_was_printed_is_a_fact_and_is_never_sent_again(lane):
    job = sell(lane)

    (fact,) = lane.turn(JobFinished(job, "printed", ""))
    lane.turn(WELL)

    assert fact == facts.ReceiptPrinted(lane.replies[0].transaction_id, job, reprint=False)
    assert papers(lane) == [(job, False)]


def test_a_receipt_that_surely_failed_is_sent_again_as_it_is_once_the_printer_is_well(lane):
    job = sell(lane)

    (fact,) = lane.turn(JobFinished(job, "failed", "paper_out"))
    assert papers(lane) == [(job, False)]
    lane.turn(WELL)
    (again,) = lane.turn(JobFinished(job, "printed", ""))

    assert (fact.outcome, fact.reason) == ("failed", "paper_out")
    assert papers(lane) == [(job, False)] * 2
    assert again.reprint is False


def test_a_receipt_that_may_be_on_paper_is_sent_again_as_a_reprint(lane):
    job = sell(lane)

    lane.turn(JobFinished(job, "unconfirmed", "silent"))
    lane.turn(WELL)
    (again,) = lane.turn(JobFinished(job, "printed", ""))

    assert papers(lane) == [(job, False), (job, True)]
    assert again.reprint is True


def test_a_doubt_outlives_a_sure_failure(lane):
    job = sell(lane)

    for outcome in ("unconfirmed", "failed"):
        lane.turn(JobFinished(job, outcome, "silent"))
        lane.turn(WELL)

    assert papers(lane) == [(job, False), (job, True), (job, True)]


@pytest.mark.parametrize(
    ("outcome", "expected"), [("printed", []), ("failed", [False]), ("unconfirmed", [True])]
)
def test_a_job_that_ends_in_the_turn_in_which_the_printer_is_well_is_judged_by_its_end(
    lane, outcome, expected
):
    job = sell(lane)

    lane.turn(JobFinished(job, outcome, "silent"), WELL)

    assert papers(lane)[1:] == [(job, reprint) for reprint in expected]


def test_a_job_at_the_printer_is_not_sent_a_second_time(lane):
    job = sell(lane)

    lane.turn(WELL)
    lane.turn(WELL)

    assert papers(lane) == [(job, False)]


def test_a_sale_in_the_turn_in_which_the_printer_is_well_is_sent_once(lane):
    lane.turn(scan(MILK.gtin))
    lane.turn(lane.post(posted("T1", None, lines=(charged(MILK),))), WELL)

    assert len(papers(lane)) == 1


def test_a_job_at_the_printer_when_the_lane_restarted_comes_again_as_a_reprint(lane):
    job = sell(lane)

    lane.restart()

    assert papers(lane) == [(job, True)]
    assert list(lane.journal.facts())[-1] == facts.ReceiptUnprinted(
        lane.replies[0].transaction_id, job, "unconfirmed", "restarted"
    )


def test_the_doubt_of_a_restart_outlives_a_printer_that_then_fails(lane):
    job = sell(lane)
    lane.restart()

    lane.turn(JobFinished(job, "failed", "offline"))
    lane.turn(WELL)
    lane.restart()

    assert papers(lane) == [(job, True)]


def test_a_sure_failure_is_still_sure_after_a_restart(lane):
    job = sell(lane)
    lane.turn(JobFinished(job, "failed", "paper_out"))

    lane.restart()

    assert papers(lane) == [(job, False)]


def test_a_printed_receipt_is_left_alone_after_a_restart(lane):
    job = sell(lane)
    lane.turn(JobFinished(job, "printed", ""))

    lane.restart()
    lane.turn(WELL)

    assert papers(lane) == []


@pytest.mark.parametrize("outcome", [None, "failed", "unconfirmed"])
def test_a_receipt_of_a_customer_who_has_gone_is_left(lane, outcome):
    job = sell(lane)
    if outcome:
        lane.turn(JobFinished(job, outcome, "paper_out"))
    lane.time.pass_minutes(16)
    lane.turn(WELL)
    lane.restart()
    lane.turn(WELL)

    assert papers(lane) == []


def test_a_clock_that_is_set_meanwhile_makes_no_receipt_older(lane):
    lane.time.wall = datetime(1970, 1, 1, tzinfo=BEIJING)
    job = sell(lane)
    lane.turn(JobFinished(job, "failed", "paper_out"))
    lane.time.wall = datetime(2026, 11, 22, tzinfo=BEIJING)

    lane.turn(WELL)

    assert papers(lane) == [(job, False)] * 2


def test_a_clock_that_is_set_back_makes_no_receipt_younger(lane):
    job = sell(lane)
    lane.turn(JobFinished(job, "failed", "paper_out"))
    lane.time.pass_minutes(16)
    lane.time.wall -= timedelta(minutes=16)

    lane.turn(WELL)

    assert papers(lane) == [(job, False)]


def test_across_a_restart_of_the_box_the_wall_clock_says_how_old_a_receipt_is(lane):
    job = sell(lane)
    lane.turn(JobFinished(job, "failed", "paper_out"))
    lane.time.mono_ns = 0

    lane.restart()

    assert papers(lane) == [(job, False)]


def test_a_receipt_is_tried_so_often_and_no_more(lane):
    job = sell(lane)

    for _ in range(PRINT_TRIES_MAX + 3):
        lane.turn(JobFinished(job, "failed", "offline"))
        lane.turn(WELL)

    assert len(papers(lane)) == PRINT_TRIES_MAX


def test_several_receipts_wait_and_go_out_in_the_order_of_the_sales(lane):
    jobs = [sell(lane, f"T{n}") for n in range(3)]
    for job in jobs:
        lane.turn(JobFinished(job, "failed", "paper_out"))

    lane.turn(WELL)

    assert papers(lane)[3:] == [(job, False) for job in jobs]


def test_a_lane_without_a_printer_sells_and_prints_nothing(tmp_path):
    lane = Lane(tmp_path / "journal.db", has_printer=False)
    job = sell(lane)
    assert lane.replies[0].status == "settled"

    assert papers(lane) == []
    assert lane.turn(JobFinished(job, "printed", "")) == []
    lane.close()


def test_a_lane_without_a_printer_says_of_no_receipt_that_it_is_missing(tmp_path):
    lane = Lane(tmp_path / "journal.db", has_printer=False)
    sell(lane)
    lane.restart()
    lane.turn(WELL)

    told = list(lane.journal.facts())
    assert not any(isinstance(fact, facts.ReceiptUnprinted) for fact in told)
    assert papers(lane) == []
    with closing(JournalReader(lane.path)) as reader:
        assert reader.figures()["receipts_unprinted"] == 0
    lane.close()


@pytest.mark.parametrize(
    ("outcome", "missing"), [("printed", 0), ("failed", 1), ("unconfirmed", 1)]
)
def test_the_status_counts_the_receipts_that_a_printer_was_asked_for(lane, outcome, missing):
    job = sell(lane)
    with closing(JournalReader(lane.path)) as reader:
        assert reader.figures()["receipts_unprinted"] == 0  # being printed
        lane.turn(JobFinished(job, outcome, "paper_out"))
        assert reader.figures()["receipts_unprinted"] == missing


def test_the_end_of_a_job_that_nobody_sent_is_no_fact(lane, caplog):
    assert lane.turn(JobFinished("someone-elses", "printed", "")) == []
    assert "a print job ended that nobody sent: someone-elses" in caplog.text


def test_a_job_ends_once(lane):
    job = sell(lane)

    assert len(lane.turn(JobFinished(job, "printed", ""), JobFinished(job, "printed", ""))) == 1

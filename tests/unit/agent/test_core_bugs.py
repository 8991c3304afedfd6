"""A bug at one input costs that input alone: not its neighbours, and not their answers."""

from __future__ import annotations

import pytest

from agent.domain import facts
from agent.domain.lane import step
from agent.domain.settlement import receipt_job_id
from agent.inputs import CountKeyed, DeviceHealthChanged, DeviceSays, JobFinished, PrinterWell
from tests.core_kit import Lane, scan
from tests.lane_kit import BREAD, MILK, TEA, charged, none_of, only, posted


class Bug(Exception):
    """Nobody foresaw it."""


@pytest.fixture
def lane(tmp_path):
    built = Lane(tmp_path / "journal.db")
    yield built
    built.close()


@pytest.fixture
def buggy(monkeypatch):
    """Let the domain trip over each event of which `trips` is true."""

    def put(trips):
        def tripping(state, event, *rest):
            if trips(event):
                raise Bug
            return step(state, event, *rest)

        monkeypatch.setattr("agent.core.step", tripping)

    return put


def over_item(gtin):
    return lambda event: getattr(getattr(event, "item", None), "gtin", None) == gtin


def over_total(total_id):
    return lambda event: getattr(getattr(event, "total", None), "total_id", None) == total_id


def clean(total_id, *items):
    return posted(total_id, None, lines=tuple(map(charged, items)))


def test_a_scan_that_meets_a_bug_is_skipped_aloud_and_its_neighbours_are_sold(lane, buggy, caplog):
    buggy(over_item(BREAD.gtin))
    scans = scan(MILK.gtin), scan(BREAD.gtin), scan(TEA.gtin)

    new = lane.turn(*scans, lane.post(clean("T1", MILK, TEA)))

    assert only(facts.TransactionSettled, new).missed_count == 0
    assert [fact.gtin for fact in new if isinstance(fact, facts.LineItemAdded)] == [
        MILK.gtin,
        TEA.gtin,
    ]
    assert [reply.status for reply in lane.replies] == ["settled"]
    (skipped,) = (notice for notice in lane.notices if notice.kind == "input_skipped")
    assert skipped.data == {"input": "Scanned"}
    assert lane.outlets.all("beep") == ["good", "bad", "good"]
    assert "a turn of 4 input(s) failed" in caplog.text
    assert "a turn of 1 input(s) failed" in caplog.text
    assert "Bug" in caplog.records[-1].exc_text


def test_a_total_that_meets_a_bug_is_answered_and_settled_when_it_is_sent_again(lane, buggy):
    buggy(over_total("T1"))
    lane.turn(scan(MILK.gtin))

    new = lane.turn(lane.post(clean("T1", MILK)), scan(TEA.gtin))

    (reply,) = lane.replies
    assert (reply.status, reply.code) == ("rejected", "internal")
    assert "send the total again" in reply.text.english()
    assert none_of(facts.TransactionSettled, new)
    assert lane.core.snapshot().item_count == 2
    buggy(lambda event: False)
    lane.turn(lane.post(clean("T1", MILK, TEA)))
    assert lane.replies[-1].status == "settled"


def test_what_a_broken_turn_had_decided_is_decided_once(lane, buggy):
    lane.turn(scan(MILK.gtin), lane.post(clean("T1", MILK)))
    job = receipt_job_id(lane.replies[0].transaction_id)
    buggy(over_item(BREAD.gtin))

    new = lane.turn(
        JobFinished(job, "failed", "offline"),
        DeviceHealthChanged("scale", "scale", "lost", "gone"),
        DeviceSays("printer", ("paper_near_end",)),
        CountKeyed("", "keypad"),
        PrinterWell("printer"),
        scan(BREAD.gtin),
    )

    assert only(facts.ReceiptUnprinted, new).job_id == job
    assert only(facts.DeviceLost, new).role == "scale"
    for kind in ("device", "device_says", "total_rejected", "input_skipped"):
        assert lane.kinds().count(kind) == 1
    assert lane.outlets.all("print") == [(job, False)] * 2


def test_a_listener_with_a_bug_costs_nobody_the_answer(lane, caplog):
    def trips(notice):
        raise Bug

    lane.core.subscribe(trips)
    lane.turn(scan(MILK.gtin), lane.post(clean("T1", MILK)))

    assert [reply.status for reply in lane.replies] == ["settled"]
    assert len(lane.outlets.all("print")) == 1
    assert "an effect failed" in caplog.text

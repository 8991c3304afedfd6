"""The one loop: it commits before it acts, commits once a turn, forgets nothing that is durable."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from agent.core import STUCK_NS
from agent.domain import facts
from agent.domain.facts import TransactionSettled
from agent.inputs import Acknowledged, CountKeyed, DeviceHealthChanged, DeviceSays
from agent.journal import Journal
from tests.core_kit import BEIJING, Lane, SetClock, durable_facts, scan
from tests.lane_kit import (
    APPLES,
    BREAD,
    MILK,
    STRANGE,
    TEA,
    charged,
    only,
    posted,
    unclear,
    weighed,
)


@pytest.fixture
def lane(tmp_path):
    built = Lane(tmp_path / "journal.db")
    yield built
    built.close()


def clean(total_id="T1", *items):
    return posted(total_id, None, lines=tuple(map(charged, items or (MILK,))))


# --- facts before effects ----------------------------------------------------------------------


def test_every_effect_finds_its_fact_durable(lane):
    lane.turn(scan(MILK.gtin))
    lane.turn(unclear())
    seen = []
    lane.core.subscribe(lambda notice: seen.append((notice.kind, durable_facts(lane.path))))
    reply = lambda outcome: seen.append((outcome.status, durable_facts(lane.path)))  # noqa: E731  one word for it

    lane.turn(lane.post(clean("T1", MILK, TEA), reply))

    whole = list(lane.journal.facts())
    assert isinstance(whole[-1], TransactionSettled)
    assert [kind for kind, _ in seen] == ["missed_scan_suspected", "settled", "settled"]
    assert all(durable == whole for _, durable in seen)
    effects = [(what, durable) for what, durable in lane.outlets.durable if durable == whole]
    assert {what for what, _ in effects} == {"committed", "alert", "beep", "print", "show"}


def test_no_effect_ever_came_before_the_commit_of_its_turn(lane):
    for inputs in ([scan(MILK.gtin)], [unclear()], [lane.post(clean())], [CountKeyed("3", "k")]):
        before = len(lane.outlets.durable)
        lane.turn(*inputs)
        told = lane.outlets.durable[before:]
        assert told[0][0] == "committed"
        assert all(durable == list(lane.journal.facts()) for _, durable in told)


def test_many_inputs_share_one_commit(lane):
    before = len(lane.outlets.all("committed"))

    new = lane.turn(*[scan(MILK.gtin)] * 20, lane.post(clean("T1", *[MILK] * 20)))

    assert len(new) == 1 + 20 + 2
    assert len(lane.outlets.all("committed")) == before + 1
    rows = list(lane.journal.rows(2))
    assert len({row.mono_ms for row in rows}) == 1
    assert lane.replies[0].status == "settled"


def test_a_turn_without_facts_commits_nothing(lane):
    before = lane.outlets.all("committed")

    assert lane.turn(weighed(300), DeviceSays("scale", ("not_ready",)), Acknowledged(0)) == []
    assert lane.outlets.all("committed") == before


# --- scans and items ---------------------------------------------------------------------------


def test_a_scan_is_looked_up_in_the_item_master(lane):
    lane.turn(scan(BREAD.gtin))

    (line,) = lane.core.snapshot().lines
    assert (line.description, line.price_minor) == ("Bread", 800)


def test_an_unknown_item_is_counted_and_said(lane):
    lane.turn(scan(STRANGE))

    assert lane.core.snapshot().item_count == 1
    assert lane.core.snapshot().amount_minor is None
    assert STRANGE in lane.notices[-1].text.english()
    assert lane.outlets.all("beep") == ["bad"]


def test_a_garbled_scan_is_a_fact_and_a_sentence(lane):
    (fact,) = lane.turn(unclear("lossy", b"40\xff"))

    assert (fact.reason, fact.scan_hex) == ("lossy", "3430ff")
    assert lane.kinds() == ["scan_rejected"]
    assert lane.core.snapshot().transaction_id is None


def test_a_weight_that_waits_on_the_plate_is_taken_by_a_later_turn(lane):
    lane.turn(weighed(321))

    new = lane.turn(scan(APPLES.gtin))

    assert only(facts.LineItemWeighed, new).weight_g == 321


# --- devices -----------------------------------------------------------------------------------


def health(state, role="scale", reason=""):
    return DeviceHealthChanged(role, "scale", state, reason)


def test_a_device_is_a_fact_only_when_it_is_lost_and_when_it_returns(lane):
    assert lane.turn(health("up")) == []
    new = lane.turn(health("lost", reason="gone"), health("lost", reason="still gone"))
    new += lane.turn(health("misconfigured", reason="no such option"))
    new += lane.turn(health("failed", reason="bug"))
    new += lane.turn(health("up"), health("up"))

    assert new == [facts.DeviceLost("scale", "gone"), facts.DeviceReturned("scale")]
    assert lane.kinds() == ["device", "device"]


@pytest.mark.parametrize("state", ["lost", "misconfigured", "failed"])
def test_a_device_that_was_never_there_is_lost_from_the_start(lane, state):
    assert lane.turn(health(state, reason="why")) == [facts.DeviceLost("scale", "why")]
    (device,) = lane.core.snapshot().devices
    assert (device.role, device.state, device.reason) == ("scale", state, "why")


# --- acknowledgements --------------------------------------------------------------------------


def test_an_acknowledgement_moves_the_cursor_and_is_saved_with_the_next_facts(lane):
    lane.turn(Acknowledged(1))
    assert lane.core.snapshot().acknowledged_seq == 1
    assert lane.journal.acked_seq == 0

    lane.turn(scan(MILK.gtin))
    assert lane.journal.acked_seq == 1


def run_until(lane, done):
    """The core's loop in its own thread until `done` holds."""
    stop = threading.Event()
    thread = threading.Thread(target=lane.core.run, args=(stop,))
    thread.start()
    waiting = threading.Event()
    for _ in range(500):
        if done():
            break
        waiting.wait(0.01)
    stop.set()
    lane.inbox.close()
    thread.join(5)
    assert not thread.is_alive()
    assert done()


def test_an_idle_loop_saves_the_cursor(lane, monkeypatch):
    monkeypatch.setattr("agent.core.TICK_S", 0.01)
    lane.inbox.put_latest("acknowledged", Acknowledged(1))

    run_until(lane, lambda: lane.journal.acked_seq == 1)


def test_a_cursor_that_cannot_be_saved_stops_nothing(lane, caplog):
    lane.turn(Acknowledged(1))
    lane.journal._db.execute(
        "CREATE TRIGGER trouble BEFORE UPDATE ON sync_cursor "
        "BEGIN SELECT RAISE(ABORT, 'disk trouble'); END"
    )
    lane.core._save_cursor()

    assert "cursor not saved: disk trouble" in caplog.text
    assert lane.journal.acked_seq == 0


def test_the_loop_beats_and_works_through_what_waits_when_it_is_stopped(lane):
    lane.outlets.looks = False
    for _ in range(1000):
        lane.inbox.put(scan(MILK.gtin))
    lane.time.mono_ns += 5
    stop = threading.Event()
    stop.set()

    lane.core.run(stop)

    assert lane.core.snapshot().item_count == 1000


def test_the_heart_beats_once_a_turn(lane, monkeypatch):
    monkeypatch.setattr("agent.core.TICK_S", 0.01)
    before = lane.core.heartbeat_ns
    lane.time.mono_ns += 7_000

    run_until(lane, lambda: lane.core.heartbeat_ns == before + 7_000)


# --- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "day_ends_min", "day"),
    [
        (datetime(2026, 11, 22, 23, 59, tzinfo=BEIJING), 0, "2026-11-22"),
        (datetime(2026, 11, 23, 0, 0, tzinfo=BEIJING), 0, "2026-11-23"),
        (datetime(2026, 11, 23, 3, 59, tzinfo=BEIJING), 240, "2026-11-22"),
        (datetime(2026, 11, 23, 4, 0, tzinfo=BEIJING), 240, "2026-11-23"),
    ],
)
def test_the_business_day_ends_when_the_shop_says(tmp_path, wall, day_ends_min, day):
    lane = Lane(tmp_path / "j.db", day_ends_min=day_ends_min, time=SetClock(wall))

    opened = only(facts.TransactionOpened, lane.turn(scan(MILK.gtin)))
    lane.time.pass_minutes(600)
    settled = only(TransactionSettled, lane.turn(lane.post(clean())))

    assert (opened.business_date, settled.business_date) == (day, day)
    lane.close()


def test_a_clock_at_1970_blocks_no_sale(tmp_path):
    lane = Lane(tmp_path / "j.db", time=SetClock(datetime(1970, 1, 1, tzinfo=BEIJING)))
    lane.turn(scan(MILK.gtin))
    lane.turn(lane.post(clean()))
    lane.time.wall = datetime(2026, 11, 22, tzinfo=BEIJING)
    lane.turn(scan(MILK.gtin))
    lane.time.wall -= timedelta(days=400)
    lane.turn(lane.post(clean("T2")))

    assert [r.status for r in lane.replies] == ["settled", "settled"]
    lane.close()


# --- restart and screen ------------------------------------------------------------------------


def test_a_restart_in_the_middle_of_a_basket_goes_on_with_it(lane):
    lane.turn(scan(MILK.gtin), scan(APPLES.gtin), weighed(200))
    before = lane.core.snapshot()
    lane.restart()

    after = lane.core.snapshot()
    assert (after.transaction_id, after.lines) == (before.transaction_id, before.lines)
    lane.turn(lane.post(posted("T1", 2, amount_minor=1450)))
    assert lane.replies[-1].status == "settled"


def test_the_snapshot_shows_the_open_transaction(lane):
    lane.turn(scan(MILK.gtin), scan(APPLES.gtin), weighed(200))

    now = lane.core.snapshot()

    assert now.transaction_id.endswith("-000001")
    assert [(s.line_no, s.gtin, s.weight_g) for s in now.lines] == [
        (1, MILK.gtin, None),
        (2, APPLES.gtin, 200),
    ]
    assert (now.item_count, now.journal_seq, now.degraded) == (2, lane.journal.last_seq, False)


def test_the_snapshot_of_an_idle_lane_is_empty(lane):
    now = lane.core.snapshot()

    assert (now.transaction_id, now.lines, now.item_count, now.amount_minor) == (None, (), 0, None)


def test_a_core_that_turns_no_more_is_a_degraded_lane(lane):
    lane.time.mono_ns += STUCK_NS - 1
    assert not lane.core.snapshot().degraded

    lane.time.mono_ns += 1

    assert not lane.core.turns
    assert lane.core.snapshot().degraded


def test_a_listener_that_left_hears_no_more(lane):
    heard = []
    leave = lane.core.subscribe(heard.append)
    lane.turn(scan(MILK.gtin))
    leave()
    lane.turn(scan(MILK.gtin))

    assert [notice.kind for notice in heard] == ["line_item_added"]
    assert lane.kinds() == ["line_item_added"] * 2


def test_each_start_is_a_fact(tmp_path):
    lane = Lane(tmp_path / "j.db")
    lane.restart()
    lane.close()
    with Journal(tmp_path / "j.db") as journal:
        assert [type(fact) for fact in journal.facts()] == [facts.LaneStarted] * 2

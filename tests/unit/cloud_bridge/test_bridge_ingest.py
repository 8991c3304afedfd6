import json
import threading
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.mqtt import Incoming
from cloud_bridge import ingest
from cloud_bridge.costs import CostRow, UnitCost
from cloud_bridge.gaps import GAP_S, Gaps
from cloud_bridge.ingest import settle, sort, topics
from cloud_bridge.ledger.port import Applied, Arrivals, Cursor, LedgerUnavailable, Replayed
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.voucher import Stream

NOW_MS = 1_800_000_000_000
TEA = "04710199010372"


@dataclass
class Wire:
    """What a connection would have sent, in order."""

    sent: list[tuple] = field(default_factory=list)

    def confirm(self, message):
        self.sent.append(("confirm", message.mid))

    def publish(self, topic, payload, *, retain=False):
        self.sent.append((topic, json.loads(payload), retain))
        return len(self.sent)


def status(lane, payload):
    return Incoming(lane.address.topic("status"), payload, 1, True, 1)


def test_after_the_commit_each_message_is_confirmed_and_each_lane_acknowledged(
    ledger, new_lane, sale
):
    one, two = new_lane("lane-1", "e" * 32), new_lane("lane-2", "f" * 32)
    one.append(sale(1), sale(2))
    two.append(sale(3), sale(4), sale(5))
    link = Wire()
    messages = [one.message(1, 1, 11), two.message(3, 3, 12), one.message(2, 2, 13)]
    settle(messages, ledger, link, NOW_MS)
    assert link.sent == [
        ("confirm", 11),
        ("confirm", 12),
        ("confirm", 13),
        (
            "edge/v1/acme/harbour/lane-1/ack",
            {"epoch": "e" * 32, "hw": 2, "gap": False, "got": [[1, 2]], "hash": one.hash_at(2)},
            True,
        ),
        (
            "edge/v1/acme/harbour/lane-2/ack",
            {"epoch": "f" * 32, "hw": 0, "gap": True, "got": [[3, 3]]},
            True,
        ),
    ]


def test_nothing_is_confirmed_or_acknowledged_without_a_commit(ledger, sql, new_lane, sale):
    ledger._db.connection.execute("PRAGMA busy_timeout = 0")
    sql.execute("BEGIN IMMEDIATE")
    link = Wire()
    message = new_lane().append(sale()).message()
    with pytest.raises(LedgerUnavailable):
        settle([message], ledger, link, NOW_MS)
    assert link.sent == []


def test_a_crash_between_commit_and_acknowledgement_posts_nothing_twice(ledger, new_lane, sale):
    class Severed(Wire):
        def confirm(self, message):
            raise ConnectionResetError

    message = new_lane().append(sale(1), sale(2)).message()
    with pytest.raises(ConnectionResetError):
        settle([message], ledger, Severed(), NOW_MS)
    before = ledger.status()
    assert before.vouchers == 2
    link = Wire()
    settle([message], ledger, link, NOW_MS + 1)
    assert link.sent[-1][1]["hw"] == 2
    assert ledger.status().vouchers == 2


def test_a_clock_that_is_set_back_after_an_import_hides_no_cost(ledger, sql, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2))
    ledger.add_costs([CostRow(TEA, UnitCost(6000, "each"))], NOW_MS + 1000)
    assert settle([lane.message(1, 1)], ledger, Wire(), NOW_MS).vouchers == 2
    ledger.add_costs([CostRow(TEA, UnitCost(7000, "each"))], NOW_MS)
    assert settle([lane.message(2, 2)], ledger, Wire(), NOW_MS).vouchers == 2
    received = "SELECT received_ms FROM inbox ORDER BY seq"
    assert sql.execute(received).fetchall() == [(NOW_MS + 1000,), (NOW_MS + 1001,)]
    costs = "SELECT amount_minor FROM entry_line WHERE role = 'cogs' ORDER BY seq"
    assert sql.execute(costs).fetchall() == [(6000,), (7000,)]


def test_time_never_runs_backwards_over_all_lanes(ledger, sql, new_lane, sale):
    one, two = new_lane("lane-1"), new_lane("lane-2", "f" * 32)
    settle([one.append(sale(1)).message()], ledger, Wire(), NOW_MS)
    settle([two.append(sale(2)).message()], ledger, Wire(), NOW_MS - 5000)
    assert sql.execute("SELECT DISTINCT received_ms FROM inbox").fetchall() == [(NOW_MS,)]


def test_a_birth_is_answered_with_where_the_lane_stands(ledger, new_lane, sale):
    lane, link = new_lane(), Wire()
    birth = b'{"online":true,"epoch":"%s","boot_id":"b"}' % lane.epoch.encode()
    settle([status(lane, birth)], ledger, link, NOW_MS)
    assert link.sent[-1][1:] == ({"epoch": lane.epoch, "hw": 0, "gap": False, "got": []}, True)
    settle([lane.append(sale()).message(), status(lane, birth)], ledger, link, NOW_MS)
    assert [sent[1]["hw"] for sent in link.sent if sent[0] != "confirm"] == [0, 1]


@pytest.mark.parametrize(
    "payload",
    [b"", b"online", b'{"online":false}', b'{"epoch":"a/b"}', b'{"epoch":7}', b'{"epoch":"\xff"}'],
)
def test_a_status_that_names_no_epoch_is_passed_over(new_lane, payload):
    assert sort([status(new_lane(), payload)]) == Arrivals()


def test_an_undecodable_message_is_confirmed_and_the_next_one_posted(ledger, new_lane, sale):
    lane, link = new_lane(), Wire()
    garbage = Incoming(lane.address.topic("tx"), b"\x00garbage", 1, False, 1)
    applied = settle([garbage, lane.append(sale()).message(mid=2)], ledger, link, NOW_MS)
    assert [sent for sent in link.sent if sent[0] == "confirm"] == [("confirm", 1), ("confirm", 2)]
    assert (applied.quarantined, applied.vouchers) == (1, 1)
    assert [case.reason for case in ledger.cases()] == ["message"]


def acks(link):
    return [(sent[1]["hw"], sent[1]["gap"]) for sent in link.sent if sent[0] != "confirm"]


def test_a_fact_that_was_damaged_on_its_way_is_asked_for_again(ledger, new_lane, sale):
    lane, link = new_lane().append(sale(1), sale(2), sale(3)), Wire()
    true = lane.message()
    settle([lane.damage(2).message()], ledger, link, NOW_MS)
    assert [(case.seq, case.reason) for case in ledger.cases()] == [(2, "chain")]
    assert ledger.status().vouchers == 2
    settle([true], ledger, link, NOW_MS)
    assert acks(link) == [(1, True), (3, False)]
    assert ledger.cases() == []
    assert ledger.status().vouchers == 3


@pytest.mark.parametrize("damaged", [(1,), (2,), (3,), (1, 2), (1, 3), (1, 2, 3)])
def test_a_fact_that_is_damaged_in_the_journal_does_not_hold_up_the_others(
    ledger, new_lane, sale, damaged
):
    lane, link = new_lane().append(sale(1), sale(2), sale(3)).damage(*damaged), Wire()
    for _ in range(3):
        settle([lane.message()], ledger, link, NOW_MS)
    assert acks(link)[0][0] == damaged[0] - 1
    assert acks(link)[1:] == [(3, False), (3, False)]
    assert [(case.seq, case.reason, case.tries) for case in ledger.cases()] == [
        (seq, "chain", 2) for seq in damaged
    ]
    assert ledger.status().vouchers == 3 - len(damaged)
    assert ledger.replay(NOW_MS) == Replayed(0, 0)
    settle([lane.append(sale(4)).message(4)], ledger, link, NOW_MS)
    assert acks(link)[-1] == (4, False)


def test_damage_is_believed_only_when_it_comes_again_in_a_later_commit(ledger, new_lane, sale):
    lane, link = new_lane().append(sale(1)).damage(1), Wire()
    settle([lane.message(), lane.message()], ledger, link, NOW_MS)
    settle([lane.message(), lane.message()], ledger, link, NOW_MS)
    assert acks(link) == [(0, False), (1, False)]


def test_damage_is_remembered_by_the_next_process(ledger, ledger_path, books, new_lane, sale):
    lane, link = new_lane().append(sale(1)).damage(1), Wire()
    settle([lane.message()], ledger, link, NOW_MS)
    with closing(SqliteLedger(ledger_path, books)) as next_one:
        settle([lane.message()], next_one, link, NOW_MS)
    assert acks(link) == [(0, False), (1, False)]


@pytest.mark.parametrize("true_first", [True, False])
def test_a_true_and_a_damaged_fact_of_one_seq_contradict_each_other(
    ledger, new_lane, sale, true_first
):
    lane, link = new_lane().append(sale(1)), Wire()
    true, damaged = lane.message(), lane.damage(1).message()
    for message in [true, damaged] if true_first else [damaged, damaged, true]:
        settle([message], ledger, link, NOW_MS)
    assert [case.reason for case in ledger.cases()][-1] == "conflict"
    assert ledger.status().vouchers == int(true_first)


def test_a_batch_that_leaves_out_a_seq_is_not_trusted(ledger, new_lane, sale):
    lane = new_lane().append(sale(1), sale(2), sale(3))
    del lane.rows[1]
    settle([lane.message()], ledger, Wire(), NOW_MS)
    assert [case.detail for case in ledger.cases()] == ["seq 3 in place of 2"]
    assert ledger.status().facts == 0


def test_a_batch_of_nothing_is_not_trusted(new_lane):
    assert sort([new_lane().message()]).unreadable[0].detail == "a batch of no facts"


@pytest.mark.parametrize(
    "topic",
    ["edge/v1/acme/harbour/la ne/tx", "edge/v1/acme//lane-1/tx", "edge/v1/a/b/" + "c" * 65 + "/tx"],
)
def test_an_address_that_no_lane_may_have_goes_to_quarantine(ledger, new_lane, sale, topic):
    payload = new_lane().append(sale()).payload()
    settle([Incoming(topic, payload, 1, False, 1)], ledger, Wire(), NOW_MS)
    (case,) = ledger.cases()
    assert case.reason == "address"
    assert repr(topic) in case.detail


@pytest.mark.parametrize("field", ["seq", "v", "ts", "mono"])
def test_figures_beyond_64_bits_are_no_journal(new_lane, field):
    from agent import wire

    head = {"seq": 1, "v": 1, "ts": 1, "mono": 1} | {field: 2**63}
    order = (head["seq"], "Novelty", head["v"], head["ts"], head["mono"])
    digest = wire.chain_hash(wire.GENESIS, "e", *order, b"{}")
    payload = wire.encode_batch("e", wire.GENESIS, [wire.FactRow(*order, digest, b"{}")])
    arrivals = sort([Incoming("edge/v1/a/b/c/tx", payload, 1, False, 1)])
    assert arrivals.deliveries == ()
    assert "out of range" in arrivals.unreadable[0].detail


@pytest.mark.parametrize("epoch", ["", "a/b", "x" * 65])
def test_an_epoch_that_is_no_key_is_no_journal(new_lane, sale, epoch):
    lane = new_lane(epoch=epoch).append(sale())
    assert "epoch" in sort([lane.message()]).unreadable[0].detail


_topics = st.one_of(
    st.text(max_size=40),
    st.builds("edge/v1/{}/s/l/{}".format, st.text(max_size=5), st.sampled_from(["tx", "status"])),
)


@given(_topics, st.binary(max_size=200))
def test_no_bytes_on_any_topic_raise(topic, payload):
    arrivals = sort([Incoming(topic, payload, 1, False, 1)])
    assert arrivals.deliveries == ()


def test_what_is_subscribed_to():
    assert topics("") == ("edge/v1/+/+/+/tx", "edge/v1/+/+/+/status")
    assert topics("acme") == ("edge/v1/acme/+/+/tx", "edge/v1/acme/+/+/status")


# --- the loop, on a link that is played ----------------------------------------------------------


class PlayedLink(Wire):
    """A connection on which messages come one a turn; it stops the loop when none is left."""

    up = False  #: nothing is told of the stock

    def __init__(self, script, stop):
        super().__init__()
        self.script = script
        self.stop = stop
        self.turns = []
        self.closed = False

    def bound(self, settings, client_id, *, on_up, on_message, clean):
        assert not clean
        self.on_up, self.on_message = on_up, on_message
        return self

    def subscribe(self, *topics):
        self.sent.append(("subscribe", *topics))

    def turn(self, timeout_s):
        if not self.turns:
            self.on_up()
        self.turns.append(timeout_s)
        if self.script:
            self.on_message(self.script.pop(0))
        elif timeout_s:
            self.stop.set()

    def close(self):
        self.closed = True


class MoodyLedger:
    """Fails as often as told, then takes all."""

    def __init__(self, failures):
        self.failures = failures
        self.applied = []

    def newest_ms(self):
        return 0

    def apply(self, arrivals, received_ms):
        if self.failures:
            self.failures -= 1
            raise LedgerUnavailable("disk full")
        self.applied.append(len(arrivals.deliveries))
        return Applied({d.stream: Cursor(1, 1) for d in arrivals.deliveries}, quarantined=1)


def serve(monkeypatch, ledger, script):
    stop = threading.Event()
    link = PlayedLink(script, stop)
    ready = []
    monkeypatch.setattr(ingest, "MqttLink", link.bound)
    ingest.serve(ledger, None, "bridge", "acme", stop, lambda: ready.append(True))
    assert ready == [True]
    assert link.sent[0] == ("subscribe", *topics("acme"))
    assert link.closed
    return link


def test_what_has_come_shares_a_transaction_up_to_the_window(monkeypatch, new_lane, sale):
    lane = new_lane().append(sale())
    ledger = MoodyLedger(failures=0)
    serve(monkeypatch, ledger, [lane.message(mid=n) for n in range(25)])
    assert ledger.applied == [20, 5]


def test_a_ledger_that_is_away_is_left_alone_for_longer_and_longer(
    monkeypatch, caplog, new_lane, sale
):
    monkeypatch.setattr(ingest, "BACKOFF_S", (0.0, 0.001, 0.002))
    lane = new_lane().append(sale())
    ledger = MoodyLedger(failures=4)

    class Patient(PlayedLink):
        def turn(self, timeout_s):
            super().turn(timeout_s)
            if ledger.failures or not ledger.applied:
                self.stop.clear()

    stop = threading.Event()
    link = Patient([lane.message(mid=5)], stop)
    monkeypatch.setattr(ingest, "MqttLink", link.bound)
    with caplog.at_level("INFO", "lanetally.bridge"):
        ingest.serve(ledger, None, "bridge", "", stop)
    assert ledger.applied == [1]
    assert [sent for sent in link.sent if sent[0] == "confirm"] == [("confirm", 5)]
    assert [record.message for record in caplog.records] == [
        "ledger not available, nothing is acknowledged: disk full",
        "ledger available again",
        "1 to quarantine: see lanetally-bridge quarantine",
    ]


def test_a_stream_is_named_by_its_topic_and_epoch(new_lane, sale):
    lane = new_lane().append(sale())
    (delivery,) = sort([lane.message()]).deliveries
    assert delivery.stream == Stream("acme", "harbour", "lane-1", "e" * 32)


# --- several workers, gaps, poison ---------------------------------------------------------------


def test_workers_that_share_get_the_facts_between_them_and_each_birth():
    facts, births = topics("acme", "bridge")
    assert facts == "$share/bridge/edge/v1/acme/+/+/tx"
    assert births == "edge/v1/acme/+/+/status"


def test_what_came_is_told_in_runs(ledger, new_lane, sale):
    lane, link = new_lane().append(*(sale(n) for n in range(1, 10))), Wire()
    pieces = [lane.message(7, 7), lane.message(1, 2), lane.message(2, 3), lane.message(6, 6)]
    settle(pieces, ledger, link, NOW_MS)
    assert link.sent[-1][1]["got"] == [[1, 3], [6, 7]]


def test_a_fact_that_meets_a_bug_is_found_and_the_others_are_posted(
    ledger, new_lane, sale, monkeypatch
):
    lane = new_lane().append(*(sale(n) for n in range(1, 20)))
    other = new_lane("lane-2", "f" * 32).append(sale(1))
    real, link = ledger.apply, Wire()

    def apply(arrivals, received_ms):
        ours = [d for d in arrivals.deliveries if d.stream == lane.stream]
        if any(fact.seq == 7 for delivery in ours for fact in delivery.facts):
            raise ZeroDivisionError
        return real(arrivals, received_ms)

    monkeypatch.setattr(ledger, "apply", apply)
    garbage = Incoming(lane.address.topic("tx"), b"garbage", 1, False, 1)
    applied = settle([lane.message(1, 12), garbage, other.message()], ledger, link, NOW_MS)
    assert (applied.stored, applied.vouchers, applied.quarantined) == (13, 12, 2)
    assert {case.reason: case.seq for case in ledger.cases()} == {"internal": 7, "message": 0}
    assert {ack[0]: ack[1]["hw"] for ack in link.sent if ack[0] != "confirm"} == {
        "edge/v1/acme/harbour/lane-1/ack": 12,
        "edge/v1/acme/harbour/lane-2/ack": 1,
    }


def test_a_bug_that_no_fact_is_at_fault_for_is_not_hidden(ledger, new_lane, monkeypatch):
    def apply(arrivals, received_ms):
        raise ZeroDivisionError

    monkeypatch.setattr(ledger, "apply", apply)
    birth = b'{"epoch":"%s"}' % (b"e" * 32)
    with pytest.raises(ZeroDivisionError):
        settle([status(new_lane(), birth)], ledger, Wire(), NOW_MS)


STREAM = Stream("acme", "harbour", "lane-1", "e" * 32)


def test_a_gap_that_closes_by_itself_is_not_reported():
    gaps = Gaps()
    gaps.note({STREAM: Cursor(3, 9)}, 100.0)
    assert gaps.due(100.0 + GAP_S - 0.1) == []
    gaps.note({STREAM: Cursor(5, 9)}, 100.4)
    assert gaps.due(100.0 + GAP_S) == [], "it moves"
    gaps.note({STREAM: Cursor(9, 9)}, 100.6)
    assert gaps.due(999.0) == []


def test_a_gap_that_stays_is_reported_ever_more_rarely_and_at_last_no_more():
    gaps, now, told = Gaps(), 0.0, []
    gaps.note({STREAM: Cursor(3, 9)}, now)
    while now < 600:
        now += 0.25
        told += [now for stream in gaps.due(now) if gaps.still(stream, (4, 6), now)]
    assert told[0] == GAP_S
    pauses = [later - earlier for earlier, later in pairwise(told)]
    assert pauses == sorted(pauses)
    assert 5 < len(told) < 10


def test_what_another_worker_has_filled_is_not_asked_for():
    gaps = Gaps()
    gaps.note({STREAM: Cursor(3, 9)}, 0.0)
    assert not gaps.still(STREAM, (6, 7), GAP_S), "it moved: wait again"
    assert gaps.still(STREAM, (6, 7), 2 * GAP_S)
    gaps.note({STREAM: Cursor(3, 9)}, 0.0)
    assert not gaps.still(STREAM, None, GAP_S)
    assert gaps.due(999.0) == []


def test_a_missing_batch_is_asked_for_by_name(monkeypatch, ledger, new_lane, sale):
    lane = new_lane().append(*(sale(n) for n in range(1, 5)))
    now = iter(range(1000))
    monkeypatch.setattr(ingest.time, "monotonic", lambda: float(next(now)))
    gaps, link = Gaps(), Wire()
    applied = settle([lane.message(1, 1), lane.message(4, 4)], ledger, link, NOW_MS)
    gaps.note(applied.cursors, ingest.time.monotonic())
    ingest._report_gaps(gaps, ledger, link)
    topic = "edge/v1/acme/harbour/lane-1/gap"
    assert link.sent[-1] == (topic, {"epoch": lane.epoch, "first": 2, "last": 3}, False)


@pytest.mark.parametrize("change", [{"type": "a\x00b"}, {"type": ""}, {"hash": "\x00"}])
def test_an_envelope_that_a_database_may_not_hold_is_no_batch(ledger, new_lane, sale, change):
    lane = new_lane().append(sale(1))
    batch = json.loads(lane.payload())
    batch["facts"][0].update(change)
    message = Incoming(lane.address.topic("tx"), json.dumps(batch).encode(), 1, False, 1)
    settle([message], ledger, Wire(), NOW_MS)
    assert [case.reason for case in ledger.cases()] == ["message"]

"""Facts that a recovered journal brought along reach the real ledger once each, over a link that
loses messages; what is lost is told, and what cannot be proven is put by."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing

import pytest
from msgspec import UNSET

from agent import former as module
from agent import wire
from agent.domain.facts import DeviceLost
from agent.former import FormerSync, unsent
from agent.journal import Former, Journal, JournalReader
from agent.journal.succession import open_journal
from agent.mqtt import Incoming
from agent.mqtt_settings import MqttSettings
from agent.wire import GENESIS, Ack, LaneAddress
from cloud_bridge.chart import load_chart
from cloud_bridge.ingest import settle
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books
from tests.lane_kit import MILK, STARTED, TEA, append, sale

ADDRESS = LaneAddress("acme", "harbour", "lane-1")
NOW_MS = 1_795_343_400_000


class Bridge:
    """Stands where the connection stands; behind it the real settling into the real ledger."""

    up = False

    def __init__(self, ledger, now):
        self.ledger, self.now = ledger, now
        self.batches = []
        self.answers = []
        self.deaf = 0  #: so many messages are lost from now on
        self.turns_left = 10_000

    def __call__(self, _settings, client_id, *, on_up, on_message):
        self.client_id, self.on_up, self.on_message = client_id, on_up, on_message
        self.up = False
        return self

    def turn(self, timeout_s):
        self.turns_left -= 1
        assert self.turns_left, "it never ends"
        self.now[0] += timeout_s
        if not self.up:
            self.up = True
            self.on_up()
        answers, self.answers = self.answers, []
        for topic, payload in answers:
            self.on_message(Incoming(topic, payload, 1, False, 1))

    def subscribe(self, topic):
        assert topic == ADDRESS.topic("ack")

    def publish(self, topic, payload, *, retain=False):
        if topic.endswith(("/ack", "/gap")):  # from the bridge
            if topic.endswith("/ack"):
                self.answers.append((topic, payload))
            return
        self.batches.append(wire.parse_batch(payload))
        if self.deaf:
            self.deaf -= 1
        else:
            self.settled(payload)

    def settled(self, payload):
        settle([Incoming(ADDRESS.topic("tx"), payload, 1, False, 1)], self.ledger, self, NOW_MS)

    def confirm(self, message):
        pass

    def close(self):
        pass


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lane" / "journal.db"


@pytest.fixture
def bridge(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    ledger = SqliteLedger(tmp_path / "ledger.db", Books(load_chart("cn_small"), "CNY"))
    stood_in = Bridge(ledger, now)
    monkeypatch.setattr(module, "MqttLink", stood_in)
    yield stood_in
    ledger.close()


def keep_sales(path, sales=120, acked=40):
    with Journal(path) as journal:
        append(journal, [STARTED])
        state = journal.lane_state()
        for number in range(sales):
            step = sale(f"T{number}", state, scans=(MILK, TEA), charges=(MILK, TEA))
            append(journal, [*step.facts, DeviceLost("scale", "x" * 500)], acked_seq=acked)
            state = step.state
        return journal.epoch, list(journal.rows())


def deliver(bridge, epoch, rows):
    """As the lane's own sync did, before the damage."""
    for at in range(0, len(rows), 50):
        prev = rows[at - 1].hash if at else GENESIS
        bridge.settled(wire.encode_batch(epoch, prev, rows[at : at + 50]))
    bridge.answers.clear()


def send(path, stop=None):
    FormerSync(MqttSettings(), ADDRESS, path).run(stop or threading.Event())


def ledger_of(tmp_path, sql, *values):
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        return db.execute(sql, values).fetchall()


def spoil(path, *spans):
    data = bytearray(path.read_bytes())
    for begin, end in spans:
        data[begin * 4096 : end * 4096] = bytes((end - begin) * 4096)
    path.write_bytes(data)


def test_all_that_is_left_reaches_the_ledger_once_whatever_it_had(path, bridge, tmp_path):
    epoch, rows = keep_sales(path)
    deliver(bridge, epoch, rows[:200])  # of which the lane knows 40 to have arrived
    spoil(path, (0, 1))
    open_journal(path, NOW_MS)[0].close()

    send(path)

    inbox = ledger_of(tmp_path, "SELECT seq, hash FROM inbox WHERE epoch = ? ORDER BY seq", epoch)
    assert inbox == [(row.seq, row.hash) for row in rows]
    assert ledger_of(tmp_path, "SELECT count(*) FROM quarantine") == [(0,)]
    assert ledger_of(tmp_path, "SELECT count(*) FROM voucher WHERE kind = 'sale'") == [(120,)]
    # once it had said how far it was, nothing that it had was sent again
    assert [batch.facts[0].seq for batch in bridge.batches][:2] == [41, 201]
    assert bridge.client_id.endswith("-former")
    assert unsent(path) == []
    with closing(JournalReader(path)) as reader:
        assert reader.formers()[0].acked_seq == len(rows)


def test_what_is_lost_is_told_and_what_cannot_be_proven_is_put_by(path, bridge, tmp_path):
    epoch, rows = keep_sales(path)
    deliver(bridge, epoch, rows[:100])
    middle = path.stat().st_size // 4096 // 2
    spoil(path, (0, 1), (middle, middle + 3))
    journal, recovered = open_journal(path, NOW_MS)
    journal.close()
    lost = {seq for gap in recovered.lost for seq in range(gap.first, gap.last + 1)}
    assert lost
    bridge.deaf = 3

    send(path)

    inbox = dict(ledger_of(tmp_path, "SELECT seq, type FROM inbox WHERE epoch = ?", epoch))
    assert set(inbox) == set(range(1, len(rows) + 1))
    assert {seq for seq, type_ in inbox.items() if type_ == "FactLost"} == lost
    cases = ledger_of(tmp_path, "SELECT seq, reason FROM quarantine ORDER BY seq")
    after_gaps = {gap.last + 1 for gap in recovered.lost} - lost
    assert {seq for seq, _ in cases} == after_gaps
    assert {reason for _, reason in cases} == {"chain"}
    whole = {row.seq for row in rows if row.type == "TransactionSettled"} - lost - after_gaps
    posted = ledger_of(tmp_path, "SELECT seq FROM voucher WHERE kind = 'sale'")
    assert sorted(seq for (seq,) in posted) == sorted(whole)
    assert unsent(path) == []


def test_what_is_lost_here_and_known_there_is_no_conflict(path, bridge, tmp_path):
    epoch, rows = keep_sales(path, acked=0)
    deliver(bridge, epoch, rows)
    middle = path.stat().st_size // 4096 // 2
    spoil(path, (0, 1), (middle, middle + 3))
    journal, recovered = open_journal(path, NOW_MS)
    journal.close()
    assert recovered.lost

    send(path)

    assert ledger_of(tmp_path, "SELECT count(*) FROM quarantine") == [(0,)]
    assert [len(batch.facts) for batch in bridge.batches] == [1]
    assert unsent(path) == []


def test_a_stop_in_between_is_taken_up_where_it_was(path, bridge, tmp_path):
    epoch, rows = keep_sales(path)
    middle = path.stat().st_size // 4096 // 2
    spoil(path, (0, 1), (middle, middle + 2))
    open_journal(path, NOW_MS)[0].close()
    stop = threading.Event()
    publish = bridge.publish

    def publish_and_stop(topic, payload, **options):
        publish(topic, payload, **options)
        if len(bridge.batches) % 3 == 0:
            stop.set()

    bridge.publish = publish_and_stop
    for _ in range(20):
        stop.clear()
        send(path, stop)
    assert unsent(path) == []
    inbox = ledger_of(tmp_path, "SELECT count(*) FROM inbox WHERE epoch = ?", epoch)
    assert inbox == [(len(rows),)]
    contents = [
        json.loads(raw)["seq"] for (raw,) in ledger_of(tmp_path, "SELECT raw FROM quarantine")
    ]
    assert len(contents) == len(set(contents))


def test_a_bridge_that_has_lost_its_ledger_gets_it_again(path, bridge, tmp_path):
    epoch, rows = keep_sales(path, acked=300)
    spoil(path, (0, 1))
    open_journal(path, NOW_MS)[0].close()

    send(path)

    inbox = ledger_of(tmp_path, "SELECT count(*) FROM inbox WHERE epoch = ?", epoch)
    assert inbox == [(len(rows),)]


def test_an_epoch_that_nobody_knows_is_not_sent(path, bridge):
    epoch, _ = keep_sales(path)
    data = path.read_bytes()
    spoil(
        path,
        (0, 1),
        (data.index(epoch.encode()) // 4096,) * 1 + (data.index(epoch.encode()) // 4096 + 1,),
    )
    path.with_suffix(".lock").unlink()
    open_journal(path, NOW_MS)[0].close()

    assert unsent(path) == []
    send(path)
    assert bridge.batches == []


def test_a_cursor_that_cannot_be_saved_stops_nothing(path, bridge, monkeypatch, caplog):
    keep_sales(path)
    spoil(path, (0, 1))
    open_journal(path, NOW_MS)[0].close()

    def refuse(path):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(module, "beside", refuse)
    send(path)

    assert "cursor of a former epoch not saved" in caplog.text
    assert len(unsent(path)) == 1


def test_words_of_other_epochs_move_nothing(path, bridge):
    keep_sales(path, sales=30, acked=0)
    spoil(path, (0, 1))
    open_journal(path, NOW_MS)[0].close()
    foreign = wire.encode_ack(wire.Ack("another", 10**6))
    bridge.answers += [(ADDRESS.topic("ack"), foreign), (ADDRESS.topic("ack"), b"no ack")]

    send(path)

    assert unsent(path) == []
    assert len(bridge.batches) > 1


@pytest.fixture
def eight(path):
    """A stream of eight facts, of which the lane knows two to be there, and who reads it."""
    with Journal(path) as journal:
        append(journal, [STARTED] * 8)
        former = Former(0, journal.epoch, 8, 2, 0)
    with closing(JournalReader(path)) as reader:
        yield module._Stream(former, 2), reader


@pytest.mark.parametrize(
    ("got", "is_set_back", "reached"),
    [
        (((3, 4),), False, 8),
        (((3, 4),), True, 4),
        (((1, 2), (3, 6)), True, 6),
        (((4, 9),), True, 2),
        (((3, 9),), True, 8),
        ((), True, 2),
        (UNSET, True, 8),  # an older bridge
    ],
)
def test_of_numbers_that_are_used_twice_only_what_the_bridge_got_counts(
    eight, got, is_set_back, reached
):
    stream, reader = eight
    stream.is_set_back = is_set_back
    assert module._reached(Ack("e", 50, False, got), stream, reader) == reached


def test_what_is_lost_here_is_not_waited_for_where_the_bridge_has_something(eight, path):
    stream, reader = eight
    stream.is_set_back = True
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER fact_is_never_deleted")
        db.execute("DELETE FROM fact WHERE seq = 3")
    reached = [module._reached(Ack("e", hw, False, ()), stream, reader) for hw in (2, 3, 8)]
    assert reached == [2, 3, 4], "nor for the one after it, which cannot be told to be true"


def test_a_bridge_that_names_another_fact_or_more_than_ours_has_those_of_another_life(eight):
    stream, reader = eight
    own, other = reader.hash_at(5), "f" * 64
    words = [(5, own), (5, other), (9, other), (1, other), (0, other), (5, UNSET)]
    acks = [Ack("e", hw, False, (), word) for hw, word in words]
    named = [module._names_another(ack, stream, reader) for ack in acks]
    assert named == [False, True, True, True, False, False]


def test_a_bridge_whose_facts_fork_has_those_of_another_life_if_one_side_is_not_ours(eight):
    stream, reader = eight
    own, ours, other = reader.hash_at(8), (3, reader.hash_at(3)), "f" * 64
    forks = [(), (ours,), (ours, (4, other)), (ours, (9, other))]
    acks = [Ack("e", 8, False, (), own, fork) for fork in forks]
    named = [module._names_another(ack, stream, reader) for ack in acks]
    assert named == [False, False, True, True]

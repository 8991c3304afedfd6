"""Whatever comes on whatever topic: the bridge and the lane go on, nothing is posted, and what came
to the ledger's own topics lies in quarantine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.desk import Desk
from agent.journal import Journal, JournalReader
from agent.mqtt import WINDOW, Incoming
from agent.mqtt_settings import MqttSettings
from agent.shadow import Kept, Shadow
from agent.sync import Birth, Sync
from agent.wire import LaneAddress
from cloud_bridge.chart import load_chart
from cloud_bridge.ingest import settle
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books
from tests.lane_kit import STARTED, append

NOW_MS = 1_800_000_000_000
LANE = "edge/v1/acme/harbour/lane-1"
LEAVES = ("tx", "status", "ack", "gap", "desired", "reported", "alert", "cmd/resend/1", "res/x/1")

words = st.text(st.characters(exclude_characters="+#\0", exclude_categories=("Cs",)), max_size=12)
topics = st.one_of(
    st.sampled_from([f"{LANE}/{leaf}" for leaf in LEAVES]),
    st.builds("edge/v1/{}/{}/{}/{}".format, words, words, words, st.sampled_from(("tx", "status"))),
    words,
)
figures = st.integers(-(2**70), 2**70) | st.sampled_from((0, 1, 2**63 - 1, 2**63))
scalars = st.none() | st.booleans() | figures | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def mostly(good):
    """What belongs there, or anything."""
    return st.one_of(good, good, good, values)


facts = st.fixed_dictionaries(
    {
        "seq": mostly(st.integers(1, 5)),
        "type": mostly(st.sampled_from(("TransactionSettled", "LaneStarted", "DayClosed", "X"))),
        "v": mostly(st.just(1)),
        "ts": mostly(st.integers(0, 2**41)),
        "mono": mostly(st.integers(0, 2**41)),
        "hash": mostly(st.just("0" * 64)),
        "body": values,
    }
)
batches = st.fixed_dictionaries(
    {
        "epoch": mostly(st.sampled_from(("e" * 32, "f" * 32))),
        "prev": mostly(st.just("0" * 64)),
        "facts": mostly(st.lists(facts, max_size=3)),
    }
)
words_of_head_office = st.fixed_dictionaries(
    {},
    optional={
        "epoch": mostly(st.just("e" * 32)),
        "hw": mostly(st.integers(-1, 9)),
        "gap": mostly(st.booleans()),
        "got": mostly(st.lists(st.tuples(figures, figures), max_size=3)),
        "first": mostly(figures),
        "last": mostly(figures),
        "version": mostly(figures),
        "config": mostly(st.dictionaries(st.text(max_size=8), values, max_size=3)),
        "args": values,
        "expires_ms": figures,
    },
)


def as_bytes(value):
    return json.dumps(value).encode("utf-8", "surrogatepass")


payloads = st.one_of(
    st.binary(max_size=200),
    values.map(as_bytes),
    batches.map(as_bytes),
    words_of_head_office.map(as_bytes),
)


class Wire:
    up = True
    unconfirmed = 0
    window = WINDOW

    def __init__(self):
        self.confirmed = []

    def confirm(self, message):
        self.confirmed.append(message)

    def publish(self, topic, payload, *, retain=False):
        json.loads(payload)

    def subscribe(self, *topics):
        pass


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    books = Books(load_chart("cn_small"), "CNY")
    ledger = SqliteLedger(tmp_path_factory.mktemp("fuzz") / "ledger.db", books)
    yield ledger
    ledger.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(topics, payloads), min_size=1, max_size=4))
def test_the_bridge_posts_nothing_of_it_and_keeps_what_it_cannot_use(ledger, messages):
    link = Wire()
    incoming = [Incoming(topic, payload, 1, False, 1) for topic, payload in messages]
    applied = settle(incoming, ledger, link, NOW_MS)
    assert link.confirmed == incoming, "nothing comes again and again"
    assert (applied.vouchers, ledger.status().vouchers) == (0, 0)
    unusable = [m for m in incoming if not m.topic.endswith("/status")]
    told = applied.quarantined + applied.stored + applied.repeated
    assert told >= (1 if unusable else 0)


@pytest.fixture(scope="module")
def lane(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lane")
    with Journal(folder / "journal.db") as journal:
        append(journal, [STARTED] * 5)
        acks = []
        sync = Sync(
            MqttSettings(),
            LaneAddress("acme", "harbour", "lane-1"),
            Birth("e" * 32, "b", "0"),
            journal.path,
            0,
            acks.append,
        )
        reader = JournalReader(journal.path)
        sync._hash_at, sync._rows_after, sync._link = reader.hash_at, reader.rows_after, Wire()
        kept = Shadow(Path(folder / "d.json"), Kept(), lambda _: [("", "no")], lambda: None)
        sync.desk = Desk(lambda _: True, dict, kept, lambda: NOW_MS)
        sync.committed(5)
        yield sync, acks
        reader.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LEAVES) | words, payloads, st.booleans())
def test_the_lane_goes_on_and_believes_in_nothing_that_it_did_not_send(lane, leaf, payload, retain):
    sync, acks = lane
    sync._message(Incoming(f"{LANE}/{leaf}", payload, 1, retain, 1))
    sync._resend_if_stalled()
    sync._pump()
    assert all(seq <= 5 for seq in acks)
    assert sync._outbox.acked <= 5

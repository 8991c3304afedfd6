"""Facts survive the wire whole, one changed character is noticed, and no bytes raise anything."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain import facts
from agent.domain.facts import FACT_TYPES
from agent.wire import (
    GENESIS,
    Ack,
    FactRow,
    LaneAddress,
    UndecodableFact,
    chain_hash,
    decode_ack,
    decode_batch,
    decode_body,
    encode_ack,
    encode_batch,
    encode_body,
)

CLASSES = [cls for versions in FACT_TYPES.values() for cls in versions.values()]
whole = st.integers(-(2**53), 2**53)
words = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)

some_fact = st.sampled_from(CLASSES).flatmap(st.from_type)
epochs = st.text("0123456789abcdef", min_size=1, max_size=32)


def chained(epoch, bodies, first=1, prev=GENESIS):
    """Rows as the journal makes them."""
    rows = []
    for seq, body in enumerate(bodies, first):
        encoded = encode_body(body)
        prev = chain_hash(prev, epoch, seq, body.type, body.version, 5, 7, encoded)
        rows.append(FactRow(seq, body.type, body.version, 5, 7, prev, encoded))
    return rows


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.type)
@settings(max_examples=30)
@given(st.data())
def test_every_fact_is_read_back_as_it_was_written(cls, data):
    fact = data.draw(st.from_type(cls))

    encoded = encode_body(fact)

    assert decode_body(cls.type, cls.version, encoded) == fact
    assert encode_body(decode_body(cls.type, cls.version, encoded)) == encoded


@given(epochs, st.lists(some_fact, min_size=1, max_size=4), st.integers(1, 2**40), words)
def test_a_batch_is_read_back_with_its_bodies_byte_for_byte(epoch, bodies, first, prev_seed):
    prev = chain_hash(GENESIS, epoch, 0, prev_seed, 0, 0, 0, b"")
    rows = chained(epoch, bodies, first, prev)

    batch = decode_batch(encode_batch(epoch, prev, rows))

    assert (batch.epoch, batch.prev) == (epoch, prev)
    assert [
        FactRow(f.seq, f.type, f.v, f.ts, f.mono, f.hash, bytes(f.body)) for f in batch.facts
    ] == rows


@given(st.lists(some_fact, min_size=1, max_size=3), st.data())
def test_any_single_changed_character_of_a_batch_is_noticed(bodies, data):
    payload = encode_batch("e1", GENESIS, chained("e1", bodies))
    at = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != payload[at]))

    changed = payload[:at] + bytes([other]) + payload[at + 1 :]

    # a letter of a field's own name may become an unknown field; a space of none is a change too
    with contextlib.suppress(UndecodableFact):
        assert decode_batch(changed) == decode_batch(payload)


@given(
    st.lists(some_fact, min_size=2, max_size=4),
    st.sampled_from(["drop", "swap", "repeat", "prev", "epoch", "renumber"]),
)
def test_a_batch_with_a_fact_missing_moved_or_foreign_is_no_batch(bodies, damage):
    rows = chained("e1", bodies)
    epoch, prev = "e1", GENESIS
    match damage:
        case "drop":
            del rows[0]
        case "swap":
            rows[0], rows[1] = rows[1], rows[0]
        case "repeat":
            rows.insert(1, rows[0])
        case "prev":
            prev = "1" * 64
        case "epoch":
            epoch = "e2"
        case "renumber":
            rows = [FactRow(r.seq + 1, *[getattr(r, n) for n in FIELDS]) for r in rows]

    with pytest.raises(UndecodableFact, match="chain broken"):
        decode_batch(encode_batch(epoch, prev, rows))


FIELDS = ("type", "version", "wall_ms", "mono_ms", "hash", "body")


@given(st.lists(some_fact, min_size=1, max_size=3), st.sampled_from(FIELDS), st.data())
def test_each_field_of_a_fact_is_under_the_chain(bodies, field, data):
    rows = chained("e1", bodies)
    at = data.draw(st.integers(0, len(rows) - 1))
    parts = {name: getattr(rows[at], name) for name in FIELDS}
    parts[field] = {
        "type": "Other",
        "version": parts["version"] + 1,
        "wall_ms": 6,
        "mono_ms": 8,
        "hash": "0" * 64,
        "body": b'{"a":1}',
    }[field]
    rows[at] = FactRow(rows[at].seq, *parts.values())

    with pytest.raises(UndecodableFact, match="chain broken"):
        decode_batch(encode_batch("e1", GENESIS, rows))


json_bytes = st.recursive(
    st.none() | st.booleans() | whole | st.floats(allow_nan=False) | words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["epoch", "prev", "facts", "seq", "type", "v", "hw", "gap", "body"]),
            inner,
            max_size=9,
        )
    ),
    max_leaves=10,
).map(msgspec.json.encode)


@given(st.binary(max_size=200) | json_bytes)
def test_no_bytes_raise_anything_but_undecodable(payload):
    assert decode_ack(payload) is None or isinstance(decode_ack(payload), Ack)
    with contextlib.suppress(UndecodableFact):
        decode_batch(payload)
    for cls in CLASSES:
        with contextlib.suppress(UndecodableFact):
            decode_body(cls.type, cls.version, payload)


@given(epochs, whole, st.booleans())
def test_acknowledgements_are_read_back(epoch, hw, gap):
    assert decode_ack(encode_ack(Ack(epoch, hw, gap))) == Ack(epoch, hw, gap)


names = st.text("ABCabc019_-", min_size=1, max_size=64)


@given(names, names, names, st.sampled_from(["tx", "ack", "status", "state/scale", "cmd/a/1"]))
def test_a_lanes_topics_name_the_lane(org, store, lane, leaf):
    address = LaneAddress(org, store, lane)

    assert LaneAddress.of_topic(address.topic(leaf)) == (address, leaf)


@given(st.text(max_size=40))
def test_any_other_topic_is_no_lanes(topic):
    found = LaneAddress.of_topic(topic)

    assert found is None or found[0].topic(found[1]) == topic


def test_a_fact_of_a_later_release_travels_and_stays_unknown():
    row = FactRow(1, "FutureFact", 9, 5, 7, "", b'{"new": [1, 2]}')
    digest = chain_hash(GENESIS, "e1", 1, "FutureFact", 9, 5, 7, row.body)
    row = FactRow(1, "FutureFact", 9, 5, 7, digest, row.body)

    (fact,) = decode_batch(encode_batch("e1", GENESIS, [row])).facts

    assert decode_body(fact.type, fact.v, bytes(fact.body)) is None


def test_a_field_that_a_later_release_adds_is_no_obstacle():
    body = b'{"role":"scale","reason":"silent","since_ms":12}'

    assert decode_body("DeviceLost", 1, body) == facts.DeviceLost("scale", "silent")

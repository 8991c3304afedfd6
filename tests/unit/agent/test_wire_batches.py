"""Batches, acknowledgements and topics: the bytes themselves, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agent.domain import facts
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
    encode_total,
    follows,
    parse_batch,
)
from tests.lane_kit import MILK, charged, posted

BODY = b'{"role":"scale"}'
HASH = chain_hash(GENESIS, "e1", 1, "DeviceReturned", 1, 1700, 42, BODY)
ROW = FactRow(1, "DeviceReturned", 1, 1700, 42, HASH, BODY)
PAYLOAD = (
    b'{"epoch":"e1","prev":"%s","facts":[{"seq":1,"type":"DeviceReturned","v":1,"ts":1700,'
    b'"mono":42,"hash":"%s","body":{"role":"scale"}}]}'
) % (GENESIS.encode(), HASH.encode())


def test_the_chain_is_sha_256_over_what_went_before_and_the_fact():
    # printf '%064d|e1|1|DeviceReturned|1|1700|42|{"role":"scale"}' 0 | sha256sum
    assert HASH == "dfc88a530b7f1c1eb57fd8f5cf710078355428b73ddaf22b86e920bfd991370e"


def test_a_body_is_written_in_the_order_of_its_fields_without_white_space():
    assert encode_body(facts.DeviceLost("scale", "größer, 坏了")) == (
        '{"role":"scale","reason":"größer, 坏了"}'.encode()
    )


def test_a_sale_that_was_written_before_sales_named_their_customer_is_read_and_kept_as_it_was():
    body = (
        b'{"transaction_id":"t","receipt_number":"L1-e1-000001","business_date":"2026-11-21",'
        b'"currency":"CNY","total_id":"P1","item_count":1,"amount_minor":1250,"change_minor":0,'
        b'"rounding_minor":0,"lines":[],"tenders":[{"tender_type":"cash","amount_minor":1250}],'
        b'"taxes":[{"rate_bp":0,"net_minor":1250,"tax_minor":0}],"missed_count":0,"operator":"07"}'
    )
    head = ("TransactionSettled", 1, 1700, 42)
    row = FactRow(1, *head, chain_hash(GENESIS, "e1", 1, *head, body), body)

    sale = decode_body("TransactionSettled", 1, body)

    assert isinstance(sale, facts.TransactionSettled)
    assert (sale.operator, sale.customer) == ("07", "")
    [again] = decode_batch(encode_batch("e1", GENESIS, [row])).facts
    assert bytes(again.body) == body


def test_a_batch_is_one_json_object_with_the_stored_bytes_inside():
    assert encode_batch("e1", GENESIS, [ROW]) == PAYLOAD
    assert json.loads(PAYLOAD)["facts"][0]["body"] == {"role": "scale"}


def test_a_batch_whose_white_space_was_changed_on_the_way_is_no_batch():
    pretty = json.dumps(json.loads(PAYLOAD), indent=1).encode()

    with pytest.raises(UndecodableFact, match="chain broken at seq 1"):
        decode_batch(pretty)


def test_facts_that_skip_a_number_are_no_batch_though_their_chain_is_true():
    third = chain_hash(HASH, "e1", 3, "DeviceReturned", 1, 1700, 42, BODY)
    rows = [ROW, FactRow(3, "DeviceReturned", 1, 1700, 42, third, BODY)]

    with pytest.raises(UndecodableFact, match="chain broken at seq 3"):
        decode_batch(encode_batch("e1", GENESIS, rows))


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("DeviceReturned", b""),
        ("DeviceReturned", b"\xff\x00torn"),
        ("DeviceReturned", b'{"role":"scale"'),
        ("DeviceReturned", b'{}},{"seq":9'),
        ("DeviceReturned", b'{},"seq":9'),
        ("DeviceReturned", b"[" * 100_000),
        ('Dev"ice\n', BODY),
    ],
    ids=repr,
)
def test_a_row_that_is_no_json_travels_as_one_that_its_hash_was_not_made_for(type_, body):
    damaged = FactRow(2, type_, 1, 1700, 42, HASH, body)
    third = FactRow(3, "DeviceReturned", 1, 1700, 42, HASH, BODY)

    batch = parse_batch(encode_batch("e1", GENESIS, [ROW, damaged, third]))

    assert [fact.seq for fact in batch.facts] == [1, 2, 3]
    assert not follows("e1", HASH, batch.facts[1])
    assert bytes(batch.facts[2].body) == BODY


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"epoch":"\xff","prev":"","facts":[]}',
        PAYLOAD[:-1],
        PAYLOAD + b"}",
        PAYLOAD.replace(b'"seq":1', b'"seq":"1"'),
        PAYLOAD.replace(b'"seq":1', b'"seq":1.0'),
        PAYLOAD.replace(b'"seq":1,', b""),
        PAYLOAD.replace(BODY, b""),
        PAYLOAD.replace(BODY, b"[" * 100_000 + b"]" * 100_000),
        b'{"epoch":"e1","prev":"' + GENESIS.encode() + b'","facts":[]}',
    ],
    ids=lambda payload: payload[:40].decode("latin-1"),
)
def test_what_is_no_batch_is_refused_with_its_reason(payload):
    with pytest.raises(UndecodableFact) as refused:
        decode_batch(payload)
    assert str(refused.value)


@pytest.mark.parametrize(
    ("type_", "body", "path"),
    [
        ("DeviceLost", b"{}", "role"),
        ("DeviceLost", b'{"role":1,"reason":""}', "$.role"),
        ("DeviceLost", b'{"role":"a","reason":"', "DeviceLost v1"),
        ("DeviceLost", b'{"role":"\xff","reason":""}', "DeviceLost v1"),
        ("DeviceLost", b'{"x":' + b"[" * 100_000, "DeviceLost v1"),
        ("ReceiptUnprinted", b'{"transaction_id":"","job_id":"","outcome":"lost"}', "$.outcome"),
    ],
)
def test_a_body_that_its_class_does_not_accept_names_the_place(type_, body, path):
    with pytest.raises(UndecodableFact) as refused:
        decode_body(type_, 1, body)
    assert path in str(refused.value)


@pytest.mark.parametrize(("type_", "version"), [("DeviceLost", 2), ("FutureFact", 1)])
def test_a_type_or_version_of_a_later_release_is_not_guessed(type_, version):
    assert decode_body(type_, version, b"{}") is None


def test_an_acknowledgement_is_small_json_that_may_leave_out_the_gap():
    assert encode_ack(Ack("e1", 7)) == b'{"epoch":"e1","hw":7,"gap":false}'
    assert decode_ack(b'{"epoch":"e1","hw":7}') == Ack("e1", 7)
    assert decode_ack(b'{"epoch":"e1","hw":7,"gap":true,"more":1}') == Ack("e1", 7, gap=True)


@pytest.mark.parametrize(
    "payload", [b"", b"7", b"{}", b'{"epoch":"e1","hw":"7"}', b'{"hw":7}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_acknowledgement_is_ignored(payload):
    assert decode_ack(payload) is None


def test_a_lane_speaks_under_its_own_topic():
    address = LaneAddress("org", "s1", "l1")

    assert address.topic("tx") == "edge/v1/org/s1/l1/tx"
    assert LaneAddress.of_topic("edge/v1/org/s1/l1/state/scale") == (address, "state/scale")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "edge/v1/org/s1/l1",
        "edge/v2/org/s1/l1/tx",
        "other/v1/org/s1/l1/tx",
        "edge/v1//s1/l1/tx",
        "edge/v1/org/s1/l1/",
        "/edge/v1/org/s1/l1/tx",
    ],
)
def test_any_other_topic_is_no_lanes(topic):
    assert LaneAddress.of_topic(topic) is None


def test_a_totals_digest_bytes_do_not_depend_on_how_it_was_sent():
    one = posted("T1", 1, lines=(charged(MILK),))

    assert encode_total(one) == encode_total(posted(lines=(charged(MILK),), count=1, total_id="T1"))
    assert encode_total(one) != encode_total(posted("T1", 1, lines=(charged(MILK, 2),)))


@pytest.mark.parametrize("word", ["\ufffd\ufffd", 'a"b', "a\\b", "a\x00b", "", "a b", "x" * 129])
def test_a_name_or_hash_that_a_disk_has_spoilt_does_not_spoil_its_batch(word):
    good = FactRow(1, "DeviceLost", 1, 0, 0, "a" * 64, b"{}")
    spoilt = [replace(good, type=word), replace(good, seq=2, hash=word), replace(good, seq=3)]
    batch = parse_batch(encode_batch("e1", word, spoilt))
    assert batch.prev == "damaged"
    assert [fact.type for fact in batch.facts] == ["damaged", "DeviceLost", "DeviceLost"]
    assert [fact.hash for fact in batch.facts] == ["a" * 64, "damaged", "a" * 64]

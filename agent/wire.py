"""Facts as bytes, and what travels over MQTT: topics, batches, acknowledgements.

Shared by both ends (journal and sync on the lane, ingest in the bridge), so that each byte has one
definition. Pure; msgspec does the JSON because it is typed, strict and written in C.

A batch on `…/tx` (never retained) is one JSON object:

    {"epoch": "…", "prev": "<hash before the first fact>", "facts": [
        {"seq": 1, "type": "…", "v": 1, "ts": <wall ms>, "mono": <monotonic ms>,
         "hash": "…", "body": {…}}, …]}

with consecutive `seq`. hash(n) = SHA-256 over hash(n-1) and the fact's canonical header and body.
An acknowledgement on `…/ack` (retained) is {"epoch": "…", "hw": <highest contiguous seq committed>,
"gap": <true if later facts are already there>, "got": [[<first>, <last>], …]}: `got` are the seqs
of the commit it tells of, some perhaps beyond the gap. A gap that does not close by itself is told
on `…/gap` as {"epoch": "…", "first": <seq>, "last": <seq>}: send these again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from agent.domain.facts import FACT_TYPES, FactBody
from agent.domain.totals import CashierTotal

GENESIS = "0" * 64  #: the hash before seq 1
BATCH_FACTS_MAX = 64
BATCH_BYTES_MAX = 64 * 1024  #: a batch is closed at this size; one larger fact travels alone

#: What msgspec raises on bytes from outside; RecursionError on JSON nested without end.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_body_encoder = msgspec.json.Encoder()


class UndecodableFact(Exception):
    """A body that its own class does not accept. The message names the path and the reason."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact as the journal keeps it: the envelope, and the body as its canonical JSON bytes."""

    seq: int
    type: str
    version: int
    wall_ms: int
    mono_ms: int
    hash: str
    body: bytes


def encode_body(body: FactBody) -> bytes:
    """Canonical JSON of a fact's body: field order of the dataclass, no white space, UTF-8."""
    return _body_encoder.encode(body)


def encode_total(total: CashierTotal) -> bytes:
    """Canonical JSON of a cashier total, for its digest."""
    return _body_encoder.encode(total)


_decoders: dict[tuple[str, int], msgspec.json.Decoder[FactBody]] = {
    (name, version): msgspec.json.Decoder(cls)
    for name, versions in FACT_TYPES.items()
    for version, cls in versions.items()
}


def decode_body(type_: str, version: int, body: bytes) -> FactBody | None:
    """The fact, None if this release does not know the (type, version). Raises UndecodableFact."""
    decoder = _decoders.get((type_, version))
    if decoder is None:
        return None
    try:
        return decoder.decode(body)
    except _UNREADABLE as error:
        raise UndecodableFact(f"{type_} v{version}: {error}") from error


def chain_hash(
    prev: str,
    epoch: str,
    seq: int,
    type_: str,
    version: int,
    wall_ms: int,
    mono_ms: int,
    body: bytes,
) -> str:
    """hash(n) from hash(n-1): hex SHA-256."""
    header = f"{prev}|{epoch}|{seq}|{type_}|{version}|{wall_ms}|{mono_ms}|"
    return hashlib.sha256(header.encode() + body).hexdigest()


# --- topics ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaneAddress:
    """Where a lane stands. Each part is 1 to 64 of [A-Za-z0-9_-]: safe in a topic and in a key."""

    org: str
    store: str
    lane: str

    def topic(self, leaf: str) -> str:
        return f"edge/v1/{self.org}/{self.store}/{self.lane}/{leaf}"

    @classmethod
    def of_topic(cls, topic: str) -> tuple[LaneAddress, str] | None:
        """(address, leaf) of a topic under `edge/v1/`, None for any other topic."""
        parts = topic.split("/", 5)
        if len(parts) != 6 or parts[0] != "edge" or parts[1] != "v1" or not all(parts):
            return None
        return cls(parts[2], parts[3], parts[4]), parts[5]


# --- batches -----------------------------------------------------------------------------------


class WireFact(msgspec.Struct, frozen=True, gc=False):
    seq: int
    type: str
    v: int
    ts: int
    mono: int
    hash: str
    body: msgspec.Raw


class Batch(msgspec.Struct, frozen=True):
    epoch: str
    prev: str
    facts: list[WireFact]


class Ack(msgspec.Struct, frozen=True):
    epoch: str
    hw: int
    gap: bool = False
    got: tuple[tuple[int, int], ...] | msgspec.UnsetType = msgspec.UNSET  #: unset: an older bridge
    hash: str | msgspec.UnsetType = msgspec.UNSET  #: of the fact at `hw`; unset: an older bridge
    #: (seq, hash) on both sides of each place where the bridge's facts do not follow one another
    forks: tuple[tuple[int, str], ...] | msgspec.UnsetType = msgspec.UNSET

    def named(self) -> tuple[tuple[int, str], ...]:
        """(seq, hash) of all facts by which a lane sees whether they are its own."""
        last = ((self.hw, self.hash),) if isinstance(self.hash, str) and self.hw else ()
        return last if isinstance(self.forks, msgspec.UnsetType) else last + self.forks


class Gap(msgspec.Struct, frozen=True):
    epoch: str
    first: int
    last: int


WORD_CHARS_MAX = 128
DAMAGED = "damaged"  #: in place of a word that is none any more

_batch_decoder = msgspec.json.Decoder(Batch)
_ack_decoder = msgspec.json.Decoder(Ack)
_gap_decoder = msgspec.json.Decoder(Gap)
_fact_decoder = msgspec.json.Decoder(WireFact)


def encode_batch(epoch: str, prev: str, rows: Iterable[FactRow]) -> bytes:
    """One message. The bodies are copied in as they lie in the journal: no second encoding."""
    facts = b",".join(map(_encode_row, rows))
    before = prev if is_word(prev) else DAMAGED
    return b'{"epoch":"%s","prev":"%s","facts":[%s]}' % (epoch.encode(), before.encode(), facts)


def is_word(text: str) -> bool:
    """Whether it can be the name of a fact or a hash: what a worn disk makes of them often is not,
    and not every database can hold it."""
    return text.isascii() and text.isalnum() and len(text) <= WORD_CHARS_MAX


def _encode_row(row: FactRow) -> bytes:
    """A fact of a batch. A row that a damaged journal has made no JSON of travels as words that its
    hash cannot have been made for: the bridge keeps it, says so, and the lane goes on."""
    r = row
    type_, digest = (text if is_word(text) else DAMAGED for text in (r.type, r.hash))
    encoded = b'{"seq":%d,"type":"%s","v":%d,"ts":%d,"mono":%d,"hash":"%s","body":%s}' % (
        *(r.seq, type_.encode(), r.version, r.wall_ms, r.mono_ms, digest.encode(), r.body),
    )
    try:
        if _fact_decoder.decode(encoded).seq == r.seq:
            return encoded
    except _UNREADABLE:
        pass  # the reason does not matter: nobody can mend it here
    body = msgspec.Raw(msgspec.json.encode({"damaged_hex": r.body.hex()}))
    fact = WireFact(r.seq, type_, r.version, r.wall_ms, r.mono_ms, digest, body)
    return msgspec.json.encode(fact)


def parse_batch(payload: bytes) -> Batch:
    """A batch as it is written, its chain not verified. Raises UndecodableFact for other bytes."""
    try:
        return _batch_decoder.decode(payload)
    except _UNREADABLE as error:
        raise UndecodableFact(str(error)) from error


def decode_batch(payload: bytes) -> Batch:
    """Raises UndecodableFact for what is no batch of consecutive facts with a true chain."""
    batch = parse_batch(payload)
    verify_chain(batch.epoch, batch.prev, batch.facts)
    return batch


def verify_chain(epoch: str, prev: str, facts: Sequence[WireFact]) -> None:
    """Raises UndecodableFact at the first fact that does not follow from the one before."""
    if not facts:
        raise UndecodableFact("a batch of no facts")
    expected = facts[0].seq
    for fact in facts:
        if fact.seq != expected or not follows(epoch, prev, fact):
            raise UndecodableFact(f"chain broken at seq {fact.seq}")
        prev, expected = fact.hash, expected + 1


def follows(epoch: str, prev: str, fact: WireFact) -> bool:
    """Whether a fact is the one its hash was made for, after the hash of the one before."""
    head = (fact.seq, fact.type, fact.v, fact.ts, fact.mono)
    return chain_hash(prev, epoch, *head, bytes(fact.body)) == fact.hash


def encode_ack(ack: Ack) -> bytes:
    return msgspec.json.encode(ack)


def decode_ack(payload: bytes) -> Ack | None:
    """None for a payload that is no acknowledgement: the lane ignores it and goes on."""
    try:
        return _ack_decoder.decode(payload)
    except _UNREADABLE:
        return None


def encode_gap(gap: Gap) -> bytes:
    return msgspec.json.encode(gap)


def decode_gap(payload: bytes) -> Gap | None:
    """None for a payload that is no report of a gap."""
    try:
        return _gap_decoder.decode(payload)
    except _UNREADABLE:
        return None

"""From MQTT to the ledger: what has come is committed in one transaction, then confirmed to the
broker, then acknowledged to the lanes. Never in another order: an acknowledgement that is ahead of
the commit would let a lane forget a sale.

One thread does it all. Messages that the ledger cannot take now stay with this process unconfirmed
and are tried again; if it dies, the broker or the lane sends them again.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Protocol

import msgspec
from msgspec import UNSET

from agent.mqtt import BACKOFF_S, WINDOW, Incoming, MqttLink
from agent.mqtt_settings import MqttSettings
from agent.wire import (
    Ack,
    Batch,
    Gap,
    LaneAddress,
    UndecodableFact,
    WireFact,
    encode_ack,
    encode_gap,
    follows,
    parse_batch,
)
from cloud_bridge.gaps import Gaps
from cloud_bridge.ledger.port import (
    BUGS,
    INT64_MAX,
    Applied,
    Arrivals,
    Delivery,
    Ledger,
    LedgerRefuses,
    LedgerUnavailable,
    Unreadable,
)
from cloud_bridge.stockwatch import StockWatch
from cloud_bridge.voucher import Stream

log = logging.getLogger("lanetally.bridge")

TURN_S = 0.5  #: at most so long until a stop is seen

POISON = (LedgerRefuses, *BUGS)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,128}")  # no NUL: PostgreSQL keeps none


class Link(Protocol):
    """What settling needs of the MQTT connection."""

    def confirm(self, message: Incoming) -> None: ...
    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None: ...


class _Status(msgspec.Struct):
    epoch: str


_status_decoder = msgspec.json.Decoder(_Status)


def sort(messages: Sequence[Incoming]) -> Arrivals:
    """What the messages mean. Pure; no bytes on any topic raise anything.

    A fact that does not follow from the one before is told apart from the others of its batch, and
    they are held against the hash that it states. What is no JSON or has no consecutive seq tells
    nothing: the message is kept whole, and its lane goes on only when it can send a better one.
    """
    deliveries: list[Delivery] = []
    damaged: list[Delivery] = []
    unreadable: list[Unreadable] = []
    births: list[Stream] = []
    for message in messages:
        addressed = LaneAddress.of_topic(message.topic)
        if addressed is None or not all(map(_NAME.fullmatch, _parts(addressed[0]))):
            detail = f"no lane has the topic {message.topic!r}"
            unreadable.append(Unreadable(("", "", ""), "address", detail, message.payload))
            continue
        address, leaf = addressed
        if leaf == "status":
            births += _birth(address, message.payload)
            continue
        try:
            batch = _read(message.payload)
        except UndecodableFact as error:
            unreadable.append(Unreadable(_parts(address), "message", str(error), message.payload))
            continue
        for true, run in groupby(_judged(batch), itemgetter(0)):
            stream = Stream(*_parts(address), batch.epoch)
            _, prevs, facts = zip(*run, strict=True)
            (deliveries if true else damaged).append(Delivery(stream, prevs[0], facts))
    return Arrivals(tuple(deliveries), tuple(unreadable), tuple(births), tuple(damaged))


def _parts(address: LaneAddress) -> tuple[str, str, str]:
    return address.org, address.store, address.lane


def _read(payload: bytes) -> Batch:
    """Raises UndecodableFact for what a true journal never has and a database may not hold."""
    batch = parse_batch(payload)
    if not _NAME.fullmatch(batch.epoch):
        raise UndecodableFact(f"epoch {batch.epoch!r}")
    if not batch.facts:
        raise UndecodableFact("a batch of no facts")
    for expected, fact in enumerate(batch.facts, batch.facts[0].seq):
        if fact.seq != expected:
            raise UndecodableFact(f"seq {fact.seq} in place of {expected}")
        if not _WORD.fullmatch(fact.type) or not _WORD.fullmatch(fact.hash):
            raise UndecodableFact(f"seq {fact.seq}: type {fact.type!r}, hash {fact.hash!r}")
        largest = max(fact.seq, abs(fact.v), abs(fact.ts), abs(fact.mono))
        if fact.seq < 1 or largest > INT64_MAX:
            raise UndecodableFact(f"seq {fact.seq}: a figure of the envelope is out of range")
    return batch


def _judged(batch: Batch) -> Iterator[tuple[bool, str, WireFact]]:
    """Whether each fact follows from the one before, that one's hash, and the fact."""
    prev = batch.prev
    for fact in batch.facts:
        yield follows(batch.epoch, prev, fact), prev, fact
        prev = fact.hash


def _birth(address: LaneAddress, payload: bytes) -> list[Stream]:
    """The stream of a lane that says where it lives; none if the status does not say."""
    try:
        epoch = _status_decoder.decode(payload).epoch
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [Stream(*_parts(address), epoch)] if _NAME.fullmatch(epoch) else []


def settle(messages: Sequence[Incoming], ledger: Ledger, link: Link, received_ms: int) -> Applied:
    """Commit, confirm, acknowledge. Raises LedgerUnavailable with nothing confirmed.

    Time never runs backwards in the ledger: were a clock that was ahead when costs were imported
    set right, they would not hold for the sales that come after.
    """
    arrivals = sort(messages)
    applied = apply_all(arrivals, ledger, max(received_ms, ledger.newest_ms()))
    for message in messages:
        link.confirm(message)
    got = _got(arrivals)
    for stream, cursor in applied.cursors.items():
        names = cursor.hash or UNSET, cursor.forks or UNSET
        ack = Ack(stream.epoch, cursor.hw, cursor.gap, got.get(stream, ()), *names)
        link.publish(_topic(stream, "ack"), encode_ack(ack), retain=True)
    return applied


def _topic(stream: Stream, leaf: str) -> str:
    return LaneAddress(stream.tenant, stream.store, stream.lane).topic(leaf)


def _got(arrivals: Arrivals) -> dict[Stream, tuple[tuple[int, int], ...]]:
    """First and last seq of each run of sound facts, by stream."""
    runs: dict[Stream, list[tuple[int, int]]] = {}
    for delivery in arrivals.deliveries:
        runs.setdefault(delivery.stream, []).append((delivery.facts[0].seq, delivery.facts[-1].seq))
    return {stream: _joined(sorted(found)) for stream, found in runs.items()}


def _joined(runs: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for first, last in runs:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return tuple(joined)


def apply_all(arrivals: Arrivals, ledger: Ledger, received_ms: int) -> Applied:
    """One commit; or, where a fact of them meets a bug, as many as it takes to find that fact, so
    that it alone is held back."""
    try:
        return ledger.apply(arrivals, received_ms)
    except POISON:
        halves = _halves(arrivals)
        if not halves:
            raise
        if halves[0].poison:
            log.exception("a fact meets a bug: it is kept, and not posted")
    parts = [apply_all(half, ledger, received_ms) for half in halves]
    cursors = {stream: cursor for part in parts for stream, cursor in part.cursors.items()}
    figures = ("stored", "repeated", "vouchers", "quarantined")
    return Applied(cursors, *(sum(getattr(part, name) for part in parts) for name in figures))


def _halves(arrivals: Arrivals) -> tuple[Arrivals, ...]:
    """Two smaller parts; of a single fact, the same fact as poison; nothing of what is neither."""
    facts = [single for delivery in arrivals.deliveries for single in delivery.singly()]
    rest = replace(arrivals, deliveries=())
    if rest != Arrivals():
        return (Arrivals(arrivals.deliveries), rest) if facts else ()
    if len(facts) == 1:
        return (Arrivals(poison=tuple(facts)),)
    middle = len(facts) // 2
    return Arrivals(tuple(facts[:middle])), Arrivals(tuple(facts[middle:]))


def topics(org: str, share: str = "") -> tuple[str, str]:
    """What to subscribe to. `org` empty: every organisation. `share`: the facts go to one of the
    workers that share them; a lane's birth goes to each, for brokers keep none for who shares."""
    lanes = f"edge/v1/{org or '+'}/+/+"
    facts = f"{lanes}/tx"
    return f"$share/{share}/{facts}" if share else facts, f"{lanes}/status"


def serve(
    ledger: Ledger,
    mqtt: MqttSettings,
    client_id: str,
    org: str,
    stop: threading.Event,
    on_ready: Callable[[], None] = lambda: None,
    *,
    share: str = "",
) -> None:
    """Take in facts until `stop` is set. `on_ready` is called whenever the broker is connected.

    The session is persistent: what comes while the bridge is away waits at the broker, as far as
    the broker keeps it; the lanes send the rest again.
    """

    def up() -> None:
        link.subscribe(*topics(org, share))
        on_ready()

    inbound: list[Incoming] = []
    link = MqttLink(mqtt, client_id, on_up=up, on_message=inbound.append, clean=False)
    patience = _Patience()
    gaps = Gaps()
    stock = StockWatch()
    try:
        while not stop.is_set():
            link.turn(min(TURN_S, patience.left_s()) if inbound else TURN_S)
            _drain(link, inbound)
            if inbound and not patience.left_s():
                _try_to_settle(inbound, ledger, link, patience, gaps)
                stock.stir()
            _report_gaps(gaps, ledger, link)
            _report_stock(stock, ledger, link)
    finally:
        link.close()


def _drain(link: MqttLink, inbound: list[Incoming]) -> None:
    """Read on while messages come, up to what fits in one transaction."""
    seen = 0
    while seen < len(inbound) < WINDOW:
        seen = len(inbound)
        link.turn(0.0)


def _try_to_settle(
    inbound: list[Incoming], ledger: Ledger, link: Link, patience: _Patience, gaps: Gaps
) -> None:
    try:
        applied = settle(inbound, ledger, link, time.time_ns() // 1_000_000)
    except LedgerUnavailable as error:
        if patience.failed():
            log.warning("ledger not available, nothing is acknowledged: %s", error)
        return
    if patience.succeeded():
        log.info("ledger available again")
    if applied.quarantined:
        log.warning("%d to quarantine: see lanetally-bridge quarantine", applied.quarantined)
    inbound.clear()
    gaps.note(applied.cursors, time.monotonic())


def _report_gaps(gaps: Gaps, ledger: Ledger, link: Link) -> None:
    """Ask for what is missing and does not come by itself."""
    for stream in gaps.due(time.monotonic()):
        try:
            hole = ledger.hole(stream)
        except LedgerUnavailable:
            return
        if gaps.still(stream, hole, time.monotonic()) and hole is not None:
            log.warning("%s: %d to %d are missing: asking for them", "/".join(stream), *hole)
            link.publish(_topic(stream, "gap"), encode_gap(Gap(stream.epoch, *hole)))


def _report_stock(stock: StockWatch, ledger: Ledger, link: MqttLink) -> None:
    """Tell store managers of sales whose stock is not taken out, now and then."""
    if not link.up or not stock.is_due(time.monotonic()):
        return
    try:
        lanes = {lane.stream[:3] for lane in ledger.status().lanes} if stock.is_new else set()
        orders = ledger.undeducted()
    except LedgerUnavailable:
        return
    for message in stock.messages(lanes, orders):
        topic = LaneAddress(*message.lane).topic(message.leaf)
        link.publish(topic, message.payload, retain=message.retain)


class _Patience:
    """How long to leave the ledger alone after failures. Each of the two reports tells a change."""

    def __init__(self) -> None:
        self._failures = 0
        self._retry_at = 0.0

    def left_s(self) -> float:
        return max(0.0, self._retry_at - time.monotonic())

    def failed(self) -> bool:
        """True for the first failure of a row."""
        self._retry_at = time.monotonic() + BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        return self._failures == 1

    def succeeded(self) -> bool:
        """True if the try before had failed."""
        recovered = self._failures > 0
        self._failures, self._retry_at = 0, 0.0
        return recovered

"""A shop of simulated lanes with the real `Journal` and `Sync`, a broker, and the real bridge.

`World(seed).run()` lets things go wrong for a while, puts everything right, waits until it has
settled, and compares. While it runs, each acknowledgement is held against the ledger's file.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock
from uuid import UUID

from agent import former, outbox, wire
from agent import sync as sync_module
from agent.domain.facts import FactLost
from agent.domain.transaction import LaneState
from agent.former import FormerSync, unsent
from agent.journal import Journal, JournalReader, setback
from agent.journal import file as journal_file
from agent.journal.chain import judged
from agent.journal.setback import SetBack
from agent.journal.succession import open_journal
from agent.mqtt_settings import MqttSettings
from agent.sync import Birth, Sync
from agent.wire import FactRow, LaneAddress
from cloud_bridge import ingest
from cloud_bridge.chart import load_chart
from cloud_bridge.ledger.port import Applied, Arrivals, LedgerUnavailable
from cloud_bridge.ledger.sqlite import SqliteLedger
from cloud_bridge.mapping import Books
from tests.lane_kit import MILK, RULES, STARTED, charged, played, posted, received, scanned
from tests.simulation.clockwork import Process, Scheduler
from tests.simulation.network import Broker, Faults, SimLink

TROUBLE_S = 45.0
HEALED_WITHIN_S = 400.0  #: ten times the longest wait of sync, for what it must send in vain
SECTOR = 512
YEAR_MS = 365 * 86_400_000
BOOKS = Books(load_chart("cn_small"), "CNY")


class Wrong(AssertionError):
    """Something that must never be was."""


class SimLane:
    """The lane's process: a journal, and sync. Selling stands in for the core."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.address = LaneAddress("acme", "harbour", name)
        self.client_id = f"lanetally-acme-harbour-{name}"
        self.lives = 0
        self.witness = Witness()
        self.images: list[Path] = []  #: of its disk, as it was at some time
        self.marred = False  #: its disk was set back or damaged
        self.path = self._new_path()
        self.running = False
        self.former: Process | None = None
        self.start()

    def _new_path(self) -> Path:
        self.lives += 1
        self.images = []
        folder = self.world.folder / f"{self.address.lane}-{self.lives}"
        folder.mkdir()
        return folder / "journal.db"

    def start(self) -> None:
        if self.running:
            return
        self.running = True
        self.journal, recovered = open_journal(self.path, self.world.wall_ms())
        self.world.recoveries += recovered is not None
        self.acked = self.journal.acked_seq
        self.sync = Sync(
            MqttSettings(),
            self.address,
            Birth(self.journal.epoch, "boot", "0"),
            self.path,
            self.acked,
            self._on_ack,
            self._on_set_back,
            fresh=self.journal.fresh,
        )
        if unsent(self.path):
            rest = FormerSync(MqttSettings(), self.address, self.path)
            self.former = Process(self.world.scheduler, lambda: rest.run(threading.Event()))
        self.process = Process(self.world.scheduler, lambda: self.sync.run(threading.Event()))
        self._commit([STARTED])

    def _on_ack(self, seq: int) -> None:
        if seq <= self.acked:
            raise Wrong(f"{self.address.lane}: acknowledged {seq} after {self.acked}")
        stream = (self.address.lane, self.journal.epoch)
        if seq > self.world.acknowledged.get(stream, 0):
            raise Wrong(f"{self.address.lane}: believes in {seq}, which nobody acknowledged")
        if self.world.ledger_hash(*stream, seq) != self.journal_hash(seq):
            raise Wrong(f"{self.address.lane}: takes another's fact for its own: {seq}")
        self.acked = seq

    def journal_hash(self, seq: int) -> str:
        return next(row.hash for row in self.journal.rows(seq))

    def _on_set_back(self, head_office_seq: int, sent_seq: int) -> None:
        setback.mark(self.path, SetBack(self.journal.epoch, head_office_seq, sent_seq))
        journal = self.journal

        def begin_anew() -> None:
            if self.running and self.journal is journal:
                self.crash()
                self.start()

        self.world.scheduler.after(1.0, begin_anew)

    def sell(self) -> None:
        if not self.running:
            return
        number = self.journal.lane_state().last_number
        rules = replace(RULES, epoch=self.journal.epoch)
        total = posted(f"T{number}", None, lines=(charged(MILK),))
        step = played(
            scanned(MILK.gtin), received(total), state=LaneState(number), rules=rules
        ).facts
        cut = self.world.chance.randrange(len(step) + 1)
        for part in (step[:cut], step[cut:]):
            if part:
                self._commit(list(part))

    def _commit(self, bodies: list[Any]) -> None:
        self.journal.append(
            bodies,
            wall_ms=self.world.wall_ms(),
            mono_ms=int(self.world.scheduler.now_s * 1000),
            acked_seq=self.acked,
        )
        self.sync.committed(self.journal.last_seq)

    def crash(self) -> None:
        if self.running:
            self.running = False
            self.process.kill()
            if self.former is not None and self.former.alive:
                self.former.kill()
            self.witness.look(self.journal)
            self.journal.close()

    def image_anew(self) -> None:
        """A new disk, an empty journal: what was not at the bridge is gone, and nothing else."""
        self.crash()
        self.path = self._new_path()
        self.start()

    def keep_image(self) -> None:
        if self.running:
            image = self.path.with_name(f"image-{len(self.images)}.db")
            with closing(sqlite3.connect(image)) as copy:
                self.journal._db.backup(copy)
            self.images.append(image)

    def set_back(self) -> None:
        """An older image of its disk is put in place. Messages of the life before may come after
        those of this one, into its gaps."""
        if self.images:
            self.crash()
            self.marred = True
            for file in self.path.parent.glob("journal*"):
                file.unlink()
            shutil.copy(self.world.chance.choice(self.images), self.path)
            self.start()

    def damage(self) -> None:
        """Some sectors of its journal are not what was written."""
        self.crash()
        self.marred = True
        chance = self.world.chance
        data = bytearray(self.path.read_bytes())
        at = SECTOR * chance.randrange(len(data) // SECTOR)
        size = SECTOR * chance.choice((1, 2, 8))
        data[at : at + size] = chance.randbytes(len(data[at : at + size]))
        self.path.write_bytes(data)
        self.start()

    @property
    def settled(self) -> bool:
        return (
            self.running
            and (self.former is None or not self.former.alive)
            and self.acked == self.journal.last_seq
            and self.world.held(self.address.lane, self.journal.epoch) == self.acked
        )


class Witness:
    """Remembers each fact that a lane has ever written; not what became of it on a bad disk."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[int, set[str]]] = {}  #: by epoch and seq

    def look(self, journal: Journal) -> None:
        seen = self.hashes.setdefault(journal.epoch, {})
        for row, is_sure in judged(journal.rows(), journal.epoch):
            if is_sure:
                seen.setdefault(row.seq, set()).add(row.hash)


class SimLedger(SqliteLedger):
    """The real one, on a machine where this and that happens around its commit."""

    world: World

    def apply(self, arrivals: Arrivals, received_ms: int) -> Applied:
        if self.world.mishap():
            raise LedgerUnavailable("another has it")
        applied = super().apply(arrivals, received_ms)
        self.world.stumble()
        return applied

    def _post(self, work: Any) -> int:
        vouchers = super()._post(work)
        self.world.stumble()
        return vouchers


class SimBridge:
    """A bridge's process: the real `serve` on a real ledger, which other workers may write too."""

    def __init__(self, world: World, client_id: str, share: str) -> None:
        self.world = world
        self.client_id, self.share = client_id, share
        self.process: Process | None = None
        self.start()

    def start(self) -> None:
        if self.process is None or not self.process.alive:
            self.process = Process(self.world.scheduler, self._work)

    def _work(self) -> None:
        with closing(SimLedger(self.world.ledger_path, BOOKS)) as ledger:
            ledger.world = self.world
            stop = threading.Event()
            ingest.serve(ledger, MqttSettings(), self.client_id, "", stop, share=self.share)

    def crash(self) -> None:
        if self.process is not None and self.process.alive:
            self.process.kill()


class WatchedLink(SimLink):
    """Holds each acknowledgement against the ledger when it is sent."""

    world: World

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if topic.endswith("/ack"):
            self.world.check_ack(topic, payload)
            self.world.stumble()
        super().publish(topic, payload, retain=retain)

    def confirm(self, message: Any) -> None:
        if self.client_id in self.world.workers:
            self.world.stumble()
        super().confirm(message)


class World:
    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = Random(seed)
        self.folder = folder
        self.scheduler = Scheduler(self.chance)
        self.broker = Broker(self.scheduler)
        self.trouble = True
        self.stumbling = self.chance.choice((0.0, 0.02, 0.1))
        self.acknowledged: dict[tuple[str, str], int] = {}  #: (lane, epoch) -> highest, ever sent
        self._held: dict[tuple[str, str], int] = {}  # what was seen in the ledger's file stays
        self._wall_offset_ms = 0
        self._ledger: sqlite3.Connection | None = None
        self.lanes: list[SimLane] = []
        self.ledger_path = folder / "ledger.db"
        self.workers: dict[str, SimBridge] = {}
        self.recoveries = 0

    # --- the run -------------------------------------------------------------------------------

    def run(self) -> None:
        """Raises Wrong."""
        with self._in_place_of_reality(), ExitStack() as stack:
            stack.callback(self._end)
            share = "" if self.chance.random() < 0.5 else "bridge"
            for name in ("bridge-1", "bridge-2") if share else ("bridge-1",):
                self.workers[name] = SimBridge(self, name, share)
            self.lanes += [SimLane(self, f"lane-{n}") for n in range(self.chance.randint(1, 3))]
            self.broker.faults = Faults(*(self.chance.choice((0, 0.02, 0.2)) for _ in range(3)))
            for lane in self.lanes:
                self._now_and_then(self.chance.choice((1.0, 5.0)), lane.sell)
            for what, every_s in self._mishaps():
                self._now_and_then(every_s, what)
            self.scheduler.run(TROUBLE_S)
            self._heal()
            # what is missing must be noticed without a next sale too
            if self.chance.random() < 0.5:
                for lane in self.lanes:
                    lane.sell()
            if not self.scheduler.run(TROUBLE_S + HEALED_WITHIN_S, self._settled):
                raise Wrong("not all facts were acknowledged, though nothing is in their way")
            self._compare()

    def _settled(self) -> bool:
        return all(lane.settled for lane in self.lanes)

    def _now_and_then(self, every_s: float, what: Callable[[], None]) -> None:
        """Do something about so often, as long as there is trouble."""

        def happen() -> None:
            if self.trouble:
                what()
                self.scheduler.after(self.chance.expovariate(1 / every_s), happen)

        self.scheduler.after(self.chance.expovariate(1 / every_s), happen)

    def _end(self) -> None:
        self.trouble = False
        for lane in self.lanes:
            lane.crash()
        for worker in self.workers.values():
            worker.crash()
        if self._ledger is not None:
            self._ledger.close()

    @contextmanager
    def _in_place_of_reality(self) -> Iterator[None]:
        """Connections, time and chance of the code under test come from here."""
        link = partial(type("Link", (WatchedLink,), {"world": self}), self.broker)
        time = SimpleNamespace(
            monotonic=self.scheduler.monotonic, time_ns=lambda: self.wall_ms() * 1_000_000
        )
        uuid = SimpleNamespace(uuid4=lambda: UUID(int=self.chance.getrandbits(128), version=4))
        with (
            mock.patch.multiple(sync_module, MqttLink=link, time=time),
            mock.patch.multiple(former, MqttLink=link, time=time),
            mock.patch.multiple(ingest, MqttLink=link, time=time),
            mock.patch.object(journal_file, "uuid", uuid),
            mock.patch.object(wire, "BATCH_FACTS_MAX", self.chance.choice((1, 3, 64))),
            mock.patch.object(outbox, "BEHIND_FACTS", self.chance.choice((4, 20, 1024))),
        ):
            yield

    # --- mishaps -------------------------------------------------------------------------------

    def _mishaps(self) -> list[tuple[Callable[[], None], float]]:
        """Some of all, each about every so many seconds."""
        all_of_them = [
            (self._crash_lane, 12.0),
            (self._image_lane_anew, 30.0),
            (self._set_lane_back, 15.0),
            (self._damage_lane, 30.0),
            (self._crash_bridge, 10.0),
            (partial(self._crash_broker, forget=False), 20.0),
            (partial(self._crash_broker, forget=True), 20.0),
            (self._part, 12.0),
            (self._jump, 15.0),
        ]
        return [mishap for mishap in all_of_them if self.chance.random() < 0.6]

    def stumble(self) -> None:
        """The bridge's process dies here, now and then."""
        if self.mishap():
            worker = next(w for w in self.workers.values() if w.process is self.scheduler.current)
            self.scheduler.after(self.chance.uniform(0.1, 10), worker.start)
            assert worker.process is not None
            worker.process.die()

    def mishap(self) -> bool:
        return self.trouble and self.chance.random() < self.stumbling

    def _crash_lane(self) -> None:
        lane = self.chance.choice(self.lanes)
        lane.crash()
        self.scheduler.after(self.chance.uniform(0, 10), lane.start)

    def _image_lane_anew(self) -> None:
        self.chance.choice(self.lanes).image_anew()

    def _set_lane_back(self) -> None:
        lane = self.chance.choice(self.lanes)
        lane.set_back() if lane.images and self.chance.random() < 0.5 else lane.keep_image()

    def _damage_lane(self) -> None:
        self.chance.choice(self.lanes).damage()

    def _crash_bridge(self) -> None:
        worker = self.chance.choice(list(self.workers.values()))
        worker.crash()
        self.scheduler.after(self.chance.uniform(0, 15), worker.start)

    def _crash_broker(self, *, forget: bool) -> None:
        self.broker.crash(forget=forget)
        self.scheduler.after(self.chance.uniform(0, 10), self._start_broker)

    def _start_broker(self) -> None:
        self.broker.down = False

    def _part(self) -> None:
        client = self.chance.choice([*self.workers, *(x.client_id for x in self.lanes)])
        self.broker.unreachable.add(client)
        self.broker.cut(client, self.chance.choice((0.0, self.chance.uniform(0, 30))))
        self.scheduler.after(
            self.chance.uniform(0, 40), lambda: self.broker.unreachable.discard(client)
        )

    def _jump(self) -> None:
        self._wall_offset_ms = self.chance.randint(-40 * YEAR_MS, 40 * YEAR_MS)

    def wall_ms(self) -> int:
        return 56 * YEAR_MS + self._wall_offset_ms + int(self.scheduler.now_s * 1000)

    def _heal(self) -> None:
        self.trouble = False
        self.broker.faults = Faults()
        self.broker.unreachable.clear()
        self._start_broker()
        for party in (*self.workers.values(), *self.lanes):
            party.start()

    # --- what must hold ------------------------------------------------------------------------

    def ledger(self) -> sqlite3.Connection:
        if self._ledger is None:
            uri = f"{self.ledger_path.as_uri()}?mode=ro"
            self._ledger = sqlite3.connect(uri, uri=True, check_same_thread=False)
        return self._ledger

    def held(self, lane: str, epoch: str) -> int:
        """How many facts of a stream the ledger's file has without a gap."""
        sql = "SELECT seq FROM inbox WHERE lane = ? AND epoch = ? AND seq > ? ORDER BY seq"
        seq = self._held.get((lane, epoch), 0)
        with suppress(sqlite3.OperationalError):  # the bridge has not made its tables yet
            for (there,) in self.ledger().execute(sql, (lane, epoch, seq)):
                if there != seq + 1:
                    break
                seq = there
        self._held[lane, epoch] = seq
        return seq

    def ledger_hash(self, lane: str, epoch: str, seq: int) -> str:
        sql = "SELECT hash FROM inbox WHERE lane = ? AND epoch = ? AND seq = ?"
        found = self.ledger().execute(sql, (lane, epoch, seq)).fetchone()
        return found[0] if found else ""

    def check_ack(self, topic: str, payload: bytes) -> None:
        addressed, ack = LaneAddress.of_topic(topic), wire.decode_ack(payload)
        assert addressed is not None
        assert ack is not None
        stream = addressed[0].lane, ack.epoch
        if ack.hw > self.held(*stream):
            raise Wrong(f"acknowledged {ack.hw}, committed {self.held(*stream)}: {stream}")
        if ack.hw < self.acknowledged.get(stream, 0) and len(self.workers) == 1:
            raise Wrong(f"acknowledged {ack.hw} after {self.acknowledged[stream]}: {stream}")
        self.acknowledged[stream] = max(ack.hw, self.acknowledged.get(stream, 0))

    def _compare(self) -> None:
        for lane in self.lanes:
            lane.crash()
            streams = "SELECT DISTINCT epoch FROM inbox WHERE lane = ?"
            for (epoch,) in self.ledger().execute(streams, (lane.address.lane,)).fetchall():
                self._compare_stream(lane, epoch)
            self._compare_journal(lane)
        one = self.ledger().execute
        assert one("SELECT coalesce(sum(amount_minor), 0) FROM entry_line").fetchone() == (0,)

    def _compare_stream(self, lane: SimLane, epoch: str) -> None:
        """The ledger has of an epoch what the lane had, and each sale of it once."""
        key = lane.address.lane, epoch
        where = "WHERE lane = ? AND epoch = ?"
        one = self.ledger().execute
        theirs = one(f"SELECT seq, hash, type FROM inbox {where}", key).fetchall()
        seen, held_back = lane.witness.hashes[epoch], self._held_back(lane, epoch)
        strange = {
            seq
            for seq, digest, type_ in theirs
            if digest not in seen.get(seq, ()) and not (lane.marred and type_ == FactLost.type)
        }
        assert strange <= held_back, key
        posted_once = [s for (s,) in one(f"SELECT seq FROM voucher {where} AND kind = 'sale'", key)]
        settled = {seq for seq, _, type_ in theirs if type_ == "TransactionSettled"}
        assert lane.marred or not held_back, key
        assert len(posted_once) == len(set(posted_once)), key
        assert settled - held_back <= set(posted_once) <= settled, key

    def _held_back(self, lane: SimLane, epoch: str) -> set[int]:
        sql = "SELECT seq FROM quarantine WHERE lane = ? AND epoch = ?"
        return {seq for (seq,) in self.ledger().execute(sql, (lane.address.lane, epoch))}

    def _compare_journal(self, lane: SimLane) -> None:
        """All that the lane has and can prove is in the ledger; what it had twice under one number
        is at least in quarantine, where somebody sees it."""
        with closing(JournalReader(lane.path)) as reader:
            own = [(reader.epoch, row) for row in reader.rows()]
            past = [
                (former.epoch, row)
                for former in reader.formers()
                for row, is_sure in judged(reader.former_rows(former), former.epoch)
                if is_sure
            ]
            known_to_lane = reader.select("SELECT acked_seq FROM sync_cursor")[0][0]
        stream = lane.address.lane, lane.journal.epoch
        assert known_to_lane <= self.held(*stream)
        for epoch, row in [*own, *past]:
            there = self._hash_in_ledger(lane, epoch, row) == row.hash
            seen = row.seq in self._held_back(lane, epoch)
            was_written = row.hash in lane.witness.hashes[epoch].get(row.seq, ())
            assert there or (lane.marred and (seen or not was_written)), (stream, epoch, row.seq)

    def _hash_in_ledger(self, lane: SimLane, epoch: str, row: FactRow) -> str:
        return self.ledger_hash(lane.address.lane, epoch, row.seq)

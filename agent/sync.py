"""From the journal to head office: rows after the last acknowledgement of the bridge, in order.

The journal is the queue. What the broker confirms means nothing here; only the bridge's own
acknowledgement, sent after its database commit, moves the cursor. Whatever is lost on the way is
sent again: on reconnect, when the bridge reports a gap, and when nothing moves for a while. After
a long time without head office, what comes now goes out beside what has gathered (`outbox`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from agent import wire
from agent.domain.text import Text
from agent.journal import JournalReader
from agent.journal.chain import follows
from agent.journal.fresh import FreshRows
from agent.mqtt import Incoming, MqttLink, Will
from agent.mqtt_settings import MqttSettings
from agent.outbox import Outbox
from agent.unanswered import Unanswered
from agent.wire import Ack, FactRow, LaneAddress

log = logging.getLogger("lanetally.sync")

#: No acknowledgement for so long, with batches out: send them again. Doubled each time in vain, for
#: where the bridge is down every resend only fills the broker's queue and the shop's data plan.
STALL_S = 5.0
STALL_S_MAX = 40.0
NEWS_S = 1.0  #: when a bridge comes up, what was sent so long before has met nobody
GREETING_S = 1.0  #: so long a lane that comes back waits to hear what head office has of it
REWIND_PAUSE_S = 0.5  #: a gap is answered at most so often
TURN_S = 1.0


@dataclass(frozen=True, slots=True)
class Birth:
    """What `…/status` says while the lane is there; its last will says `online: false`."""

    epoch: str
    boot_id: str
    version: str

    def payload(self, *, online: bool) -> bytes:
        return msgspec.json.encode(
            {
                "online": online,
                "epoch": self.epoch,
                "boot_id": self.boot_id,
                "version": self.version,
            }
        )


class Desk(Protocol):
    """Who takes the other words of head office, in this thread."""

    @property
    def leaves(self) -> tuple[str, ...]: ...

    def come_up(self, line: Sync, /) -> None: ...

    def take(self, leaf: str, payload: bytes, line: Sync, /) -> None: ...


class Sync:
    """`run` belongs to one thread; `committed` and `post` to any."""

    def __init__(
        self,
        settings: MqttSettings,
        address: LaneAddress,
        birth: Birth,
        journal_path: Path,
        acked_seq: int,
        on_ack: Callable[[int], None],
        on_set_back: Callable[[int, int], None] = lambda _hw, _sent: None,
        say: Callable[[Text], str] = Text.english,
        fresh: FreshRows | None = None,
    ) -> None:
        """`fresh`: what need not be read from the journal; None: all of it is."""
        self._fresh = fresh or FreshRows()
        self._address = address
        self._birth = birth
        self._journal_path = journal_path
        self._outbox = Outbox(acked_seq)
        self._on_ack = on_ack
        self._on_set_back = on_set_back
        self._last_seq = 0  # newest committed row, as the core says
        self._set_back = False  # head office has other facts under this epoch's numbers
        self._greeted = acked_seq == 0  # has it said since the start what it has? it has nothing
        self._greeting_ends = 0.0
        self._hash_sent = 0, wire.GENESIS  # the chain where the last batch ended
        self._posts: deque[tuple[str, bytes, bool]] = deque(maxlen=256)
        self._answered = False  # has the bridge spoken since the connection came up?
        self._selective = False  # does it say what it got out of order?
        self._moved_at = 0.0
        self._rewound_at = 0.0
        self._stall_s = STALL_S
        self._settings = settings
        self._unanswered = Unanswered()
        self.desk: Desk | None = None  #: set before `run`
        self._say = say
        self._wake_link: Callable[[], None] = lambda: None  # nobody to wake yet

    # --- for other threads ---------------------------------------------------------------------

    def committed(self, last_seq: int) -> None:
        """Rows up to `last_seq` are durable and may go out."""
        self._last_seq = last_seq
        self._wake()

    def post(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """Send an alert or a state beside the facts. Bounded: the oldest are shed."""
        self._posts.append((leaf, payload, retain))
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # closed a moment ago: what waits goes out on its return
            self._wake_link()

    # --- the loop ------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Connect, send and listen until `stop` is set; then say goodbye. May be called again."""
        reader = JournalReader(self._journal_path)
        self._last_seq = max(self._last_seq, reader.last_seq)
        self._hash_at, self._rows_after = reader.hash_at, reader.rows_after
        self._link = self._new_link()
        self._wake_link = self._link.wake
        try:
            while not stop.is_set():
                self._link.turn(TURN_S)
                if not self._link.up:
                    self._unanswered.forget()
                else:
                    self._post_all()
                    self._ask_again()
                    if self._may_send():
                        self._resend_if_stalled()
                        self._pump()
            if self._link.up:
                status = self._address.topic("status")
                self._link.publish(status, self._birth.payload(online=False), retain=True)
        finally:
            self._link.close()
            reader.close()

    def _new_link(self) -> MqttLink:
        address = self._address
        return MqttLink(
            self._settings,
            f"lanetally-{address.org}-{address.store}-{address.lane}",
            on_up=self._up,
            on_message=self._message,
            will=Will(address.topic("status"), self._birth.payload(online=False)),
            clean=False,  # commands wait at the broker for a lane that is away
            say=self._say,
        )

    def _up(self) -> None:
        leaves = ("ack", "gap", *(self.desk.leaves if self.desk else ()))
        self._link.subscribe(*map(self._address.topic, leaves))
        status = self._address.topic("status")
        self._link.publish(status, self._birth.payload(online=True), retain=True)
        if self.desk is not None:
            self.desk.come_up(self)
        self._answered = False
        self._stall_s = STALL_S
        self._greeting_ends = time.monotonic() + GREETING_S
        if not self._link.unconfirmed:
            self._rewind(self._outbox.acked)

    def _message(self, message: Incoming) -> None:
        leaf = message.topic.removeprefix(self._address.topic(""))
        is_kept = leaf.startswith("cmd/") and self._unanswered.hold(leaf, message, time.monotonic())
        if not is_kept:
            self._link.confirm(message)
        if leaf == "ack":
            self._acknowledged(message)
        elif leaf == "gap":
            self._gap_told(message.payload)
        elif self.desk is not None:
            self.desk.take(leaf, message.payload, self)

    def _acknowledged(self, message: Incoming) -> None:
        ack = wire.decode_ack(message.payload)
        if ack is None or ack.epoch != self._birth.epoch:
            return  # another box's life: a re-imaged lane must not believe it
        if not self._set_back and self._is_foreign(ack):
            self._stop_sending(ack.hw)
            return
        self._greeted = True
        if self._set_back:
            return
        first_word = not message.retain and not self._answered
        self._answered |= not message.retain
        landed = self._landed(ack) if not message.retain else False
        moved = self._outbox.acknowledge(ack.hw)
        if moved:
            self._on_ack(self._outbox.acked)
        if moved or landed:
            self._moved_at = time.monotonic()
            self._stall_s = STALL_S
        elif ack.got == () and self._outbox.oldest_s(time.monotonic()) > NEWS_S:
            self._rewind(self._outbox.acked)  # a birth is answered: there was nobody before
        knows_no_gaps = ack.got is msgspec.UNSET  # a bridge that reports none: its flag must do
        if (ack.gap and knows_no_gaps) or (first_word and ack.hw < self._outbox.acked):
            self._fill_gap(ack)

    def _is_foreign(self, ack: Ack) -> bool:
        """Does it name a fact that this journal has not, or not so? Then the disk was set back, or
        a copy of it runs elsewhere. A row that was damaged here since is no sign of that."""
        return ack.hw > self._last_seq or any(map(self._is_anothers, ack.named()))

    def _is_anothers(self, named: tuple[int, str]) -> bool:
        if named == self._hash_sent:
            return False
        seq, digest = named
        if seq > self._last_seq:
            return True
        own = self._hash_at(seq)
        return own not in (digest, wire.GENESIS) and self._is_sound(seq)

    def _is_sound(self, seq: int) -> bool:
        rows = self._rows_after(seq - 1, 1)
        return bool(rows) and follows(self._hash_at(seq - 1), self._birth.epoch, rows[0])

    def _stop_sending(self, hw: int) -> None:
        """Nothing of this epoch can be acknowledged any more. The lane sells on, and begins a new
        one when it starts anew."""
        if not self._set_back:
            log.error("head office has other facts up to %d than this disk: it was set back", hw)
            self._set_back = True
            self._on_set_back(hw, self._outbox.sent_max)

    def _may_send(self) -> bool:
        waited = self._greeted or time.monotonic() >= self._greeting_ends
        return waited and not self._set_back

    def _ask_again(self) -> None:
        for leaf, payload in self._unanswered.due(time.monotonic()):
            if self.desk is not None:
                self.desk.take(leaf, payload, self)

    def _confirm_answered(self, leaf: str) -> None:
        for message in self._unanswered.answered(leaf):
            self._link.confirm(message)

    def _landed(self, ack: Ack) -> bool:
        """Take what the bridge got, in whatever order. True if something was on its way."""
        if isinstance(ack.got, msgspec.UnsetType):
            return False
        self._selective = True
        return self._outbox.hold(ack.got, time.monotonic())

    def _gap_told(self, payload: bytes) -> None:
        gap = wire.decode_gap(payload)
        ours = gap is not None and gap.epoch == self._birth.epoch and not self._set_back
        if gap is not None and ours and self._may_rewind():
            log.info("the bridge misses %d to %d: sending them again", gap.first, gap.last)
            self._outbox.missing(gap.first, gap.last)
            self._rewound_at = self._moved_at = time.monotonic()

    def _may_rewind(self) -> bool:
        paused = time.monotonic() - self._rewound_at >= REWIND_PAUSE_S
        return paused and self._link.unconfirmed < self._link.window

    def _fill_gap(self, ack: Ack) -> None:
        if self._may_rewind():
            log.info("the bridge has facts up to %d only: sending again from there", ack.hw)
            self._rewind(ack.hw)

    def _resend_if_stalled(self) -> None:
        if self._link.unconfirmed:
            self._moved_at = time.monotonic()  # on a slow line a copy would only queue behind it
        elif self._outbox.waiting and time.monotonic() - self._moved_at > self._stall_s:
            log.info("no acknowledgement beyond %d: sending again", self._outbox.acked)
            self._stall_s = min(2 * self._stall_s, STALL_S_MAX)
            self._outbox.doubt()
            self._rewind(self._outbox.acked)

    def _rewind(self, to: int) -> None:
        self._outbox.rewind(to)
        self._rewound_at = self._moved_at = time.monotonic()

    def _pump(self) -> None:
        """Fill the window. Whatever has gathered since the last turn shares a message."""
        outbox = self._outbox
        if self._selective:
            outbox.open_live(self._last_seq)
        while (run := outbox.next_run(self._last_seq, self._link.window)) is not None:
            rows = self._next_rows(*run)
            if not rows:
                return
            if not outbox.waiting:
                self._moved_at = time.monotonic()
            payload = wire.encode_batch(self._birth.epoch, self._hash_before(rows[0].seq), rows)
            self._link.publish(self._address.topic("tx"), payload)
            outbox.sent_batch(rows[0].seq, rows[-1].seq, time.monotonic())
            self._hash_sent = rows[-1].seq, rows[-1].hash

    def send(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """A message of the desk's. Only in this thread."""
        self._link.publish(self._address.topic(leaf), payload, retain=retain)
        self._confirm_answered(leaf)

    def nobody_asked(self, leaf: str) -> None:
        self._confirm_answered(leaf.replace("cmd/", "res/", 1))

    def send_again(self, first: int, last: int) -> int:
        """Facts that head office asks for, acknowledged or not; how many there are. The window is
        not asked: the connection keeps what the broker does not take yet."""
        after, last = first - 1, 0 if self._set_back else min(last, self._last_seq)
        while after < last:
            rows = self._next_rows(after, last)
            if not rows:
                break
            prev = self._hash_at(rows[0].seq - 1)
            self.send("tx", wire.encode_batch(self._birth.epoch, prev, rows))
            after = rows[-1].seq
        return max(0, after - first + 1)

    def _next_rows(self, after: int, until: int) -> list[FactRow]:
        """What one message can hold of the facts after one, up to another."""
        most = min(wire.BATCH_FACTS_MAX, until - after)
        rows = self._fresh.after(after, most) or self._rows_after(after, most)
        return _within(rows, wire.BATCH_BYTES_MAX)

    def _hash_before(self, seq: int) -> str:
        """That of the row just sent, mostly; a rewind or a late acknowledgement moves elsewhere."""
        last, digest = self._hash_sent
        return digest if last == seq - 1 else self._hash_at(seq - 1)

    def _post_all(self) -> None:
        while self._posts:
            leaf, payload, retain = self._posts.popleft()
            self.send(leaf, payload, retain=retain)


def _within(rows: list[FactRow], bytes_max: int) -> list[FactRow]:
    """The first rows whose bodies fit; at least one."""
    size = 0
    for index, row in enumerate(rows):
        size += len(row.body)
        if size > bytes_max and index:
            return rows[:index]
    return rows

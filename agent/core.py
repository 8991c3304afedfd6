"""The one loop. It owns the lane's state, the time and the journal.

It drains the inbox, asks the domain what follows, commits all facts at once, and only then runs the
effects. A fact that is not in the journal did not happen; an effect never runs before its fact.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol

from agent.domain.assessment import Pieces, amount_gap
from agent.domain.effects import Answer, Effect, PrintReceipt, RaiseAlert, Show, SoundBeep
from agent.domain.events import DeviceChanged, LaneEvent, PrintEnded, Scanned, TotalReceived
from agent.domain.facts import (
    FactBody,
    LaneStarted,
    MissedScanSuspected,
    ReceiptUnprinted,
    TransactionSettled,
)
from agent.domain.items import Item
from agent.domain.lane import step
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, TotalProblem
from agent.domain.transaction import LaneState, StoreRules
from agent.domain.troubles import DEVICE_TEXTS
from agent.handle import (
    DeviceHealth,
    LaneBusy,
    LaneNotice,
    LaneSnapshot,
    NoticeValue,
    Scalar,
    SnapshotLine,
)
from agent.inbox import Inbox
from agent.inputs import (
    Acknowledged,
    CoreInput,
    CountKeyed,
    DeviceHealthChanged,
    DeviceSays,
    JobFinished,
    PrinterWell,
    TotalSubmitted,
)
from agent.journal import Journal, PrintJobRow

log = logging.getLogger("lanetally.core")

GROUP_MAX = 256  #: inputs in one commit
TICK_S = 1.0  #: the loop turns at least so often: heartbeat, cursor
STUCK_NS = 15 * 10**9  #: without a turn for so long, the core is dead or hangs
RETRY_S = 1.0  #: between two tries to write a journal that refuses
PRINT_TRIES_MAX = 5
REPRINT_WINDOW_MS = 15 * 60 * 1000  #: an older receipt is nobody's any more: the customer has gone
ITEMS_CACHED = 2048

Reply = Callable[[SettlementOutcome], None]
#: (digits, transaction id, running number of the attempt) -> the total that was meant
KeypadReader = Callable[[str, str, int], CashierTotal | TotalProblem]


class Outlets(Protocol):
    """Where effects go. Every call only enqueues; none raises."""

    @property
    def has_printer(self) -> bool:
        """Without one no receipt is asked for, so none is missing."""
        ...

    def print_receipt(self, job_id: str, settled: TransactionSettled, *, reprint: bool) -> None: ...

    def beep(self, tone: Literal["good", "bad"]) -> None: ...

    def show(self, effect: Show) -> None:
        """To the customer, if it is for them."""
        ...

    def alert(self, suspected: MissedScanSuspected, text: Text) -> None:
        """To head office, at once."""
        ...

    def committed(self, last_seq: int) -> None:
        """There is something to send."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the core's time comes from; tests pass their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()
    monotonic_ns: Callable[[], int] = time.monotonic_ns


class Core:
    """The lane. `run` belongs to one thread; `submit_total`, `snapshot`, `subscribe` to any."""

    def __init__(
        self,
        journal: Journal,
        inbox: Inbox[CoreInput],
        rules: StoreRules,
        outlets: Outlets,
        read_keypad: KeypadReader,
        *,
        day_ends_min: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self._journal = journal
        self._inbox = inbox
        self._rules = rules
        self._outlets = outlets
        self._read_keypad = read_keypad
        self._day_ends = timedelta(minutes=day_ends_min)
        self._clock = clock or Clock()
        self._item = lru_cache(maxsize=ITEMS_CACHED)(journal.item)
        self._state = journal.lane_state()
        self._uncommitted: dict[str, tuple[CashierTotal, SettlementOutcome]] = {}
        self._jobs: dict[str, tuple[str, bool]] = {}  # at the printer: transaction id, reprint
        self._printer_well = False
        self._acked_seq = journal.acked_seq
        self._devices: dict[str, DeviceHealth] = {}
        self._says: dict[str, tuple[str, ...]] = {}
        self._alert: Text | None = None
        self._degraded = False
        self._listeners: tuple[Callable[[LaneNotice], None], ...] = ()
        self.heartbeat_ns = self._clock.monotonic_ns()  #: when the loop last turned

    # --- for other threads ---------------------------------------------------------------------

    def submit_total(self, total: CashierTotal, reply: Reply) -> None:
        """Hand a total over without waiting; `reply` is called once, after the commit."""
        if not self._inbox.try_put(TotalSubmitted(total, reply)):
            raise LaneBusy

    def snapshot(self) -> LaneSnapshot:
        """The lane now, made from immutable parts."""
        transaction = self._state.transaction
        lines = transaction.lines if transaction else ()
        return LaneSnapshot(
            transaction_id=transaction.transaction_id if transaction else None,
            lines=tuple(
                SnapshotLine(
                    line.line_no,
                    line.gtin,
                    line.description,
                    line.category,
                    line.quantity_milli,
                    line.weight_g,
                    line.price_minor,
                )
                for line in lines
            ),
            item_count=transaction.item_count if transaction else 0,
            amount_minor=transaction.amount_minor if transaction else None,
            alert=self._alert,
            devices=tuple(
                replace(device, reason=", ".join(self._says.get(device.role, ())))
                if device.state == "up"
                else device
                for device in tuple(self._devices.values())  # the core may add one meanwhile
            ),
            journal_seq=self._journal.last_seq,
            acknowledged_seq=self._acked_seq,
            degraded=self._degraded or not self.turns,
        )

    @property
    def turns(self) -> bool:
        """False once the loop has not turned for a while: it hangs, or its restarts are spent."""
        return self._clock.monotonic_ns() - self.heartbeat_ns < STUCK_NS

    def subscribe(self, listener: Callable[[LaneNotice], None]) -> Callable[[], None]:
        """Call `listener` from the core's thread with each notice, until the result is called."""
        self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return unsubscribe

    # --- the loop ------------------------------------------------------------------------------

    def start(self, boot_id: str, agent_version: str, stop: threading.Event | None = None) -> None:
        """Journal the start, and take up receipts that the last run left unprinted."""
        doubts = [
            ReceiptUnprinted(job.settled.transaction_id, job.job_id, "unconfirmed", "restarted")
            for job in self._unprinted_jobs()
            if job.state == "waiting"  # at the printer when the last run ended: perhaps on paper
        ]
        started = LaneStarted(boot_id, agent_version)
        if self._commit([started, *doubts], stop or threading.Event()):
            self._resume_printing()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.heartbeat_ns = self._clock.monotonic_ns()
            inputs = self._inbox.take(TICK_S, GROUP_MAX)
            if inputs:
                self.process(inputs, stop)
            else:
                self._save_cursor()
        while inputs := self._inbox.take(0, GROUP_MAX):
            self.process(inputs, stop)

    def process(self, inputs: list[CoreInput], stop: threading.Event) -> None:
        """One turn: decide on all inputs, commit once, then run the effects."""
        state = self._state
        self._uncommitted.clear()
        new: list[FactBody] = []
        todo: list[tuple[Effect, Reply | None]] = []
        business_date = (self._clock.now() - self._day_ends).date().isoformat()
        for item in inputs:
            event, reply = self._resolved(item, state)
            if event is None:
                continue
            result = step(state, event, self._rules, business_date)
            state = result.state
            new.extend(result.facts)
            todo.extend((effect, reply) for effect in result.effects)
            if isinstance(event, TotalReceived):
                self._remember(event.total, result.effects)
        if new and not self._commit(new, stop):
            return
        self._state = state
        for effect, reply in todo:
            self._run_effect(effect, reply)
        if self._printer_well:
            self._printer_well = False
            self._resume_printing()

    def _commit(self, new: list[FactBody], stop: threading.Event) -> bool:
        """Write until it is written. A failing disk holds the lane, loudly; nothing is lost."""
        while True:
            try:
                self._journal.append(
                    new,
                    wall_ms=self._wall_ms(),
                    mono_ms=self._clock.monotonic_ns() // 1_000_000,
                    acked_seq=self._acked_seq,
                )
            except sqlite3.IntegrityError:
                raise  # a bug: no waiting would mend it
            except sqlite3.Error as error:
                if not self._degraded:
                    log.error("the journal cannot be written: %s", error)  # noqa: TRY400  one line is what the technician needs
                    self._degraded = True
                    text = Text("The journal cannot be written: check the disk. Scans wait.")
                    self._notify(LaneNotice("degraded", {"reason": str(error)}, text))
                if stop.wait(RETRY_S):
                    return False
                self.heartbeat_ns = self._clock.monotonic_ns()
                continue
            if self._degraded:
                self._degraded = False
                log.info("the journal is written again")
                self._notify(LaneNotice("recovered", {}, Text("The journal is written again")))
            self._outlets.committed(self._journal.last_seq)
            return True

    def _save_cursor(self) -> None:
        """While nothing happens: how far the bridge has it, so that a restart resends little."""
        if self._acked_seq != self._journal.acked_seq:
            try:
                self._journal.save_cursor(self._acked_seq)
            except sqlite3.Error as error:
                log.warning("cursor not saved: %s", error)

    def _wall_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    # --- from input to domain event --------------------------------------------------------------

    def _resolved(self, item: CoreInput, state: LaneState) -> tuple[LaneEvent | None, Reply | None]:
        """The domain event of an input, with what the domain cannot look up itself."""
        match item:
            case Scanned():
                if isinstance(item.label, str):
                    return item, None
                known = self._item(item.label.gtin)
                return replace(item, item=known), None
            case TotalSubmitted():
                return self._with_context(item.total, state), item.reply
            case CountKeyed():
                return self._keyed(item, state), None
            case JobFinished():
                return self._job_ended(item), None
            case DeviceHealthChanged():
                return self._device_changed(item), None
            case PrinterWell():
                self._printer_well = True  # after the commit: its last job may end in this turn
            case DeviceSays():
                self._device_says(item)
            case Acknowledged():
                self._acked_seq = item.seq
            case _:
                return item, None
        return None, None

    def _with_context(self, total: CashierTotal, state: LaneState) -> TotalReceived:
        earlier = self._earlier(total)
        if earlier is not None:
            return TotalReceived(total, {}, (), *earlier)
        items: dict[str, Item] = {}
        for line in total.lines or ():
            item = self._item(line.gtin)
            if item is not None:
                items[line.gtin] = item
        return TotalReceived(total, items, self._gap_categories(total, state))

    def _earlier(self, total: CashierTotal) -> tuple[SettlementOutcome, bool] | None:
        if total.total_id in self._uncommitted:
            before, outcome = self._uncommitted[total.total_id]
            return outcome, before == total
        return self._journal.earlier_answer(total)

    def _remember(self, total: CashierTotal, effects: tuple[Effect, ...]) -> None:
        """Until the commit, the journal cannot say that a `total_id` of this turn is used."""
        for effect in effects:
            if isinstance(effect, Answer) and effect.outcome.status == "settled":
                self._uncommitted[total.total_id] = (total, effect.outcome)

    def _gap_categories(self, total: CashierTotal, state: LaneState) -> tuple[str, ...]:
        """What sort of item costs as much as was charged above the scans, if one is missing."""
        transaction = state.transaction
        if transaction is None or total.lines is not None or total.item_count is None:
            return ()
        if total.item_count != transaction.item_count + 1:
            return ()
        scanned = tuple(Pieces("", 1, line.amount_minor, "", "") for line in transaction.lines)
        gap_minor = amount_gap(scanned, total.amount_minor)
        return self._journal.categories_priced(gap_minor) if gap_minor else ()

    def _keyed(self, item: CountKeyed, state: LaneState) -> TotalReceived | None:
        transaction = state.transaction
        if transaction is None:  # nothing to settle: the domain says so and keeps the count
            place = f"{self._rules.epoch[:8]}-idle", self._journal.last_seq
        else:
            place = transaction.transaction_id, transaction.attempts + 1
        total = self._read_keypad(item.digits, *place)
        if isinstance(total, TotalProblem):
            self._notify(LaneNotice("total_rejected", {"code": total.code}, total.text))
            self._outlets.beep("bad")
            return None
        return self._with_context(total, state)

    def _job_ended(self, item: JobFinished) -> PrintEnded | None:
        job = self._jobs.pop(item.job_id, None)
        if job is None:
            log.warning("a print job ended that nobody sent: %s", item.job_id)
            return None
        return PrintEnded(job[0], item.job_id, job[1], item.outcome, item.reason)

    def _device_changed(self, item: DeviceHealthChanged) -> DeviceChanged | None:
        before = self._devices.get(item.role)
        self._devices[item.role] = DeviceHealth(item.role, item.kind, item.state, item.reason)
        was_up = before is None or before.state == "up"
        is_up = item.state == "up"
        return None if was_up == is_up else DeviceChanged(item.role, is_up, item.reason)

    def _device_says(self, item: DeviceSays) -> None:
        if self._says.get(item.role, ()) != item.warnings:
            self._says[item.role] = item.warnings
            says: list[Scalar] = [*item.warnings]
            text = next(
                (DEVICE_TEXTS[word] for word in item.warnings if word in DEVICE_TEXTS), None
            )
            self._notify(LaneNotice("device_says", {"role": item.role, "says": says}, text))

    # --- effects ---------------------------------------------------------------------------------

    def _run_effect(self, effect: Effect, reply: Reply | None) -> None:
        match effect:
            case Show():
                self._notify(LaneNotice(effect.kind, effect.data, effect.text))
                self._outlets.show(effect)
            case SoundBeep():
                self._outlets.beep(effect.tone)
            case RaiseAlert():
                self._alert = effect.text
                self._notify(_alert_notice(effect))
                self._outlets.alert(effect.suspected, effect.text)
            case PrintReceipt():
                self._print(effect.job_id, effect.settled, reprint=False)
            case Answer():
                if reply is not None:
                    reply(effect.outcome)

    def _print(self, job_id: str, settled: TransactionSettled, *, reprint: bool) -> None:
        if self._outlets.has_printer:
            self._jobs[job_id] = (settled.transaction_id, reprint)
            self._outlets.print_receipt(job_id, settled, reprint=reprint)

    def _resume_printing(self) -> None:
        """Send again what is not surely on paper, marked REPRINT unless it surely is not."""
        for job in self._unprinted_jobs():
            if job.job_id not in self._jobs:
                self._print(job.job_id, job.settled, reprint=job.state != "failed")

    def _unprinted_jobs(self) -> list[PrintJobRow]:
        if not self._outlets.has_printer:
            return []
        since_ms = self._wall_ms() - REPRINT_WINDOW_MS
        return self._journal.unprinted_jobs(PRINT_TRIES_MAX, since_ms)

    def _notify(self, notice: LaneNotice) -> None:
        for listener in self._listeners:
            listener(notice)


def _alert_notice(alert: RaiseAlert) -> LaneNotice:
    suspected = alert.suspected
    findings: NoticeValue = [
        {
            "kind": finding.kind,
            "count": finding.count,
            "gtin": finding.gtin,
            "category": finding.category,
            "reason": finding.reason.english(),
        }
        for finding in suspected.findings
    ]
    data: dict[str, NoticeValue] = {
        "transaction_id": suspected.transaction_id,
        "missed_count": suspected.missed_count,
        "findings": findings,
    }
    return LaneNotice("missed_scan_suspected", data, alert.text)

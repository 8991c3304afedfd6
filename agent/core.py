"""The one loop. It owns the lane's state, the time and the journal.

It drains the inbox, asks the domain what follows, commits all facts at once, and only then runs the
effects. A fact that is not in the journal did not happen, and nothing is promised on it; while the
disk refuses, the cashier still sees and hears what was scanned (`arrears.py`).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from agent.arrears import OWED_FACTS_MAX, Arrears, Calls, Due
from agent.domain.effects import (
    Answer,
    AnswerAct,
    Effect,
    PrintReceipt,
    RaiseAlert,
    Show,
    SoundBeep,
    is_promise,
)
from agent.domain.events import Act, LaneEvent, PayAtTill, Scanned, TotalReceived
from agent.domain.facts import (
    FactBody,
    LaneStarted,
    Receipted,
    ReceiptUnprinted,
)
from agent.domain.lane import step
from agent.domain.outcome import ActOutcome, SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, TotalProblem
from agent.domain.transaction import StoreRules, at_start
from agent.handle import (
    DeviceHealth,
    LaneBusy,
    LaneNotice,
    LaneSnapshot,
    LiveWeight,
    alert_notice,
    snapshot_lines,
)
from agent.inbox import Inbox
from agent.inputs import (
    Acknowledged,
    ActSubmitted,
    CoreInput,
    CountKeyed,
    DeviceHealthChanged,
    DeviceSays,
    JobFinished,
    LaneInput,
    PrinterWell,
    ScaleSays,
    TotalSubmitted,
)
from agent.journal import Journal, PrintJobRow
from agent.lookups import JournalUnreadable, Lookups
from agent.office import OF_OFFICE, Office
from agent.surroundings import Clock, Contained, KeypadReader, Outlets, Reply, uncontained
from agent.turn import Turn, alert_is_over, alert_left

log = logging.getLogger("lanetally.core")

GROUP_MAX = 256  #: inputs in one commit
TICK_S = 1.0  #: the loop turns at least so often: heartbeat, cursor
STUCK_NS = 15 * 10**9  #: without a turn for so long, the core is dead or hangs
RETRY_S = 1.0  #: between two tries to write a journal that refuses
# tuples: a union would be built anew at each `isinstance`
ANSWERED = (TotalSubmitted, ActSubmitted)
SETTLES = (TotalReceived, PayAtTill)
INPUT_SKIPPED = Text("The lane could not work out what came in: scan or key it again")
TOTAL_UNREADABLE = Text("The journal cannot be read, nothing was settled: send the total again")
TOTAL_SKIPPED = Text("The lane met a fault of its own. Nothing was settled: send the total again")


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
        contained: Contained = uncontained,
        give_up_reserve: Callable[[], bool] = lambda: False,
    ) -> None:
        self._journal = journal
        self._inbox = inbox
        self._rules = rules
        self._outlets = outlets
        self._read_keypad = read_keypad
        self._day_ends = timedelta(minutes=day_ends_min)
        self._clock = clock or Clock()
        self._contained = contained
        self._lookups = Lookups(journal)
        self._office = Office(journal, self._lookups, outlets, self._notify)
        self._state = at_start(journal.lane_state())
        self._jobs: dict[str, tuple[str, bool]] = {}  # at the printer: transaction id, reprint
        self._acked_seq = journal.acked_seq
        self._devices: dict[str, DeviceHealth] = {}
        self._says: dict[str, tuple[str, ...]] = {}
        self._live_weights: dict[str, LiveWeight] = {}
        self._alert: RaiseAlert | None = alert_left(self._state, rules)
        self._arrears = Arrears(journal, give_up_reserve, self._notify)
        self._answers: dict[str, tuple[CashierTotal, SettlementOutcome]] = {}  # in arrears
        self._unreadable = False
        self._listeners: tuple[Callable[[LaneNotice], None], ...] = ()
        self.heartbeat_ns = self._clock.monotonic_ns()  #: when the loop last turned

    # --- for other threads ---------------------------------------------------------------------

    def submit_total(self, total: CashierTotal, reply: Reply) -> None:
        """Hand a total over without waiting; `reply` is called once, after the commit."""
        if not self._inbox.try_put(TotalSubmitted(total, reply)):
            raise LaneBusy

    def submit_act(self, act: Act, reply: Callable[[ActOutcome], None]) -> None:
        """As `submit_total`, with what somebody does by hand."""
        if not self._inbox.try_put(ActSubmitted(act, reply)):
            raise LaneBusy

    def snapshot(self) -> LaneSnapshot:
        """The lane now, made from immutable parts."""
        transaction = self._state.transaction
        alert = self._alert
        return LaneSnapshot(
            transaction_id=transaction.transaction_id if transaction else None,
            lines=snapshot_lines(transaction),
            item_count=transaction.item_count if transaction else 0,
            amount_minor=transaction.amount_minor if transaction else None,
            alert=alert.text if alert else None,
            suspected=alert.suspected if alert else None,
            live_weights=tuple(self._live_weights.values()),
            devices=tuple(
                replace(device, reason=", ".join(self._says.get(device.role, ())))
                if device.state == "up"
                else device
                for device in tuple(self._devices.values())  # the core may add one meanwhile
            ),
            journal_seq=self._journal.last_seq,
            acknowledged_seq=self._acked_seq,
            degraded=bool(self._arrears) or self._unreadable or not self.turns,
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
        new: list[FactBody] = [started, *doubts, *self._lookups.describe_items()]
        self._run_all(self._written(new, [self._resume_printing], stop or threading.Event()))

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.heartbeat_ns = self._clock.monotonic_ns()
            inputs = self._inbox.take(TICK_S, GROUP_MAX)
            if inputs:
                self.process(inputs, stop)
            elif self._arrears:
                self._run_all(self._paid())
            else:
                self._save_cursor()
        while inputs := self._inbox.take(0, GROUP_MAX):
            self.process(inputs, stop)
        if self._arrears:
            log.error("stopped with %d facts that the disk did not take", self._arrears.facts)

    def process(self, inputs: list[CoreInput], stop: threading.Event) -> None:
        """One turn: decide on all inputs, commit once, then say and promise what follows.

        A turn that meets a bug has changed nothing: it is taken again, each input by itself, so
        that only the one at fault is skipped.
        """
        turn = self._contained(partial(self._decided, inputs), f"a turn of {len(inputs)} input(s)")
        if turn is not None:
            self._carry_out(turn, stop)
        elif len(inputs) > 1:
            for item in inputs:
                self.process([item], stop)
        else:
            self._skip(inputs[0])

    def _decided(self, inputs: list[CoreInput]) -> Turn:
        business_date = (self._clock.now() - self._day_ends).date().isoformat()
        turn = Turn(
            self._state,
            dict(self._jobs),
            dict(self._devices),
            dict(self._says),
            dict(self._live_weights),
            dict(self._answers),
        )
        for item in inputs:
            if isinstance(item, OF_OFFICE):
                self._office.take(item, turn, business_date)
                continue
            reply = item.reply if isinstance(item, ANSWERED) else None
            try:
                event = self._resolved(item, turn)
            except JournalUnreadable:
                self._refuse(turn, "journal_unreadable", TOTAL_UNREADABLE, reply)
                continue
            if event is None:
                continue
            result = step(turn.state, event, self._rules, business_date)
            if alert_is_over(turn.state, result.state):
                turn.words.append(self._clear_alert)
            turn.state = result.state
            turn.facts += result.facts
            for effect in result.effects:
                calls = turn.promises if is_promise(effect) else turn.words
                calls.append(partial(self._run_effect, effect, reply))
            if isinstance(event, TotalReceived):
                turn.remember(event.total, result.effects)
            if isinstance(event, SETTLES):
                turn.promises.append(partial(self._lookups.learn, result.facts))
        return turn

    def _carry_out(self, turn: Turn, stop: threading.Event) -> None:
        promises = self._written(turn.facts, turn.promises, stop)
        self._state = turn.state
        self._jobs, self._devices, self._says = turn.jobs, turn.devices, turn.says
        self._live_weights = turn.live_weights
        self._answers = turn.answers if self._arrears else {}
        self._run_all(turn.words)
        self._run_all(promises)
        if turn.printer_well:  # now only: its last job may have ended in this turn
            self._resume_printing()
        self._say_whether_readable()

    def _run_all(self, calls: Calls) -> None:
        remaining = iter(calls)
        while not self._contained(partial(_run_each, remaining), "an effect"):
            pass  # one met a bug: the others are owed still

    def _skip(self, item: CoreInput) -> None:
        """Say that it was not taken: to the cashier, and to who waits for an answer."""
        kind = type(item).__name__
        self._notify(LaneNotice("input_skipped", {"input": kind}, INPUT_SKIPPED))
        self._outlets.beep("bad")
        if isinstance(item, TotalSubmitted):
            item.reply(SettlementOutcome("rejected", TOTAL_SKIPPED, "internal"))
        elif isinstance(item, ActSubmitted):
            item.reply(ActOutcome(INPUT_SKIPPED, "internal"))

    # --- into the journal ------------------------------------------------------------------------

    def _written(self, new: Sequence[FactBody], promises: Calls, stop: threading.Event) -> Calls:
        """Commit, and give back what may be promised now: all of it, unless the disk refuses."""
        if not new and not self._arrears:
            return promises
        self._arrears.add(Due(new, self._wall_ms(), self._mono_ms(), promises))
        due = self._paid()
        while self._arrears.facts > OWED_FACTS_MAX and not stop.wait(
            RETRY_S
        ):  # no memory is endless
            self.heartbeat_ns = self._clock.monotonic_ns()
            due += self._paid()
        return due

    def _paid(self) -> Calls:
        """Commit what is owed, if the disk goes along; what may be promised now."""
        seq = self._journal.last_seq
        try:
            due = self._arrears.pay(self._acked_seq)
        except sqlite3.IntegrityError:  # a bug: back to what the journal holds
            self._state = replace(self._journal.lane_state(), plate=self._state.plate)
            raise
        if self._journal.last_seq != seq:
            self._outlets.committed(self._journal.last_seq)
        return due

    def _save_cursor(self) -> None:
        """While nothing happens: how far the bridge has it, so that a restart resends little."""
        if self._acked_seq != self._journal.acked_seq:
            try:
                self._journal.save_cursor(self._acked_seq)
            except sqlite3.Error as error:
                log.warning("cursor not saved: %s", error)

    def _wall_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _mono_ms(self) -> int:
        return self._clock.monotonic_ns() // 1_000_000

    # --- from input to domain event --------------------------------------------------------------

    def _resolved(self, item: LaneInput, turn: Turn) -> LaneEvent | None:
        """The domain event of an input, with what the domain cannot look up itself.

        Raises JournalUnreadable for a total.
        """
        match item:
            case Scanned():
                if isinstance(item.label, str):
                    return item
                known = self._lookups.item(item.label.gtin)  # built: replace costs five times that
                return Scanned(
                    item.label, item.scan_data, item.symbology, item.role, known, item.measure
                )
            case TotalSubmitted():
                return self._with_context(item.total, turn)
            case ActSubmitted():
                owing, transaction = bool(self._arrears), turn.state.transaction
                return self._lookups.looked_up(item.act, transaction, turn.facts, owing=owing)
            case CountKeyed():
                return self._keyed(item, turn)
            case JobFinished():
                return turn.job_ended(item)
            case DeviceHealthChanged():
                return turn.device_changed(item)
            case PrinterWell():
                turn.printer_well = True
            case DeviceSays():
                self._tell_later(turn.device_says(item), turn)
            case ScaleSays():
                self._tell_later(turn.scale_says(item), turn)
            case Acknowledged():
                self._acked_seq = item.seq
            case _:
                return item
        return None

    def _with_context(self, total: CashierTotal, turn: Turn) -> TotalReceived:
        """Raises JournalUnreadable: settled now, the total might be settled twice."""
        earlier = turn.settled(total) or self._lookups.earlier_answer(total)
        if earlier is not None:
            return TotalReceived(total, {}, (), *earlier)
        return self._lookups.in_context(total, turn.state.transaction)

    def _refuse(
        self, turn: Turn, code: str, text: Text, reply: Callable[[Any], None] | None
    ) -> None:
        """A total that never reaches the domain: no fact, but a word to everybody."""
        notice = LaneNotice("total_rejected", {"code": code}, text)
        turn.words.append(partial(self._notify, notice))
        turn.words.append(partial(self._outlets.beep, "bad"))
        if reply is not None:
            turn.words.append(partial(reply, SettlementOutcome("rejected", text, code)))

    def _keyed(self, item: CountKeyed, turn: Turn) -> TotalReceived | None:
        transaction = turn.state.transaction
        if transaction is None:  # nothing to settle: the domain says so and keeps the count
            place = f"{self._rules.epoch[:8]}-idle", self._journal.last_seq
        else:
            place = transaction.transaction_id, transaction.attempts + 1
        total = self._read_keypad(item.digits, *place)
        if isinstance(total, TotalProblem):
            self._refuse(turn, total.code, total.text, None)
            return None
        return self._with_context(total, turn)

    def _tell_later(self, notice: LaneNotice | None, turn: Turn) -> None:
        if notice is not None:
            turn.words.append(partial(self._notify, notice))

    # --- effects ---------------------------------------------------------------------------------

    def _run_effect(self, effect: Effect, reply: Callable[[Any], None] | None) -> None:
        match effect:
            case Show():
                self._notify(LaneNotice(effect.kind, effect.data, effect.text))
                self._outlets.show(effect)
            case SoundBeep():
                self._outlets.beep(effect.tone)
            case RaiseAlert():
                if not effect.quiet:
                    self._alert = effect
                    self._notify(alert_notice(effect))
                self._outlets.alert(effect.suspected, effect.text)
            case PrintReceipt():
                self._print(effect.job_id, effect.settled, reprint=False)
            case Answer() | AnswerAct():
                if reply is not None:
                    reply(effect.outcome)

    def _print(self, job_id: str, settled: Receipted, *, reprint: bool) -> None:
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
        return self._lookups.unprinted_jobs(self._wall_ms(), self._mono_ms())

    def _clear_alert(self) -> None:
        self._alert = None

    def _say_whether_readable(self) -> None:
        trouble = self._lookups.trouble
        if trouble and not self._unreadable:
            text = Text("The journal cannot be read: check the disk. Items have no name or price.")
            self._notify(LaneNotice("degraded", {"reason": trouble}, text))
        elif self._unreadable and not trouble:
            self._notify(LaneNotice("recovered", {}, Text("The journal is read again")))
        self._unreadable = bool(trouble)

    def _notify(self, notice: LaneNotice) -> None:
        for listener in self._listeners:
            listener(notice)


def _run_each(effects: Iterator[Callable[[], None]]) -> bool:
    """Run what is left of them. An error ends it after the effect at fault."""
    for effect in effects:
        effect()
    return True

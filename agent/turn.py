"""What one turn of the core decides, kept apart until it is committed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.domain.alerts import alert_text
from agent.domain.effects import Answer, Effect, RaiseAlert
from agent.domain.events import DeviceChanged, PrintEnded
from agent.domain.facts import FactBody
from agent.domain.outcome import SettlementOutcome
from agent.domain.totals import CashierTotal
from agent.domain.transaction import LaneState, StoreRules
from agent.domain.troubles import DEVICE_TEXTS
from agent.handle import DeviceHealth, LaneNotice, LiveWeight, Scalar
from agent.inputs import DeviceHealthChanged, DeviceSays, JobFinished, ScaleSays

log = logging.getLogger("lanetally.core")


@dataclass(slots=True)
class Turn:
    """Begun with copies of what it may change; dropped, it leaves no trace."""

    state: LaneState
    jobs: dict[str, tuple[str, bool]]  #: at the printer: transaction id, reprint
    devices: dict[str, DeviceHealth]  #: by role
    says: dict[str, tuple[str, ...]]  #: by role: the device's own words
    live_weights: dict[str, LiveWeight]  #: by role
    answers: dict[str, tuple[CashierTotal, SettlementOutcome]]  #: not yet in the journal
    facts: list[FactBody] = field(default_factory=list)
    words: list[Callable[[], None]] = field(default_factory=list)  #: screen, beep, alert
    promises: list[Callable[[], None]] = field(default_factory=list)  #: for after the commit
    printer_well: bool = False

    def remember(self, total: CashierTotal, effects: tuple[Effect, ...]) -> None:
        """Until the commit, the journal cannot say that this `total_id` is used."""
        for effect in effects:
            if isinstance(effect, Answer) and effect.outcome.status == "settled":
                self.answers[total.total_id] = total, effect.outcome

    def settled(self, total: CashierTotal) -> tuple[SettlementOutcome, bool] | None:
        """How this `total_id` was answered before the commit, and whether for the same content."""
        if total.total_id not in self.answers:
            return None
        before, outcome = self.answers[total.total_id]
        return outcome, before == total

    def job_ended(self, item: JobFinished) -> PrintEnded | None:
        """None for a job that nobody sent, or that has ended before."""
        job = self.jobs.pop(item.job_id, None)
        if job is None:
            log.warning("a print job ended that nobody sent: %s", item.job_id)
            return None
        return PrintEnded(job[0], item.job_id, job[1], item.outcome, item.reason)

    def device_changed(self, item: DeviceHealthChanged) -> DeviceChanged | None:
        """None unless it was lost or came back: what else changes is for the screen alone."""
        before = self.devices.get(item.role)
        self.devices[item.role] = DeviceHealth(item.role, item.kind, item.state, item.reason)
        was_up = before is None or before.state == "up"
        is_up = item.state == "up"
        if not is_up:
            self.live_weights.pop(item.role, None)
        return None if was_up == is_up else DeviceChanged(item.role, is_up, item.reason)

    def device_says(self, item: DeviceSays) -> LaneNotice | None:
        """None if it has said so before."""
        if self.says.get(item.role, ()) == item.warnings:
            return None
        self.says[item.role] = item.warnings
        says: list[Scalar] = [*item.warnings]
        text = next((DEVICE_TEXTS[word] for word in item.warnings if word in DEVICE_TEXTS), None)
        return LaneNotice("device_says", {"role": item.role, "says": says}, text)

    def scale_says(self, item: ScaleSays) -> LaneNotice | None:
        """None if it shows that already."""
        shown = self.live_weights.get(item.role)
        weight_g = item.weight_g
        if weight_g is None and shown is not None:
            weight_g = shown.weight_g
        live = LiveWeight(item.role, weight_g, item.condition)
        if live == shown:
            return None
        self.live_weights[item.role] = live
        data = {"role": live.role, "weight_g": live.weight_g, "condition": live.condition}
        return LaneNotice("weight_changed", data)


def alert_is_over(before: LaneState, after: LaneState) -> bool:
    """Its basket is not the one open or settled last any more, or somebody answered it, by a word
    or by another scan."""
    if (after.transaction is None) is not (before.transaction is None):
        return True
    return before.suspicion is not None and after.suspicion is None


def alert_left(state: LaneState, rules: StoreRules) -> RaiseAlert | None:
    """What somebody is still asked when the lane starts again."""
    suspected = state.suspicion
    if suspected is None or rules.shop.quiet:
        return None
    return RaiseAlert(suspected, alert_text(suspected))

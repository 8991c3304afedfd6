"""Where the core's effects go: the printer's queue, the beeper, MQTT. Every call only enqueues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

import msgspec

from agent.commands import Answer, answer_leaf, encode_answer
from agent.domain import undeducted
from agent.domain.display import display_lines
from agent.domain.effects import Show
from agent.domain.facts import CommandAnswered, MissedScanSuspected, Receipted, ReturnRecorded
from agent.domain.receipt import ReceiptStyle, receipt_blocks
from agent.domain.return_receipt import return_blocks
from agent.domain.text import Text
from agent.sync import Sync
from drivers.base import Beep, Command, DisplayText, Driver, PrintJob


@dataclass(frozen=True, slots=True)
class LaneOutlets:
    """Implements `agent.surroundings.Outlets` with the lane's devices and its connection."""

    drivers: tuple[Driver, ...]
    sync: Sync | None  #: None: this lane is not connected
    style: ReceiptStyle
    say: Callable[[Text], str]
    now: Callable[[], datetime]

    @property
    def has_printer(self) -> bool:
        return any(self._takers(PrintJob))

    def print_receipt(self, job_id: str, settled: Receipted, *, reprint: bool) -> None:
        """On the first printer."""
        at = self.now().strftime("%Y-%m-%d %H:%M")
        if isinstance(settled, ReturnRecorded):
            blocks = return_blocks(settled, self.style, self.say, printed_at=at, reprint=reprint)
        else:
            blocks = receipt_blocks(settled, self.style, self.say, printed_at=at, reprint=reprint)
        for printer in islice(self._takers(PrintJob), 1):
            printer.handle(PrintJob(job_id, blocks))

    def beep(self, tone: Literal["good", "bad"]) -> None:
        self._tell_all(Beep(tone))

    def show(self, effect: Show) -> None:
        lines = display_lines(effect, self.say, self.style.minor_digits)
        if lines is not None:
            self._tell_all(DisplayText(lines))
        if effect.kind == undeducted.KIND:
            self.announce(effect.kind, effect.data, effect.text)

    def announce(self, kind: str, data: Mapping[str, str | int | None], text: Text) -> None:
        if self.sync is not None:
            alert = {"kind": kind, "text": self.say(text), "body": data}
            self.sync.post("alert", msgspec.json.encode(alert))

    def alert(self, suspected: MissedScanSuspected, text: Text) -> None:
        if self.sync is not None:
            reasons = [
                self.say(reason)
                for finding in suspected.findings
                for reason in (finding.reason, *finding.also)
            ]
            body = {
                "type": suspected.type,
                "text": self.say(text),
                "reasons": reasons,
                "body": suspected,
            }
            self.sync.post("alert", msgspec.json.encode(body))

    def answer(self, answered: CommandAnswered) -> None:
        if self.sync is not None:
            a = answered
            answer = Answer(a.command_id, a.name, a.status, a.code, a.detail)
            self.sync.post(answer_leaf(a.name, a.command_id), encode_answer(answer))

    def committed(self, last_seq: int) -> None:
        if self.sync is not None:
            self.sync.committed(last_seq)

    def _takers(self, command: type[Command]) -> Iterable[Driver]:
        return (driver for driver in self.drivers if command in driver.accepts)

    def _tell_all(self, command: Command) -> None:
        for driver in self._takers(type(command)):
            driver.handle(command)

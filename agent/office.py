"""What head office asks the core for, and the end of a trading day: facts, and what follows."""

from __future__ import annotations

import logging
import sqlite3
from functools import partial

from agent.domain.facts import CommandAnswered
from agent.inputs import Asked, ChangeItems, DayEnded, Done, Reprint
from agent.journal import Journal
from agent.lookups import Lookups
from agent.surroundings import Outlets
from agent.turn import Turn

log = logging.getLogger("lanetally.core")


class Office:
    """Belongs to the core's thread."""

    def __init__(self, journal: Journal, lookups: Lookups, outlets: Outlets) -> None:
        self._journal = journal
        self._lookups = lookups
        self._outlets = outlets
        self._given: dict[str, CommandAnswered] = {}  # in this run; the journal knows the others

    def take(self, item: Asked | DayEnded, turn: Turn, today: str) -> None:
        """What follows from it goes into the turn. While the disk does not go along nothing does:
        head office asks again, and the day ends a little later."""
        try:
            if isinstance(item, DayEnded):
                self._close_days(turn, today)
            else:
                self._answer(item, turn)
        except sqlite3.Error as error:
            log.warning("%s is put off: %s", type(item).__name__, error)

    def _close_days(self, turn: Turn, today: str) -> None:
        transaction = turn.state.transaction
        still_open = transaction.business_date if transaction else ""
        turn.facts += [
            closed for closed in self._journal.days_due(today) if closed.business_date != still_open
        ]

    def _answer(self, asked: Asked, turn: Turn) -> None:
        answered = self._given.get(asked.command_id) or self._journal.answered(asked.command_id)
        if answered is None:
            answered = self._carried_out(asked, turn)
            self._given[asked.command_id] = answered
            turn.facts.append(answered)
        turn.promises.append(partial(self._outlets.answer, answered))

    def _carried_out(self, asked: Asked, turn: Turn) -> CommandAnswered:
        match asked.request:
            case Reprint():
                code, detail = self._reprint(asked, asked.request.receipt, turn)
            case ChangeItems():
                code, detail = self._change_items(asked.request, turn)
            case Done():
                code, detail = "ok", asked.request.detail
        status = "done" if code == "ok" else "refused"
        return CommandAnswered(asked.command_id, asked.name, status, code, detail, asked.by)  # type: ignore[arg-type]  # one of the two words

    def _reprint(self, asked: Asked, receipt: str, turn: Turn) -> tuple[str, str]:
        if not self._outlets.has_printer:
            return "no_printer", "this lane has no receipt printer"
        settled = self._journal.settled_as(receipt)
        if settled is None:
            return "unknown_receipt", f"{receipt!r} is no receipt of this journal"
        job_id = f"{settled.transaction_id}-{asked.command_id}"
        turn.jobs[job_id] = settled.transaction_id, True
        turn.promises.append(partial(self._outlets.print_receipt, job_id, settled, reprint=True))
        return "ok", f"at the printer as job {job_id}"

    def _change_items(self, change: ChangeItems, turn: Turn) -> tuple[str, str]:
        """The item master first: repeated after a power cut, the same change changes nothing."""
        self._journal.change_items(change.items, change.gone)
        self._lookups.forget_items()
        turn.facts += self._lookups.describe_items()
        return "ok", f"{len(change.items)} items changed, {len(change.gone)} gone"

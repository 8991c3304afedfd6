"""What concerns no basket: what head office asks the core for, the end of a trading day, and what
happened beside the core. Facts, and what follows."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from agent.domain.facts import CommandAnswered, DayClosed, ReturnRecorded, TransactionSettled
from agent.domain.outcome import DayOutcome
from agent.domain.text import Text
from agent.handle import LaneNotice
from agent.inputs import (
    Announced,
    Asked,
    ChangeItems,
    CloseDay,
    DayEnded,
    Done,
    OfficeInput,
    Reprint,
)
from agent.journal import Journal
from agent.lookups import Lookups
from agent.surroundings import Outlets
from agent.turn import Turn

log = logging.getLogger("lanetally.core")

#: The classes of `OfficeInput`, for `isinstance`: a union would be built anew each time.
OF_OFFICE = (Asked, DayEnded, CloseDay, Announced)

BASKET_OPEN = Text("A basket is open: settle it or put it aside, then close the day")
NOT_WRITTEN = Text("The lane is still writing what it sold: close the day in a moment")
NOTHING_SOLD = Text("This lane has not sold anything yet: there is no day to close")
UNREADABLE = Text("The journal cannot be read: the day is closed once it is")


class Office:
    """Belongs to the core's thread."""

    def __init__(
        self,
        journal: Journal,
        lookups: Lookups,
        outlets: Outlets,
        notify: Callable[[LaneNotice], None],
    ) -> None:
        self._journal = journal
        self._lookups = lookups
        self._outlets = outlets
        self._notify = notify
        self._given: dict[str, CommandAnswered] = {}  # in this run; the journal knows the others

    def take(self, item: OfficeInput, turn: Turn, today: str) -> None:
        """What follows from it goes into the turn. While the disk does not go along nothing does:
        head office asks again, and the day ends a little later."""
        try:
            match item:
                case DayEnded():
                    turn.facts += self._days_over(turn, today)
                case CloseDay():
                    self._close_today(item, turn, today)
                case Announced():
                    self._announce(item, turn)
                case Asked():
                    self._answer(item, turn)
        except sqlite3.Error as error:
            log.warning("%s is put off: %s", type(item).__name__, error)
            if isinstance(item, CloseDay):
                turn.words.append(partial(item.reply, DayOutcome(UNREADABLE, "journal_unreadable")))

    def _announce(self, said: Announced, turn: Turn) -> None:
        notice = LaneNotice(said.kind, dict(said.data), said.text)
        turn.words.append(partial(self._notify, notice))
        turn.words.append(partial(self._outlets.announce, said.kind, said.data, said.text))

    # --- days ------------------------------------------------------------------------------------

    def _days_over(self, turn: Turn, today: str) -> list[DayClosed]:
        if _owes_sales(turn):
            return []
        transaction = turn.state.transaction
        still_open = transaction.business_date if transaction else ""
        due = self._journal.days_due(today)
        return [closed for closed in due if closed.business_date != still_open]

    def _close_today(self, asked: CloseDay, turn: Turn, today: str) -> None:
        outcome = self._day_closed(asked, turn, today)
        turn.facts += outcome.closes
        turn.promises.append(partial(asked.reply, outcome))

    def _day_closed(self, asked: CloseDay, turn: Turn, today: str) -> DayOutcome:
        """Today's, and each before it that is due. What is sold later today closes it again, at
        the day's own end."""
        if turn.state.transaction is not None:
            return DayOutcome(BASKET_OPEN, "basket_open")
        if _owes_sales(turn) or any(isinstance(fact, DayClosed) for fact in turn.facts):
            return DayOutcome(NOT_WRITTEN, "journal_behind")
        tomorrow = (date.fromisoformat(today) + timedelta(days=1)).isoformat()
        due = self._journal.days_due(tomorrow)
        if due:
            closes = tuple(replace(closed, closed_by=asked.by) for closed in due)
            return DayOutcome(Text("The day {date} is closed", {"date": today}), closes=closes)
        if self._journal.has_days:
            return DayOutcome(Text("The day {date} was closed already", {"date": today}))
        return DayOutcome(NOTHING_SOLD, "nothing_sold")

    # --- commands --------------------------------------------------------------------------------

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


def _owes_sales(turn: Turn) -> bool:
    """Whether something was sold or came back that the journal does not tell of yet."""
    deeds = TransactionSettled | ReturnRecorded
    return bool(turn.answers) or any(isinstance(fact, deeds) for fact in turn.facts)

"""What the domain cannot look up itself, read from the journal; and what holds while it fails."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from typing import assert_never

from agent.domain.assessment import Pieces, amount_gap
from agent.domain.events import (
    Act,
    Amend,
    BackfillItem,
    CloseSuspicion,
    Looked,
    LookedForTill,
    PayAtTill,
    ReverseBackfill,
    TotalReceived,
)
from agent.domain.facts import (
    BackfillReversed,
    FactBody,
    ItemBackfilled,
    ItemDescribed,
    LabelObserved,
    MissedScanDismissed,
    PieceWeighed,
    ReturnRecorded,
    TagObserved,
    TransactionSettled,
)
from agent.domain.items import Item
from agent.domain.learned import Knowledge
from agent.domain.outcome import SettlementOutcome
from agent.domain.return_events import LookedForReturn, ReturnGoods
from agent.domain.totals import CashierTotal
from agent.domain.transaction import OpenTransaction
from agent.journal import Journal, PrintJobRow

log = logging.getLogger("lanetally.core")

AMENDING = ItemBackfilled, BackfillReversed, MissedScanDismissed, ReturnRecorded
ITEMS_CACHED = 4096
PRINT_TRIES_MAX = 5
REPRINT_WINDOW_MS = 15 * 60 * 1000  #: an older receipt is nobody's any more: the customer has gone


class JournalUnreadable(Exception):
    """The disk did not give what was asked for; it may the next time."""


class Lookups:
    """Belongs to the core's thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._earlier_runs_seq = journal.last_seq
        self._known_item = lru_cache(maxsize=ITEMS_CACHED)(self._read_item)
        self.knowledge = Knowledge()
        self.trouble = ""  #: why the last read failed; "" if it did not

    def item(self, gtin: str) -> Item | None:
        """None also if it cannot be read now: it is counted then, without name and price."""
        try:  # once a scan: a context manager would cost more than the cached look-up
            return self._known_item(gtin)
        except JournalUnreadable:
            return None

    def _items(self, gtins: set[str], transaction: OpenTransaction | None) -> dict[str, Item]:
        """The known items among the charged ones and what the sensors read, by GTIN."""
        for seen in transaction.seen if transaction else ():
            if isinstance(seen, TagObserved | LabelObserved) and seen.gtin is not None:
                gtins.add(seen.gtin)
        found = {gtin: self.item(gtin) for gtin in gtins}
        return {gtin: item for gtin, item in found.items() if item is not None}

    def forget_items(self) -> None:
        """The item master has changed."""
        self._known_item.cache_clear()

    def describe_items(self) -> list[ItemDescribed]:
        """What is to be said of the item master before the first basket: what is new in it."""
        with suppress(JournalUnreadable), self._reading():
            self.knowledge = self._journal.knowledge()
            said = self._journal.undescribed()
            for fact in said:
                self.knowledge.describe(fact)
            return said
        return []

    def learn(self, facts: Iterable[FactBody]) -> None:
        """What weights a settled basket taught, once it is durable."""
        for fact in facts:
            if isinstance(fact, PieceWeighed):
                self.knowledge.weigh(fact)

    def earlier_answer(self, total: CashierTotal) -> tuple[SettlementOutcome, bool] | None:
        """As `Journal.earlier_answer`. Raises JournalUnreadable: it may be settled already."""
        with self._reading():
            return self._journal.earlier_answer(total)

    def gap_categories(
        self, total: CashierTotal, transaction: OpenTransaction | None
    ) -> tuple[str, ...]:
        """What sort of item costs as much as was charged above the scans, if one is missing."""
        if transaction is None or total.lines is not None or total.item_count is None:
            return ()
        if total.item_count != transaction.item_count + 1:
            return ()
        scanned = tuple(Pieces("", 1, line.amount_minor, "", "") for line in transaction.lines)
        gap_minor = amount_gap(scanned, total.amount_minor)
        if gap_minor:
            with suppress(JournalUnreadable), self._reading():
                return self._journal.categories_priced(gap_minor)
        return ()

    def in_context(self, total: CashierTotal, transaction: OpenTransaction | None) -> TotalReceived:
        """A total with what the item master and the journal have to say of it."""
        return TotalReceived(
            total,
            self._items({line.gtin for line in total.lines or ()}, transaction),
            self.gap_categories(total, transaction),
            catalogue=self.knowledge.catalogue,
        )

    def unprinted_jobs(self, wall_ms: int, mono_ms: int) -> list[PrintJobRow]:
        """Receipts that somebody may wait for still, oldest first, at this wall and monotonic time.

        A clock that is set while the lane runs makes no receipt older or younger.
        """
        with suppress(JournalUnreadable), self._reading():
            return self._journal.unprinted_jobs(
                PRINT_TRIES_MAX,
                wall_ms - REPRINT_WINDOW_MS,
                mono_ms - REPRINT_WINDOW_MS,
                self._earlier_runs_seq,
            )
        return []

    def looked_up(
        self,
        act: Act,
        transaction: OpenTransaction | None,
        undone: Sequence[FactBody],
        *,
        owing: bool,
    ) -> Act:
        """An act with what the journal has of the sale that it is about. `undone`: facts of this
        turn, `owing`: there are others that the disk has not taken. Neither is in the journal."""
        if isinstance(act, PayAtTill):
            return act if owing else self._for_till(act, transaction, undone)
        if not isinstance(act, Amend | ReturnGoods):
            return act
        if owing or any(isinstance(fact, AMENDING) for fact in undone):
            return act  # to be tried again once it is there
        with suppress(JournalUnreadable), self._reading():
            if isinstance(act, ReturnGoods):
                return replace(act, looked=self._for_return(act))
            return replace(act, looked=self._looked(act))
        return act

    def _for_return(self, act: ReturnGoods) -> LookedForReturn:
        """A sale that is named by its receipt may be in this journal all the same."""
        sold_as = act.transaction_id
        if not sold_as and act.receipt_number:
            sale = self._journal.settled_as(act.receipt_number)
            sold_as = sale.transaction_id if sale is not None else ""
        return LookedForReturn(
            self._journal.sale_file(sold_as) if sold_as else None,
            self._journal.amended_by(act.return_id),
            self._items({item.gtin for item in act.items if item.gtin}, None),
            self._journal.next_return(),
        )

    def _for_till(
        self, act: PayAtTill, transaction: OpenTransaction | None, undone: Sequence[FactBody]
    ) -> PayAtTill:
        if any(isinstance(fact, TransactionSettled) for fact in undone):
            return act  # perhaps this one: to be tried again once it is there
        with suppress(JournalUnreadable), self._reading():
            earlier = self._journal.settled_by(act.total_id)
            items = self._items(set(), transaction)
            return replace(act, looked=LookedForTill(earlier, items, self.knowledge.catalogue))
        return act

    def _looked(self, act: Amend) -> Looked:
        file = self._journal.sale_file(act.transaction_id)
        match act:
            case BackfillItem():
                earlier = self._journal.amended_by(act.backfill_id)
                return Looked(file, earlier, self.item(act.gtin), trouble=False)
            case ReverseBackfill():
                return Looked(file, self._journal.amended_by(act.reversal_id), trouble=False)
            case CloseSuspicion():
                unsettled = self._journal.unsettled(act.total_id) if act.total_id else None
                return Looked(file, unsettled=unsettled, trouble=False)
            case _:  # pragma: no cover
                assert_never(act)

    def _read_item(self, gtin: str) -> Item | None:
        try:  # as `_reading`, whose context manager would cost as much as the look-up
            item = self._journal.item(gtin)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        self._readable()
        return item

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raises JournalUnreadable, which the log says once."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        self._readable()

    def _unreadable(self, error: sqlite3.Error) -> JournalUnreadable:
        if not self.trouble:
            log.error("the journal cannot be read: %s", error)
        self.trouble = str(error)
        return JournalUnreadable()

    def _readable(self) -> None:
        if self.trouble:
            log.info("the journal is read again")
            self.trouble = ""

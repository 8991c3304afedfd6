"""The lane's suggestions: a thread reads the journal into the model, others ask.

The journal is the only truth, and a month of it is read within seconds: the model is made anew at
each start, in steps with pauses between them, and kept nowhere else. Suggestions grow better
meanwhile.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from agent.domain.facts import FactBody, ItemDescribed, PieceWeighed, TransactionSettled
from agent.domain.items import Item
from agent.journal import JournalReader
from agent.suggest.model import Model
from agent.suggest.question import Named, Question, SoldBasket, Suggestion
from agent.suggest.sold import is_gtin, sold_basket
from agent.wire import FactRow, UndecodableFact, decode_body

POLL_S = 5.0
PAUSE_S = 0.02  #: between two steps
STEP_ROWS = 500
NICENESS = 19
#: Facts before the last one that are read at the start: more than the model's baskets have.
FACTS_READ = 1_000_000

TEACHING = frozenset({TransactionSettled.type, ItemDescribed.type, PieceWeighed.type})


class Suggestions:
    """`run` and `catch_up` belong to one thread at a time; the rest to any. `hour_of` tells the
    hour of the store's clock at so many seconds since 1970."""

    def __init__(
        self, journal: Path, hour_of: Callable[[float], int] = lambda s: time.localtime(s).tm_hour
    ) -> None:
        self._path = journal
        self._hour_of = hour_of
        self._lock = threading.Lock()  # the model
        self._model = Model()
        self._seq: int | None = None  #: up to here the journal was read

    def run(self, stop: threading.Event) -> None:
        """Read on until `stop` is set. May be called again."""
        with suppress(OSError):  # a system that does not allow it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        with closing(JournalReader(self._path)) as reader:
            while not stop.is_set():
                stop.wait(PAUSE_S if self._step(reader) else POLL_S)

    def catch_up(self) -> None:
        """Read all there is, without pauses."""
        with closing(JournalReader(self._path)) as reader:
            while self._step(reader):
                pass

    def suggest(self, question: Question) -> tuple[Suggestion, ...]:
        """As `Model.suggest`."""
        with self._lock:
            return self._model.suggest(question)

    def named(self, question: Question) -> tuple[Named, ...]:
        """Suggestions as people read them."""
        found = self.suggest(question)
        with closing(JournalReader(self._path)) as reader:
            return tuple(_named(suggestion, reader) for suggestion in found)

    def sold(self, transaction_id: str) -> SoldBasket | None:
        """A sale that was settled, as the model learns it; None if there is none of this id."""
        with closing(JournalReader(self._path)) as reader:
            sale = reader.sale(transaction_id)
        return None if sale is None else sold_basket(sale)

    @property
    def hour(self) -> int:
        """Now."""
        return self._hour_of(time.time())

    def _step(self, reader: JournalReader) -> bool:
        """True if there may be more at once."""
        if self._seq is None:
            self._seq = max(reader.last_seq - FACTS_READ, 0)
        rows = reader.rows_after(self._seq, STEP_ROWS)
        self._learn([row for row in rows if row.type in TEACHING], reader)
        if rows:
            self._seq = rows[-1].seq
        if len(rows) == STEP_ROWS:
            return True
        with self._lock:  # so that no request has to
            self._model.refresh()
        return False

    def _learn(self, rows: Sequence[FactRow], reader: JournalReader) -> None:
        for row in rows:
            fact = _readable(row)
            if isinstance(fact, TransactionSettled):
                basket = sold_basket(fact, self._hour_of(row.wall_ms / 1000))
                with self._lock:
                    self._model.learn(basket, reader.weight_of)
            elif isinstance(fact, ItemDescribed | PieceWeighed) and is_gtin(fact.gtin):
                weight = reader.weight_of(fact.gtin)
                with self._lock:
                    self._model.weigh(fact.gtin, weight)


def _readable(row: FactRow) -> FactBody | None:
    """None for a damaged row: it teaches nothing, and what damage it is, verify tells."""
    with suppress(UndecodableFact):
        return decode_body(row.type, row.version, row.body)
    return None


def _named(suggestion: Suggestion, reader: JournalReader) -> Named:
    return Named(suggestion, reader.item(suggestion.gtin) or Item(suggestion.gtin, "", "", None))

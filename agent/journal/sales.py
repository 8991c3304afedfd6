"""Settled sales, found again: by number, customer, time or amount; and what is open in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.domain.facts import CashierTotalRejected, MissedScanSuspected, TransactionSuspended
from agent.journal.reader import JournalReader
from agent.sales import FoundSale, OpenMatter, SaleQuery, SaleView

_SALES = """
SELECT sale.transaction_id, receipt_number, business_date, wall_ms, amount_minor, customer,
    coalesce(suspicion.state != 'dismissed' AND added < owed, 0)
FROM sale LEFT JOIN suspicion USING (transaction_id)"""
_ONE = f"{_SALES} WHERE sale.transaction_id = ?"
_FOUND = f"""{_SALES}
WHERE (:receipt = '' OR receipt_number = :receipt OR sale.total_id = :receipt
        OR sale.transaction_id = :receipt OR ltrim(replace(
            substr(receipt_number, -6), '-', ''), '0') = ltrim(:receipt, '0'))
    AND (:phone = '' OR (customer != '' AND substr(customer, -length(:phone)) = :phone))
    AND wall_ms BETWEEN :from_ms AND :to_ms
    AND (:amount_minor IS NULL OR amount_minor = :amount_minor)
ORDER BY sale.seq DESC LIMIT :limit"""
_OPEN = """
SELECT suspicion.transaction_id, suspicion.total_id, receipt_number, business_date, sale.wall_ms,
    amount_minor, owed - added, state = 'confirmed', suspicion.seq
FROM suspicion JOIN sale USING (transaction_id)
WHERE state != 'dismissed' AND added < owed ORDER BY sale.seq LIMIT ?"""
_UNSETTLED = "SELECT seq FROM unsettled ORDER BY seq LIMIT ?"
_ASIDE = "SELECT seq FROM suspended ORDER BY number"
OPEN_MAX = 500  #: shown at most, oldest first


@dataclass(frozen=True, slots=True)
class JournalSales:
    """Implements `agent.sales.Sales` on the journal's file, read-only. Any thread; a connection
    for each question."""

    path: Path

    def find(self, query: SaleQuery) -> list[FoundSale]:
        words: dict[str, Any] = {
            "receipt": query.receipt,
            "phone": query.phone,
            "from_ms": query.from_ms,
            "to_ms": query.to_ms,
            "amount_minor": query.amount_minor,
            "limit": query.limit,
        }
        with self._reader() as reader:
            rows = reader.select(_FOUND, words)
            return [FoundSale(*row) for row in rows]

    def sale(self, transaction_id: str) -> SaleView | None:
        with self._reader() as reader:
            found = _found(reader, transaction_id)
            file = reader.sale_file(transaction_id)
            return None if file is None or found is None else SaleView(found, file)

    def todo(self) -> list[OpenMatter]:
        """Oldest first: of suspicions, and of money that no sale explains."""
        with self._reader() as reader, reader.one_moment():
            found = [_suspicion(reader, row) for row in reader.select(_OPEN, (OPEN_MAX,))]
            for (seq,) in reader.select(_UNSETTLED, (OPEN_MAX,)):
                found.append(_unsettled(reader, seq))
        return sorted(found, key=lambda matter: matter.wall_ms)

    def aside(self) -> list[TransactionSuspended]:
        """By their numbers."""
        with self._reader() as reader, reader.one_moment():
            seqs = [seq for (seq,) in reader.select(_ASIDE)]
            return [reader.fact_at(seq, TransactionSuspended) for seq in seqs]

    @contextmanager
    def _reader(self) -> Iterator[JournalReader]:
        with closing(JournalReader(self.path)) as reader:
            yield reader


def _suspicion(reader: JournalReader, row: tuple[Any, ...]) -> OpenMatter:
    suspicion = reader.fact_at(row[8], MissedScanSuspected)
    return replace(OpenMatter("suspicion", *row[:8]), suspicion=suspicion)


def _unsettled(reader: JournalReader, seq: int) -> OpenMatter:
    rejected, wall_ms = reader.fact_at(seq, CashierTotalRejected), reader.wall_ms_at(seq)
    total = rejected.total
    paid_minor = sum(tender.amount_minor for tender in total.tenders) - total.change_minor
    transaction_id = rejected.transaction_id or ""
    return OpenMatter(
        "unsettled",
        transaction_id,
        total.total_id,
        "",
        "",
        wall_ms,
        paid_minor,
        0,
        rejected=rejected,
    )


def _found(reader: JournalReader, transaction_id: str) -> FoundSale | None:
    rows = reader.select(_ONE, (transaction_id,))
    return FoundSale(*rows[0]) if rows else None

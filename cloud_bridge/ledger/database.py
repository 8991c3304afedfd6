"""What the steps that all stores share need of a database: a few words, the same in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from cloud_bridge.voucher import Stream

Row: TypeAlias = tuple[Any, ...]

#: SQL: whether a row belongs to the tenant of a parameter; "" is everybody.
MINE = "? IN ('', tenant)"


def places(rows: int, columns: int) -> str:
    """SQL: what goes behind VALUES for so many rows."""
    return ",".join([f"({','.join('?' * columns)})"] * rows)


@dataclass(frozen=True, slots=True)
class PostingRows:
    """What postings are as rows. Each table's rows are sorted by key: writers that meet on the same
    rows wait for one another and never in a circle."""

    vouchers: list[Row]
    lines: list[Row]
    movements: list[Row]
    gaps: list[Row]
    outbox: list[Row]


class Database(Protocol):
    """SQL has a `?` for each value, and no dialect. Belongs to one thread.

    Whatever may pass by itself is raised as LedgerUnavailable.
    """

    def transaction(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """All or nothing, durable on return. `alone`: no other writer's at the same time."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """One state of the database, whatever is written meanwhile."""
        ...

    def rows(self, sql: str, params: Sequence[Any] = ()) -> Iterable[Row]: ...

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Row]:
        """As `rows`, for results of any size."""
        ...

    def many(self, sql: str, rows: Iterable[Row]) -> None:
        """One statement for each row."""
        ...

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Rows with all columns of a table, in their order."""
        ...

    def hold(self, streams: Iterable[Stream]) -> None:
        """Until the transaction ends, nobody else works on these epochs."""
        ...

    def mark(self) -> None:
        """Make the end of this transaction wait until all that it has read is as durable as what
        it writes: an acknowledgement may be all that comes of it."""
        ...

    def post(self, batch: PostingRows) -> str | None:
        """Write it. What the database itself refuses is not written at all: the reason."""
        ...

    def close(self) -> None: ...

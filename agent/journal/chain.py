"""Whether each fact follows from the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.wire import GENESIS, FactRow, chain_hash


class BrokenChain(Exception):
    """The fact at `seq` is missing or not the one that was written: none from there on is sure."""

    def __init__(self, seq: int, *, missing: bool) -> None:
        self.seq = seq
        self.missing = missing
        super().__init__(f"the chain is broken at seq {seq}")


def follows(prev: str, epoch: str, row: FactRow) -> bool:
    """Whether a row is the one its hash was made for, after the hash of the one before."""
    head = (row.seq, row.type, row.version, row.wall_ms, row.mono_ms)
    return chain_hash(prev, epoch, *head, row.body) == row.hash


def intact(
    rows: Iterable[FactRow], epoch: str, first: int = 1, prev: str = GENESIS
) -> Iterator[FactRow]:
    """The same rows, from `first` on, whose predecessor has the hash `prev`.

    Raises BrokenChain at the first that does not follow.
    """
    for expected, row in enumerate(rows, first):
        if row.seq != expected:
            raise BrokenChain(expected, missing=True)
        if not follows(prev, epoch, row):
            raise BrokenChain(row.seq, missing=False)
        prev = row.hash
        yield row


def faults(
    rows: Iterable[FactRow], epoch: str, first: int = 1, prev: str | None = GENESIS
) -> Iterator[BrokenChain]:
    """All that is wrong with rows: each gap, and each row that is not the one that was written.

    What comes after a gap cannot be held against what was lost in it. `prev` None: nor can the
    first.
    """
    for expected, row in _beside_expected(rows, first):
        if row.seq != expected:
            yield BrokenChain(expected, missing=True)
        elif prev is not None and not follows(prev, epoch, row):
            yield BrokenChain(row.seq, missing=False)
        prev = row.hash


def _beside_expected(rows: Iterable[FactRow], expected: int) -> Iterator[tuple[int, FactRow]]:
    for row in rows:
        yield expected, row
        expected = row.seq + 1


def judged(rows: Iterable[FactRow], epoch: str) -> Iterator[tuple[FactRow, bool]]:
    """Each row, and whether it is sure: it follows from the row before it."""
    prev = GENESIS
    for row in rows:
        yield row, follows(prev, epoch, row)
        prev = row.hash

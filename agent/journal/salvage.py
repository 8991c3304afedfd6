"""What can still be read of a damaged journal, page by page, without SQLite's help.

SQLite finds a row by way of a header, a schema and inner pages; where one of them is gone, so are
all rows below it. Here every page is looked at by itself, in the file and in its write-ahead log,
and what has the shape of a row of the journal is one. That may be done because facts never change
and each has a hash: of two that claim one seq, the chain says which is true (`succession.py`).

Layout: https://www.sqlite.org/fileformat2.html, sections 1.5, 1.6, 2 and 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, NamedTuple

from agent.wire import FactRow

_MAGIC = b"SQLite format 3\0"
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_WAL_HEADER = struct.Struct(">IIIIIIII")
_FRAME = struct.Struct(">IIII8x")
_PAGE_BYTES_USUAL = 4096  # SQLite's default since 3.12, and so the journal's
_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER = 0x0D, 0x0A, 0x02
_HEADER_BYTES = {_TABLE_LEAF: 8, _INDEX_LEAF: 8, _INDEX_INNER: 12}
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
SEQ_SPAN = 1 << 62  #: facts taken over stand this far below 0 at most
_META_KEYS = frozenset(("epoch", "address", "items_digest"))


class Fact(NamedTuple):
    row: FactRow


class Meta(NamedTuple):
    key: str
    value: str


class Cursor(NamedTuple):
    acked_seq: int


class FormerEpoch(NamedTuple):
    ago: int
    epoch: str
    last_seq: int
    acked_seq: int


Bytes = bytes | mmap
Found = Fact | Meta | Cursor | FormerEpoch


def salvaged(file: Bytes, log: Bytes = b"") -> Iterator[Found]:
    """Every row of the journal's tables that can be made out, in no order, some more than once.

    `file`, `log`: the contents of the journal and of its write-ahead log, or what is left of them.
    No bytes raise anything.
    """
    size = _page_bytes(file, log)
    pages = _Pages(file, log, size, dict(_frames(log, size)))
    for number in range(1, len(file) // size + 1 + bool(len(file) % size)):
        yield from _rows(pages, file[(number - 1) * size : number * size], first=number == 1)
    yield from salvaged_log(file, log)


def salvaged_log(file: Bytes, log: Bytes, frames_most: int = 0) -> Iterator[Found]:
    """As `salvaged`, of the log alone; of its last frames, if a number is given."""
    size = _page_bytes(file, log)
    frames = list(_frames(log, size))
    pages = _Pages(file, log, size, dict(frames))
    for number, at in frames[-frames_most:]:
        yield from _rows(pages, log[at : at + size], first=number == 1)


class _Pages(NamedTuple):
    """Where each page stands: in the log the newest, else in the file."""

    file: Bytes
    log: Bytes
    size: int
    in_log: dict[int, int]

    def page(self, number: int) -> bytes:
        at = self.in_log.get(number)
        if at is not None:
            return self.log[at : at + self.size]
        return self.file[(number - 1) * self.size : number * self.size] if number > 0 else b""


def _page_bytes(file: Bytes, log: Bytes) -> int:
    told = 0
    if file[:16] == _MAGIC:
        told = int.from_bytes(file[16:18], "big")
        told = 65_536 if told == 1 else told
    elif len(log) >= 32 and _WAL_HEADER.unpack_from(log)[0] in _WAL_MAGIC:
        told = _WAL_HEADER.unpack_from(log)[2]
    is_possible = 512 <= told <= 65_536 and told & (told - 1) == 0
    return told if is_possible else _PAGE_BYTES_USUAL


def _frames(log: Bytes, size: int) -> Iterator[tuple[int, int]]:
    """(page number, offset of the page) of each frame that was committed, oldest first.

    Checksums are left alone: SQLite stops at the first that is wrong, and what was committed after
    it is what we are here for.
    """
    salts = None
    if len(log) >= 32 and _WAL_HEADER.unpack_from(log)[0] in _WAL_MAGIC:
        salts = _WAL_HEADER.unpack_from(log)[4:6]
    begun: list[tuple[int, int]] = []
    for at in range(32, len(log) - size - 23, size + 24):
        number, pages_after_commit, *own_salts = _FRAME.unpack_from(log, at)
        if salts is not None and tuple(own_salts) != salts:
            continue  # from before the log began anew
        begun.append((number, at + 24))
        if pages_after_commit or salts is None:
            yield from begun
            begun = []


def _rows(pages: _Pages, page: bytes, *, first: bool) -> Iterator[Found]:
    """The rows of one page, whatever page it is."""
    start = 100 if first else 0
    kind = page[start] if len(page) > start else 0
    if kind not in _HEADER_BYTES:
        return
    begin = start + _HEADER_BYTES[kind]
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    for at in range(begin, min(begin + 2 * count, len(page) - 1), 2):
        try:
            found = _cell(pages, page, int.from_bytes(page[at : at + 2], "big"), kind)
        except (IndexError, ValueError, struct.error):
            continue  # torn here: its neighbours may be whole
        if found is not None:
            yield found


def _cell(pages: _Pages, page: bytes, at: int, kind: int) -> Found | None:
    """Raises IndexError or ValueError for what is no cell."""
    rowid = 0
    if kind == _INDEX_INNER:
        at += 4
    length, at = _varint(page, at)
    if kind == _TABLE_LEAF:
        rowid, at = _varint(page, at)
        rowid -= (rowid >> 63) << 64
    payload = _payload(pages, page, at, length, kind)
    values = _values(payload)
    return _in_table(rowid, values) if kind == _TABLE_LEAF else _in_index(values)


def _payload(pages: _Pages, page: bytes, at: int, length: int, kind: int) -> bytes:
    """A cell's payload, with what overflows into other pages. Raises ValueError if it is not all
    there."""
    usable = pages.size
    most = usable - 35 if kind == _TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if length <= most:
        local = length
    else:
        least = (usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
    parts = [page[at : at + local]]
    missing = length - local
    following = int.from_bytes(page[at + local : at + local + 4], "big") if missing else 0
    while missing > 0:
        overflow = pages.page(following)
        if len(overflow) < 4:
            raise ValueError("an overflow page is gone")
        parts.append(overflow[4 : 4 + min(missing, usable - 4)])
        missing -= usable - 4
        following = int.from_bytes(overflow[:4], "big")
    payload = b"".join(parts)
    if len(payload) != length:
        raise ValueError("a payload is cut short")
    return payload


def _values(payload: bytes) -> list[Any]:
    """A record's columns. Raises IndexError or ValueError for what is no record."""
    header_bytes, at = _varint(payload, 0)
    kinds = []
    while at < header_bytes:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if at != header_bytes or len(kinds) > 16:
        raise ValueError("no record")
    values: list[Any] = []
    for kind in kinds:
        if kind >= 12:
            size = (kind - 12) // 2
            value: Any = payload[at : at + size]
            if len(value) != size:
                raise ValueError("a column is cut short")
            value = value.decode("utf-8", "replace") if kind % 2 else value
        elif kind == 0:
            size, value = 0, None
        elif kind in _INT_BYTES:
            size = _INT_BYTES[kind]
            value = (
                kind - 8
                if size == 0
                else int.from_bytes(payload[at : at + size], "big", signed=True)
            )
        else:
            raise ValueError("no type of column that the journal has")
        values.append(value)
        at += size
    if at != len(payload):
        raise ValueError("no record")
    return values


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = data[at]
    if value < 0x80:  # nearly all of them
        return value, at + 1
    value &= 0x7F
    for taken in range(1, 8):
        byte = data[at + taken]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + taken + 1
    return value << 8 | data[at + 8], at + 9


def _in_table(rowid: int, values: list[Any]) -> Found | None:
    """A row of `fact`, `former` or `sync_cursor`, told by its shape."""
    match values:
        case [None, str(type_), int(version), int(wall_ms), int(mono_ms), str(digest), bytes(body)]:
            if -SEQ_SPAN < rowid < 1 << 40 and rowid and len(digest) == 64:
                return Fact(FactRow(rowid, type_, version, wall_ms, mono_ms, digest, body))
        case [None, str(epoch), int(last_seq), int(acked_seq), int()]:
            if rowid > 0:
                return FormerEpoch(rowid, epoch, last_seq, acked_seq)
        case [int(acked_seq)]:
            if 0 <= acked_seq < 1 << 40:
                return Cursor(acked_seq)
    return None


def _in_index(values: list[Any]) -> Found | None:
    """A row of `meta`, a table that is an index."""
    match values:
        case [str(key), str(value)] if key in _META_KEYS:
            return Meta(key, value)
    return None


@contextmanager
def mapped(path: Path) -> Iterator[Bytes]:
    """The bytes of a file, without the memory for them; none if there are none."""
    if not path.exists() or not path.stat().st_size:
        yield b""
        return
    with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
        yield content

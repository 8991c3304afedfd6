"""A disk whose cache forgets: what is left of it when the power goes.

QEMU notes each write and each flush of the box (`blklogwrites`, in the form of the kernel's
dm-log-writes). What was flushed is on the disk. Of what came later each write is there, is not
there, or is there in part, sector by sector, as chance has it: that is what a disk or a card with a
volatile cache may do, and it is more than the loss of the box's memory alone.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SECTOR = 512
#: Documentation/admin-guide/device-mapper/log-writes.rst: sector, sectors, flags, length of a mark
ENTRY = struct.Struct("<QQQQ")
FLUSH, DISCARD = 1, 4


@dataclass(frozen=True, slots=True)
class Write:
    sector: int
    flags: int
    data: bytes
    end: int  #: where in the log the next one begins


@dataclass(frozen=True, slots=True)
class Cut:
    """How many writes were kept and what became of those after the last flush.

    `at`: how long the log was at that moment.
    """

    at: int
    flushed: int
    open: int
    lost: int
    torn: int


def cut(disk: Path, log: Path, chance: random.Random, promised_bytes: int = sys.maxsize) -> Cut:
    """Make of `disk`, as it was before the log began, what a power cut leaves of it.

    `promised_bytes`: how long the log was when something was promised last. At which of the writes
    since then the power goes is for chance to say: they come in bursts, which a moment by the clock
    seldom meets. By default it goes at the log's end.
    """
    writes = list(_writes(log))
    promised = sum(write.end <= promised_bytes for write in writes)
    writes = writes[: chance.randint(promised, len(writes))]
    flushes = [number for number, write in enumerate(writes) if write.flags & FLUSH]
    safe = flushes[-1] + 1 if flushes else 0
    lost = torn = 0
    with disk.open("r+b") as file:
        for write in writes[:safe]:
            _put(file, write.sector, write.data)
        for write in writes[safe:]:
            fate = chance.choice(("kept", "lost", "torn"))
            lost += fate == "lost"
            torn += fate == "torn"
            for number in range(len(write.data) // SECTOR):
                if fate == "kept" or (fate == "torn" and chance.random() < 0.5):
                    part = write.data[number * SECTOR : (number + 1) * SECTOR]
                    _put(file, write.sector + number, part)
    at = writes[-1].end if writes else 0
    return Cut(at, safe, len(writes) - safe, lost, torn)


def _put(file: BinaryIO, sector: int, data: bytes) -> None:
    file.seek(sector * SECTOR)
    file.write(data)


def _writes(log: Path) -> Iterator[Write]:
    """As they were noted. The first sector tells of the log itself."""
    with log.open("rb") as file:
        file.seek(SECTOR)
        while len(head := file.read(SECTOR)) == SECTOR:
            sector, sectors, flags, _ = ENTRY.unpack_from(head)
            if not (sectors or flags):
                return
            size = 0 if flags & DISCARD else sectors * SECTOR
            data = file.read(size)
            if len(data) < size:  # the power went here
                return
            yield Write(sector, flags, data, file.tell())

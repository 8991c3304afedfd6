"""A disk that loses its cache when the power goes, and SQLite's way to it.

What was written since a file's last sync is kept apart. A cut of the power keeps none of it
("drop"), or of each write a random subset of its 512-byte sectors ("torn"). A file that was made or
deleted since the last sync of the file or its folder is there or not, as chance will have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import apsw

Mode = Literal["drop", "torn"]

TORN_BYTES = 512  #: what a drive writes whole or not at all
SECTOR_BYTES = 4096  #: what SQLite's own unix VFS reports
#: As the unix VFS: a torn write does not harm the bytes beside it.
TRAITS = apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE


@dataclass
class File:
    """Bytes as programs see them (`cached`), as the platter has them, and what lies between."""

    cached: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def write(self, offset: int, data: bytes) -> None:
        _put(self.cached, offset, data)
        self.pending.append((offset, data))

    def truncate(self, size: int) -> None:
        del self.cached[size:]
        self.pending.append((size, None))

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.durable, offset, data)
        self.pending.clear()

    def after_cut(self, mode: Mode, chance: Random) -> bytes:
        left = bytearray(self.durable)
        kept = 0.0 if mode == "drop" else chance.random()
        for offset, data in self.pending:
            for start, part in _sectors(offset, data):
                if chance.random() < kept:
                    _apply(left, start, part)
        return bytes(left)


def _sectors(offset: int, data: bytes | None) -> list[tuple[int, bytes | None]]:
    if data is None:
        return [(offset, None)]
    end = offset + len(data)
    starts = [offset, *range((offset // TORN_BYTES + 1) * TORN_BYTES, end, TORN_BYTES)]
    ends = [*starts[1:], end]
    return [(a, data[a - offset : b - offset]) for a, b in zip(starts, ends, strict=True)]


def _apply(target: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del target[offset:]
    else:
        _put(target, offset, data)


def _put(target: bytearray, offset: int, data: bytes) -> None:
    if len(target) < offset:
        target.extend(bytes(offset - len(target)))
    target[offset : offset + len(data)] = data


class Disk:
    """Files by name. The power goes at the `operations_left`-th change; all fails from then on."""

    def __init__(self, remains: dict[str, bytes], operations_left: int) -> None:
        self.files = {name: File(bytearray(b), bytearray(b)) for name, b in remains.items()}
        self.durable_files = dict(self.files)
        self.operations_left = operations_left
        self.operations = 0
        self.is_off = False

    def operate(self) -> None:
        """Before each change of what the disk holds."""
        self.check()
        self.operations += 1
        self.is_off = self.operations > self.operations_left
        self.check()

    def check(self) -> None:
        if self.is_off:
            raise apsw.IOError("the power is off")

    def be_forgotten(self) -> None:
        """What was left has been taken: programs that still run may end in peace."""
        self.is_off = False
        self.operations_left = self.operations + 10**9

    def sync_folder(self) -> None:
        self.durable_files = dict(self.files)

    def after_cut(self, mode: Mode, chance: Random) -> dict[str, bytes]:
        """What is found when the power is back."""
        names = sorted({*self.files, *self.durable_files})
        left = {}
        for name in names:
            cached, durable = self.files.get(name), self.durable_files.get(name)
            kept = cached if mode == "torn" and chance.random() < 0.5 else durable
            if kept is not None:
                left[name] = kept.after_cut(mode, chance)
        return left


class DiskVFS(apsw.VFS):
    """SQLite on a `Disk`. One connection at a time: there is no memory to share between two."""

    NAME = "lanetally-disk"

    def __init__(self) -> None:
        self.disk = Disk({}, 0)
        super().__init__(self.NAME, base="")

    def xFullPathname(self, name: str) -> str:  # noqa: N802  SQLite's name
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802  SQLite's name
        self.disk.check()
        return pathname in self.disk.files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802  SQLite's name
        self.disk.operate()
        if self.disk.files.pop(filename, None) is None:
            raise apsw.IOError(f"no file {filename}")
        if syncdir:
            self.disk.sync_folder()

    def xOpen(self, name: object, flags: list[int]) -> OpenFile:  # noqa: N802  SQLite's name
        flags[1] = flags[0]
        if name is None:  # a temporary file: nobody looks for it after a cut
            return OpenFile(self.disk, File())
        known = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        if known not in self.disk.files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(known)
            self.disk.operate()
            self.disk.files[known] = File()
        return OpenFile(self.disk, self.disk.files[known])


class OpenFile:
    """SQLite's handle of a file. Locks are granted: nobody else is there."""

    def __init__(self, disk: Disk, file: File) -> None:
        self._disk = disk
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802  SQLite's name
        self._disk.check()
        return bytes(self._file.cached[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  SQLite's name
        self._disk.operate()
        self._file.write(offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  SQLite's name
        self._disk.operate()
        self._file.truncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802  SQLite's name
        self._disk.operate()
        self._file.sync()
        self._disk.sync_folder()  # a new file's name goes to the platter with its first sync

    def xFileSize(self) -> int:  # noqa: N802  SQLite's name
        self._disk.check()
        return len(self._file.cached)

    def xSectorSize(self) -> int:  # noqa: N802  SQLite's name
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:  # noqa: N802  SQLite's name
        return TRAITS

    def xLock(self, level: int) -> None:  # noqa: N802  SQLite's name
        pass

    def xUnlock(self, level: int) -> None:  # noqa: N802  SQLite's name
        pass

    def xCheckReservedLock(self) -> bool:  # noqa: N802  SQLite's name
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:  # noqa: N802  SQLite's name
        return False

    def xClose(self) -> None:  # noqa: N802  SQLite's name
        pass


def restored(remains: dict[str, bytes], folder: Path) -> None:
    """Put what was found after a cut where stock SQLite can open it."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for name, data in remains.items():
        (folder / Path(name).name).write_bytes(data)

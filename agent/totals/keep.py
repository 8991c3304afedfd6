"""What must outlive a power cut between a receipt's end and the core's answer: a file each.

FOLDER/pending/ARRIVAL.json    totals that were read and not answered yet
FOLDER/unread/ARRIVAL.escpos   receipts that no rule explains: samples for `totals learn`
"""

from __future__ import annotations

import itertools
import logging
import os
import time
from pathlib import Path

import msgspec

from agent.domain.totals import CashierTotal

log = logging.getLogger("lanetally.totals")

#: The newest are kept; a rule is made from far fewer.
UNREAD_MAX = 200

_decoder = msgspec.json.Decoder(CashierTotal)
_arrivals = itertools.count()


def new_arrival(source: str) -> str:
    """A name that no receipt had before and none will have."""
    return f"{source}-{time.time_ns():x}-{next(_arrivals):x}"


class Keep:
    """One folder. A full or failing disk costs the safety, not the sale: it is logged, no more."""

    def __init__(self, folder: Path) -> None:
        self._pending = folder / "pending"
        self._unread = folder / "unread"

    def pend(self, arrival: str, total: CashierTotal) -> None:
        """Remember a total until it is answered."""
        self._write(self._pending / f"{arrival}.json", msgspec.json.encode(total))

    def answered(self, arrival: str) -> None:
        (self._pending / f"{arrival}.json").unlink(missing_ok=True)

    def pending(self) -> dict[str, CashierTotal]:
        """What the last run left unanswered, oldest first, by arrival."""
        found = {}
        for file in sorted(self._pending.glob("*.json")):
            try:
                found[file.stem] = _decoder.decode(file.read_bytes())
            except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
                log.warning("%s is no total: %s", file, error)
        return found

    def unread(self, arrival: str, raw: bytes) -> None:
        """Put a receipt aside for the technician."""
        self._write(self._unread / f"{arrival}.escpos", raw)
        try:
            for file in sorted(self._unread.glob("*.escpos"))[:-UNREAD_MAX]:
                file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: %s", self._unread, error)

    @staticmethod
    def _write(file: Path, data: bytes) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(file, data)
        except OSError as error:
            log.error("%s cannot be kept: %s", file, error)  # noqa: TRY400  one line is what the technician needs


def write_durably(file: Path, data: bytes) -> None:
    """The whole file or none of it, also after a power cut. Raises OSError."""
    half = file.with_name(f"{file.name}.half")
    with half.open("wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    half.rename(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Names that were made, changed or removed in it survive a power cut. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

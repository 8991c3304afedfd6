"""What somebody who helps from afar wants to see of a lane: no secrets, no customers."""

from __future__ import annotations

import logging
import platform
import re
import shutil
import sqlite3
import sys
from collections import deque
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent import __version__
from agent.handle import LaneSnapshot
from agent.journal import JournalReader

FACTS = 200
LOG_LINES = 300
_SECRET = re.compile(r"""(?im)^(\s*(?:password|token|pin|[a-z_]*secret[a-z_]*)\s*=\s*).*$""")
#: Types of facts whose bodies tell what somebody bought or paid: their envelopes are enough.
_SHOWN_WHOLE = frozenset({"LaneStarted", "DeviceLost", "DeviceReturned", "ReceiptUnprinted"})


class LogTail(logging.Handler):
    """Keeps the last lines of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.lines: deque[str] = deque(maxlen=LOG_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def made(journal: Path, settings: str, snapshot: LaneSnapshot, log: LogTail) -> dict[str, Any]:
    """The bundle as plain data. `settings`: the text of the lane's file."""
    disk = shutil.disk_usage(journal.parent)
    return {
        "version": __version__,
        "python": sys.version,
        "machine": platform.platform(),
        "disk": {"total": disk.total, "free": disk.free},
        "config": without_secrets(settings),
        "devices": [asdict(device) for device in snapshot.devices],
        "degraded": snapshot.degraded,
        "journal": _journal(journal),
        "log": list(log.lines),
    }


def without_secrets(settings: str) -> str:
    return _SECRET.sub(r'\1"…"', settings)


def _journal(path: Path) -> dict[str, Any]:
    try:
        with closing(JournalReader(path)) as reader:
            facts = [
                {
                    "seq": row.seq,
                    "type": row.type,
                    "ts": row.wall_ms,
                    "body": row.body.decode() if row.type in _SHOWN_WHOLE else "",
                }
                for row in reader.rows_after(max(0, reader.last_seq - FACTS), FACTS)
            ]
            return reader.figures() | {"last_facts": facts}
    except sqlite3.Error as error:
        return {"error": str(error)}

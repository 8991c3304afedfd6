"""The serial electronic journal: a POS writes each receipt to a line, as it does to its printer.

The line is only listened to. Its copies go the same way as the printer tap's.
"""

from __future__ import annotations

import select
import threading
from itertools import count

from agent.totals.copies import Copies
from agent.totals.port_line import LineEnd
from agent.totals.settings import SerialJournalSettings
from drivers.base import DeviceUnavailable, Emit

STOP_S = 0.25


class JournalLine:
    """Run by the supervisor like a device."""

    def __init__(self, settings: SerialJournalSettings, copies: Copies) -> None:
        self._settings = settings
        self._copies = copies
        self._line: LineEnd | None = None
        self._streams = count(1)  # opened anew, it begins in the middle of nothing

    def open(self) -> None:
        """Raises DeviceUnavailable or DeviceMisconfigured."""
        self._line = LineEnd(
            self._settings.path, self._settings.baud, self._settings.parity, "listen"
        )

    def run(self, _emit: Emit, stop: threading.Event) -> None:
        """Raises DeviceUnavailable."""
        assert self._line is not None
        stream = next(self._streams)
        try:
            while not stop.is_set():
                if select.select([self._line], [], [], STOP_S)[0]:
                    self._copies.put(stream, self._line.receive() or b"")
        except OSError as error:
            raise DeviceUnavailable(str(error)) from error
        finally:
            self._copies.end(stream)

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

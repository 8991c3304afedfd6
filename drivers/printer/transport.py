"""The line to a printer, whichever it is. Every call comes back within its time-out."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    def write(self, data: bytes, timeout_ms: int, /) -> int:
        """Hand over as much of `data` as is taken within the time-out: how many bytes that was.

        Raises DeviceUnavailable; how much was taken is then unknown.
        """
        ...

    def read(self, timeout_ms: int, /) -> bytes:
        """What has come, after waiting at most so long for the first byte; b"" if nothing.

        Raises DeviceUnavailable.
        """
        ...

    def pending_bytes(self) -> int:
        """Bytes that were taken but have not left this machine, as far as it knows."""
        ...

    def close(self) -> None:
        """Give the line back. Safe to call twice."""
        ...

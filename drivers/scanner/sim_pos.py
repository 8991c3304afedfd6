"""A USB HID POS scanner's own side: labels as reports, on a packet socket as /dev/hidraw has them.

Written from the manuals that codec_hid_pos names, not from that codec.
"""

from __future__ import annotations

import socket
from pathlib import Path


def reports(label: bytes, symbology: str) -> list[bytes]:
    """The reports of one label: 56 bytes of it in each, and the AIM identifier."""
    sent = []
    for at in range(0, max(len(label), 1), 56):
        part = label[at : at + 56]
        head = bytes([2, len(part)]) + symbology.encode("ascii")
        more = at + 56 < len(label)
        sent.append(head + part.ljust(56, b"\0") + b"\0\0" + bytes([more]))
    return sent


class PosScanner:
    """A scanner that listens at `path`, as long as it is plugged in. For one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._host: socket.socket | None = None

    def send(self, reports: list[bytes]) -> None:
        """To whoever opened the device; waits for that."""
        if self._host is None:
            self._host, _ = self._listener.accept()
        for report in reports:
            self._host.send(report)

    def close(self) -> None:
        """Pull the cable: the connection ends and the name disappears."""
        self._path.unlink(missing_ok=True)
        for end in (self._host, self._listener):
            if end is not None:
                end.close()

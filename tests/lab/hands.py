"""The host's end of the ports through which commands are run in the box: see guest/hand.py."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class GuestFailed(Exception):
    """The box did not do what it was told."""


class Hand:
    """One port."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self._said: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
        self._socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 20
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                check()
                if time.monotonic() > end:
                    raise GuestFailed(f"QEMU did not start: {path}") from None
                time.sleep(0.05)
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_ready(self, end: float, check: Callable[[], None]) -> None:
        while "ready" not in self._next(end, check):
            pass

    def obey(
        self, command: str, end: float, hear: Callable[[str], None], check: Callable[[], None]
    ) -> int:
        """The command's exit code. Raises GuestFailed."""
        self._socket.sendall(json.dumps({"run": command}).encode() + b"\n")
        while True:
            said = self._next(end, check)
            if "out" in said:
                hear(str(said["out"]))
            if "code" in said:
                return int(str(said["code"]))

    def close(self) -> None:
        self._socket.close()

    def _next(self, end: float, check: Callable[[], None]) -> dict[str, object]:
        while True:
            with suppress(queue.Empty):
                return self._said.get(timeout=0.5)
            check()
            if time.monotonic() > end:
                raise GuestFailed("the box did not answer in time")

    def _listen(self) -> None:
        rest = b""
        with suppress(OSError):
            while data := self._socket.recv(65536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    with suppress(ValueError):
                        self._said.put(json.loads(line))

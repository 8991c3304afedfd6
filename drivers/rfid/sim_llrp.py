"""An LLRP reader on a TCP port of this machine: see `sim`."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from typing import Final

from drivers.rfid.sim import ROUND_MS, WATCH_MS, Echo, Field

_OK: Final = b"\x01\x1f\x00\x08\x00\x00\x00\x00"  # LLRPStatus: success, no words
#: Requests and their answers; what each makes of the reading of tags.
_ANSWERS: Final = {1: 11, 3: 13, 14: 4, 20: 30, 21: 31, 22: 32, 24: 34}
_CLOSE, _CAPABILITIES, _CONFIG, _ADD, _DELETE, _START, _ENABLE = 14, 1, 3, 20, 21, 22, 24
_WORDS: Final = {20: "no such antenna", 22: "ROSpec is disabled", 24: "no such ROSpec"}


class SimulatedLlrp:
    """Serves one client at a time, as readers do; the next one is told so and hung up on.

    `refuses`: message types that it answers with an error.
    """

    def __init__(self, tags: Field, *, refuses: frozenset[int] = frozenset()) -> None:
        self.acknowledged = 0  #: keepalives that the client answered
        self.kinds: list[int] = []  #: of all messages that came
        self._tags = tags
        self._refuses = refuses
        self._state = "none"  # of the one ROSpec: none, disabled, enabled, active
        self._alive_ms = 0
        self._silent = threading.Event()
        self._hang_up = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]

    def fall_silent(self) -> None:
        """Go on listening, and say nothing more."""
        self._silent.set()

    def hang_up(self) -> None:
        """Close the connection, once."""
        self._hang_up.set()

    def serve(self, stop: threading.Event) -> None:
        with self._server:
            while not stop.is_set():
                if select.select([self._server], [], [], WATCH_MS / 1000)[0]:
                    client, _ = self._server.accept()
                    with client, contextlib.suppress(OSError):
                        self._attend(client, stop)

    def _attend(self, client: socket.socket, stop: threading.Event) -> None:
        self._state, self._alive_ms, pending = "none", 0, b""
        self._greet(client, 0)
        round_ns = alive_ns = time.monotonic_ns()
        while not (stop.is_set() or self._hang_up.is_set()):
            ready = select.select([client, self._server], [], [], WATCH_MS / 1000)[0]
            if self._server in ready:
                with self._server.accept()[0] as second:
                    self._greet(second, 2)
            if client in ready:
                data = client.recv(4096)
                if not data:
                    return
                pending = self._hear(client, pending + data)
            now_ns = time.monotonic_ns()
            if self._alive_ms and now_ns - alive_ns >= self._alive_ms * 1_000_000:
                alive_ns = now_ns
                self._say(client, 62, b"")
            if now_ns - round_ns >= ROUND_MS * 1_000_000:
                round_ns = now_ns
                self._look(client)
        self._hang_up.clear()

    def _greet(self, client: socket.socket, status: int) -> None:
        event = struct.pack(">HHH", 256, 6, status)
        stamp = struct.pack(">HHQ", 128, 12, 1_700_000_000_000_000)
        body = struct.pack(">HH", 246, 4 + len(stamp + event)) + stamp + event
        self._say(client, 63, body)

    def _hear(self, client: socket.socket, pending: bytes) -> bytes:
        while len(pending) >= 10:
            kind, length, number = struct.unpack(">HII", pending[:10])
            if len(pending) < length:
                break
            self._obey(client, kind & 0x3FF, number, pending[10:length])
            pending = pending[length:]
        return pending

    def _obey(self, client: socket.socket, kind: int, number: int, body: bytes) -> None:
        self.kinds.append(kind)
        if kind == 72:
            self.acknowledged += 1
        elif kind in self._refuses:
            words = _WORDS.get(kind, "no").encode()
            status = struct.pack(">HHHH", 287, 8 + len(words), 100, len(words)) + words
            self._say(client, _ANSWERS[kind], status, number)
        else:
            self._change(kind, body)
            more = self._capabilities() if kind == _CAPABILITIES else b""
            self._say(client, _ANSWERS[kind], _OK + more, number)

    def _change(self, kind: int, body: bytes) -> None:
        if kind == _CONFIG:
            _, _, trigger, self._alive_ms = struct.unpack(">HHBI", body[1:10])
            self._alive_ms *= trigger
        steps = {_DELETE: "none", _ADD: "disabled", _ENABLE: "enabled", _START: "active"}
        self._state = steps.get(kind, self._state)

    @staticmethod
    def _capabilities() -> bytes:
        firmware = b"7.6.1"
        general = struct.pack(">HHIIH", 4, 0xC000, 25882, 2001002, len(firmware)) + firmware
        return struct.pack(">HH", 137, 4 + len(general)) + general

    def _look(self, client: socket.socket) -> None:
        if self._state == "active":
            for echo in self._tags.echoes():
                self._say(client, 61, self._report(echo))

    @staticmethod
    def _report(echo: Echo) -> bytes:
        if len(echo.epc) == 12:
            epc = b"\x8d" + echo.epc
        else:
            epc = struct.pack(">HHH", 241, 6 + len(echo.epc), 8 * len(echo.epc)) + echo.epc
        tag = epc + struct.pack(">BHBb", 0x81, echo.antenna, 0x86, echo.rssi)
        return struct.pack(">HH", 240, 4 + len(tag)) + tag

    def _say(self, client: socket.socket, kind: int, body: bytes, number: int = 0) -> None:
        if not self._silent.is_set():
            client.sendall(struct.pack(">HII", 1 << 10 | kind, 10 + len(body), number) + body)

"""An M100 module, or an R200 with the other framing: see `sim`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from drivers.rfid.sim import Field, SimulatedReader, backscatter

#: What it answers to a request of information: hardware, software, maker.
NAME: Final = b"M100 26dBm V1.0"
_REQUEST: Final = {
    0xBB: re.compile(rb"\xbb\x00(.)\x00(.)(.*?)\x7e", re.DOTALL),
    0xAA: re.compile(rb"\xaa\x00(.)\x00(.)(.*?)\xdd", re.DOTALL),
}
_END: Final = {0xBB: 0x7E, 0xAA: 0xDD}


class SimulatedM100(SimulatedReader):
    """`head`: BBh or AAh, what its frames begin with; the other kind is noise to it.

    `polls`: after so many looks, a poll command is used up, whatever it asked for.
    """

    def __init__(
        self, tags: Field, *, head: int = 0xBB, polls: int = 65_535, link: Path | None = None
    ) -> None:
        super().__init__(tags, link=link)
        self._head = head
        self._polls_max = polls
        self._polls = 0
        self._pending = b""

    def hear(self, data: bytes) -> list[bytes]:
        self._pending += data
        said: list[bytes] = []
        while request := _REQUEST[self._head].search(self._pending):
            self._pending = self._pending[request.end() :]
            self.requests.append(request[0])
            said += self._obey(request[1][0], request[3][: request[2][0]])
        return said

    def _obey(self, command: int, parameters: bytes) -> list[bytes]:
        if command == 0x03:
            return [self._frame(0x01, 0x03, parameters + NAME)]
        if command == 0x27:
            self._polls = min(int.from_bytes(parameters[1:3], "big"), self._polls_max)
            return []
        if command == 0x28:
            self._polls = 0
            return [self._frame(0x01, 0x28, b"\x00")]
        return [self._frame(0x01, 0xFF, b"\x17")]

    def look(self) -> list[bytes]:
        if not self._polls:
            return []
        self._polls -= 1
        seen = [
            self._frame(0x02, 0x22, bytes([echo.rssi & 0xFF]) + backscatter(echo.epc))
            for echo in self._tags.echoes()
        ]
        return seen or [self._frame(0x01, 0xFF, b"\x15")]

    def _frame(self, kind: int, command: int, parameters: bytes) -> bytes:
        body = bytes([kind, command, 0, len(parameters)]) + parameters
        return bytes([self._head, *body, sum(body) % 256, _END[self._head]])

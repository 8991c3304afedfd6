"""A ThingMagic M6E Nano: see `sim`. Frames are built as the recorded ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from drivers.rfid.sim import Echo, Field, SimulatedReader, backscatter

VERSION: Final = bytes.fromhex("1412080030000002201503100103014700000010")
_ALIVE_ROUNDS: Final = 50  # one second
_SETTINGS: Final = frozenset({0x91, 0x92, 0x93, 0x97, 0x9A})
_REGIONS: Final = bytes.fromhex("0D04050608090B0CFF")


def crc(data: bytes) -> bytes:
    """The rest of FFFFh and the data, as one long polynomial, divided by x16 + x12 + x5 + 1."""
    rest = int.from_bytes(b"\xff\xff" + data, "big")
    while rest.bit_length() > 16:
        rest ^= 0x11021 << rest.bit_length() - 17
    return rest.to_bytes(2, "big")


class SimulatedThingMagic(SimulatedReader):
    """It reads nothing before it was given a region that it has."""

    def __init__(self, tags: Field, *, link: Path | None = None) -> None:
        super().__init__(tags, link=link)
        self.settings: dict[int, bytes] = {}
        self._reading = False
        self._rounds = 0
        self._pending = b""

    def hear(self, data: bytes) -> list[bytes]:
        self._pending += data
        said: list[bytes] = []
        while len(self._pending) > 1 and len(self._pending) >= self._pending[1] + 5:
            length = self._pending[1] + 5
            request, self._pending = self._pending[:length], self._pending[length:]
            if crc(request[1:-2]) == request[-2:]:
                self.requests.append(request)
                said.append(self._obey(request[2], request[3:-2]))
        return said

    def _obey(self, command: int, data: bytes) -> bytes:
        if command == 0x03:
            return self._frame(command, VERSION)
        if command == 0x97 and data not in [bytes([region]) for region in _REGIONS]:
            return self._frame(command, b"", status=0x0105)
        if command in _SETTINGS:
            self.settings[command] = data
            return self._frame(command, b"")
        if command == 0x2F and data[2] == 0x02:
            self._reading = False
            return self._frame(command, b"\x02")
        if command == 0x2F and 0x97 in self.settings:
            self._reading = True
            return self._frame(command, data[2:4] + b"\x00\x00")
        return self._frame(command, b"", status=0x0101)

    def look(self) -> list[bytes]:
        if not self._reading:
            return []
        self._rounds += 1
        ports = self.settings[0x91][1::2]
        seen = [self._sighting(e) for e in self._tags.echoes() if e.antenna in ports]
        if self._rounds % _ALIVE_ROUNDS:
            return seen
        return [*seen, self._frame(0x22, b"", status=0x0400)]

    def _sighting(self, echo: Echo) -> bytes:
        heard = backscatter(echo.epc)
        said = (
            bytes.fromhex("10001B01FF01")
            + bytes([1, echo.rssi & 0xFF, echo.antenna << 4 | echo.antenna])
            + bytes.fromhex("0E06A0 00000162 0000 05 0000 0F")
            + (8 * len(heard)).to_bytes(2, "big")
            + heard
        )
        return self._frame(0x22, said)

    @staticmethod
    def _frame(command: int, data: bytes, *, status: int = 0) -> bytes:
        body = bytes([len(data), command]) + status.to_bytes(2, "big") + data
        return b"\xff" + body + crc(body)

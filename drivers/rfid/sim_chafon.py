"""A Chafon reader of the UHFReader288 or UHFReader18 family: see `sim`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from drivers.rfid.sim import Echo, Field, SimulatedReader

_TYPE: Final = {"288": 0x0C, "18": 0x09}
_TAGS_PER_FRAME: Final = 8


def crc(data: bytes) -> bytes:
    """As the manual's C example does it: preset FFFFh, polynomial 8408h, low byte sent first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0x8408 if value & 1 else value >> 1
    return bytes([value & 0xFF, value >> 8])


class SimulatedChafon(SimulatedReader):
    """`real_time`: reports each sighting unasked, in place of answering inventories."""

    def __init__(
        self, tags: Field, *, series: str = "288", real_time: bool = False, link: Path | None = None
    ) -> None:
        super().__init__(tags, link=link)
        self._series = series
        self._real_time = real_time
        self._rounds: list[int] = []  # antennas of the inventories that are being carried out
        self._pending = b""

    def hear(self, data: bytes) -> list[bytes]:
        self._pending += data
        said: list[bytes] = []
        while self._pending and len(self._pending) > self._pending[0]:
            length = self._pending[0] + 1
            request, self._pending = self._pending[:length], self._pending[length:]
            if crc(request[:-2]) == request[-2:]:
                self.requests.append(request)
                said += self._obey(request[2], request[3:-2])
        return said

    def _obey(self, command: int, data: bytes) -> list[bytes]:
        if command == 0x21:
            kind = _TYPE[self._series]
            return [self._frame(0x21, 0x00, bytes([3, 8, kind, 2, 0x4E, 0, 26, 10]))]
        if command == 0x01 and not self._real_time:
            if self._series == "288" and len(data) != 9:
                return [self._frame(0x01, 0xFF, b"")]
            self._rounds.append(data[7] - 0x7F if self._series == "288" else 1)
            return []
        return [self._frame(command, 0xFE, b"")]

    def look(self) -> list[bytes]:
        echoes = self._tags.echoes()
        if self._real_time:
            return [self._frame(0xEE, 0x00, self._tag(echo)) for echo in echoes] or [
                self._frame(0xEE, 0x28, bytes(16))
            ]
        rounds, self._rounds = self._rounds, []
        return [frame for antenna in rounds for frame in self._round(antenna, echoes)]

    def _round(self, antenna: int, echoes: list[Echo]) -> list[bytes]:
        heard = [echo for echo in echoes if echo.antenna == antenna]
        if not heard:
            return [self._frame(0x01, 0xFB, b"")]
        groups = [heard[n : n + _TAGS_PER_FRAME] for n in range(0, len(heard), _TAGS_PER_FRAME)]
        frames = [self._frame(0x01, 0x03, self._group(antenna, group)) for group in groups]
        last = self._group(antenna, groups[-1])
        return [*frames[:-1], self._frame(0x01, 0x01, last)]

    def _group(self, antenna: int, group: list[Echo]) -> bytes:
        if self._series == "18":
            return bytes([len(group)]) + b"".join(
                bytes([len(echo.epc)]) + echo.epc for echo in group
            )
        head = bytes([1 << antenna - 1, len(group)])
        return head + b"".join(self._tag(echo)[1:] for echo in group)

    @staticmethod
    def _tag(echo: Echo) -> bytes:
        """Antenna, length, EPC and a step of strength: 120 above the dBm of the field."""
        return bytes([1 << echo.antenna - 1, len(echo.epc), *echo.epc, echo.rssi + 120])

    @staticmethod
    def _frame(command: int, status: int, data: bytes) -> bytes:
        whole = bytes([len(data) + 5, 0x00, command, status]) + data
        return whole + crc(whole)

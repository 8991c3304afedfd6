"""Fixed readers on the network that speak LLRP: Impinj Speedway and R700, Zebra FX, and others.

An own small codec instead of a library: those on the package index are built on asyncio (llrpkit)
or a network thread of their own, or may not be linked (sllurp, GPL); a lane needs ten messages.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar

from drivers.base import Identity, option
from drivers.rfid import codec_llrp
from drivers.rfid.conversation import Conversation
from drivers.rfid.options import MOST_ANTENNAS, AntennaOptions
from drivers.rfid.port_tcp import TcpPort
from drivers.rfid.reader import RfidReader


@dataclass(frozen=True, slots=True, kw_only=True)
class LlrpOptions(AntennaOptions):
    host: str = option(MISSING, "the reader's host name or IP address")
    port: int = option(codec_llrp.PORT, "its LLRP port", low=1, high=65_535)
    antennas: tuple[int, ...] = option(
        (), "antennas to read with; none: all", low=1, high=MOST_ANTENNAS
    )
    answer_ms: int = option(
        3_000,
        "without an answer for so long, the reader is lost",
        unit="ms",
        low=500,
        high=30_000,
    )


class LlrpReader(RfidReader[LlrpOptions]):
    """Its power, mode and region stay as they were set in the reader itself."""

    Options: ClassVar[type] = LlrpOptions

    def _port_to(self) -> TcpPort:
        return TcpPort(self._options.host, self._options.port, self._options.answer_ms)

    def _probing(self) -> Conversation:
        return codec_llrp.probing(self._options.answer_ms)

    def _reading(self) -> Conversation:
        return codec_llrp.reading(self._options.answer_ms, antennas=self._options.antennas)

    def _farewell(self) -> bytes:
        return codec_llrp.FAREWELL

    def _identity(self, product: str) -> Identity:
        maker, _, rest = product.partition(" ")
        return Identity(maker, rest, "", self._port.path)

"""UHF readers on a serial line or a USB adapter: MagicRF M100 and kin, Chafon, ThingMagic."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import ClassVar, TypeVar

from drivers.base import DeviceMisconfigured, Identity, option
from drivers.line.port_serial import LineSettings, SerialPort, identity
from drivers.rfid import codec_chafon, codec_m100, codec_thingmagic
from drivers.rfid.conversation import Conversation
from drivers.rfid.options import AntennaOptions, PresenceOptions
from drivers.rfid.reader import RfidReader

_BAUDS = (9_600, 19_200, 38_400, 57_600, 115_200)
_ONLY_288 = ("series", ("288",))  #: series 18 tells neither a tag's antenna nor its strength


@dataclass(frozen=True, slots=True, kw_only=True)
class M100Options(PresenceOptions):
    path: str = option(
        MISSING, "the reader's serial line, best by its name under /dev/serial/by-id/"
    )
    baud: int = option(115_200, "line speed that the reader is set to", unit="baud", choices=_BAUDS)
    framing: str = option(
        "auto",
        "how frames begin: BB (and end 7E), AA (and end DD), or whichever it answers",
        choices=tuple(codec_m100.FRAMINGS),
    )
    answer_ms: int = option(
        500,
        "without an answer for this long, a question is asked again",
        unit="ms",
        low=100,
        high=5_000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChafonOptions(AntennaOptions):
    path: str = option(
        MISSING, "the reader's serial line, best by its name under /dev/serial/by-id/"
    )
    baud: int = option(57_600, "line speed that the reader is set to", unit="baud", choices=_BAUDS)
    series: str = option(
        "288",
        "family that it belongs to: UHFReader288 or 18",
        choices=codec_chafon.SERIES,
    )
    mode: str = option(
        "ask",
        "ask: the lane asks for each round (answer mode); listen: it reports (real-time mode, 288)",
        choices=codec_chafon.MODES,
        only_if=_ONLY_288,
    )
    address: int = option(
        codec_chafon.BROADCAST, "its address on the line; 255: whichever it has", low=0, high=255
    )
    antennas: tuple[int, ...] = option(
        (1,),
        "antennas in use (288): to read with in turn (ask), or as set in the reader (listen)",
        low=1,
        high=4,
        least=1,
        only_if=_ONLY_288,
    )
    scan_ms: int = option(
        300, "longest time of a round (288, ask)", unit="ms", low=300, high=25_500
    )
    silence_ms: int = option(
        2_000,
        "silent for so long, it is asked its name (listen)",
        unit="ms",
        low=500,
        high=60_000,
    )
    answer_ms: int = option(
        500,
        "without an answer for this long, a question is asked again",
        unit="ms",
        low=100,
        high=30_000,
    )
    rssi_min: int = option(
        0,
        "sightings weaker than this do not count, in the reader's own steps",
        low=0,
        high=255,
        only_if=_ONLY_288,
    )
    rssi_min_by_antenna: tuple[int, ...] = option(
        (),
        "the same for each antenna, antenna 1 first; rssi_min holds for the rest",
        low=0,
        high=255,
        only_if=_ONLY_288,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingMagicOptions(AntennaOptions):
    path: str = option(
        MISSING, "the reader's serial line, best by its name under /dev/serial/by-id/"
    )
    region: str = option(
        MISSING,
        "where the lane is: what frequencies and power are lawful",
        choices=tuple(codec_thingmagic.REGIONS),
    )
    baud: int = option(115_200, "line speed that the reader is set to", unit="baud", choices=_BAUDS)
    antennas: tuple[int, ...] = option((1,), "antennas to read with", low=1, high=4, least=1)
    power_cdbm: int = option(
        0, "transmit power; 0: as the module has it", unit="0.01 dBm", low=0, high=3_150
    )
    answer_ms: int = option(
        2_000,
        "without an answer for this long, a question is asked again",
        unit="ms",
        low=1_000,
        high=10_000,
    )


SerialT = TypeVar("SerialT", M100Options, ChafonOptions, ThingMagicOptions)


class SerialReader(RfidReader[SerialT]):
    def _port_to(self) -> SerialPort:
        return SerialPort(self._options.path, LineSettings(self._options.baud))

    def _identity(self, product: str) -> Identity:
        adapter = identity(self._port.path)
        return Identity(
            adapter.vendor, f"{product} {adapter.product}".strip(), adapter.serial, adapter.path
        )


class M100Reader(SerialReader[M100Options]):
    """MagicRF M100 and QM100, R200, YRM100, and the boards with them. Region and power stay."""

    Options: ClassVar[type] = M100Options

    def _probing(self) -> Conversation:
        return codec_m100.probing(self._options.framing, self._options.answer_ms)

    def _reading(self) -> Conversation:
        return codec_m100.reading(self._options.framing, self._options.answer_ms)

    def _farewell(self) -> bytes:
        return codec_m100.farewell(self._options.framing)


class ChafonReader(SerialReader[ChafonOptions]):
    """Readers that speak as UHFReader18 or UHFReader288. Their settings stay as they are."""

    Options: ClassVar[type] = ChafonOptions

    def open(self) -> None:
        if self._options.mode == "listen" and self._options.series != "288":
            raise DeviceMisconfigured("mode = listen is for series 288 alone")
        _check_antennas(self._options.antennas)
        super().open()

    def _probing(self) -> Conversation:
        o = self._options
        return codec_chafon.probing(o.series, o.address, o.answer_ms)

    def _reading(self) -> Conversation:
        o = self._options
        if o.mode == "listen":
            return codec_chafon.listening(o.address, o.answer_ms, silence_ms=o.silence_ms)
        return codec_chafon.asking(
            o.series, o.address, o.answer_ms, antennas=o.antennas, scan_ms=o.scan_ms
        )

    def _farewell(self) -> bytes:
        return b""  # it is off between two rounds


class ThingMagicReader(SerialReader[ThingMagicOptions]):
    """M6E, M6E Micro and M6E Nano, and boards with them. Set up anew at each start."""

    Options: ClassVar[type] = ThingMagicOptions

    def open(self) -> None:
        _check_antennas(self._options.antennas)
        super().open()

    def _probing(self) -> Conversation:
        return codec_thingmagic.probing(self._options.answer_ms)

    def _reading(self) -> Conversation:
        o = self._options
        return codec_thingmagic.reading(
            o.answer_ms, region=o.region, antennas=o.antennas, power_cdbm=o.power_cdbm
        )

    def _farewell(self) -> bytes:
        return codec_thingmagic.FAREWELL


def _check_antennas(antennas: tuple[int, ...]) -> None:
    if not antennas or not set(antennas) <= {1, 2, 3, 4}:
        raise DeviceMisconfigured(f"antennas: {list(antennas)} are not some of 1, 2, 3, 4")

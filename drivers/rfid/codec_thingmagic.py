"""ThingMagic (JADAK) M6E modules: continuous reading of Gen2 tags. No I/O, no clock.

Source: logs of the maker's own Universal Reader Assistant with an M6E Nano, and the library that
explains them (SparkFun Simultaneous RFID Tag Reader Library); see tests/captures/rfid/README.md.

    FF length command data CRC(2)                          length counts the data alone
    FF length command status(2) data CRC(2)                the answer

    03            version -> boot loader(4) hardware(4) date(4) firmware(4) protocols(4)
    97 region     92 power(2), cdBm     93 0005 Gen2     91 02 tx rx … antennas
    9A 010C00     report a tag each time that it is seen
    2F 0000 02    stop -> 02
    2F 0000 01 …  read on and on -> 01 …, then a frame 22 for each sighting, and one each second
                  with status 0400 that says that it is alive
"""

from __future__ import annotations

from typing import Final

from drivers.base import ProtocolError
from drivers.rfid.codec_gen2 import epc_of
from drivers.rfid.conversation import Conversation, Frames, Said, Sighting, Step

_HEAD = 0xFF
_AROUND_BYTES = 7
_VERSION, _CONTINUOUS, _TAG = 0x03, 0x2F, 0x22
_ANTENNAS, _POWER, _PROTOCOL, _REGION, _OPTION = 0x91, 0x92, 0x93, 0x97, 0x9A
_KNOWN: Final = frozenset(
    {_VERSION, _CONTINUOUS, _TAG, _ANTENNAS, _POWER, _PROTOCOL, _REGION, _OPTION}
)
_VERSION_BYTES_MIN = 16

#: Where the module may be switched on: it has no region of its own and radiates nothing without.
REGIONS: Final = {
    "in": 0x04,
    "jp": 0x05,
    "cn": 0x06,
    "eu": 0x08,
    "kr": 0x09,
    "au": 0x0B,
    "nz": 0x0C,
    "us": 0x0D,
}

_GEN2: Final = b"\x00\x05"
_NO_FILTER: Final = b"\x01\x0c\x00"
_STOP: Final = b"\x00\x00\x02"
#: Gen2; stream each tag with all metadata (01FF); 1000 ms between two signs of life.
_START: Final = bytes.fromhex("0000 01 22 0000 05 07 22 10 001B 03E8 01FF")
_STREAM: Final = bytes.fromhex("10 001B 01FF 01")  # how each sighting then begins
#: Metadata of a sighting, in order: name and bytes.
_COUNT, _RSSI, _ANTENNA, _FREQUENCY, _TIME, _PHASE, _PROTOCOL_ID = 1, 1, 1, 3, 4, 2, 1
_BEFORE_DATA: Final = _COUNT + _RSSI + _ANTENNA + _FREQUENCY + _TIME + _PHASE + _PROTOCOL_ID
_BITS_BYTES, _PINS_BYTES = 2, 1
_OK = 0

SILENCE_MS: Final = 3_000  #: three signs of life that did not come


def crc16(data: bytes) -> int:
    """The maker's own: polynomial 1021h, bits pushed in at the low end, begun with FFFFh."""
    crc = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            pushed_out = crc & 0x8000
            crc = (crc << 1 | byte >> bit & 1) & 0xFFFF
            crc ^= 0x1021 if pushed_out else 0
    return crc


def frame(command: int, data: bytes) -> bytes:
    body = bytes([len(data), command]) + data
    return bytes([_HEAD]) + body + crc16(body).to_bytes(2, "big")


def measure(buffer: bytes) -> int:
    """Bytes of the frame that `buffer` begins with: see `conversation.Measure`."""
    if buffer[0] != _HEAD or (len(buffer) > 2 and buffer[2] not in _KNOWN):
        return 0
    return buffer[1] + _AROUND_BYTES if len(buffer) > 1 else 2


def read(whole: bytes) -> Said:
    """What one frame from the module means. Raises ProtocolError."""
    if crc16(whole[1:-2]) != int.from_bytes(whole[-2:], "big"):
        raise ProtocolError(f"wrong CRC: {whole.hex(' ')}")
    command, status, data = whole[2], int.from_bytes(whole[3:5], "big"), whole[5:-2]
    if command == _TAG:  # without a tag: a sign of life, or the module's temperature
        return Said(sightings=(_sighting(data),) if data[:6] == _STREAM else ())
    if status != _OK:
        return Said(refused=f"the module refuses command {command:02X}: status {status:04X}")
    if command == _VERSION:
        return Said(answers=command, product=_product(data))
    return Said(answers=_started_or_stopped(data) if command == _CONTINUOUS else command)


def _started_or_stopped(data: bytes) -> int:
    return _CONTINUOUS << 8 | data[0] if data else _CONTINUOUS


def _product(data: bytes) -> str:
    if len(data) < _VERSION_BYTES_MIN:
        raise ProtocolError(f"too short a version: {data.hex(' ')}")
    return f"M6E hardware {data[4:8].hex('.')} firmware {data[12:16].hex('.')}"


def _sighting(data: bytes) -> Sighting:
    """`data`: how it begins, metadata, embedded data (none is asked for), pins, PC, EPC, CRC."""
    metadata = data[len(_STREAM) :]
    at = _BEFORE_DATA
    at += _BITS_BYTES + -(-int.from_bytes(metadata[at : at + _BITS_BYTES], "big") // 8)
    at += _PINS_BYTES
    bits, tag = metadata[at : at + _BITS_BYTES], metadata[at + _BITS_BYTES :]
    if not bits or int.from_bytes(bits, "big") != 8 * len(tag):
        raise ProtocolError(f"a sighting of another length: {data.hex(' ')}")
    rssi = int.from_bytes(metadata[_COUNT : _COUNT + _RSSI], "big", signed=True)
    return Sighting(epc_of(tag), antenna=metadata[_COUNT + _RSSI] >> 4, strength=rssi)


def _step(what: str, command: int, data: bytes, *, required: bool = True) -> Step:
    return Step(what, (frame(command, data),), command, required)


def _continuous(what: str, data: bytes, *, required: bool) -> Step:
    answer = _CONTINUOUS << 8 | data[2]
    return Step(what, (frame(_CONTINUOUS, data),), answer, required)


FAREWELL: Final = frame(_CONTINUOUS, _STOP)  #: switches the radio off
_WHO: Final = _step("version", _VERSION, b"")


def probing(answer_ms: int) -> Conversation:
    return _conversation((_WHO,), answer_ms)


def reading(
    answer_ms: int, *, region: str, antennas: tuple[int, ...], power_cdbm: int
) -> Conversation:
    """Stop what another may have begun, set the module up, then read without end.

    power_cdbm: hundredths of dBm; 0 leaves the module's own.
    """
    ports = bytes(port for antenna in antennas for port in (antenna, antenna))
    power = _step("power", _POWER, power_cdbm.to_bytes(2, "big"))
    steps = (
        _continuous("stop", _STOP, required=False),
        _WHO,
        _step("region", _REGION, bytes([REGIONS[region]])),
        _step("protocol", _PROTOCOL, _GEN2),
        _step("antennas", _ANTENNAS, b"\x02" + ports),
        *([power] if power_cdbm else []),
        _step("filter", _OPTION, _NO_FILTER),
        _continuous("reading", _START, required=True),
    )
    return _conversation(steps, answer_ms)


def _conversation(steps: tuple[Step, ...], answer_ms: int) -> Conversation:
    return Conversation(
        steps, Frames(measure, read), answer_ms=answer_ms, tries=3, silence_ms=SILENCE_MS
    )

"""UHF readers of the UHFReader18 and UHFReader288 families (Chafon and others). No I/O, no clock.

Source: SID, UHF RFID Reader UR-Series User's Manual v1.14, chapters 8.2.1, 8.4 and page 72;
UHFReader18 User's Manual V2.0, by way of PyPI uhfreader18 0.6.0; PyPI wabson.chafon-rfid 1.0.0,
whose tests hold frames of both families (tests/captures/rfid/README.md).

    length address command data CRC(2, low byte first)             length counts all but itself
    length address command status data CRC                         the answer

    21  reader information -> version(2) type protocols …
    01  inventory -> family 18:  number, then for each tag: bytes, EPC
                     family 288: antenna bit, number, then for each tag: bytes, EPC, RSSI
        status 01, 02, 04, FB (no tag), F8 (antenna missing): the round is over; 03: more follows
    EE  (288, real-time mode) antenna bit, bytes, EPC, RSSI: sent unasked; status 28: a heartbeat

What an RSSI step means is written nowhere: it orders sightings and is never called dBm.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from drivers.base import ProtocolError
from drivers.rfid.conversation import Conversation, Frames, Said, Sighting, Step

SERIES: Final = ("288", "18")
MODES: Final = ("ask", "listen")

_INVENTORY, _INFO, _PUSH = 0x01, 0x21, 0xEE
_KNOWN: Final = frozenset({_INVENTORY, _INFO, _PUSH})
BROADCAST: Final = 0xFF  #: the address that every reader answers to
#: PyPI wabson.chafon-rfid: RRU9803M, as documented and as met; UHFReader18. All others are as 288.
_TYPES_18: Final = frozenset({0x03, 0x08, 0x09})
_INFO_BYTES_MIN = 3

_DONE, _TIMED_OUT, _MORE, _FULL, _NO_TAG, _NO_ANTENNA = 0x01, 0x02, 0x03, 0x04, 0xFB, 0xF8
_ROUND_ENDS: Final = frozenset({_DONE, _TIMED_OUT, _FULL, _NO_TAG, _NO_ANTENNA})
_REFUSALS: Final = {
    0xF9: "the command cannot be carried out",
    0xFD: "wrong length of the command",
    0xFE: "unknown command, or its CRC is wrong",
    0xFF: "wrong parameter",
}

_AROUND_BYTES, _LENGTH_MIN = 6, 5
_HAS_TID = 0x80  # of a tag's length byte: 12 bytes of TID follow the EPC
_TID_BYTES = 12

#: Q = 4: some 16 tags at once; session 0; no mask; inventory flag A.
_Q, _SESSION, _NO_MASK, _TARGET = b"\x04", b"\x00", b"\x01\x00\x00\x00", b"\x00"
_ANTENNA_1 = 0x80
_SCAN_STEP_MS: Final = 100


def crc16(data: bytes) -> int:
    """Polynomial 8408h, least significant bit first, begun with FFFFh, not inverted."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc


def frame(address: int, body: bytes) -> bytes:
    whole = bytes([len(body) + 3, address]) + body
    return whole + crc16(whole).to_bytes(2, "little")


def measure(buffer: bytes) -> int:
    """Bytes of the frame that `buffer` begins with: see `conversation.Measure`."""
    if buffer[0] < _LENGTH_MIN or (len(buffer) > 2 and buffer[2] not in _KNOWN):
        return 0
    return buffer[0] + 1


def read(whole: bytes, *, series: str) -> Said:
    """What one frame from a reader of one of SERIES means. Raises ProtocolError."""
    if crc16(whole[:-2]) != int.from_bytes(whole[-2:], "little"):
        raise ProtocolError(f"wrong CRC: {whole.hex(' ')}")
    command, status, data = whole[2], whole[3], whole[4:-2]
    if status in _REFUSALS:
        return Said(refused=f"the reader refuses command {command:02X}: {_REFUSALS[status]}")
    if command == _INFO:
        return _information(data, series)
    if command == _PUSH:
        return Said(sightings=_pushed(data) if status == 0 else ())
    return Said(
        answers=_INVENTORY if status in _ROUND_ENDS else None,
        sightings=_tags(data, series) if status in (_DONE, _TIMED_OUT, _MORE, _FULL) else (),
    )


def _information(data: bytes, series: str) -> Said:
    if len(data) < _INFO_BYTES_MIN:
        raise ProtocolError(f"too little reader information: {data.hex(' ')}")
    true_series = "18" if data[2] in _TYPES_18 else "288"
    if true_series != series:
        return Said(refused=f"the reader's type {data[2]:02X} is of series {true_series}")
    product = f"UHFReader{series} type {data[2]:02X} firmware {data[0]}.{data[1]}"
    return Said(answers=_INFO, product=product)


def _pushed(data: bytes) -> tuple[Sighting, ...]:
    return _tags(data[:1] + b"\x01" + data[1:], "288")


def _tags(data: bytes, series: str) -> tuple[Sighting, ...]:
    if not data:
        return ()
    head, tail = (2, 1) if series == "288" else (1, 0)
    antenna = data[0].bit_length() if series == "288" else 0
    number, rest = sum(data[head - 1 : head]), data[head:]
    sightings = []
    for _ in range(number):
        said, length = rest[:1], sum(rest[:1]) & ~_HAS_TID
        tag, rest = rest[1 : 1 + length + tail], rest[1 + length + tail :]
        epc_bytes = length - (_TID_BYTES if sum(said) & _HAS_TID else 0)
        if epc_bytes <= 0 or len(tag) != length + tail:
            raise ProtocolError(f"an inventory with a tag cut short: {data.hex(' ')}")
        strength = tag[-1] if tail else None
        sightings.append(Sighting(tag[:epc_bytes], antenna, strength, in_dbm=False))
    if rest:
        raise ProtocolError(f"an inventory that is too long: {data.hex(' ')}")
    return tuple(sightings)


def _inventory(series: str, antenna: int, scan_ms: int) -> bytes:
    if series == "18":
        return bytes([_INVENTORY])
    where = bytes([_ANTENNA_1 + antenna - 1, scan_ms // _SCAN_STEP_MS])
    return bytes([_INVENTORY]) + _Q + _SESSION + _NO_MASK + _TARGET + where


def _information_step(address: int) -> Step:
    return Step("reader information", (frame(address, bytes([_INFO])),), _INFO)


def probing(series: str, address: int, answer_ms: int) -> Conversation:
    return _conversation((_information_step(address),), series, answer_ms)


def asking(
    series: str, address: int, answer_ms: int, *, antennas: tuple[int, ...], scan_ms: int
) -> Conversation:
    """Rounds of inventory without end, one antenna after the other."""
    rounds = tuple(
        Step("inventory", (frame(address, _inventory(series, antenna, scan_ms)),), _INVENTORY)
        for antenna in antennas
    )
    steps = (_information_step(address), *rounds)
    return _conversation(steps, series, answer_ms + scan_ms, again_at=1)


def listening(address: int, answer_ms: int, *, silence_ms: int) -> Conversation:
    """A reader in real-time mode reports by itself; it is asked its name when it is silent."""
    return _conversation((_information_step(address),), "288", answer_ms, silence_ms=silence_ms)


def _conversation(
    steps: tuple[Step, ...], series: str, answer_ms: int, *, again_at: int = 0, silence_ms: int = 0
) -> Conversation:
    return Conversation(
        steps,
        Frames(measure, partial(read, series=series)),
        answer_ms=answer_ms,
        tries=3,
        silence_ms=silence_ms,
        again_at=again_at,
    )

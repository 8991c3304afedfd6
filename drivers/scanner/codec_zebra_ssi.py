"""Zebra's Simple Serial Interface: labels in packets that the host must acknowledge.

    length  opcode  source  status  data…  checksum (2, high byte first)

`length` counts all but the checksum; the checksum is the two's complement of the sum of all bytes
before it. Source 0 is the scanner, 4 the host. Status bit 0: this packet was sent before; bit 1:
more of the same label follows. A label is DECODE_DATA: one byte of bar code type, then the data.

The scanner sends a packet again, marked so, when no answer came in time, twice at most. Then it
must be told from a second scan of the same article: it is the same packet only if it is marked,
equals the last one taken, came within that time, and nothing broken came between.

Sources: Symbol SE955 Integration Guide, chapter 10 (packets, ACK and NAK, retries); SE923 guide §6
(checksum, status bits); Zebra Scanner SDK for Windows, CsSymbologies (bar code types; those of the
CS3000 reference, appendix B, are the same); Symbol MK1000 reference, table 5-8 (beep codes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from drivers.base import DeviceEvent, ProtocolError
from drivers.scanner.labels import LABEL_BYTES_MAX, scan_of

DECODE_DATA, EVENT, PARAM_SEND = 0xF3, 0xF6, 0xC6
CMD_ACK, CMD_NAK, BEEP = 0xD0, 0xD1, 0xE6
FROM_SCANNER, FROM_HOST = 0, 4
RETRANSMITTED, CONTINUED = 0x01, 0x02
RESEND, DENIED = 1, 6  #: reasons of a NAK

_HEADER_BYTES, _CHECKSUM_BYTES = 4, 2

#: One short high tone, two short low ones.
BEEP_CODES: Final = {"good": 0x00, "bad": 0x06}

#: AIM identifier of a bar code type. Types left out have none that tells more than the data does.
SYMBOLOGIES: Final[dict[int, str]] = {
    0x01: "]A0",  # Code 39
    0x02: "]F0",  # Codabar
    0x03: "]C0",  # Code 128
    0x06: "]I0",  # Interleaved 2 of 5
    0x07: "]G0",  # Code 93
    0x08: "]E0",  # UPC-A
    0x09: "]E0",  # UPC-E
    0x0A: "]E4",  # EAN-8
    0x0B: "]E0",  # EAN-13
    0x0F: "]C1",  # GS1-128
    0x11: "]L0",  # PDF417
    0x16: "]X0",  # Bookland
    0x1B: "]d1",  # Data Matrix
    0x1C: "]Q1",  # QR code
    0x2D: "]z0",  # Aztec
    0x30: "]e0",  # GS1 DataBar
    0x31: "]e0",  # GS1 DataBar Limited
    0x32: "]e0",  # GS1 DataBar Expanded
    0x48: "]E3",  # UPC-A with a supplement of two digits
    0x4B: "]E3",  # EAN-13 with a supplement of two digits
    0x88: "]E3",  # UPC-A with a supplement of five digits
    0x8B: "]E3",  # EAN-13 with a supplement of five digits
    0xC1: "]d2",  # GS1 DataMatrix
    0xC2: "]Q3",  # GS1 QR code
}

_RETRIES = 2  #: how often a scanner repeats a packet that nobody answers


@dataclass(frozen=True, slots=True)
class Packet:
    opcode: int
    source: int
    status: int
    data: bytes


def encode(packet: Packet) -> bytes:
    """The bytes of a packet, checksum included. Raises ProtocolError if it is too long for one."""
    length = _HEADER_BYTES + len(packet.data)
    if length > 0xFF:
        raise ProtocolError(f"{length} bytes do not fit into an SSI packet")
    body = bytes([length, packet.opcode, packet.source, packet.status]) + packet.data
    return body + _checksum(body)


def decode(frame: bytes) -> Packet:
    """The packet in a whole frame. Raises ProtocolError."""
    body, checksum = frame[:-_CHECKSUM_BYTES], frame[-_CHECKSUM_BYTES:]
    if len(body) < _HEADER_BYTES or body[0] != len(body):
        raise ProtocolError(f"no SSI packet: {frame.hex(' ')}")
    if checksum != _checksum(body):
        raise ProtocolError(f"wrong checksum: {frame.hex(' ')}")
    return Packet(body[1], body[2], body[3], body[_HEADER_BYTES:])


def _checksum(body: bytes) -> bytes:
    return (-sum(body) & 0xFFFF).to_bytes(_CHECKSUM_BYTES, "big")


def _begins_with_packet(data: bytearray) -> bool:
    try:
        decode(bytes(data[: data[0] + _CHECKSUM_BYTES]))
    except ProtocolError:
        return False
    return True


ACK: Final = encode(Packet(CMD_ACK, FROM_HOST, 0, b""))
NAK_RESEND: Final = encode(Packet(CMD_NAK, FROM_HOST, 0, bytes([RESEND])))


class SsiDecoder:
    """One scanner's packets to `ScanData`, and the answers to them. Times are monotonic ns.

    A packet that has begun must go on within `gap_ms`, else it is given up and asked for again.
    `response_ms` is how long the scanner waits for an answer. Never raises.
    """

    def __init__(self, role: str, *, response_ms: int = 2_000, gap_ms: int = 100) -> None:
        self.protocol_errors = 0
        self._role = role
        self._again_ns = response_ms * (_RETRIES + 1) * 1_000_000
        self._gap_ns = gap_ms * 1_000_000
        self._buffer = bytearray()
        self._read_ns = 0
        self._due = b""
        self._taken: Packet | None = None  # the last label packet that was acknowledged
        self._taken_ns = 0
        self._broken_since = False  # whether anything else came since, that was no packet
        self._type: int | None = None  # of the label that is being continued
        self._label = bytearray()
        self._lossy = False

    def beep(self, tone: Literal["good", "bad"]) -> None:
        """Let the next `due` sound the beeper. The scanner's answer to it is not awaited."""
        code = bytes([BEEP_CODES[tone]])
        self._due += encode(Packet(BEEP, FROM_HOST, 0, code))

    def due(self, mono_ns: int) -> bytes:  # noqa: ARG002  the other scanners' questions have a time
        """What to send now."""
        due, self._due = self._due, b""
        return due

    def feed(self, data: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Take bytes that were read at `mono_ns`; return the labels that they complete."""
        self._buffer += data
        self._read_ns = mono_ns
        return self._read()

    def next_timeout(self) -> int | None:
        """When to call `flush` if nothing comes before."""
        if self._buffer:
            return self._read_ns + self._gap_ns
        return self._read_ns + self._again_ns if self._type is not None else None

    def flush(self, mono_ns: int) -> list[DeviceEvent]:
        """Give up what did not go on: a packet is asked for again, a label is lossy."""
        deadline_ns = self.next_timeout()
        if deadline_ns is None or mono_ns < deadline_ns:
            return []
        if self._buffer:
            self._refuse()
            return self._read()
        return self.disconnected()

    def disconnected(self) -> list[DeviceEvent]:
        """The scanner is gone: the label that it had begun, as lossy."""
        self._buffer.clear()
        self._lossy = True
        return self._end() if self._type is not None else []

    def _read(self) -> list[DeviceEvent]:
        events: list[DeviceEvent] = []
        while self._buffer:
            frame_bytes = self._buffer[0] + _CHECKSUM_BYTES
            if self._buffer[0] < _HEADER_BYTES:
                self._skip(1)
            elif len(self._buffer) < frame_bytes:
                break
            else:
                frame = bytes(self._buffer[:frame_bytes])
                try:
                    packet = decode(frame)
                except ProtocolError:
                    self._refuse()
                else:
                    del self._buffer[:frame_bytes]
                    events += self._hear(packet)
        return events

    def _skip(self, count: int) -> None:
        del self._buffer[:count]
        self._broken_since = True

    def _refuse(self) -> None:
        """Go on with the next whole packet; if there is none, ask for the broken one again."""
        self.protocol_errors += 1
        starts = range(1, len(self._buffer))
        start = next((n for n in starts if _begins_with_packet(self._buffer[n:])), None)
        if start is None:
            self._due += NAK_RESEND
        self._skip(start or len(self._buffer))

    def _hear(self, packet: Packet) -> list[DeviceEvent]:
        if packet.source != FROM_SCANNER or packet.opcode in (CMD_ACK, CMD_NAK):
            return []  # our own echo, or an answer: answers are not answered
        self._due += ACK
        if packet.opcode != DECODE_DATA or not packet.data:
            return []
        if self._is_taken(packet):
            return []
        self._taken = packet
        self._taken_ns = self._read_ns
        self._broken_since = False
        return self._take(packet)

    def _is_taken(self, packet: Packet) -> bool:
        """Whether this is the packet that was taken last, because our answer to it was lost."""
        return (
            bool(packet.status & RETRANSMITTED)
            and not self._broken_since
            and self._taken is not None
            and packet.data == self._taken.data
            and packet.status & CONTINUED == self._taken.status & CONTINUED
            and self._read_ns - self._taken_ns <= self._again_ns
        )

    def _take(self, packet: Packet) -> list[DeviceEvent]:
        kind, data = packet.data[0], packet.data[1:]
        if self._type is not None and kind != self._type:
            self._lossy = True  # the end of one label was lost, and another goes on
        if len(self._label) + len(data) > LABEL_BYTES_MAX:
            self._lossy, data = True, b""
        self._type = kind
        self._label += data
        return [] if packet.status & CONTINUED else self._end()

    def _end(self) -> list[DeviceEvent]:
        label, lossy = bytes(self._label), self._lossy
        symbology = SYMBOLOGIES.get(self._type or 0, "")
        self._label.clear()
        self._lossy, self._type = False, None
        return [scan_of(label, self._role, self._read_ns, symbology=symbology, lossy=lossy)]

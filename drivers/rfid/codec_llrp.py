"""LLRP 1.0.1: fixed readers on the network (Impinj, Zebra, …). No I/O, no clock.

Source: EPCglobal, Low Level Reader Protocol 1.0.1 (§16, §17 for the encodings); a report recorded
from a Bluebird reader (tests/captures/rfid/README.md); and a foreign emulator in tests/e2e.

    message:    reserved(3 bits) version(3) type(10) length(4 bytes, of all) id(4 bytes) parameters
    parameter:  reserved(6) type(10) length(2 bytes, of all) …     or   1 type(7) and a fixed length

The reader is told to report each sighting at once, with antenna and peak RSSI, and to show every
second that it is alive. Its power, mode and region stay as its owner has set them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from drivers.base import ProtocolError
from drivers.rfid.conversation import Conversation, Frames, Said, Sighting, Step

PORT: Final = 5084
_HEAD_BYTES, _VERSION = 10, 1
_MESSAGE_BYTES_MAX: Final = 1 << 20

# --- messages ---
_GET_CAPABILITIES, _CAPABILITIES = 1, 11
_SET_CONFIG, _CONFIG_SET = 3, 13
_CLOSE, _CLOSED = 14, 4
_ADD_ROSPEC, _ROSPEC_ADDED = 20, 30
_DELETE_ROSPEC, _ROSPEC_DELETED = 21, 31
_START_ROSPEC, _ROSPEC_STARTED = 22, 32
_ENABLE_ROSPEC, _ROSPEC_ENABLED = 24, 34
_REPORT, _KEEPALIVE, _EVENT, _KEEPALIVE_ACK, _ERROR = 61, 62, 63, 72, 100
_STATUS_SAYERS: Final = {
    _CAPABILITIES: "capabilities",
    _CONFIG_SET: "configuration",
    _CLOSED: "closing",
    _ROSPEC_ADDED: "adding what to read",
    _ROSPEC_DELETED: "deleting what was read before",
    _ROSPEC_STARTED: "starting to read",
    _ROSPEC_ENABLED: "enabling what to read",
    _ERROR: "a message",
}
_KNOWN: Final = frozenset({_REPORT, _KEEPALIVE, _EVENT, *_STATUS_SAYERS})

# --- parameters ---
_GENERAL, _ROSPEC, _BOUNDARY, _START_TRIGGER, _STOP_TRIGGER = 137, 177, 178, 179, 182
_AISPEC, _AISPEC_STOP, _INVENTORY, _KEEPALIVE_SPEC = 183, 184, 186, 220
_REPORT_SPEC, _REPORT_CONTENT, _TAG, _EPC, _EVENT_DATA = 237, 238, 240, 241, 246
_ATTEMPT, _CLOSING, _STATUS = 256, 257, 287
_STATUS_BYTES_MIN = 4  # code, and length of the description
_ANTENNA_TV, _RSSI_TV, _EPC_96_TV = 1, 6, 13
#: Bytes of the value of each parameter of fixed length (§17.2.7.3, §17.3.1.5).
_TV_BYTES: Final = {
    **dict.fromkeys((1, 7, 8, 10, 11, 12, 14, 15, 17, 19, 20), 2),
    **dict.fromkeys((9, 16, 18), 4),
    **dict.fromkeys((2, 3, 4, 5), 8),
    6: 1,
    13: 12,
}
_TV_BIT = 0x80
_TLV_HEAD_BYTES = 4

_ROSPEC_ID = 1
_ALL_ROSPECS = 0
_GEN2 = 1
_EACH_TAG = 1  # ROReportTrigger: N sightings or the end of the AISpec; N is 1
_ANTENNA_AND_RSSI = 0x1400  # of TagReportContentSelector, from the high bit: 4th and 6th
_GENERAL_CAPABILITIES = 1
KEEPALIVE_MS: Final = 1_000

#: ConnectionAttemptEvent, §17.2.7.2.3.
_ATTEMPT_FAILED: Final = {
    1: "another connection, that the reader opened, exists",
    2: "another client is connected",
    3: "the reader refuses the connection",
    4: "another client tried to connect",
}
_MAKERS: Final = {25882: "Impinj"}  #: IANA private enterprise numbers


def message(kind: int, body: bytes = b"", number: int = 0) -> bytes:
    head = (_VERSION << 10 | kind).to_bytes(2, "big")
    length = _HEAD_BYTES + len(body)
    return head + length.to_bytes(4, "big") + number.to_bytes(4, "big") + body


def tlv(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + (_TLV_HEAD_BYTES + len(value)).to_bytes(2, "big") + value


def measure(buffer: bytes) -> int:
    """Bytes of the message that `buffer` begins with: see `conversation.Measure`."""
    if len(buffer) < _HEAD_BYTES:
        return _HEAD_BYTES
    head, length = int.from_bytes(buffer[:2], "big"), int.from_bytes(buffer[2:6], "big")
    plausible = head >> 10 == _VERSION and _HEAD_BYTES <= length <= _MESSAGE_BYTES_MAX
    return length if plausible else 0


def read(whole: bytes) -> Said:
    """What one message from the reader means. Raises ProtocolError."""
    kind, number, body = _kind(whole), int.from_bytes(whole[6:10], "big"), whole[_HEAD_BYTES:]
    if kind == _REPORT:
        tags = [_sighting(value) for what, value in parameters(body) if what == _TAG]
        return Said(sightings=tuple(tags))
    if kind == _KEEPALIVE:
        return Said(reply=message(_KEEPALIVE_ACK, number=number))
    if kind == _EVENT:
        return _event(dict(parameters(body)).get(_EVENT_DATA, b""))
    if kind in _STATUS_SAYERS:
        return _answer(kind, dict(parameters(body)))
    return Said()


def _kind(whole: bytes) -> int:
    return int.from_bytes(whole[:2], "big") & 0x3FF


def parameters(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each parameter's type and value. Raises ProtocolError where the lengths do not fit."""
    at = 0
    while at < len(data):
        if data[at] & _TV_BIT:
            kind, head = data[at] & 0x7F, 1
            end = at + head + _TV_BYTES.get(kind, len(data))
        else:
            kind, head = int.from_bytes(data[at : at + 2], "big") & 0x3FF, _TLV_HEAD_BYTES
            end = at + int.from_bytes(data[at + 2 : at + 4], "big")
        if not at + head <= end <= len(data):
            raise ProtocolError(f"parameter {kind} does not fit: {data.hex(' ')}")
        yield kind, data[at + head : end]
        at = end


def _sighting(data: bytes) -> Sighting:
    said = dict(parameters(data))
    epc = said.get(_EPC_96_TV) or _epc_of_any_length(said.get(_EPC, b""))
    rssi = said.get(_RSSI_TV)
    return Sighting(
        epc,
        antenna=int.from_bytes(said.get(_ANTENNA_TV, b""), "big"),
        strength=None if rssi is None else int.from_bytes(rssi, "big", signed=True),
    )


def _epc_of_any_length(data: bytes) -> bytes:
    bits, epc = int.from_bytes(data[:2], "big"), data[2:]
    if not bits or len(epc) != -(-bits // 8):
        raise ProtocolError(f"a tag without an EPC: {data.hex(' ')}")
    return epc


def _event(data: bytes) -> Said:
    said = dict(parameters(data))
    if _CLOSING in said:
        return Said(refused="the reader closes the connection")
    if _ATTEMPT not in said:
        return Said()
    status = int.from_bytes(said[_ATTEMPT], "big")
    if status:
        return Said(refused=_ATTEMPT_FAILED.get(status, f"connection refused: {status}"))
    return Said(answers=_EVENT)


def _answer(kind: int, said: dict[int, bytes]) -> Said:
    status = said.get(_STATUS)
    if status is None or len(status) < _STATUS_BYTES_MIN:
        raise ProtocolError(f"message {kind} without a status")
    code = int.from_bytes(status[:2], "big")
    if code:
        words = status[4 : 4 + int.from_bytes(status[2:4], "big")].decode("utf-8", "replace")
        return Said(refused=f"the reader refuses {_STATUS_SAYERS[kind]}: {code} {words}".strip())
    return Said(answers=kind, product=_product(said.get(_GENERAL, b"")))


def _product(general: bytes) -> str:
    """GeneralDeviceCapabilities: antennas(2) flags(2) maker(4) model(4), length(2) firmware."""
    if not general:
        return ""
    maker, model = int.from_bytes(general[4:8], "big"), int.from_bytes(general[8:12], "big")
    firmware = general[14 : 14 + int.from_bytes(general[12:14], "big")].decode("utf-8", "replace")
    return f"{_MAKERS.get(maker, f'maker {maker}')} model {model} firmware {firmware}"


def _u(value: int, width: int) -> bytes:
    return value.to_bytes(width, "big")


def rospec(antennas: tuple[int, ...]) -> bytes:
    """Read Gen2 tags at `antennas` (all if empty) from START until STOP; report each sighting."""
    never_by_itself = _u(0, 1)
    boundary = tlv(_START_TRIGGER, never_by_itself) + tlv(_STOP_TRIGGER, never_by_itself + _u(0, 4))
    ports = antennas or (0,)
    reading = (
        _u(len(ports), 2)
        + b"".join(_u(port, 2) for port in ports)
        + tlv(_AISPEC_STOP, never_by_itself + _u(0, 4))
        + tlv(_INVENTORY, _u(1, 2) + _u(_GEN2, 1))
    )
    content = tlv(_REPORT_CONTENT, _u(_ANTENNA_AND_RSSI, 2))
    report = tlv(_REPORT_SPEC, _u(_EACH_TAG, 1) + _u(1, 2) + content)
    priority, disabled = _u(0, 1), _u(0, 1)
    head = _u(_ROSPEC_ID, 4) + priority + disabled
    return tlv(_ROSPEC, head + tlv(_BOUNDARY, boundary) + tlv(_AISPEC, reading) + report)


_GREETING: Final = Step("the connection", (b"",), _EVENT)

#: What ends reading and the connection: a reader keeps ROSpecs, and reads on, when we are gone.
FAREWELL: Final = message(_DELETE_ROSPEC, _u(_ROSPEC_ID, 4)) + message(_CLOSE)


def probing(answer_ms: int) -> Conversation:
    ask = message(_GET_CAPABILITIES, _u(_GENERAL_CAPABILITIES, 1))
    return _conversation((_GREETING, Step("capabilities", (ask,), _CAPABILITIES)), answer_ms)


def reading(answer_ms: int, *, antennas: tuple[int, ...]) -> Conversation:
    keep_settings = _u(0, 1)
    alive = tlv(_KEEPALIVE_SPEC, _u(1, 1) + _u(KEEPALIVE_MS, 4))
    ours = _u(_ROSPEC_ID, 4)
    requests = (
        (_SET_CONFIG, keep_settings + alive, _CONFIG_SET),
        (_DELETE_ROSPEC, _u(_ALL_ROSPECS, 4), _ROSPEC_DELETED),
        (_ADD_ROSPEC, rospec(antennas), _ROSPEC_ADDED),
        (_ENABLE_ROSPEC, ours, _ROSPEC_ENABLED),
        (_START_ROSPEC, ours, _ROSPEC_STARTED),
    )
    steps = tuple(
        Step(
            _STATUS_SAYERS[answer],
            (message(kind, body, number),),
            answer,
            required=kind != _DELETE_ROSPEC,  # some refuse to delete where there is nothing
        )
        for number, (kind, body, answer) in enumerate(requests, start=1)
    )
    return _conversation((_GREETING, *steps), answer_ms)


def _conversation(steps: tuple[Step, ...], answer_ms: int) -> Conversation:
    """TCP loses nothing: nothing is asked twice, and a pause inside a message means nothing."""
    return Conversation(
        steps,
        Frames(measure, read),
        answer_ms=answer_ms,
        tries=1,
        silence_ms=3 * KEEPALIVE_MS,
        again_at=1,
        pause_ms=0,
    )

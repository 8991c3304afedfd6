"""UHF modules with MagicRF's M100 or QM100, and the R200 and YRM100 that copy it. No I/O, no clock.

Source: MagicRF, M100 & QM100 Firmware Command Manual; frames recorded by users of both kinds of
firmware agree with it (tests/captures/rfid/README.md).

    BB type command length(2) parameters sum 7E      AA … DD in other firmware, all else the same
    type 00 request, 01 answer, 02 notice; sum of all from type to parameters, modulo 256

    03 00        module information -> 01 03: 00, then its name in ASCII
    28           stop -> 01 28: 00
    27 22 n(2)   poll n times -> for each tag a notice 02 22: RSSI, PC, EPC, CRC
                 and for each poll without a tag 01 FF: 15

The sum alone would let one broken frame in 256 pass: the tag's own CRC is checked as well.
"""

from __future__ import annotations

from typing import Final

from drivers.base import ProtocolError
from drivers.rfid.codec_gen2 import epc_of
from drivers.rfid.conversation import Conversation, Frames, Said, Sighting, Step

#: First byte of a frame, and its last one.
_ENDS: Final = {0xBB: 0x7E, 0xAA: 0xDD}
FRAMINGS: Final[dict[str, tuple[int, ...]]] = {"auto": (0xBB, 0xAA), "bb": (0xBB,), "aa": (0xAA,)}

_REQUEST, _ANSWER, _NOTICE = 0x00, 0x01, 0x02
_MODULE_INFO, _POLL_ONE, _POLL_MANY, _STOP, _ERROR = 0x03, 0x22, 0x27, 0x28, 0xFF
_HEAD_BYTES, _AROUND_BYTES = 5, 7
#: The longest EPC is 31 words; a module's name is some 20 characters.
_PARAMETERS_BYTES_MAX: Final = 1 + 2 + 62 + 2
_KNOWN: Final = frozenset(
    {
        (_ANSWER, _MODULE_INFO),
        (_ANSWER, _STOP),
        (_ANSWER, _POLL_MANY),
        (_ANSWER, _ERROR),
        (_NOTICE, _POLL_ONE),
        (_NOTICE, _POLL_MANY),
    }
)

_NO_TAG: Final = b"\x15"
_POLLS: Final = bytes([0x22, 0xFF, 0xFF])  # as many as a request can ask for


def frame(head: int, kind: int, command: int, parameters: bytes) -> bytes:
    body = bytes([kind, command]) + len(parameters).to_bytes(2, "big") + parameters
    return bytes([head]) + body + bytes([sum(body) & 0xFF, _ENDS[head]])


def measure(buffer: bytes) -> int:
    """Bytes of the frame that `buffer` begins with: see `conversation.Measure`."""
    if buffer[0] not in _ENDS:
        return 0
    if len(buffer) < _HEAD_BYTES:
        return _HEAD_BYTES
    length = int.from_bytes(buffer[3:5], "big")
    if (buffer[1], buffer[2]) not in _KNOWN or length > _PARAMETERS_BYTES_MAX:
        return 0
    return length + _AROUND_BYTES


def read(whole: bytes) -> Said:
    """What one frame from the module means. Raises ProtocolError."""
    *body, checksum, end = whole[1:]
    if end != _ENDS[whole[0]] or checksum != sum(body) & 0xFF:
        raise ProtocolError(f"no M100 frame: {whole.hex(' ')}")
    kind, command, parameters = whole[1], whole[2], whole[_HEAD_BYTES:-2]
    if kind == _NOTICE:
        return Said(answers=_POLL_MANY, sightings=(_sighting(parameters),))
    if command == _MODULE_INFO:
        return Said(answers=command, product=parameters[1:].decode("ascii", "replace").strip())
    return Said(answers=_POLL_MANY if parameters == _NO_TAG else command)


def _sighting(parameters: bytes) -> Sighting:
    if not parameters:
        raise ProtocolError("an empty notice")
    rssi = int.from_bytes(parameters[:1], "big", signed=True)
    return Sighting(epc_of(parameters[1:]), antenna=0, strength=rssi)


def _step(what: str, framing: str, command: int, parameters: bytes, *, required: bool) -> Step:
    requests = tuple(frame(head, _REQUEST, command, parameters) for head in FRAMINGS[framing])
    return Step(what, requests, command, required)


def _info(framing: str) -> Step:
    return _step("module information", framing, _MODULE_INFO, b"\x00", required=True)


def farewell(framing: str) -> bytes:
    """What switches the radio off."""
    return b"".join(frame(head, _REQUEST, _STOP, b"") for head in FRAMINGS[framing])


def probing(framing: str, answer_ms: int) -> Conversation:
    return _conversation((_info(framing),), framing, answer_ms)


def reading(framing: str, answer_ms: int) -> Conversation:
    """Stop what another may have begun, know the module by its name, then poll without end.

    Polling is begun anew when its polls are used up: the module then says no more.
    """
    stop = _step("stop", framing, _STOP, b"", required=False)
    poll = _step("polling", framing, _POLL_MANY, _POLLS, required=False)
    return _conversation((stop, _info(framing), poll), framing, answer_ms)


def _conversation(steps: tuple[Step, ...], framing: str, answer_ms: int) -> Conversation:
    return Conversation(
        steps,
        Frames(measure, read),
        answer_ms=answer_ms,
        tries=2 * len(FRAMINGS[framing]),
        silence_ms=answer_ms,
    )

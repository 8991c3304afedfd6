"""Which driver may serve what is plugged in: by what the kernel knows, and never by asking.

Nothing is ever written to a port that nobody has bound to a role: the same bytes that ask a scale
for its weight open a drawer or print a fiscal receipt on another device. Without writing, there are
three ways to know a device: its USB id, the usage page of its HID reports, and what it says by
itself while somebody listens (`listen`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from drivers.base import ProtocolError
from drivers.line.port_serial import LineSettings, SerialPort
from drivers.models import Model, models
from drivers.plugged import BARCODE_SCANNER_PAGE, SCALE_PAGE, Port
from drivers.scale import codec_cas_stream, codec_toledo_continuous
from drivers.scale.codec_serial import Protocol
from drivers.scanner import codec_zebra_ssi

_KINDS_BY_PAGE: Mapping[int, str] = {BARCODE_SCANNER_PAGE: "scanner", SCALE_PAGE: "scale"}

_SLICE_MS = 200
_HEARD_BYTES_MAX = 4096
_FRAME_BYTES_MAX = 64  #: no scale's frame is longer
_FRAMES_MIN = 2


# --- by what the kernel knows -----------------------------------------------------------------


def models_of(port: Port) -> list[Model]:
    """The models with the port's USB id; for one of the HID pages of a shop, those of its kind."""
    kind = _KINDS_BY_PAGE.get(port.usage_page)
    return [
        model
        for model in models()
        if port.usb_id and port.usb_id in model.usb_ids and kind in (None, model.kind)
    ]


def kind_of(port: Port) -> str:
    """What the device says that it is: "scanner", "scale", "printer"; "" if it says nothing."""
    return "printer" if port.bus == "printer" else _KINDS_BY_PAGE.get(port.usage_page, "")


def is_bound(port: Port, options: Any, root: Path = Path("/")) -> bool:
    """Whether the options of a configured device mean this port."""
    path = getattr(options, "path", "")
    if getattr(options, "transport", "") == "usb" and port.bus == "printer":
        return _is_usb_printer(port, options)
    if not path or not port.node:
        return False
    return (root / path.lstrip("/")).resolve() == (root / port.node.lstrip("/")).resolve()


def _is_usb_printer(port: Port, options: Any) -> bool:
    """As `drivers.printer.port_usb.find` chooses: what is empty or 0 fits all."""
    vid, _, pid = port.usb_id.partition(":")
    return (
        options.vid in (0, int(vid or "0", 16))
        and options.pid in (0, int(pid or "0", 16))
        and options.path in ("", port.usb_path)
        and options.serial in ("", port.serial)
    )


# --- by what it says by itself ----------------------------------------------------------------


class Speaker(NamedTuple):
    """A device that speaks unasked, and how a whole message of it is told from anything else."""

    kind: str
    driver: str
    find: Callable[[bytes], bytes]  #: the first whole message in the bytes; b"" if there is none


@dataclass(frozen=True, slots=True)
class Heard:
    """What came while somebody listened, and the drivers that know it for certain."""

    data: bytes
    matches: tuple[tuple[Speaker, bytes], ...]  #: with the message that proves it


def listen(path: str, *, seconds: int, baud: int) -> Heard:
    """Listen on a line that nobody has bound, without writing a byte. Raises DeviceUnavailable.

    Eight bits without parity hear seven bits with parity too: bit 7 is then taken off. Opening a
    line raises its DTR and RTS, which no program on Linux can prevent; so this is done only when a
    person asks for it, on the one line that they name.
    """
    line = SerialPort(path, LineSettings(baud))
    line.open()
    try:
        data = _collect(line, time.monotonic_ns() + seconds * 1_000_000_000)
    finally:
        line.close()
    return Heard(data, tuple(recognised(data)))


def _collect(line: SerialPort, end_ns: int) -> bytes:
    """What comes until the end, or until somebody is known by it."""
    data = b""
    while (left_ns := end_ns - time.monotonic_ns()) > 0 and len(data) < _HEARD_BYTES_MAX:
        new = line.read(min(_SLICE_MS, -(-left_ns // 1_000_000)))
        data += new
        if new and any(recognised(data)):
            break
    return data


def recognised(data: bytes) -> Iterator[tuple[Speaker, bytes]]:
    """The speakers of which a whole message is in the bytes, with that message."""
    without_parity = bytes(byte & 0x7F for byte in data)
    for speaker in SPEAKERS:
        message = speaker.find(data) or speaker.find(without_parity)
        if message:
            yield speaker, message


def _frame_of(*protocols: Protocol) -> Callable[[bytes], bytes]:
    """Finds a frame of a scale that sends one after the other: twice, so that it is no chance."""

    def find(data: bytes) -> bytes:
        for protocol in protocols:
            frames = list(_frames(protocol, data))
            if len(frames) == _FRAMES_MIN:
                return frames[0]
        return b""

    return find


def _frames(protocol: Protocol, data: bytes) -> Iterator[bytes]:
    """The whole frames that read without a fault, as many as prove it."""
    starts = (at for at, byte in enumerate(data) if byte in protocol.starts)
    frames = (_frame_at(protocol, data[at : at + _FRAME_BYTES_MAX]) for at in starts)
    return islice((frame for frame in frames if _reads(protocol, frame)), _FRAMES_MIN)


def _frame_at(protocol: Protocol, data: bytes) -> bytes:
    ends = range(1, len(data) + 1)
    return next((data[:end] for end in ends if protocol.is_done(data[:end])), b"")


def _reads(protocol: Protocol, frame: bytes) -> bool:
    try:
        protocol.read(frame)
    except ProtocolError:
        return False
    return True


def _packet_of_ssi(data: bytes) -> bytes:
    """A packet with a label: its length, its checksum and its opcode are right."""
    for at, length in enumerate(data):
        packet = data[at : at + length + 2]
        if data[at + 1 : at + 2] == _DECODE_DATA and _is_packet(packet):
            return packet
    return b""


def _is_packet(packet: bytes) -> bool:
    try:
        codec_zebra_ssi.decode(packet)
    except ProtocolError:
        return False
    return True


def _matching(pattern: bytes, labels_min: int) -> Callable[[bytes], bytes]:
    """Finds the first of so many messages whose label, group 1, ends with a good check digit."""

    def find(data: bytes) -> bytes:
        found = re.finditer(pattern, data)
        good = (match for match in found if _has_check_digit(match[1]))
        messages = [match[0] for match in islice(good, labels_min)]
        return messages[0] if len(messages) == labels_min else b""

    return find


def _has_check_digit(digits: bytes) -> bool:
    """GS1 General Specifications, 7.9.1: weights 1 and 3 in turn from the right."""
    return sum(int(chr(d)) * (3 if n % 2 else 1) for n, d in enumerate(reversed(digits))) % 10 == 0


_DECODE_DATA = bytes([codec_zebra_ssi.DECODE_DATA])

#: A label after its identifier on a single cable: UPC-A, EAN-8, EAN-13.
_CABLE_LABEL = rb"(?:A(?=\d{12}\D)|FF(?=\d{8}\D)|F(?=\d{13}\D))(\d+)"
_TEXT_LABEL = rb"(?:(?<=[\r\n\x02])|(?<![\s\S]))"

#: With its checksum first: without it, a frame with one looks like a frame and a stray byte.
_CONTINUOUS = (codec_toledo_continuous.PROTOCOLS[True], codec_toledo_continuous.PROTOCOLS[False])

SPEAKERS: tuple[Speaker, ...] = (
    Speaker("scale", "toledo-continuous", _frame_of(*_CONTINUOUS)),
    Speaker("scale", "cas-stream", _frame_of(codec_cas_stream.PROTOCOL)),
    Speaker("scanner", "zebra-ssi", _packet_of_ssi),
    Speaker("scanner", "magellan-single-cable", _matching(rb"S08" + _CABLE_LABEL + rb"\r", 1)),
    Speaker("scanner", "ncr-single-cable", _matching(rb"\x0208" + _CABLE_LABEL + rb"\x03", 1)),
    # with an AIM identifier one label is enough, without it two: any number may look like one
    Speaker("scanner", "serial", _matching(rb"\]E[04](\d{8}|\d{13})[\r\n\x03]", 1)),
    Speaker("scanner", "serial", _matching(_TEXT_LABEL + rb"(\d{8}|\d{12,14})(?=[\r\n\x03])", 2)),
)

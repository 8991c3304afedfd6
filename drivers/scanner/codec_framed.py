"""Labels as plain text on a serial line: how each begins and ends. No I/O, no clock.

A scanner on RS-232 or as a USB serial port (CDC) sends each label as text with something at its
end, as it was set up. The line has no check of its own: parity, where it is on, makes a damaged
character NUL, and a label with one is lossy, as is one that ends otherwise than this scanner's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from drivers.base import DeviceEvent
from drivers.scanner.labels import LABEL_BYTES_MAX, scan_of

_STX, _ETX, _NUL = b"\x02", b"\x03", b"\0"
_BUFFER_BYTES = LABEL_BYTES_MAX + 3  # its start and its end too


@dataclass(frozen=True, slots=True)
class Framing:
    """How a scanner sets its labels apart."""

    ends: tuple[bytes, ...]  #: any of them ends a label; () if only silence does
    start: bytes = b""


#: By the option `framing`. "cr_or_lf" reads CR, LF and CR LF alike, and suits labels without
#: either inside, as those of all trade items are.
FRAMINGS: Final[dict[str, Framing]] = {
    "cr_or_lf": Framing((b"\r", b"\n")),
    "cr": Framing((b"\r",)),
    "lf": Framing((b"\n",)),
    "crlf": Framing((b"\r\n",)),
    "stx_etx": Framing((_ETX,), _STX),
    "none": Framing(()),
}

#: Sent to the scanner, rings its bell, where that is switched on (Zebra "Beep on <BEL>", Honeywell
#: "Beep on BEL Character").
BEL: Final = b"\x07"


class FramedDecoder:
    """One scanner's bytes to `ScanData`. Times are monotonic nanoseconds. Never raises.

    Silence of `timeout_ms` ends a label; where something else should have, it is lossy: the remains
    of one label are never joined to the next.
    """

    def __init__(
        self,
        role: str,
        *,
        framing: str = "cr_or_lf",
        timeout_ms: int = 250,
        prefix: str = "",
        suffix: str = "",
    ) -> None:
        self._role = role
        self._framing = FRAMINGS[framing]
        self._timeout_ns = timeout_ms * 1_000_000
        self._around = prefix.encode("cp1252"), suffix.encode("cp1252")
        self._label = bytearray()
        self._overlong = False
        self._read_ns = 0
        self._due = b""

    def beep(self, tone: Literal["good", "bad"]) -> None:
        """Let the next `due` ring: once, or three times for bad."""
        self._due = BEL if tone == "good" else BEL * 3

    def due(self, mono_ns: int) -> bytes:  # noqa: ARG002  the other scanners' answers have a time
        """What to send now."""
        due, self._due = self._due, b""
        return due

    def feed(self, data: bytes, mono_ns: int) -> list[DeviceEvent]:
        """Take bytes that were read at `mono_ns`; return the labels that they end."""
        events = [] if self._framing.ends else self.flush(mono_ns)
        for byte in data:
            self._read_ns = mono_ns
            events += self._take(byte)
        return events

    def next_timeout(self) -> int | None:
        """When to call `flush` if nothing comes before."""
        return self._read_ns + self._timeout_ns if self._label else None

    def flush(self, mono_ns: int) -> list[DeviceEvent]:
        """End a label by silence, if there has been enough of it."""
        deadline_ns = self.next_timeout()
        if deadline_ns is None or mono_ns < deadline_ns:
            return []
        return self._end(b"", lossy=bool(self._framing.ends))

    def disconnected(self) -> list[DeviceEvent]:
        """The scanner is gone: what it had begun to send, as lossy."""
        return self._end(b"", lossy=True)

    def _take(self, byte: int) -> list[DeviceEvent]:
        start = self._framing.start
        events = self._end(b"", lossy=True) if start and byte == start[0] else []
        if len(self._label) >= _BUFFER_BYTES:
            self._overlong = True
            del self._label[0]  # what is kept must still show the terminator
        self._label.append(byte)
        end = next((end for end in self._framing.ends if self._label.endswith(end)), None)
        return events if end is None else events + self._end(end)

    def _end(self, end: bytes, *, lossy: bool = False) -> list[DeviceEvent]:
        label = bytes(self._label).removesuffix(end)
        self._label.clear()
        started = label.startswith(self._framing.start)
        label = label.removeprefix(self._framing.start)
        lossy = lossy or self._overlong or not started or _NUL in label
        self._overlong = False
        if not label:
            return []
        return [scan_of(label, self._role, self._read_ns, lossy=lossy, around=self._around)]

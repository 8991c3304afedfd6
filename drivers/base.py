"""The driver contract: what a device may say, what it may be told, and how it is run.

A driver binds one *codec* (bytes in, events out; no I/O) to one *port* (moves bytes; no meaning).
It is run by one supervised thread that alone owns the device's handle:

    driver = Driver(role, options); driver.open(); driver.run(emit, stop); driver.close()

`run` returns when `stop` is set, or raises `DeviceUnavailable`; it never ends the process and
looks at `stop` at least twice a second. It emits immutable events and acts on nothing else. A
driver knows no transaction, no price and no other device.

Only the standard library is imported here: this file is the whole world of a third-party driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import threading


# --- what can go wrong -----------------------------------------------------------------------


class DeviceUnavailable(Exception):
    """The device cannot be reached now. The supervisor tries again for ever, with back-off."""


class DeviceMisconfigured(Exception):
    """The options cannot work on this machine. The technician must change them: no retry."""


class ProtocolError(Exception):
    """Bytes that are no frame of this protocol. Count, resynchronise, go on: never fatal."""


# --- options -----------------------------------------------------------------------------------


def option(
    default: Any,
    help: str,  # noqa: A002  the field's own word for it
    *,
    unit: str = "",
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str | int, ...] = (),
    pattern: str = "",
    least: int = 0,
    needed_if: tuple[str, tuple[str, ...]] | None = None,
    only_if: tuple[str, tuple[str, ...]] | None = None,
    below: str = "",
    part_of: str = "",
) -> Any:
    """A field of an options dataclass that carries its own unit, bounds and help.

    The bounds of a tuple hold for each element, of which there are `least` or more. `pattern` is a
    regular expression that the whole of a text must match. `needed_if` names another option and
    those of its values that do not go with this one's default, `only_if` those that alone go with
    anything else; `below` another option that must be greater; `part_of` another tuple that has
    all that this one has, and more, unless it is empty and so means everything.

    The configuration checker and `lanetally devices options` read the metadata; the same convention
    is used by the agent's own sections (`agent.domain.settings.option`), so that one checker serves
    both without an import between them.
    """
    metadata = {
        "help": help,
        "unit": unit,
        "low": low,
        "high": high,
        "choices": choices,
        "pattern": pattern,
        "least": least,
        "needed_if": needed_if,
        "only_if": only_if,
        "below": below,
        "part_of": part_of,
    }
    return field(default=default, metadata=metadata)


# --- what a device says --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScanData:
    """One label, as the scanner sent it (UnifiedPOS: ScanData, ScanDataLabel, ScanDataType)."""

    role: str
    scan_data: (
        bytes  #: label bytes without AIM identifier, terminator, prefix or suffix; GS is 0x1D
    )
    symbology: str  #: AIM identifier as sent, such as "]E0"; "" if the scanner sends none
    lossy: bool  #: True if a key or byte could not be decoded: the label must not be trusted
    mono_ns: int  #: `time.monotonic_ns()` when the last byte of the label was read


@dataclass(frozen=True, slots=True)
class StableWeight:
    """A weight the scale itself called stable. One per placement: re-armed by zero or motion."""

    role: str
    weight_g: int
    net: bool
    raw: bytes  #: the whole frame, kept as evidence
    mono_ns: int


#: "steady": the weight that was reported still lies there, after a spell of something else.
ScaleCondition: TypeAlias = Literal[
    "zero", "motion", "over_capacity", "under_zero", "not_ready", "garbled", "steady"
]


@dataclass(frozen=True, slots=True)
class ScaleState:
    """Why there is no stable weight now. Emitted on change only; never read as a weight of zero."""

    role: str
    condition: ScaleCondition
    raw: bytes
    mono_ns: int


@dataclass(frozen=True, slots=True)
class KeyedNumber:
    """A number keyed on a numeric keypad and closed with Enter."""

    role: str
    digits: str  #: as keyed, "" if Enter alone
    mono_ns: int


PrintOutcome: TypeAlias = Literal["printed", "failed", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class PrintFinished:
    """How a print job ended.

    `printed`: all bytes accepted and the printer said afterwards that it is well.
    `failed`: nothing of it reached paper; it may be sent again as it is.
    `unconfirmed`: some or all of it may be on paper; sent again it must say REPRINT.
    """

    role: str
    job_id: str
    outcome: PrintOutcome
    reason: str  #: "" if printed; else one of the words of `PrinterStatus.problems`, "silent", "io"
    mono_ns: int


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """The printer's own word about itself. Emitted on change only."""

    role: str
    problems: tuple[str, ...]  #: of "offline", "cover_open", "paper_out", "error", "silent"
    warnings: tuple[str, ...]  #: of "paper_near_end"
    drawer_open: bool | None  #: None if the printer does not say
    mono_ns: int


@dataclass(frozen=True, slots=True)
class TagPresence:
    """An RFID tag came to this lane or left it. Edges only: a tag that stays says nothing more."""

    role: str
    epc: str  #: upper-case hex of the EPC bank, as many bytes as its PC word says
    gtin: str | None  #: 14 digits if the EPC is an SGTIN; None: an EPC of another kind
    serial: str | None  #: of the SGTIN
    present: bool
    rssi_dbm: int | None  #: the strongest sighting; None if the reader does not say
    antenna: int  #: 0 if the reader has but one
    mono_ns: int


@dataclass(frozen=True, slots=True)
class LabelSeen:
    """The camera read a label, the same in at least two frames."""

    role: str
    scan_data: bytes
    symbology: str  #: AIM identifier
    frames: int  #: how many frames agreed
    mono_ns: int


@dataclass(frozen=True, slots=True)
class ItemsCrossed:
    """So many items crossed the camera's line since it last said so; backwards is negative."""

    role: str
    count: int
    confidence_pct: int
    mono_ns: int


DeviceEvent: TypeAlias = (
    ScanData
    | StableWeight
    | ScaleState
    | KeyedNumber
    | PrintFinished
    | PrinterStatus
    | TagPresence
    | LabelSeen
    | ItemsCrossed
)

Emit: TypeAlias = Callable[[DeviceEvent], None]


# --- what a device is told ------------------------------------------------------------------------

#: One block of a document to print: plain data, so that a job is stored as JSON before it is sent.
#:   {"text": str, "align": "left"|"center"|"right", "bold": bool, "size": 1|2}  text alone will do
#:   {"left": str, "right": str, "bold": bool}       two columns on one line, the right one flush
#:   {"rule": "-"}                                   a line across the paper, of that character
#:   {"barcode": str}                                Code 128, HRI below, centred
#:   {"qr": str}                                     centred
#:   {"feed": int}                                   empty lines
#:   {"kick": True}                                  open the cash drawer
#:   {"cut": True}                                   cut (the driver adds none by itself)
PrintBlock: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PrintJob:
    job_id: str
    blocks: tuple[PrintBlock, ...]


@dataclass(frozen=True, slots=True)
class Beep:
    tone: Literal["good", "bad"]


@dataclass(frozen=True, slots=True)
class ZeroScale:
    pass


@dataclass(frozen=True, slots=True)
class DisplayText:
    """What the customer reads: one string a line, cut to the display's width."""

    lines: tuple[str, ...]


Command: TypeAlias = PrintJob | Beep | ZeroScale | DisplayText


# --- the driver -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """What `probe` found, for people and for the log. Empty where the device does not say."""

    vendor: str
    product: str
    serial: str
    path: str


@runtime_checkable
class Driver(Protocol):
    """One device in one role. See the module text for the order of calls."""

    Options: ClassVar[type]  #: frozen dataclass, each field declared with `option`
    accepts: ClassVar[tuple[type, ...]]  #: the commands `handle` understands; () for input devices

    def __init__(self, role: str, options: Any) -> None: ...

    def probe(self) -> Identity:
        """Say what is there without changing anything. Raises DeviceUnavailable."""
        ...

    def open(self) -> None:
        """Take the device. Raises DeviceUnavailable or DeviceMisconfigured."""
        ...

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read (and write) until `stop` is set. Raises DeviceUnavailable on loss."""
        ...

    def handle(self, command: Command) -> None:
        """Take a command from any thread. Only enqueues: the thread in `run` carries it out."""
        ...

    def close(self) -> None:
        """Give the device back. Safe to call twice and on a device that is gone."""
        ...

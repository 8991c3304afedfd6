"""The lane itself: its starts, its devices, its trading days, its journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class LaneStarted:
    """The daemon began. `boot_id` pairs the MQTT birth with its death."""

    type: ClassVar[str] = "LaneStarted"
    version: ClassVar[int] = 1
    boot_id: str
    agent_version: str


@dataclass(frozen=True, slots=True)
class DeviceLost:
    type: ClassVar[str] = "DeviceLost"
    version: ClassVar[int] = 1
    role: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceReturned:
    type: ClassVar[str] = "DeviceReturned"
    version: ClassVar[int] = 1
    role: str


@dataclass(frozen=True, slots=True)
class DayClosed:
    r"""What a lane sold and took back on a trading day, for head office to hold its books against.

    A later one of the same day holds in place of the earlier: a sale may be settled after its day.
    `hash`: hex SHA-256 over "<seq> <hash of the fact>\n" of each sale and return of it, by seq.
    """

    type: ClassVar[str] = "DayClosed"
    version: ClassVar[int] = 1
    business_date: str
    sales: int
    sum_minor: int
    hash: str
    first_seq: int  #: of the day's first sale or return …
    last_seq: int  #: … and of its last; both 0 if it had none
    returns: int = 0
    returned_minor: int = 0
    closed_by: str = ""  #: who did not wait for the day's end


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """A command of head office was carried out or refused; the same id gets this answer again."""

    type: ClassVar[str] = "CommandAnswered"
    version: ClassVar[int] = 1
    command_id: str
    name: str
    status: Literal["done", "refused"]
    code: str  #: why it was refused, or "ok"
    detail: str
    by: str  #: who asked, as head office says


@dataclass(frozen=True, slots=True)
class SeqRange:
    """From `first` to `last`, both within."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class JournalRecovered:
    """This epoch took over what could be read of another: the first fact of its journal."""

    type: ClassVar[str] = "JournalRecovered"
    version: ClassVar[int] = 1
    cause: Literal["damaged", "missing", "restored", "imported", "set_back"]
    reason: str  #: what was wrong with the file, in SQLite's words; "" if nothing was
    former_epoch: str  #: "" if nobody knows
    former_last_seq: int  #: the last that is known of; there may have been more
    former_acked_seq: int  #: how far the lane knew it to be at head office
    lost: tuple[SeqRange, ...]  #: facts of it that cannot be read any more, the first hundred gaps
    lost_count: int
    set_aside: str  #: name of the file that was put away; "" if there was none


@dataclass(frozen=True, slots=True)
class FactLost:
    """Stands in the place of a fact that a damaged journal has lost. Sent, never journaled."""

    type: ClassVar[str] = "FactLost"
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class TelemetryShed:
    """So many facts of these types were not written: the journal was at its limit."""

    type: ClassVar[str] = "TelemetryShed"
    version: ClassVar[int] = 1
    count: int
    types: tuple[str, ...]

"""What sensors saw beside the scans: evidence for an assessment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TagObserved:
    """An RFID tag came to the lane or left it."""

    type: ClassVar[str] = "TagObserved"
    version: ClassVar[int] = 1
    transaction_id: str | None
    epc: str
    gtin: str | None
    serial: str | None
    present: bool
    rssi_dbm: int | None
    antenna: int
    role: str


@dataclass(frozen=True, slots=True)
class LabelObserved:
    """The camera read a label; nobody scanned it."""

    type: ClassVar[str] = "LabelObserved"
    version: ClassVar[int] = 1
    transaction_id: str | None
    gtin: str
    frames: int
    role: str


@dataclass(frozen=True, slots=True)
class CrossingObserved:
    """The camera saw so many items cross its line; backwards is negative."""

    type: ClassVar[str] = "CrossingObserved"
    version: ClassVar[int] = 1
    transaction_id: str | None
    count: int
    confidence_pct: int
    role: str


@dataclass(frozen=True, slots=True)
class BagWeightChanged:
    """A scale on which the goods stay until settlement came to rest at another weight.

    A `delta_g` of zero tells that the scale watches and that nothing lies there.
    """

    type: ClassVar[str] = "BagWeightChanged"
    version: ClassVar[int] = 1
    transaction_id: str | None
    delta_g: int  #: taken off is negative
    total_g: int | None  #: what lies there now; None if not told
    role: str
    steady: bool = True  #: False: something moved there when the total came, so it tells nothing

"""What a lane knows of one basket: the data that an assessment judges. Order never matters,
but for the scale's first increment, which may be the customer's own bag.

Each kind of evidence is None where the lane has no such device: nothing then speaks for or against.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pieces:
    """So many pieces of one GTIN, as scanned or as charged."""

    gtin: str
    count: int
    amount_minor: int | None
    description: str
    category: str
    weight_g: int | None = None  #: what the counter's scale said of weighed goods
    serial: str | None = None  #: of a label that carries one: no other piece has it


@dataclass(frozen=True, slots=True)
class WeightRange:
    """What one piece may weigh, packaging included."""

    low_g: int
    high_g: int

    @property
    def middle_g(self) -> int:
        return (self.low_g + self.high_g) // 2

    @property
    def variance_g2(self) -> int:
        """Of a weight anywhere within the range alike."""
        return (self.high_g - self.low_g) ** 2 // 12


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What the item master, and what was learned of clean baskets, say of a GTIN."""

    gtin: str
    description: str = ""
    category: str = ""
    price_minor: int | None = None
    weight: WeightRange | None = None
    tagged_permille: int | None = None  #: how many of its pieces carry an RFID tag


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All items that could have been missed. Made once by `catalogue_of`, used for many baskets."""

    items: Mapping[str, KnownItem] = field(default_factory=dict)  #: by GTIN
    middles_g: tuple[int, ...] = ()  #: what the known ones weigh, ascending
    weighed: tuple[tuple[int, int, str], ...] = ()  #: the same: middle, variance, GTIN
    unweighed: tuple[str, ...] = ()  #: GTINs of the others


def catalogue_of(items: Iterable[KnownItem]) -> Catalogue:
    by_gtin = {item.gtin: item for item in items}
    weights = [(item.weight, gtin) for gtin, item in by_gtin.items()]
    weighed = sorted((w.middle_g, w.variance_g2, gtin) for w, gtin in weights if w is not None)
    return Catalogue(
        by_gtin,
        tuple(middle_g for middle_g, _, _ in weighed),
        tuple(weighed),
        tuple(gtin for weight, gtin in weights if weight is None),
    )


@dataclass(frozen=True, slots=True)
class ScaleEvidence:
    """A scale on which the goods stay until settlement: each stable change, then what lies there.

    `total_g` counts from what lay there when the basket began.
    """

    increments_g: tuple[int, ...]
    total_g: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag at the lane at settlement."""

    gtin: str
    serial: str | None = None
    rssi_dbm: int | None = None


@dataclass(frozen=True, slots=True)
class CameraEvidence:
    crossed: int | None  #: items that crossed the line, backwards subtracted; None: not counted
    confidence_pct: int = 97  #: of each single crossing
    labels: tuple[str, ...] = ()  #: GTINs that it read


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the lane knows of one basket at settlement."""

    scanned: tuple[Pieces, ...]
    charged_count: int | None  #: the cashier's item count
    charged_minor: int | None  #: the cashier's amount
    charged: tuple[Pieces, ...] | None  #: the cashier's lines, None if the POS gives none
    gap_categories: tuple[str, ...] = ()  #: of items that cost what the amounts differ by
    count_keyed: bool = False  #: counted and keyed by a person, who may err
    voided: tuple[Pieces, ...] = ()  #: scanned, then voided
    scale: ScaleEvidence | None = None
    tags: tuple[Tag, ...] | None = None
    camera: CameraEvidence | None = None
    catalogue: Catalogue = Catalogue()
    #: what the scans, and the item master's word on what else was named, say of items
    named: Mapping[str, KnownItem] = field(default_factory=dict)

    def item(self, gtin: str) -> KnownItem:
        """All that is known of a GTIN, which may be nothing."""
        return self.catalogue.items.get(gtin) or self.named.get(gtin) or KnownItem(gtin)

    @property
    def has_witness(self) -> bool:
        """True if anything but scanner and cashier watched."""
        return self.scale is not None or self.tags is not None or self.camera is not None


def by_gtin(pieces: tuple[Pieces, ...]) -> dict[str, int]:
    """How many pieces of each GTIN."""
    counted: dict[str, int] = {}
    for some in pieces:
        counted[some.gtin] = counted.get(some.gtin, 0) + some.count
    return counted

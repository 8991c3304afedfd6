"""Ours and the last-scan rule on the same baskets: precision, recall and false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from agent.cli.assess import last_scan
from agent.cli.assess.baskets import Basket, Product, draw, shop
from agent.domain.assessment import Tolerance, assess
from agent.domain.evidence import (
    CameraEvidence,
    Catalogue,
    Evidence,
    KnownItem,
    Pieces,
    ScaleEvidence,
    Tag,
    catalogue_of,
)

FAULTY = 0.3  #: of the baskets

#: What watches the lane, by the name of the mix. With `rfid_N`, N of 100 pieces carry a tag.
MIXES: dict[str, frozenset[str]] = {
    "all": frozenset({"count_amount", "weight", "rfid_100", "camera"}),
    "all_rfid_30": frozenset({"count_amount", "weight", "rfid_30", "camera"}),
    "count_amount": frozenset({"count_amount"}),
    "weight": frozenset({"weight"}),
    "rfid_30": frozenset({"rfid_30"}),
    "rfid_100": frozenset({"rfid_100"}),
    "camera": frozenset({"camera"}),
    "weight_count": frozenset({"weight", "count_amount"}),
    "weight_camera": frozenset({"weight", "camera"}),
    "weight_rfid_30": frozenset({"weight", "rfid_30"}),
    "count_camera": frozenset({"count_amount", "camera"}),
}
TAGGED_PERMILLE = {"rfid_30": 300, "rfid_100": 1000}
LAST_SCAN = "last_scan_rule"


@dataclass(slots=True)
class Tally:
    """What became of the baskets under one rule."""

    honest: int = 0
    false_alarms: int = 0
    suspected: int = 0
    justly: int = 0  #: of the suspected ones, those with something amiss
    missed: int = 0  #: pieces
    found: int = 0  #: of the missed pieces
    faults: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)  #: baskets with such a fault, suspected

    def take(self, basket: Basket, *, suspected: bool, missed: int) -> None:
        self.honest += not basket.faults
        self.suspected += suspected
        self.false_alarms += suspected and not basket.faults
        self.justly += suspected and bool(basket.faults)
        self.missed += basket.missed
        self.found += min(missed, basket.missed) if suspected else 0
        self.faults.update(set(basket.faults))
        self.seen.update(set(basket.faults) if suspected else ())

    def figures(self) -> dict[str, float | int | dict[str, float] | None]:
        return {
            "precision": _share(self.justly, self.suspected),
            "recall": _share(self.found, self.missed),
            "false_alarms_per_1000": _share(1000 * self.false_alarms, self.honest, 2),
            "suspected_by_fault": {
                kind: round(self.seen[kind] / n, 3) for kind, n in sorted(self.faults.items())
            },
        }


def _share(part: int, whole: int, digits: int = 4) -> float | None:
    return round(part / whole, digits) if whole else None


def run(baskets: int, seed: int, tolerance: Tolerance) -> dict[str, Tally]:
    """Each mix's tally, and that of the last-scan rule, over the same baskets."""
    random = Random(seed)  # noqa: S311  a simulation, not a secret
    products = shop(random)
    by_mix = {name: catalogue_of_mix(products, watching) for name, watching in MIXES.items()}
    tallies = {name: Tally() for name in (*MIXES, LAST_SCAN)}
    for _ in range(baskets):
        basket = draw(random, products, faulty=random.random() < FAULTY)
        for name, watching in MIXES.items():
            judged = assess(evidence_of(basket, watching, by_mix[name]), tolerance)
            tallies[name].take(
                basket, suspected=judged.verdict == "suspected", missed=judged.missed_count
            )
        suspects = last_scan.suspects(basket.moments, by_mix["weight"].items)
        tallies[LAST_SCAN].take(basket, suspected=bool(suspects), missed=len(suspects))
    return tallies


def catalogue_of_mix(products: list[Product], watching: frozenset[str]) -> Catalogue:
    """The item master, with the share of tagged pieces where a reader watches."""
    tagged = _tagged(watching)
    return catalogue_of(replace(p.item, tagged_permille=tagged) for p in products)


def _tagged(watching: frozenset[str]) -> int | None:
    return next((n for name, n in TAGGED_PERMILLE.items() if name in watching), None)


def evidence_of(basket: Basket, watching: frozenset[str], catalogue: Catalogue) -> Evidence:
    """What a lane so watched knows of the basket."""
    scans = [m for m in basket.moments if m.kind == "scan"]
    voids = [m for m in basket.moments if m.kind == "void"]
    scanned = [_pieces(m.gtin, m.quantity, m.weight_g, catalogue.items) for m in scans]
    voided = [_pieces(m.gtin, 1, m.weight_g, catalogue.items) for m in voids]
    for void in voided:
        scanned.remove(_same(void, scanned))
    counted = "count_amount" in watching
    changes = tuple(m.weight_g or 0 for m in basket.moments if m.kind == "weight")
    tagged = _tagged(watching)
    tags = tuple(
        Tag(t.gtin, t.serial, t.rssi_dbm) for t in basket.tags if t.rank_permille < (tagged or 0)
    )
    return Evidence(
        scanned=tuple(scanned),
        charged_count=basket.counted if counted else None,
        charged_minor=basket.charged_minor if counted else None,
        charged=None,
        count_keyed=True,
        voided=tuple(voided),
        scale=ScaleEvidence(changes, sum(changes)) if "weight" in watching else None,
        tags=None if tagged is None else tags,
        camera=(
            CameraEvidence(basket.crossed, 98, labels=tuple(basket.labels))
            if "camera" in watching
            else None
        ),
        catalogue=catalogue,
    )


def _pieces(gtin: str, count: int, weight_g: int | None, items: Mapping[str, KnownItem]) -> Pieces:
    item = items[gtin]
    amount_minor = None if item.weight is None else (item.price_minor or 0) * count
    return Pieces(gtin, count, amount_minor, item.description, item.category, weight_g)


def _same(void: Pieces, scanned: list[Pieces]) -> Pieces:
    """The scan that a void takes back: of its GTIN, and for weighed goods of about its weight."""
    alike = [p for p in scanned if p.gtin == void.gtin and p.count == void.count]
    return min(alike, key=lambda p: abs((p.weight_g or 0) - (void.weight_g or 0)))

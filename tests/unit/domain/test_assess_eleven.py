"""The eleven baskets that a rule of the last scan alone gets wrong, and ours must not.

The baskets are those of a study of the archived "RTSF at Checkout" reconciler; its weights were
pounds, ours are grams.
"""

from __future__ import annotations

import pytest

from agent.cli.assess.baskets import Moment
from agent.cli.assess.last_scan import suspects
from agent.domain.assessment import assess
from agent.domain.evidence import (
    CameraEvidence,
    Evidence,
    KnownItem,
    Pieces,
    ScaleEvidence,
    Tag,
    WeightRange,
    catalogue_of,
)

A, B, TWIN, LOOSE = "00000000000017", "00000000000024", "00000000000031", "00000000000048"
ITEMS = (
    KnownItem(A, "Crackers", "snacks", 350, WeightRange(450, 500)),
    KnownItem(B, "Red wine", "alcohol", 4500, WeightRange(1360, 1400)),
    KnownItem(TWIN, "Saffron crackers", "delicacies", 9900, WeightRange(450, 500)),
    KnownItem(LOOSE, "Apples", "fruit", 600),
)
BY_GTIN = {item.gtin: item for item in ITEMS}
CATALOGUE = catalogue_of(ITEMS)


def scan(gtin, weight_g=None):
    return Moment("scan", gtin, weight_g=weight_g)


def void(gtin):
    return Moment("void", gtin)


def weight(grams):
    return Moment("weight", weight_g=grams)


a, b = weight(475), weight(1380)
HONEST = {
    "each item bagged after its scan": [scan(A), a, scan(B), b],
    "missed, taken off, rescanned and bagged": [scan(A), a, b, weight(-1380), scan(B), b],
    "each item bagged before its scan": [a, scan(A), b, scan(B)],
    "both scanned, then both bagged": [scan(A), scan(B), a, b],
    "both scanned, then bagged the other way round": [scan(A), scan(B), b, a],
    "both scanned, then bagged at once": [scan(A), scan(B), weight(1855)],
    "weighed goods that the bag scale weighs otherwise": [scan(LOOSE, 1000), weight(1015)],
}
AMISS = {
    "an item bagged that was never scanned": ([scan(A), a, b], "missed_item", B),
    "an item scanned and never bagged": ([scan(A), a, scan(B)], "walk_around", B),
    "an item voided that stays in the bag": (
        [scan(A), a, scan(B), b, void(B)],
        "voided_kept",
        B,
    ),
}
SWAP = [scan(A), a]  # what was bagged is the dear twin, of the same weight


def evidence(moments, **more):
    scans = [m for m in moments if m.kind == "scan"]
    voided = [m.gtin for m in moments if m.kind == "void"]
    changes = tuple(m.weight_g for m in moments if m.kind == "weight")
    pieces = [_pieces(m) for m in scans]
    return Evidence(
        tuple(p for p in pieces if p.gtin not in voided),
        None,
        None,
        None,
        voided=tuple(p for p in pieces if p.gtin in voided),
        scale=ScaleEvidence(changes, sum(changes)),
        catalogue=CATALOGUE,
        **more,
    )


def _pieces(moment):
    item = BY_GTIN[moment.gtin]
    return Pieces(item.gtin, 1, item.price_minor, item.description, item.category, moment.weight_g)


@pytest.mark.parametrize("basket", HONEST.values(), ids=HONEST)
def test_no_honest_basket_is_suspected(basket):
    judged = assess(evidence(basket))

    assert (judged.verdict, judged.findings) == ("clean", ())


@pytest.mark.parametrize(("basket", "kind", "gtin"), AMISS.values(), ids=AMISS)
def test_every_basket_with_something_amiss_is_found_and_explained(basket, kind, gtin):
    judged = assess(evidence(basket))

    assert [(f.kind, f.count, f.gtin) for f in judged.findings] == [(kind, 1, gtin)]
    assert judged.missed_count == (1 if kind == "missed_item" else 0)
    assert judged.confidence_permille > 900


def test_a_dear_twin_of_the_same_weight_is_nothing_that_a_scale_could_see():
    assert assess(evidence(SWAP)).verdict == "clean"


@pytest.mark.parametrize(
    "witness",
    [
        {"tags": (Tag(TWIN, "1"),)},
        {"camera": CameraEvidence(1, 98, (TWIN,))},
    ],
    ids=["its tag", "its label before the camera"],
)
def test_a_dear_twin_of_the_same_weight_is_found_by(witness):
    judged = assess(evidence(SWAP, **witness))

    assert [(f.kind, f.gtin) for f in judged.findings] == [("swap", TWIN)]


def test_a_dear_twin_of_the_same_weight_is_found_by_its_price():
    judged = assess(
        Evidence(
            (_pieces(scan(A)),),
            1,
            9900,
            (Pieces(TWIN, 1, 9900, "", ""),),
            scale=ScaleEvidence((475,), 475),
            catalogue=CATALOGUE,
        )
    )

    assert {(f.kind, f.gtin) for f in judged.findings} == {
        ("missed_item", TWIN),
        ("scanned_not_charged", A),
    }


#: What the rule of the last scan reports, but for one false alarm that its binary floats made.
LAST_SCAN = {
    "each item bagged after its scan": 0,
    "missed, taken off, rescanned and bagged": 0,
    "each item bagged before its scan": 1,
    "both scanned, then both bagged": 1,
    "both scanned, then bagged the other way round": 1,
    "both scanned, then bagged at once": 1,
    "weighed goods that the bag scale weighs otherwise": 1,
    "an item bagged that was never scanned": 1,
    "an item scanned and never bagged": 0,
    "an item voided that stays in the bag": 0,
}


@pytest.mark.parametrize(("basket", "reported"), LAST_SCAN.items(), ids=LAST_SCAN)
def test_the_rule_of_the_last_scan_as_restated_judges_them_as_it_was_seen_to(basket, reported):
    moments = HONEST[basket] if basket in HONEST else AMISS[basket][0]

    assert len(suspects(moments, BY_GTIN)) == reported

"""Assessments hold whatever the basket: no order matters, nothing raises, honest is honest."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cli.assess import baskets as model
from agent.cli.assess.trial import MIXES, catalogue_of_mix, evidence_of
from agent.domain.assessment import Tolerance, assess, judged
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
from agent.domain.gather import serial_of
from agent.domain.gs1 import GS1_SYMBOLOGIES

PRODUCTS = model.shop(Random(7))
CATALOGUES = {name: catalogue_of_mix(PRODUCTS, watching) for name, watching in MIXES.items()}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(sorted(MIXES)), st.booleans())
def test_the_order_of_everything_but_the_first_increment_is_of_no_matter(seed, mix, faulty):
    random = Random(seed)
    basket = model.draw(random, PRODUCTS, faulty=faulty)
    told = evidence_of(basket, MIXES[mix], CATALOGUES[mix])
    mixed = replace(
        told,
        scanned=shuffled(random, told.scanned),
        voided=shuffled(random, told.voided),
        tags=None if told.tags is None else shuffled(random, told.tags),
        scale=None
        if told.scale is None
        else ScaleEvidence(
            told.scale.increments_g[:1] + shuffled(random, told.scale.increments_g[1:]),
            told.scale.total_g,
        ),
    )
    assert assess(mixed) == assess(told)


gtins = st.sampled_from(["04710105045320", "06901028300056", "00000000000000"])
plain_pieces = st.builds(
    Pieces,
    gtins,
    st.integers(1, 12),
    st.none() | st.integers(0, 9_999),
    st.just("tea"),
    st.just("drinks"),
    st.none() | st.integers(1, 5_000),
    st.none() | st.sampled_from(["A1", "A2"]),
)


@settings(deadline=None)
@given(
    st.lists(plain_pieces, min_size=1, max_size=12).map(tuple),
    st.none() | st.integers(1, 100),
    st.none() | st.integers(0, 99_999),
    st.booleans(),
    st.sampled_from([1, 500, 20_000, 500_000]),
)
def test_a_plain_basket_is_judged_in_one_look_as_at_length(scanned, count, amount, same, ppm):
    charged = scanned[::-1] if same else scanned[1:]
    told = Evidence(scanned, count, amount, charged, voided=scanned[2:4])
    tolerance = Tolerance(false_alarms_ppm=ppm)
    assert assess(told, tolerance) == judged(told, tolerance)


def shuffled(random, things):
    return tuple(random.sample(things, len(things)))


@given(
    st.text(st.characters(max_codepoint=255), max_size=40), st.sampled_from(sorted(GS1_SYMBOLOGIES))
)
def test_no_label_is_so_strange_that_its_serial_number_cannot_be_asked_for(label, symbology):
    for text in (label, "01" + label, "010690123456789221" + label):
        assert serial_of(symbology + text) is None or text


gtins = st.sampled_from("abcde")
grams = st.integers(-3_000, 3_000)
some_pieces = st.builds(
    Pieces,
    gtins,
    st.integers(1, 4),
    st.none() | st.integers(0, 9_999),
    st.sampled_from(["", "Tea"]),
    st.sampled_from(["", "drinks"]),
    st.none() | st.integers(1, 2_000),
    st.none() | st.sampled_from("xy"),
)
some = st.lists(some_pieces, max_size=5).map(tuple)
ranges = st.tuples(grams, grams).map(lambda two: WeightRange(*sorted(map(abs, two))))
items = st.lists(
    st.builds(
        KnownItem,
        gtins,
        st.just(""),
        st.sampled_from(["", "food"]),
        st.none() | st.integers(0, 9_999),
        st.none() | ranges,
        st.none() | st.integers(0, 1000),
    ),
    max_size=5,
).map(catalogue_of)  # fmt: skip
anything = st.builds(
    Evidence,
    some,
    st.none() | st.integers(1, 20),
    st.none() | st.integers(0, 99_999),
    st.none() | some,
    st.lists(st.sampled_from(["", "food"]), max_size=3).map(tuple),
    st.booleans(),
    some,
    st.none() | st.builds(ScaleEvidence, st.lists(grams, max_size=6).map(tuple), grams),
    st.none()
    | st.lists(
        st.builds(Tag, gtins, st.none() | st.sampled_from("12"), st.none() | st.integers(-90, -30)),
        max_size=6,
    ).map(tuple),
    st.none()
    | st.builds(
        CameraEvidence,
        st.none() | st.integers(-3, 12),
        st.integers(0, 100),
        st.lists(gtins, max_size=3).map(tuple),
    ),
    items,
)


@settings(deadline=None, max_examples=300)
@given(anything)
def test_no_evidence_is_so_strange_that_it_cannot_be_judged(told):
    judged = assess(told)

    assert assess(told) == judged
    assert (judged.verdict == "clean") == (not judged.findings)
    assert 0 <= judged.confidence_permille <= 1000
    assert all(0 < c.probability_permille <= 1000 for c in judged.candidates)
    assert all(f.count > 0 for f in judged.findings)
    assert judged.missed_count == sum(f.count for f in judged.findings if f.kind == "missed_item")
    for finding in judged.findings:
        assert all(text.english() for text in (finding.reason, *finding.also))

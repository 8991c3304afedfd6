"""How often the hidden item of a real basket is found, of a model that learned but six days."""

from __future__ import annotations

import pytest

from tests.bench.suggestions import size_of
from tests.suggest_kit import (
    LEARNED_BEFORE,
    MONTH,
    gtins_of,
    hidden,
    hit_rates,
    month,
    no_gap,
    trained,
    weight_gap,
    weights,
)

ASKED = 400
DAYS = 6

pytestmark = pytest.mark.skipif(not MONTH.exists(), reason="the real month is not beside this")


@pytest.fixture(scope="module")
def learned():
    baskets = month()
    weighs = weights(baskets)
    later = [basket for basket in baskets if basket.day >= LEARNED_BEFORE]
    before = (b for b in baskets if LEARNED_BEFORE - DAYS <= b.day < LEARNED_BEFORE)
    model = trained(before, weighs)
    return model, hidden(later, weighs)[:ASKED]


@pytest.mark.parametrize(("gap_of", "least"), [(no_gap, (3.5, 9, 12)), (weight_gap, (22, 42, 50))])
def test_hidden_items_are_found_as_often_as_they_should(learned, gap_of, least):
    model, asked = learned

    rates = hit_rates(gtins_of(model), asked, gap_of)

    assert all(rate >= low for rate, low in zip(rates, least, strict=True)), rates


def test_the_model_takes_less_than_its_memory(learned):
    assert size_of(learned[0]) < 6_000_000

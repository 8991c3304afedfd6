"""What the demo's cashier will do follows from the seed alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.demo.baskets import Basket, BasketLine, sample
from agent.cli.demo.cashier import total_of
from agent.cli.demo.plan import Visit, planned
from agent.domain.totals import problems
from agent.totals.http import read_total

SAMPLE = sample()
SINGLE = Basket("2000-11-30", "1", (BasketLine("20391119", "1", 1, 100, 200),))


def test_the_same_seed_gives_the_same_plan():
    assert planned(SAMPLE, 50, 7) == planned(SAMPLE, 50, 7)
    assert planned(SAMPLE, 50, 7) != planned(SAMPLE, 50, 8)


def test_a_plan_has_all_that_a_lane_meets():
    visits = planned(SAMPLE, 300, 1)
    manners = Counter(visit.manner for visit in visits)
    assert 20 <= manners["amount"] <= 80
    assert 10 <= manners["keypad"] <= 60
    assert sum(visit.missed_line is not None for visit in visits) == 15
    assert 10 <= sum(visit.repeated for visit in visits) <= 60
    paid = Counter(len(visit.payment.tenders) for visit in visits)
    assert paid[1] > paid[2] > 0
    assert {name for v in visits for name, _ in v.payment.tenders} == {
        "cash",
        "card",
        "wechat",
        "alipay",
    }
    assert any(visit.payment.change_minor for visit in visits)


def test_more_visits_than_baskets_are_on_later_days():
    visits = planned((SINGLE,), 3, 0)
    assert [visit.total_id for visit in visits] == ["2000-11-30-1", "2000-12-30-1", "2001-01-29-1"]


def test_every_total_has_its_own_id():
    visits = planned(SAMPLE, 700, 3)
    assert len({visit.total_id for visit in visits}) == 700


def test_the_only_piece_of_a_basket_is_never_missed():
    assert [visit.missed_line for visit in planned((SINGLE,), 40, 0)] == [None] * 40


def test_even_a_short_plan_misses_a_scan():
    assert sum(visit.missed_line is not None for visit in planned(SAMPLE, 12, 0)) == 1


@given(seed=st.integers(0, 2**31), count=st.integers(1, 40))
def test_any_plan_can_be_played(seed: int, count: int):
    visits = planned(SAMPLE, count, seed)
    assert len(visits) == count
    for visit in visits:
        _check(visit)


def _check(visit: Visit) -> None:
    missed = visit.missed_line is not None
    assert len(visit.scans) == visit.basket.pieces - missed > 0
    for line, weight_g in zip(visit.basket.lines, visit.weights_g, strict=True):
        assert (weight_g is not None) is line.weighed
        assert weight_g is None or (200 <= weight_g <= 2000 and weight_g % 5 == 0)
    assert not (visit.manner == "keypad" and visit.basket.weighed)


@pytest.mark.parametrize("manner", ["lines", "amount"])
def test_the_lane_finds_nothing_wrong_with_the_totals(manner: str):
    import msgspec

    visits = [visit for visit in planned(SAMPLE, 300, 5) if visit.manner == manner]
    assert visits
    for visit in visits:
        total = read_total(msgspec.json.encode(total_of(visit)))
        assert problems(total) == ()
        assert total.item_count == visit.basket.pieces
        assert (total.lines is None) is (manner == "amount")

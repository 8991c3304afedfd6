"""The model remembers what a plain list of baskets would, and no more than it may."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.suggest import companions, memory
from agent.suggest.companions import PER_LINE, Companions
from agent.suggest.memory import BASKET_WEIGHT, Memory
from agent.suggest.model import Model
from agent.suggest.question import Gap, Question, SoldBasket, SoldItem
from agent.suggest.table import Table

LIMITS = {
    "ITEMS_MAX": 24,
    "LINES_MAX": 50,
    "BASKETS_MAX": 12,
    "BASKET_LINES_MAX": 9,
    "KEYS_MAX": 36,
}
GTINS = [f"{n:014}" for n in (0, 1, 96385074, 12345678, *range(6901234567800, 6901234567840))]
CUSTOMERS = [str(n) for n in range(60)]
CATEGORIES = ["", *(f"category {n}" for n in range(6))]

#: Drawn by seed: some hundred baskets are needed before anything is forgotten.
baskets = st.builds(
    lambda seed, count: sold(Random(seed), count), st.integers(0), st.integers(0, 80)
)


def sold(random: Random, count: int) -> list[SoldBasket]:
    days = sorted(random.randrange(1, 40) for _ in range(count))
    return [
        SoldBasket(
            day,
            tuple(
                SoldItem(
                    random.choice(GTINS),
                    random.choice(CATEGORIES),
                    random.choice((None, -5, 100, 2**40)),
                )
                for _ in range(random.randrange(12))
            ),
            random.choice((None, *range(24))),
            random.choice(("", "a", "b", *CUSTOMERS)),
        )
        for day in days
    ]


questions = st.builds(
    Question,
    st.lists(st.sampled_from(GTINS), max_size=20).map(tuple),
    st.builds(
        Gap,
        st.none() | st.integers(0, 2000),
        st.none() | st.integers(-1, 100),
        st.none() | st.sampled_from([0, 100, 2**40]),
        st.lists(st.sampled_from(CATEGORIES), max_size=2).map(tuple),
    ),
    st.sampled_from(["", "a", "b", "nobody"]),
    st.none() | st.integers(0, 23),
    st.integers(-1, 12),
)


@pytest.fixture(autouse=True, scope="module")
def small():
    """Limits that a test reaches."""
    with pytest.MonkeyPatch.context() as patch:
        for name, most in LIMITS.items():
            patch.setattr(memory, name, most)
        patch.setattr(companions, "PAIRS_MAX", 12)
        patch.setattr(companions, "CATEGORIES_MAX", 5)
        yield


def kept(learned: list[SoldBasket], remembered: Memory) -> list[tuple[set[int], str]]:
    """The GTINs and the customer of those baskets that are still there."""
    sold = [
        ({int(item.gtin) for item in islice(b.items, LIMITS["BASKET_LINES_MAX"])} - {0}, b.customer)
        for b in learned
    ]
    sold = [one for one in sold if one[0]]
    count = remembered.baskets - vars(remembered)["_oldest"]
    assert len(sold) == remembered.baskets
    return sold[len(sold) - count :]


def named(remembered: Memory, found) -> list[set[int]]:
    return [{remembered.gtins[number] for number in basket} for basket in found]


@settings(deadline=None, max_examples=150)
@given(baskets)
def test_memory_is_the_last_baskets(learned):
    remembered = Memory()
    for basket in learned:
        remembered.learn(basket)

    last = kept(learned, remembered)
    usually = Counter[int]()
    for gtins, _ in last:
        for gtin in gtins:
            usually[gtin] += BASKET_WEIGHT // max(len(gtins), 2)
    assert {g: n for g, n in zip(remembered.gtins, remembered.usually, strict=True) if n} == usually
    for gtin in map(int, GTINS[1:]):
        number = remembered.item(gtin)
        assert (number is not None) == (gtin in usually)
        if number is not None:
            with_it = [gtins for gtins, _ in reversed(last) if gtin in gtins]
            assert named(remembered, remembered.sold_with(number, 99)) == with_it
            assert len(list(remembered.sold_with(number, 1))) == 1
    for customer in ("a", "b", *CUSTOMERS):
        theirs = [gtins for gtins, who in reversed(last) if who == customer]
        assert named(remembered, remembered.bought_by(customer, 99)) == theirs


@settings(deadline=None, max_examples=80)
@given(baskets)
def test_memory_is_bounded(learned):
    remembered = Memory()
    for basket in learned:
        remembered.learn(basket)

    fields = vars(remembered)
    assert len(remembered.gtins) <= LIMITS["ITEMS_MAX"]
    assert max(len(fields[ring]) for ring in ("_item_at", "_line_before", "_basket_at")) <= 50
    assert max(len(fields[ring]) for ring in ("_begin", "_length", "_basket_before")) <= 12
    assert len(fields["_items"]) <= LIMITS["KEYS_MAX"]
    assert len(fields["_customers"]) <= LIMITS["KEYS_MAX"]
    together = remembered.companions
    assert len(together.names) <= 5
    assert sum(len(list(together.of(c))) for c in range(len(together.names))) <= 12
    assert all(count > 0 for c in range(len(together.names)) for _, count in together.of(c))


@settings(deadline=None, max_examples=150)
@given(baskets, questions)
def test_every_question_gets_an_orderly_answer(learned, question):
    model = Model()
    for number, basket in enumerate([*learned, SoldBasket(40, ())]):
        model.learn(basket)
        if number % 16 and number < len(learned):
            continue
        found = model.suggest(question)

        chances = [one.probability_ppm for one in found]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1_000_000
        assert len(found) <= max(question.limit, 0)
        assert len({one.gtin for one in found} - set(question.basket)) == len(found)
        assert all(one.reasons for one in found)


@given(st.lists(st.tuples(st.integers(1, 2**63 - 1), st.integers(0, 2**31 - 1)), max_size=600))
def test_a_table_is_a_dict_of_whole_numbers(pairs):
    table, plain = Table(), {}
    for key, value in pairs:
        table.put(key, value)
        plain[key] = value

    assert dict(table.pairs()) == plain
    assert len(table) == len(plain)
    assert all(table.get(key) == value for key, value in plain.items())
    absent = next(n for n in range(1, 10**4) if n not in plain)
    assert table.get(absent) is None
    table.refill((key, 1) for key in plain if key % 2)
    assert dict(table.pairs()) == {key: 1 for key in plain if key % 2}


@given(st.lists(st.lists(st.sampled_from([0, 1, 2]), max_size=6), max_size=12))
def test_companions_are_counted_by_pairs_of_lines(learned):
    together = Companions()
    for name in ("a", "b"):
        together.category(name)
    expected = Counter[tuple[int, int]]()
    for categories in learned:
        together.learn(categories)
        for at, one in enumerate(categories):
            for other_at, other in enumerate(categories):
                if at != other_at:
                    expected[one, other] += PER_LINE // (len(categories) - 1)

    found = {(c, other): n for c in range(3) for other, n in together.of(c)}
    assert found == expected
    for category in range(3):
        assert together.total[category] == sum(n for (c, _), n in expected.items() if c == category)


def test_a_large_table_is_a_dict_too():
    plain = {key * 97 + 1: key for key in range(5_000)}
    table = Table()
    table.refill(plain.items())

    assert dict(table.pairs()) == plain
    assert all(table.get(key) == value for key, value in plain.items())


def test_further_categories_share_the_one_without_a_name(monkeypatch):
    monkeypatch.setattr(companions, "CATEGORIES_MAX", 2)
    together = Companions()

    assert [together.category(name) for name in ("a", "b", "a", "")] == [1, 0, 1, 0]


def test_a_category_with_very_much_is_halved(monkeypatch):
    monkeypatch.setattr(companions, "AGED_AT", 10 * PER_LINE)
    together = Companions()
    for _ in range(11):
        together.learn([0, together.category("a")])

    assert dict(together.of(0)) == {1: 11 * PER_LINE // 2}
    assert together.total[0] == 11 * PER_LINE // 2


def test_of_many_pairs_the_frequent_ones_stay():
    together = Companions()
    a, b, *others = (together.category(name) for name in "abcd")
    for _ in range(40):
        together.learn([a, b])
    for other in others:
        together.learn([a, other])

    assert b in dict(together.of(a))

"""What the model suggests, and why."""

from __future__ import annotations

import pytest

from agent.domain.evidence import WeightRange
from agent.domain.facts import SoldLine, TransactionSettled
from agent.suggest.model import STALE, Model
from agent.suggest.question import Gap, Question, SoldBasket, SoldItem
from agent.suggest.sold import sold_basket

MILK = SoldItem("06901234567892", "dairy", 1250)
YOGHURT = SoldItem("06909876500016", "dairy", 600)
YOGHURT_PEACH = SoldItem("06909876500023", "dairy", 600)
BREAD = SoldItem("04006381333931", "bakery", 800)
TEA = SoldItem("00000096385074", "drinks", 1000)
SOAP = SoldItem("05449000000996", "care", 450)
WEIGHTS = {MILK.gtin: WeightRange(1020, 1040), BREAD.gtin: WeightRange(500, 520)}


def taught(*baskets, day=1, hour=None, customer="", times=10, weights=WEIGHTS):
    model = Model()
    teach(model, *baskets, day=day, hour=hour, customer=customer, times=times, weights=weights)
    return model


def teach(model, *baskets, day=1, hour=None, customer="", times=10, weights=WEIGHTS):
    for items in baskets * times:
        model.learn(SoldBasket(day, items, hour, customer), weights.get)


def asked(model, *basket, gap=None, **more):
    question = Question(tuple(item.gtin for item in basket), gap or Gap(), **more)
    return model.suggest(question)


def gtins(suggestions):
    return [suggestion.gtin for suggestion in suggestions]


def likely(suggestions, item):
    return next(one.probability_ppm for one in suggestions if one.gtin == item.gtin)


def reasons(suggestion):
    return [reason.english() for reason in suggestion.reasons]


def test_who_learned_nothing_suggests_nothing():
    assert asked(Model(), MILK) == ()
    assert asked(Model(), gap=Gap(weight_g=500, amount_minor=10, categories=("dairy",))) == ()


def test_what_sells_most_comes_first():
    model = taught((MILK,), (MILK,), (BREAD,), (MILK, TEA))

    found = asked(model)

    assert gtins(found) == [MILK.gtin, BREAD.gtin, TEA.gtin]
    assert reasons(found[0]) == ["sells well these days"]
    assert 900_000 < sum(one.probability_ppm for one in found) <= 1_000_000


def test_nothing_of_the_basket_is_suggested_and_no_more_than_asked():
    model = taught((MILK, BREAD, TEA, SOAP))

    assert set(gtins(asked(model, MILK, TEA))) == {BREAD.gtin, SOAP.gtin}
    assert len(asked(model, MILK, limit=1)) == 1
    assert asked(model, MILK, limit=0) == ()
    assert asked(model, MILK, BREAD, TEA, SOAP) == ()


def test_what_goes_with_the_basket_comes_before_what_sells_more():
    model = taught((MILK, BREAD), (SOAP, TEA), (SOAP, TEA), (SOAP,), (SOAP,))

    found = asked(model, MILK)

    assert gtins(found)[0] == BREAD.gtin
    assert "is bought with what is in the basket" in reasons(found[0])


def test_what_a_customer_bought_is_likelier_for_that_one_alone():
    model = taught((MILK,), (TEA,), (BREAD,), times=30)
    teach(model, (TEA,), customer="0912345678", times=1)

    theirs, others = (asked(model, customer=who) for who in ("0912345678", "0987654321"))

    assert gtins(theirs)[0] == TEA.gtin
    assert reasons(theirs[0])[0] == "this customer has bought it before"
    assert theirs[0].probability_ppm > 50_000 + likely(others, TEA)
    assert others == asked(model)


def test_a_customer_is_kept_as_a_digest_alone():
    model = taught((MILK,), customer="0912345678")

    held = [repr(value) for value in vars(vars(model)["_memory"]).values()]

    assert not any("0912345678" in text for text in held)


def test_varieties_of_what_is_in_the_basket_are_suggested():
    model = taught((YOGHURT,), (YOGHURT_PEACH,), (MILK,), (SOAP,))

    found = asked(model, YOGHURT)

    assert gtins(found)[0] == YOGHURT_PEACH.gtin
    assert reasons(found[0])[0] == "comes from a maker of what is in the basket"
    assert likely(found, YOGHURT_PEACH) > 50_000 + likely(found, MILK)


def test_a_maker_is_known_by_an_item_that_was_never_sold_too():
    model = taught((YOGHURT_PEACH,), (MILK,), (MILK,))

    found = asked(model, YOGHURT)

    assert "comes from a maker of what is in the basket" in reasons(
        next(one for one in found if one.gtin == YOGHURT_PEACH.gtin)
    )


def test_a_promotion_counts_from_its_first_day():
    model = taught((MILK,), (MILK,), (BREAD,), times=40)
    teach(model, (SOAP,), day=9, times=40)

    assert gtins(asked(model))[0] == SOAP.gtin


def test_after_days_without_a_sale_the_usual_counts():
    model = taught((MILK,), (MILK,), (BREAD,))
    model.learn(SoldBasket(900, ()))

    assert gtins(asked(model)) == [MILK.gtin, BREAD.gtin]


@pytest.mark.parametrize("day", [1, 0])
def test_sales_of_now_are_weighed_up_every_few_baskets(day):
    model = taught((MILK,), times=3)
    assert gtins(asked(model)) == [MILK.gtin]

    teach(model, (BREAD,), day=day, times=STALE - 1)
    assert gtins(asked(model)) == [MILK.gtin]

    teach(model, (BREAD,), day=day, times=1)
    assert gtins(asked(model)) == [BREAD.gtin, MILK.gtin]


def test_an_item_that_moved_to_a_new_category_is_suggested_at_once():
    model = taught((MILK,), (BREAD,))
    assert len(asked(model)) == 2

    teach(model, (SoldItem(BREAD.gtin, "new on the shelf"),), (TEA, MILK), times=1)

    assert set(gtins(asked(model))) == {MILK.gtin, BREAD.gtin}
    assert gtins(asked(model, MILK, hour=9, gap=Gap(categories=("new on the shelf",)))) == [
        BREAD.gtin
    ]


def test_what_weighs_as_is_missing_comes_first_and_says_so():
    model = taught((MILK,), (TEA,), (TEA,), (BREAD,))

    found = asked(model, gap=Gap(weight_g=515))

    assert gtins(found)[0] == BREAD.gtin
    assert reasons(found[0])[0] == "weighs 510 g, as is missing"
    assert MILK.gtin not in gtins(found)


def test_an_item_that_nobody_weighed_stays_possible():
    model = taught((TEA,), (BREAD,), times=100)

    found = asked(model, gap=Gap(weight_g=515))

    assert gtins(found) == [BREAD.gtin, TEA.gtin]
    assert found[1].probability_ppm * 10 < found[0].probability_ppm


@pytest.mark.parametrize(
    ("weight_g", "tolerance_g", "fits"),
    [
        (499, 0, False),
        (500, 0, True),
        (520, 0, True),
        (521, 0, False),
        (490, 10, True),
        (490, None, False),  # 9.8 g, rounded down
        (491, None, True),
        (0, None, False),
        (515, -5, True),
    ],
)
def test_a_weight_fits_within_its_tolerance(weight_g, tolerance_g, fits):
    model = taught((BREAD,))

    found = asked(model, gap=Gap(weight_g=weight_g, tolerance_g=tolerance_g))

    assert (gtins(found) == [BREAD.gtin]) is fits


def test_a_weight_that_is_learned_later_or_taken_back_counts():
    model = taught((MILK,), (TEA,))
    model.weigh(TEA.gtin, WeightRange(325, 335))
    model.weigh(MILK.gtin, None)
    model.weigh(SOAP.gtin, WeightRange(325, 335))

    found = asked(model, gap=Gap(weight_g=330))

    assert gtins(found) == [TEA.gtin, MILK.gtin]
    assert reasons(found[0])[0] == "weighs 330 g, as is missing"


def test_what_costs_as_much_as_was_charged_comes_first():
    model = taught((MILK,), (MILK,), (TEA,), (SoldItem(SOAP.gtin, "care"),))

    found = asked(model, gap=Gap(amount_minor=1000))

    assert gtins(found) == [TEA.gtin, SOAP.gtin, MILK.gtin]
    assert reasons(found[0])[0] == "costs what was charged above the scans"


def test_a_category_that_is_missing_comes_first():
    model = taught((MILK,), (MILK,), (TEA,))

    found = asked(model, gap=Gap(categories=("drinks", "unheard of")))

    assert gtins(found)[0] == TEA.gtin
    assert reasons(found[0])[0] == "is of the category that is missing"


def test_weight_and_price_tell_together_what_neither_tells_alone():
    weights = dict.fromkeys((MILK.gtin, BREAD.gtin, TEA.gtin), WeightRange(500, 520))
    bread = SoldItem(BREAD.gtin, "bakery", 1000)
    model = taught((MILK,), (bread,), (TEA,), (SOAP,), weights=weights | {TEA.gtin: None})

    found = asked(model, gap=Gap(weight_g=510, amount_minor=1000))

    assert gtins(found)[0] == BREAD.gtin
    assert reasons(found[0])[:2] == [
        "weighs 510 g, as is missing",
        "costs what was charged above the scans",
    ]


def test_what_sells_at_this_hour_comes_first_then():
    model = taught((MILK,), (MILK,), hour=8, times=150)
    teach(model, (TEA,), hour=21, times=120)

    evening, morning, ever = (asked(model, hour=hour) for hour in (21, 8, None))

    assert gtins(evening)[0] == TEA.gtin
    assert reasons(evening[0])[0] == "sells at this hour"
    assert gtins(morning)[0] == gtins(ever)[0] == MILK.gtin
    assert gtins(asked(model, hour=3)) == gtins(ever)


def test_the_same_sales_make_the_same_model():
    def answers():
        return asked(taught((MILK, BREAD), (TEA, SOAP), (MILK, TEA, SOAP), hour=9), MILK, hour=9)

    assert answers() == answers()


def test_a_sale_of_the_journal_is_learned_with_the_price_of_a_piece():
    lines = (
        SoldLine(1, MILK.gtin, 2000, None, 2500, "Milk", "dairy", 1300),
        SoldLine(2, TEA.gtin, 1000, 250, 490, "Tea, loose", "drinks", 1300),
        SoldLine(3, BREAD.gtin, 1000, None, None, "Bread", "bakery", 1300),
        SoldLine(4, SOAP.gtin, -1000, None, -450, "Soap, taken back", "care", 1300),
        SoldLine(5, "", 1000, None, 100, "something", "", 1300),
    )
    settled = TransactionSettled(
        *("t", "r", "2026-11-22", "CNY", "id", 4, 1, 0, 0, lines, (), (), 0),
        customer="0912345678",
    )

    basket = sold_basket(settled, 9)

    assert basket == SoldBasket(
        739_942,
        (MILK, SoldItem(TEA.gtin, "drinks", None), SoldItem(BREAD.gtin, "bakery", None)),
        9,
        "0912345678",
    )

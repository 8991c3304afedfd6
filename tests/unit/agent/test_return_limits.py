"""`[[shop.return_limit]]`: who may take which goods back, and limits that make no sense."""

from __future__ import annotations

import pytest

from agent.config import check_lane
from agent.domain.shop import RETURN_LIMITS, ReturnLimit

SMALLEST = 'store.org = "a"\nstore.id = "s"\nstore.name = "n"\nlane.id = "l"\n'


def limit(role, **keys):
    lines = [f"{key} = {str(value).lower()}" for key, value in keys.items()]
    return "\n".join(["[[shop.return_limit]]", f'role = "{role}"', *lines, ""])


def complaints(*limits):
    return [(e.key, e.message) for e in check_lane(SMALLEST + "".join(limits)).errors]


def rules(*limits):
    checked = check_lane(SMALLEST + "".join(limits))
    assert checked.errors == ()
    return checked.value.shop.rules()


def test_a_shop_that_says_nothing_has_the_limits_of_most():
    assert rules().return_limits == RETURN_LIMITS


def test_a_shop_says_how_far_each_role_may_go():
    cashier = limit("cashier", amount_minor=20000, days=7)
    told = rules(cashier, limit("manager", without_receipt=True))
    assert told.return_limits == (
        ("cashier", ReturnLimit(20000, 7)),
        ("manager", ReturnLimit(unreferenced=True)),
    )
    assert told.returner(20000, 7, has_reference=True) == "cashier"
    assert told.returner(20001, 7, has_reference=True) == "manager"
    assert told.returner(1, None, has_reference=False) == "manager"
    assert rules(cashier).returner(20001, 7, has_reference=True) is None


@pytest.mark.parametrize(
    ("limits", "key", "message"),
    [
        (
            (limit("cashier", days=7), limit("supervisor", days=3)),
            "shop.return_limit.2.role",
            "allows nothing that cashier may not do already",
        ),
        (
            (limit("manager", amount_minor=5), limit("cashier")),
            "shop.return_limit.1.role",
            "allows nothing that cashier may not do already",
        ),
        (
            (limit("cashier", days=7), limit("cashier")),
            "shop.return_limit.2.role",
            "there is a limit of returns for cashier already",
        ),
    ],
)
def test_a_limit_that_holds_for_nobody_is_named(limits, key, message):
    assert (key, message) in complaints(*limits)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (limit("boss"), "shop.return_limit.1.role"),
        (limit("cashier", amount_minor=-1), "shop.return_limit.1.amount_minor"),
        (limit("cashier", days=4000), "shop.return_limit.1.days"),
        (limit("cashier", without_receipt=1), "shop.return_limit.1.without_receipt"),
        ("[[shop.return_limit]]\ndays = 3\n", "shop.return_limit.1.role"),
    ],
)
def test_a_limit_that_is_none_is_named(text, key):
    assert key in [name for name, _ in complaints(text)]


def test_limits_that_differ_each_in_their_own_way_are_good():
    assert complaints(limit("cashier", amount_minor=9, days=90), limit("supervisor", days=7)) == []

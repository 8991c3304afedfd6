"""Facts: one table of types, immutable, without a say in what they do not concern."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.facts import FACT_TYPES, ItemDescribed, ReceiptPrinted
from agent.domain.transaction import LaneState, evolve

CLASSES = [cls for versions in FACT_TYPES.values() for cls in versions.values()]


def test_each_fact_is_listed_under_its_own_type_and_version():
    assert {(t, v): cls for t, vs in FACT_TYPES.items() for v, cls in vs.items()} == {
        (cls.type, cls.version): cls for cls in CLASSES
    }
    assert all(cls.__name__ == cls.type for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.type)
@given(st.data())
def test_no_fact_can_be_changed(cls, data):
    fact = data.draw(st.from_type(cls))

    for name in [f.name for f in fields(cls)]:
        with pytest.raises(FrozenInstanceError):
            setattr(fact, name, None)
    with pytest.raises((AttributeError, TypeError)):
        fact.something_new = 1


@pytest.mark.parametrize(
    "fact", [ItemDescribed("06901234567892"), ReceiptPrinted("t", "j", reprint=False)]
)
def test_facts_without_a_say_in_the_lanes_state_leave_it_as_it_is(fact):
    state = LaneState(last_number=3)

    assert evolve(fact, state) is state

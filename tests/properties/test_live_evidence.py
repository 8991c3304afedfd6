"""Whatever happens at a lane, in whatever order: its journal is judged as the lane judged it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain import facts
from agent.domain.assessment import assess
from agent.domain.events import (
    BagMoves,
    BagRests,
    DeviceChanged,
    Observed,
    OverridePrice,
    Scanned,
    VoidLine,
)
from agent.domain.gather import by_transaction, evidence_of
from agent.domain.gs1 import read_label
from agent.domain.lane import step
from agent.domain.learned import Knowledge
from agent.domain.shop import Person, ShopRules
from agent.domain.totals import CashierTotal
from agent.domain.transaction import LaneState
from tests.lane_kit import BREAD, DAY, ITEMS, MILK, RULES, TEA, keyed, posted, received, scanned

GTINS = [MILK.gtin, BREAD.gtin, TEA.gtin]
KNOWLEDGE = Knowledge()
for _gtin, _low_g in zip(GTINS, (1030, 495, 325), strict=True):
    _item = ITEMS[_gtin]
    KNOWLEDGE.describe(
        facts.ItemDescribed(
            _gtin, _item.description, _item.category, _item.price_minor, "each", _low_g, _low_g + 10
        )
    )
MANAGER = Person("1", "manager")
HOLDING = replace(RULES, shop=ShopRules(holds_pos=True))


def serial_scan(gtin, serial):
    label = f"01{gtin}21{serial}".encode()
    return Scanned(read_label(label, "]d2"), label, "]d2", "scanner", ITEMS[gtin])


gtins = st.sampled_from(GTINS)
serials = st.sampled_from("ab")
happenings = st.one_of(
    st.builds(scanned, gtins),
    st.builds(serial_scan, gtins, serials),
    st.builds(
        BagRests,
        st.sampled_from(["bag", "bag_2"]),
        st.sampled_from([None, 0, 325, 500, 825, 1035, 1540, 1870, 2400]),
    ),
    st.builds(BagMoves, st.just("bag")),
    st.builds(
        DeviceChanged, st.sampled_from(["bag", "rfid", "camera"]), st.booleans(), st.just("")
    ),
    st.builds(
        lambda gtin, serial, present: Observed(
            facts.TagObserved(None, serial, gtin, serial, present, -50, 0, "rfid")
        ),
        gtins,
        serials,
        st.booleans(),
    ),
    st.builds(
        lambda count: Observed(facts.CrossingObserved(None, count, 98, "camera")),
        st.integers(-1, 2),
    ),
    st.builds(lambda gtin: Observed(facts.LabelObserved(None, gtin, 3, "camera")), gtins),
    st.builds(VoidLine, st.integers(1, 4), st.just(MANAGER)),
    st.builds(OverridePrice, st.integers(1, 4), st.just(300), st.just(MANAGER)),
    st.builds(lambda count: keyed("K", count), st.integers(1, 5)),
    st.builds(
        lambda count, amount: posted("T", count, amount_minor=amount),
        st.integers(1, 5),
        st.sampled_from([1250, 2050, 3050]),
    ),
)


def as_event(happening, number):
    """A total under an id of its own, with what the lane knows of items."""
    if not isinstance(happening, CashierTotal):
        return happening
    total = replace(happening, total_id=f"{happening.total_id}{number}")
    return received(total, catalogue=KNOWLEDGE.catalogue)


@settings(max_examples=300, deadline=None)
@given(st.lists(happenings, max_size=30), st.sampled_from([RULES, HOLDING]))
def test_the_journal_is_judged_as_the_lane_judged(happened, rules):
    state, told = LaneState(), []
    for number, event in enumerate(happened):
        before = state.transaction
        done = step(state, as_event(event, number), rules, DAY)
        state, told = done.state, [*told, *done.facts]
        if not any(isinstance(fact, facts.CashierTotalReceived) for fact in done.facts):
            continue
        basket = by_transaction(told)[before.transaction_id]
        judged = assess(evidence_of(basket, KNOWLEDGE.catalogue))
        suspected = [fact for fact in done.facts if isinstance(fact, facts.MissedScanSuspected)]
        if judged.verdict == "clean":
            assert suspected == []
        elif suspected:
            assert suspected[0].findings == judged.findings
            assert suspected[0].candidates == judged.candidates
            assert suspected[0].confidence_permille == judged.confidence_permille
        else:
            assert before.judged.dismissed

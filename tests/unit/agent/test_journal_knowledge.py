"""What a lane knows of items stands in its facts, and is read from there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.domain import facts
from agent.domain.evidence import KnownItem, WeightRange
from agent.domain.facts import ItemDescribed, LaneStarted
from agent.domain.learned import WEIGHINGS_MAX, Knowledge
from agent.domain.transaction import LaneState
from agent.journal import Journal
from tests.core_kit import Lane
from tests.lane_kit import APPLES, BREAD, MILK, TEA, append, dumped, played, sale, scanned

WEIGHED = replace(TEA, weight_low_g=325, weight_high_g=335, tagged_permille=300)
TAGGED = replace(BREAD, tagged_permille=1000)
TEA_TOLD = ItemDescribed(TEA.gtin, "Green tea", "drinks", 1000, "each", 325, 335, 300)
BREAD_TOLD = ItemDescribed(BREAD.gtin, "Bread", "bakery", 800, tagged_permille=1000)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def test_items_that_a_sensor_may_tell_apart_are_described_once(journal):
    journal.load_items([MILK, WEIGHED, TAGGED, APPLES], "1")
    assert journal.undescribed() == [TEA_TOLD, BREAD_TOLD]

    append(journal, journal.undescribed())
    assert journal.undescribed() == []


def test_what_changed_in_the_item_master_is_said_again_and_what_is_gone_too(journal):
    journal.load_items([WEIGHED, TAGGED], "1")
    append(journal, journal.undescribed())

    journal.load_items([replace(WEIGHED, price_minor=900), BREAD], "2")

    said = journal.undescribed()
    assert said == [replace(TEA_TOLD, price_minor=900), ItemDescribed(BREAD.gtin)]
    append(journal, said)
    assert journal.undescribed() == []
    assert [*journal.knowledge().catalogue.items] == [TEA.gtin]


def test_knowledge_is_what_the_facts_said(journal):
    told = [
        TEA_TOLD,
        *(
            facts.PieceWeighed("t", MILK.gtin, 1030 + n, "Milk 1 l", "dairy", 1250)
            for n in range(WEIGHINGS_MAX + 5)
        ),
    ]
    append(journal, told)

    heard = Knowledge()
    for fact in told:
        heard.describe(fact) if isinstance(fact, ItemDescribed) else heard.weigh(fact)
    assert journal.knowledge().catalogue == heard.catalogue
    assert heard.catalogue.items == {
        TEA.gtin: KnownItem(TEA.gtin, "Green tea", "drinks", 1000, WeightRange(325, 335), 300),
        MILK.gtin: KnownItem(MILK.gtin, "Milk 1 l", "dairy", 1250, WeightRange(1014, 1067)),
    }


def test_only_the_latest_weighings_are_kept_and_a_rebuild_keeps_the_same(journal):
    weighings = [facts.PieceWeighed("t", MILK.gtin, 1000 + n) for n in range(WEIGHINGS_MAX + 5)]
    for fact in weighings:
        append(journal, [fact, replace(fact, gtin=TEA.gtin)])
    before = dumped(journal)
    assert len(before["weighed_piece"]) == 2 * WEIGHINGS_MAX

    journal.rebuild()

    assert dumped(journal) == before


def test_what_sensors_told_since_the_last_sale_is_there_after_a_restart(journal):
    crossed = facts.CrossingObserved(None, 1, 98, "camera")
    sold = sale("T1")
    append(journal, [crossed, *sold.facts, replace(crossed, count=2)])

    state = journal.lane_state()
    assert [fact.count for fact in state.around.waiting] == [2]
    assert (state.last_number, state.transaction) == (1, None)

    append(journal, played(scanned(MILK.gtin), state=LaneState(1)).facts)
    assert [fact.count for fact in journal.lane_state().transaction.seen] == [2]


def test_what_sensors_told_before_the_first_basket_ever_is_there_too(journal):
    crossed = facts.CrossingObserved(None, 1, 98, "camera")
    append(journal, [crossed])

    assert journal.lane_state().around.waiting == (crossed,)


def test_a_lane_describes_its_items_when_it_starts_and_no_more_when_it_starts_again(tmp_path):
    lane = Lane(tmp_path / "journal.db", items=(WEIGHED, MILK))
    assert [*lane.journal.facts()] == [LaneStarted("boot-1", "0.1.0"), TEA_TOLD]

    lane.restart()
    assert [*lane.journal.facts(3)] == [LaneStarted("boot-1", "0.1.0")]
    lane.close()

"""Suggestions follow the journal: what was settled before the start, and what is settled since."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agent import suggestions
from agent.domain import facts
from agent.journal import Journal
from agent.suggest.question import Gap, Question
from agent.suggestions import Suggestions
from tests.lane_kit import APPLES, BREAD, ITEMS, MILK, TEA, append, sale

HEAVY = replace(TEA, weight_low_g=325, weight_high_g=335)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.db") as opened:
        opened.load_items(ITEMS.values(), "digest")
        yield opened


def sell(
    journal: Journal, *items, times: int = 1, wall_ms: int = 1000, customer: str = ""
) -> list[str]:
    """That many sales of these items; their transactions."""
    state, ids = journal.lane_state(), []
    for _ in range(times):
        step = sale(
            f"T{state.last_number + 1}", state, charges=items, scans=items, customer=customer
        )
        append(journal, step.facts, wall_ms)
        settled = [f for f in step.facts if isinstance(f, facts.TransactionSettled)]
        ids += [fact.transaction_id for fact in settled]
        state = step.state
    return ids


def gtins(found) -> list[str]:
    return [one.gtin for one in found]


def test_sales_of_before_the_start_are_learned(journal, monkeypatch):
    monkeypatch.setattr(suggestions, "STEP_ROWS", 7)
    sell(journal, MILK, BREAD, times=20)
    known = Suggestions(journal.path)

    assert known.suggest(Question()) == ()
    known.catch_up()

    assert set(gtins(known.suggest(Question()))) == {MILK.gtin, BREAD.gtin}
    assert gtins(known.suggest(Question((MILK.gtin,)))) == [BREAD.gtin]


def test_only_so_many_facts_are_read_at_the_start(journal, monkeypatch):
    sell(journal, MILK)
    before = journal.last_seq
    sell(journal, BREAD)
    monkeypatch.setattr(suggestions, "FACTS_READ", journal.last_seq - before)
    known = Suggestions(journal.path)
    known.catch_up()

    assert gtins(known.suggest(Question())) == [BREAD.gtin]


def test_the_hour_is_that_of_the_store(journal):
    sell(journal, MILK, times=3, wall_ms=7_200_000)
    sell(journal, TEA, times=2, wall_ms=72_000_000)
    known = Suggestions(journal.path, hour_of=lambda seconds: int(seconds) // 3600)
    known.catch_up()

    at_two, at_eight = (known.suggest(Question(hour=hour)) for hour in (2, 20))

    chance = {one.gtin: one.probability_ppm for one in at_two}
    later = {one.gtin: one.probability_ppm for one in at_eight}
    assert chance[MILK.gtin] > later[MILK.gtin]
    assert chance[TEA.gtin] < later[TEA.gtin]


def test_the_hour_of_now_is_told(journal):
    assert Suggestions(journal.path, hour_of=lambda seconds: int(seconds > 10**9)).hour == 1


def test_weights_are_those_of_the_item_master_else_learned(journal):
    journal.load_items([MILK, HEAVY, BREAD], "with weights")
    append(journal, journal.undescribed())
    sell(journal, MILK, TEA, BREAD, times=5)
    known = Suggestions(journal.path)
    known.catch_up()

    tea = known.suggest(Question(gap=Gap(weight_g=331)))
    assert tea[0].gtin == TEA.gtin
    assert tea[0].reasons[0].english() == "weighs 330 g, as is missing"

    pieces = [facts.PieceWeighed("t", MILK.gtin, 1030 + n, "Milk 1 l", "dairy") for n in range(3)]
    append(journal, pieces)
    known.catch_up()

    milk = known.suggest(Question(gap=Gap(weight_g=1031)))
    assert milk[0].gtin == MILK.gtin
    assert TEA.gtin not in gtins(milk)


def test_a_damaged_sale_is_left_out(journal):
    sell(journal, MILK)
    before = journal.last_seq
    sell(journal, BREAD)
    journal._db.execute("DROP TRIGGER fact_is_never_changed")
    damaged = "UPDATE fact SET body = X'7B' WHERE type = 'TransactionSettled' AND seq <= ?"
    journal._db.execute(damaged, (before,))
    known = Suggestions(journal.path)
    known.catch_up()

    assert gtins(known.suggest(Question())) == [BREAD.gtin]


def test_suggestions_have_the_item_masters_words(journal):
    sell(journal, MILK, BREAD)
    journal.load_items([MILK], "without bread")
    known = Suggestions(journal.path)
    known.catch_up()

    named = {one.suggestion.gtin: one.item for one in known.named(Question())}

    assert named[MILK.gtin].description == "Milk 1 l"
    assert (named[BREAD.gtin].description, named[BREAD.gtin].price_minor) == ("", None)


def test_a_settled_sale_gives_its_basket(journal):
    [one, other] = sell(journal, MILK, APPLES, times=2)
    known = Suggestions(journal.path)

    for sold in (known.sold(one), known.sold(other)):
        assert sold is not None
        assert sold.gtins == (MILK.gtin, APPLES.gtin)
    assert known.sold("never was") is None


def test_what_a_customer_bought_is_learned_from_the_lanes_own_sales(journal):
    for _ in range(5):
        sell(journal, MILK, BREAD)
    sell(journal, TEA, customer="13812345678")
    [theirs] = sell(journal, MILK, customer="13812345678")
    [anothers] = sell(journal, MILK, customer="13987654321")
    known = Suggestions(journal.path)
    known.catch_up()

    def asked(transaction_id: str):
        sold = known.sold(transaction_id)
        found = known.suggest(Question(sold.gtins, customer=sold.customer))
        return {one.gtin: [reason.english() for reason in one.reasons] for one in found}

    habit = "this customer has bought it before"
    assert habit in asked(theirs)[TEA.gtin]
    assert habit not in asked(anothers).get(TEA.gtin, [])


def test_the_thread_learns_what_is_settled_meanwhile(journal: Journal, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(suggestions, "POLL_S", 0.01)
    known, stop = Suggestions(journal.path), threading.Event()
    thread = threading.Thread(target=known.run, args=(stop,))
    thread.start()
    try:
        sell(journal, MILK)
        while not (found := known.suggest(Question())):
            time.sleep(0.01)
    finally:
        stop.set()
        thread.join(5)
    assert gtins(found) == [MILK.gtin]
    assert not thread.is_alive()

"""The page for goods that come back, in a real Chromium on a real core: found, chosen, given back.

Pictures of each size and language are kept in build/screens.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.domain.facts import ReturnRecorded
from tests.browser_kit import SIZES, Browser, Keys
from tests.core_kit import durable_facts
from tests.screen_kit import BREAD, MILK, TEA, ScreenLane, another, faint

TENDERS = [
    {"tender_type": "card", "amount_minor": 2000},
    {"tender_type": "cash", "amount_minor": 1380},
]


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path)
    with lane.running(), lane.served():
        lines = [
            {"gtin": f"0{MILK}", "quantity_milli": 2000, "amount_minor": 2500},
            {"gtin": f"0{BREAD}", "quantity_milli": 1000, "amount_minor": 880},
        ]
        total = {"amount_minor": 3380, "tenders": TENDERS, "customer": "13812345678"}
        lane.sell(MILK, MILK, BREAD, lines=lines, **total)
        yield lane


@pytest.fixture
def page(window: Browser, lane: ScreenLane) -> Iterator[Browser]:
    with another(window, lane, "returns") as page:
        yield page


def opened(page: Browser) -> None:
    page.wait_for(lambda: page.all("#list button"), "the list")
    page.wait_for(lambda: page.one("#list button").click() is None, "the list stands still")
    page.wait_for(lambda: page.one("#lines").is_displayed(), "the sale")
    page.wait_for(lambda: page.run("return !!document.activeElement.closest('#lines')"), "ready")


def approved(page: Browser) -> None:
    page.wait_for(lambda: page.one(".pin").is_displayed(), "the PIN is asked for")
    page.press("2", "4", "6", "8", Keys.ENTER)
    page.wait_for(lambda: not page.one(".pin").is_displayed(), "no PIN")


def recorded(lane: ScreenLane) -> list[Any]:
    return [f for f in durable_facts(lane.journal.path) if isinstance(f, ReturnRecorded)]


def pictured(page: Browser, name: str) -> None:
    for width, height in SIZES:
        page.resize(width, height)
        page.picture(f"{name} {width}x{height}")
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        assert page.run(
            "const s = document.querySelector('#sale');return s.scrollWidth <= s.clientWidth"
        )
        assert small(page) == []
    page.resize(1024, 600)


def small(page: Browser) -> list[str]:
    """What is to be touched, and is too small for it."""
    found = page.run(
        "return [...document.querySelectorAll('button, a, input:not([type=checkbox]), select,"
        " .tick')].filter(e => e.checkVisibility())"
        ".map(e => [e.id || e.name || e.textContent, e.getBoundingClientRect()])"
        ".filter(([_, box]) => box.height < 48 || box.width < 48).map(([name]) => name)"
    )
    return list(found)


def test_goods_are_chosen_by_touch_and_given_back_once_a_supervisor_keyed_the_pin(
    page: Browser, lane: ScreenLane
) -> None:
    opened(page)
    assert page.texts("#lines small") == ["2 left", "1 left"]
    assert not page.one("#do-give").is_enabled()
    more = page.all("#lines [aria-label='One more']")
    more[0].click()
    more[1].click()
    page.all("#lines .tick")[1].click()
    assert page.texts("#lines .worth") == ["12.50", "8.80"]
    assert page.text("#sum") == "21.30"
    assert faint(page) == {}
    pictured(page, "returns sale en")
    page.press(Keys.F9)
    approved(page)
    page.wait_for(lambda: page.text("#said").startswith("Taken back"), "it was taken back")
    assert page.text("#said").endswith(" · Card 20.00 · Cash 1.30")

    (fact,) = recorded(lane)
    assert [line.condition for line in fact.lines] == ["resaleable", "damaged"]
    assert (fact.amount_minor, fact.approver) == (2130, "Li")
    assert page.texts("#lines small") == ["1 left", "All of it has come back"]
    assert fact.return_number in page.text("#back")
    pictured(page, "returns given back en")


def test_no_more_can_be_chosen_than_is_left_and_keys_alone_will_do(
    page: Browser, lane: ScreenLane
) -> None:
    opened(page)
    page.press(Keys.TAB)
    page.press(*[Keys.SPACE] * 3)
    assert page.text("#lines output") == "2"
    page.run("document.querySelector('#give').elements.tender_type.value = 'cash'")
    page.press(Keys.F9)
    approved(page)
    page.wait_for(lambda: page.text("#said").startswith("Taken back"), "it was taken back")
    (fact,) = recorded(lane)
    assert [(t.tender_type, t.amount_minor) for t in fact.tenders] == [("cash", 2500)]


def test_goods_that_were_sold_elsewhere_come_back_by_their_label(
    page: Browser, lane: ScreenLane
) -> None:
    page.press(Keys.F7)
    page.wait_for(lambda: page.one("#loose").is_displayed(), "the form")
    page.press("L9-ab-1")
    page.press(Keys.F8)
    page.wait_for(lambda: page.text("#scan-word") == "Scan it now", "it waits for a scan")
    lane.scan(TEA)
    value = "return document.querySelector('#give').elements.label.value"
    page.wait_for(lambda: page.run(value) == f"0{TEA}", "it was heard")
    pictured(page, "returns elsewhere en")
    page.press(Keys.F9)
    approved(page)
    page.wait_for(lambda: page.text("#said").startswith("Taken back"), "it was taken back")
    (fact,) = recorded(lane)
    assert (fact.receipt_number, fact.amount_minor, fact.transaction_id) == ("L9-ab-1", 450, "")


def test_the_page_speaks_chinese(page: Browser) -> None:
    page.press(Keys.F2)
    page.wait_for(lambda: page.run("return document.documentElement.lang") == "zh-CN", "Chinese")
    opened(page)
    assert page.text("#do-give").startswith("退款")
    assert faint(page) == {}
    pictured(page, "returns sale zh")

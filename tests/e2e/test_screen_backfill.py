"""The page for what was missed, in a real Chromium on a real core: found, added, taken back.

Pictures of each size and language are kept in build/screens.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.domain.facts import BackfillReversed, ItemBackfilled, MissedScanDismissed
from tests.browser_kit import SIZES, Browser, Keys
from tests.core_kit import durable_facts
from tests.screen_kit import (
    BREAD,
    MILK,
    SOY,
    TEA,
    TISSUES,
    VITAMIN,
    ScreenLane,
    another,
    faint,
)

CHARGED = {"item_count": 3, "amount_minor": 1250 + 880 + 550}


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path)
    with lane.running(), lane.served():
        lane.sell(TISSUES, VITAMIN, item_count=2, amount_minor=1840)
        lane.sell(MILK, BREAD, **CHARGED, customer="13812345678")
        lane.sell(SOY, item_count=1, amount_minor=1680)
        lane.suggestions.catch_up()
        yield lane


@pytest.fixture
def page(window: Browser, lane: ScreenLane) -> Iterator[Browser]:
    with another(window, lane, "backfill") as page:
        yield page


def rows(page: Browser) -> list[str]:
    """What the list shows, all at one moment."""
    return list(page.run("return [...document.querySelectorAll('#list b')].map(b => b.innerText)"))


def opened(page: Browser, place: int = 0) -> None:
    page.wait_for(lambda: len(rows(page)) > place, "the list")
    page.wait_for(lambda: page.all("#list button")[place].click() is None, "the list stands still")
    page.wait_for(lambda: page.one("#file").is_displayed(), "the sale")
    page.wait_for(lambda: page.run("return document.activeElement.name === 'label'"), "ready")


def approved(page: Browser) -> None:
    page.wait_for(lambda: page.one(".pin").is_displayed(), "the PIN is asked for")
    page.press("2", "4", "6", "8", Keys.ENTER)
    page.wait_for(lambda: not page.one(".pin").is_displayed(), "no PIN")


def journaled(lane: ScreenLane, kind: type) -> list[Any]:
    return [fact for fact in durable_facts(lane.journal.path) if isinstance(fact, kind)]


def pictured(page: Browser, name: str) -> None:
    for width, height in SIZES:
        page.resize(width, height)
        page.picture(f"{name} {width}x{height}")
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        assert small(page) == []
    page.resize(1024, 600)


def small(page: Browser) -> list[str]:
    """What is to be touched, and is too small for it."""
    found = page.run(
        "return [...document.querySelectorAll('button, a, input:not([type=radio]), select,"
        " #ways label')].filter(e => e.checkVisibility())"
        ".map(e => [e.id || e.name || e.textContent, e.getBoundingClientRect()])"
        ".filter(([_, box]) => box.height < 48 || box.width < 48).map(([name]) => name)"
    )
    return list(found)


def test_what_is_open_is_listed_with_its_age_and_shown_with_its_reasons(page: Browser) -> None:
    page.wait_for(lambda: len(rows(page)) == 1, "what is open")
    assert page.text("#open-count") == "1"
    assert page.text("#list .age") == "0 min"
    assert page.text("#list .text").startswith("1 item not scanned — beverages?")
    pictured(page, "backfill list en")

    opened(page)
    assert page.texts("#why li")[1] == "the cashier counted 3, the scanner 2"
    assert page.texts("#sold .name") == ["Pure milk 纯牛奶 1 l", "Whole grain bread 全麦面包"]
    assert page.text("#when").endswith("*******5678")
    assert page.text("#suggestions li").startswith("Vitamin drink")
    assert faint(page) == {}
    pictured(page, "backfill sale en")


def test_a_suggested_item_is_added_by_keys_alone_once_a_supervisor_keyed_the_pin(
    page: Browser, lane: ScreenLane
) -> None:
    opened(page)
    page.one("#suggestions button").send_keys(Keys.SPACE)
    page.press(Keys.F9)
    page.wait_for(lambda: page.one(".pin").is_displayed(), "the PIN is asked for")
    page.picture("backfill pin en")
    approved(page)
    page.wait_for(lambda: page.text("#said").startswith("Added to"), "it was added")

    (added,) = journaled(lane, ItemBackfilled)
    assert (added.way, added.approver, added.lines[0].gtin) == ("charged", "Li", f"0{VITAMIN}")
    assert added.findings
    page.wait_for(lambda: page.text("#none") == "Nothing is open", "nothing is open")
    assert "Vitamin drink" in page.text("#added")
    assert page.texts("#why li") == []
    pictured(page, "backfill added en")

    page.one("#added button").click()
    approved(page)
    page.wait_for(lambda: "Taken back" in page.text("#added"), "it was taken back")
    (back,) = journaled(lane, BackfillReversed)
    assert back.backfilled == added
    page.wait_for(lambda: len(rows(page)) == 1, "it is open again")


def test_a_scanned_item_that_was_paid_elsewhere_brings_its_money(
    page: Browser, lane: ScreenLane
) -> None:
    opened(page)
    page.run("document.querySelector('input[value=paid]').click()")
    page.press(Keys.F8)
    page.wait_for(lambda: page.text("#scan-word") == "Scan it now", "it waits for a scan")
    lane.scan(TEA)
    value = "return document.querySelector('#add').elements.label.value"
    page.wait_for(lambda: page.run(value) == f"0{TEA}", "it was heard")
    assert lane.core.snapshot().transaction_id is None
    page.run("document.querySelector('#add').elements.amount.value = '4.50'")
    page.run("document.querySelector('#add').elements.tender_type.value = 'wechat'")
    pictured(page, "backfill paid en")
    page.press(Keys.F9)
    approved(page)
    page.wait_for(lambda: page.text("#said").startswith("Added to"), "it was added")

    (added,) = journaled(lane, ItemBackfilled)
    assert (added.way, added.tenders[0].tender_type, added.amount_minor) == ("paid", "wechat", 450)


def test_a_sale_is_found_by_number_customer_or_amount(page: Browser) -> None:
    page.wait_for(lambda: len(rows(page)) == 1, "what is open")
    fields = {"receipt": "3", "phone": "5678", "amount": "16.80"}
    for name, expected in (("receipt", "000003"), ("phone", "000002"), ("amount", "000003")):
        page.run("document.querySelector('#search').reset()")
        page.one(f"#search [name={name}]").send_keys(fields[name], Keys.ENTER)
        page.wait_for(lambda: rows(page) and rows(page)[0].endswith(expected), f"by {name}")  # noqa: B023  used at once
    page.one("#search [name=receipt]").send_keys("999999", Keys.F6)
    page.wait_for(lambda: page.text("#none") == "No sale is like this", "none is")
    page.press(Keys.F7)
    page.wait_for(lambda: len(rows(page)) == 1, "what is open")


def test_somebody_says_that_nothing_is_missing(page: Browser, lane: ScreenLane) -> None:
    opened(page)
    page.one("#add [name=reason]").send_keys("a bag was counted")
    page.one("#let-be").click()
    page.wait_for(lambda: page.text("#none") == "Nothing is open", "nothing is open")
    (dismissed,) = journaled(lane, MissedScanDismissed)
    assert dismissed.reason == "a bag was counted"


def test_money_that_no_sale_explains_is_shown_first_and_closed_with_a_reason(
    page: Browser, lane: ScreenLane
) -> None:
    page.wait_for(lambda: len(rows(page)) == 1, "what is open")
    lost = {"total_id": "p9", "amount_minor": 900, "lines": [], "item_count": 0}
    status, refused = lane.ask(
        "POST",
        "/v1/settlements",
        {**lost, "tenders": [{"tender_type": "card", "amount_minor": 900}]},
    )
    assert status >= 400, refused
    page.wait_for(lambda: len(rows(page)) == 2, "the money")
    page.all("#list button")[1].click()
    page.wait_for(lambda: page.one("#unsettled").is_displayed(), "what it is")

    assert page.text("#total-id") == "p9  9.00"
    assert page.texts("#unexplained li") == [
        "Paid, and no sale was made of it",
        "The item count must be between 1 and 9999",
    ]
    assert not page.all(".pin[open]")
    assert journaled(lane, MissedScanDismissed) == []
    assert faint(page) == {}
    pictured(page, "backfill unsettled en")
    page.press(*"refunded", Keys.F9)
    approved(page)
    page.wait_for(lambda: len(rows(page)) == 1, "it is off the list")

    (closed,) = journaled(lane, MissedScanDismissed)
    assert (closed.total_id, closed.reason, closed.approver) == ("p9", "refunded", "Li")
    assert page.one("#choose").is_displayed()


def test_the_page_speaks_chinese(page: Browser) -> None:
    page.press(Keys.F2)
    page.wait_for(lambda: page.run("return document.documentElement.lang") == "zh-CN", "Chinese")
    opened(page)
    assert page.text("#do-add").startswith("补录")
    assert faint(page) == {}
    pictured(page, "backfill sale zh")

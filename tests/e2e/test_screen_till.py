"""The lane as a till in a real Chromium, on a real core: what is keyed, touched and shown.

Pictures of each size and language are kept in build/screens.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.domain.facts import (
    LineItemOverridden,
    LineItemVoided,
    TransactionDiscarded,
    TransactionSettled,
)
from agent.domain.shop import ShopRules
from agent.shop import TillSettings
from drivers.base import ScaleState, StableWeight
from tests.browser_kit import Browser, Keys
from tests.core_kit import durable_facts
from tests.screen_kit import (
    APPLES,
    BREAD,
    MILK,
    SOY,
    STRANGE,
    TEA,
    ScreenLane,
    faint,
    lines,
    opened,
    pictured,
    scanned,
)

TILL = TillSettings(enabled=True, smallest_coin_minor=10)


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path, ShopRules(), TILL)
    with lane.running():
        for kind in ("scanner", "scale", "printer"):
            lane.device(kind)
        yield lane


@pytest.fixture
def page(window: Browser, lane: ScreenLane) -> Iterator[Browser]:
    with opened(window, lane) as page:
        yield page


def journaled(lane: ScreenLane, kind: type) -> list[Any]:
    return [fact for fact in durable_facts(lane.journal.path) if isinstance(fact, kind)]


def sold(lane: ScreenLane) -> Any:
    [sale] = journaled(lane, TransactionSettled)
    return sale


def is_asking(page: Browser) -> bool:
    return bool(page.run("const s = document.querySelector('#pay-sheet'); return s.open"))


def is_done(page: Browser) -> bool:
    return is_asking(page) and page.run("return document.querySelector('#back').checkVisibility()")


def in_chinese(page: Browser) -> None:
    page.press(Keys.F2)
    page.wait_for(lambda: page.text("#pay span") == "收款", "the page in Chinese")


def test_cash_is_keyed_and_the_change_stands_in_the_biggest_type(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK, BREAD, TEA)
    page.press("+")
    page.wait_for(lambda: is_asking(page), "the tender pad")
    assert page.text("#due") == "25.80"
    assert page.texts("#notes button") == ["30.00", "40.00", "50.00", "100.00"]

    page.press("3", "0", "0", "0", Keys.BACKSPACE, "0")
    assert page.text("#keying .keyed") == "30.00"
    pictured(page, "till cash")
    page.press(Keys.ENTER)
    page.wait_for(lambda: is_done(page), "the change")

    assert (page.text("#back-word"), page.text("#back")) == ("Change", "4.20")
    assert page.text("#back-sum") == "Paid 25.80"
    assert faint(page) == {}
    pictured(page, "till change")
    sale = sold(lane)
    assert (sale.amount_minor, sale.change_minor) == (2580, 420)
    page.press(Keys.ENTER)
    assert not is_asking(page)


def test_a_note_is_touched(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, MILK)
    page.one("#pay").click()
    page.all("#notes button")[0].click()
    page.wait_for(lambda: is_done(page), "the change")

    assert page.text("#back") == "7.50"
    assert sold(lane).tenders[0].amount_minor == 2000


def test_the_customers_number_is_keyed_and_the_sale_is_found_by_it(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK)
    page.press("+")
    page.press("5", "0", "0", "/", ".")
    page.wait_for(lambda: page.all(".pin[open]"), "the number is asked for")
    page.press("0", "7", "5", "5", "1", "2", "3", "4", "9", Keys.BACKSPACE)
    assert page.text(".pin .dots") == "07551234"
    pictured(page, "till customer")
    page.press(Keys.ENTER)
    page.wait_for(lambda: page.text("#customer-number") == "07551234", "it is shown")
    page.one("#customer").click()
    page.press("9", Keys.ESCAPE)
    page.wait_for(lambda: not page.all(".pin[open]"), "it was given up")
    assert page.text("#customer-number") == "07551234"
    assert faint(page) == {}
    pictured(page, "till customer known")
    page.press(Keys.ENTER)
    page.wait_for(lambda: is_done(page), "it is paid")

    assert sold(lane).customer == "07551234"
    status, found = lane.ask("GET", "/v1/transactions?phone=1234")
    assert status == 200
    assert [sale["customer"] for sale in found["transactions"]] == ["****1234"]

    page.press(Keys.ENTER)
    lane.scan(TEA)
    page.wait_for(lambda: page.text("#amount") == "4.50", "the next customer's basket")
    page.press("+")
    assert page.text("#customer-number") == "", "it was the last customer's"


def test_it_is_paid_by_several_means_in_chinese(page: Browser, lane: ScreenLane) -> None:
    in_chinese(page)
    scanned(page, lane, MILK, BREAD, SOY)
    page.one("#pay").click()
    page.press("1", "0", "0", "0")
    page.one("[data-tender='wechat']").click()
    page.press("5", "0", "0", "-")
    assert page.texts("#given b") == ["10.00", "5.00"]
    assert page.text("#rest") == "23.10"
    assert faint(page) == {}
    pictured(page, "till mixed zh")
    page.all("#given button")[1].click()
    assert page.text("#rest") == "28.10"
    page.press("/")
    page.wait_for(lambda: is_done(page), "it is paid")

    assert [(t.tender_type, t.amount_minor) for t in sold(lane).tenders] == [
        ("wechat", 1000),
        ("card", 2810),
    ]
    pictured(page, "till paid zh")


def test_more_than_is_due_by_card_is_refused_and_can_be_given_again(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK)
    page.press("+")
    page.press("2", "0", "0", "0", "/")
    page.wait_for(lambda: page.one("#pay-trouble").is_displayed(), "why not")

    assert page.text("#pay-trouble") == "7.50 more than is due: only cash gives change"
    assert page.complaints() != []  # a request that was refused
    page.press("/")
    page.wait_for(lambda: is_done(page), "it is paid")
    assert sold(lane).tenders[0].amount_minor == 1250


def test_the_line_without_a_price_is_named_and_a_supervisor_sets_one(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK, STRANGE)
    page.press("+")
    page.wait_for(lambda: page.text("#said"), "which line")
    assert page.text("#said").startswith("Line 2, 5449000000996: it has no price")

    page.all("#lines li")[1].click()
    page.press("3", "5", "0")
    pictured(page, "till line")
    assert faint(page) == {}
    page.one("#set-price").click()
    page.wait_for(lambda: page.all(".pin[open]"), "the PIN")
    page.press("2", "4", "6", "8", Keys.ENTER)
    page.wait_for(lambda: page.text("#amount") == "16.00", "the new sum")
    page.complaints()

    [fact] = journaled(lane, LineItemOverridden)
    assert (fact.price_minor, fact.approver) == (350, "Li")
    page.press("+", Keys.ENTER)
    page.wait_for(lambda: is_done(page), "it is paid")
    assert sold(lane).amount_minor == 1600


def test_a_weighed_line_is_priced_as_a_whole(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, APPLES)
    lane.say(StableWeight("scale", 500, False, b"", 1))
    page.wait_for(lambda: "500" in lines(page)[0][2], "the weight")
    page.all("#lines li")[0].click()
    page.press("4", "9", "0", Keys.ENTER)
    page.wait_for(lambda: page.all(".pin[open]"), "the PIN")
    page.press("2", "4", "6", "8", Keys.ENTER)
    page.wait_for(lambda: page.text("#amount") == "4.90", "the sum")
    page.complaints()

    page.press("+", Keys.ENTER)
    page.wait_for(lambda: is_done(page), "it is paid")
    assert sold(lane).lines[0].amount_minor == 490


def test_a_line_is_taken_back_by_keys(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, MILK, BREAD)
    page.run("document.querySelector('#lines li:last-child').focus()")
    page.press(Keys.ENTER)
    page.press(Keys.DELETE)
    page.wait_for(lambda: len(lines(page)) == 1, "one line less")

    assert [fact.line_no for fact in journaled(lane, LineItemVoided)] == [2]


def test_a_scan_while_money_is_counted_changes_what_is_due(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, MILK)
    page.press("+")
    page.press("5", "0", "0", "/")
    lane.scan(BREAD)
    page.wait_for(lambda: page.text("#due") == "21.30", "the new amount")

    assert page.text("#rest") == "16.30"
    page.press(Keys.ENTER)
    page.wait_for(lambda: is_done(page), "it is paid")
    assert [t.amount_minor for t in sold(lane).tenders] == [500, 1630]


def test_a_suspicion_is_asked_about_before_the_drawer_opens(
    page: Browser, lane: ScreenLane
) -> None:
    lane.say(ScaleState("bags", "zero", b"", 1))
    scanned(page, lane, MILK, BREAD)
    for weight_g in (1040, 1450, 1980):
        lane.say(
            ScaleState("bags", "motion", b"", 1), StableWeight("bags", weight_g, False, b"", 1)
        )
    page.press("+", Keys.ENTER)
    page.wait_for(lambda: page.one("#alert").is_displayed(), "the alert")
    assert not is_asking(page)
    assert journaled(lane, TransactionSettled) == []
    page.complaints()
    pictured(page, "till alert")

    page.run("return new Promise(done => setTimeout(done, 450))")
    page.press(Keys.F9)
    page.wait_for(lambda: is_done(page), "it is paid")
    assert sold(lane).missed_count == 1


def test_the_lane_that_is_no_till_shows_no_key_for_it(window: Browser, tmp_path: Path) -> None:
    lane = ScreenLane(tmp_path)
    with lane.running(), opened(window, lane) as page:
        scanned(page, lane, MILK)
        page.press("+")

        assert not page.one("#pay").is_displayed()
        assert not is_asking(page)
        page.all("#lines li")[0].click()
        assert not page.run("return document.querySelector('#line-sheet').open")


# --- baskets beside the open one -----------------------------------------------------------------


def test_a_basket_is_put_aside_and_taken_up_by_its_number(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, MILK, BREAD)
    page.press(Keys.F6)
    page.wait_for(lambda: page.text("#aside-count") == "1", "one is put aside")
    assert lines(page) == []
    lane.scan(TEA)
    page.wait_for(lambda: len(lines(page)) == 1, "the next customer")
    page.one("#suspend").click()
    page.wait_for(lambda: page.text("#aside-count") == "2", "two are put aside")

    page.press(Keys.F7)
    page.wait_for(lambda: len(page.all("#baskets li")) == 2, "the list")
    assert page.texts("#baskets .sum") == ["21.30", "4.50"]
    assert faint(page) == {}
    pictured(page, "till aside")
    page.press("1")
    page.wait_for(lambda: len(lines(page)) == 2, "the first basket")
    page.press("+", Keys.ENTER)
    page.wait_for(lambda: is_done(page), "it is paid")

    assert sold(lane).amount_minor == 2130
    page.press(Keys.ENTER)
    page.wait_for(lambda: page.text("#aside-count") == "1", "one is left")


def test_a_supervisor_gives_a_basket_up(page: Browser, lane: ScreenLane) -> None:
    in_chinese(page)
    scanned(page, lane, MILK)
    page.press(Keys.F6)
    page.wait_for(lambda: page.text("#aside-count") == "1", "one is put aside")
    pictured(page, "till idle zh")
    page.press(Keys.F7)
    page.wait_for(lambda: page.all("#baskets .discard"), "the list")
    page.one("#baskets .discard").click()
    page.wait_for(lambda: page.all(".pin[open]"), "the PIN")
    page.press("2", "4", "6", "8", Keys.ENTER)
    page.wait_for(lambda: page.text("#aside-count") == "", "none is left")
    page.complaints()

    assert [fact.approver for fact in journaled(lane, TransactionDiscarded)] == ["Li"]
    assert not page.run("return document.querySelector('#aside-sheet').open")

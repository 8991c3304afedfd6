"""The red alert in a real Chromium, on a real core: what it says, and how it is answered.

Pictures of each size and language are kept in build/screens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.domain.facts import MissedScanConfirmed, MissedScanDismissed, TransactionSettled
from agent.domain.shop import ShopRules
from drivers.base import ScaleState, StableWeight
from tests.browser_kit import Browser, Keys
from tests.core_kit import durable_facts
from tests.screen_kit import BREAD, MILK, TEA, ScreenLane, faint, opened, pictured, scanned

#: With a vitamin drink that nobody scanned.
CHARGED = {"item_count": 4, "amount_minor": 1250 + 880 + 450 + 550}


@pytest.fixture
def rules() -> ShopRules:
    return ShopRules()


@pytest.fixture
def lane(tmp_path: Path, rules: ShopRules) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path, rules)
    with lane.running():
        for kind in ("scanner", "scale", "printer"):
            lane.device(kind)
        yield lane


@pytest.fixture
def page(window: Browser, lane: ScreenLane) -> Iterator[Browser]:
    with opened(window, lane) as page:
        yield page


def alerted(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, MILK, BREAD, TEA)
    lane.settle(**CHARGED)
    page.wait_for(lambda: page.one("#alert").is_displayed(), "the alert")
    page.run("return new Promise(done => setTimeout(done, 450))")  # no key is meant for it before


def is_over(page: Browser) -> bool:
    return not page.one("#alert").is_displayed()


def journaled(lane: ScreenLane, kind: type) -> list[Any]:
    return [fact for fact in durable_facts(lane.journal.path) if isinstance(fact, kind)]


# --- what it says --------------------------------------------------------------------------------


def test_a_missed_scan_turns_the_screen_red_with_reasons_and_what_it_may_be(
    page: Browser, lane: ScreenLane
) -> None:
    lane.say(ScaleState("bags", "zero", b"", 1))
    for weight_g in (1040, 1450, 1980, 2620):
        lane.say(
            ScaleState("bags", "motion", b"", 1), StableWeight("bags", weight_g, False, b"", 1)
        )
    alerted(page, lane)

    assert page.text("#alert-text").startswith("1 item not scanned — beverages?")
    assert page.texts("#reasons li") == [
        "the cashier counted 4, the scanner 3 Worth 5.50",
        "the scale holds 640 g more than the scanned items weigh",
    ]
    assert page.text("#candidates li").startswith("Vitamin drink 维生素饮料")
    width = page.run("return document.querySelector('#alert').getBoundingClientRect().width")
    assert width == 1024
    assert faint(page) == {}
    pictured(page, "alert en")
    page.run("document.querySelector('#language').click()")
    page.wait_for(lambda: page.text("#continue").startswith("继续"), "Chinese")
    page.wait_for(lambda: "价值 5.50" in page.text("#reasons"), "the reasons in Chinese")
    pictured(page, "alert zh")


def test_it_takes_the_focus_and_keeps_it(page: Browser, lane: ScreenLane) -> None:
    alerted(page, lane)
    focused = []
    for _ in range(4):
        focused.append(page.run("return document.activeElement.id"))
        page.press(Keys.TAB)

    assert focused[:2] == ["scan-it", "continue"]
    assert set(focused) <= {"scan-it", "continue", ""}  # "": the browser's own bar
    role = page.one("#alert").get_attribute("role")
    assert (role, page.one("#alert").get_attribute("aria-modal")) == ("alertdialog", "true")


def test_it_is_gone_with_the_next_customer(page: Browser, lane: ScreenLane) -> None:
    alerted(page, lane)
    lane.scan(MILK)
    page.wait_for(lambda: is_over(page), "no alert")

    assert page.run("return document.querySelector('#lane').inert") is False


def test_a_page_that_is_opened_meanwhile_shows_it_too(page: Browser, lane: ScreenLane) -> None:
    alerted(page, lane)
    page.open(lane.address)

    page.wait_for(lambda: page.one("#alert").is_displayed(), "the alert again")


# --- how it is answered --------------------------------------------------------------------------

WAYS: dict[str, Callable[[Browser, str], None]] = {
    "by touch": lambda page, button: page.one(button).click(),
    "by key": lambda page, button: page.press({"#scan-it": Keys.F8, "#continue": Keys.F9}[button]),
    "by Enter": lambda page, button: page.press(
        *([Keys.TAB] if button == "#continue" else []), Keys.ENTER
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_continue_goes_on_as_it_is(page: Browser, lane: ScreenLane, way: str) -> None:
    alerted(page, lane)
    WAYS[way](page, "#continue")
    page.wait_for(lambda: is_over(page), "no alert")

    assert len(journaled(lane, MissedScanDismissed)) == 1
    assert page.text("#said") == "Noted: it goes on as it is"


@pytest.mark.parametrize("way", WAYS)
def test_scan_it_says_what_is_to_be_done(page: Browser, lane: ScreenLane, way: str) -> None:
    alerted(page, lane)
    WAYS[way](page, "#scan-it")
    page.wait_for(lambda: is_over(page), "no alert")

    assert len(journaled(lane, MissedScanConfirmed)) == 1
    assert page.text("#said") == "Noted: the missing item is to be added to the sale"


def test_a_key_that_was_meant_for_something_else_answers_nothing(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK, BREAD, TEA)
    page.run(
        "const alert = document.querySelector('#alert');"
        "new MutationObserver(() => document.querySelector('#continue').click())"
        ".observe(alert, {attributeFilter: ['hidden']})"
    )
    lane.settle(**CHARGED)
    page.wait_for(lambda: page.one("#alert").is_displayed(), "the alert")
    page.run("return new Promise(done => setTimeout(done, 200))")

    assert page.one("#alert").is_displayed()
    assert journaled(lane, MissedScanDismissed) == []


def test_a_lane_that_does_not_answer_is_said_and_asked_again(
    page: Browser, lane: ScreenLane
) -> None:
    alerted(page, lane)
    page.run("window.fetched = fetch; window.fetch = () => Promise.reject(new TypeError('gone'))")
    page.one("#continue").click()
    page.wait_for(lambda: page.one("#alert-trouble").is_displayed(), "the trouble")
    assert page.text("#alert-trouble") == "The lane did not take the answer: touch again"

    page.run("window.fetch = window.fetched")
    page.one("#continue").click()
    page.wait_for(lambda: is_over(page), "no alert")


# --- where somebody else must approve ------------------------------------------------------------

ASKING = ShopRules(supervisor_from_minor=500, holds_pos=True)


@pytest.mark.parametrize("rules", [ASKING], ids=["a supervisor is asked"])
def test_a_supervisor_is_asked_for_a_pin(page: Browser, lane: ScreenLane) -> None:
    alerted(page, lane)
    page.one("#continue").click()
    page.wait_for(lambda: page.one(".pin").is_displayed(), "the PIN is asked for")
    assert page.text(".pin .why") == "A supervisor is asked for this: let one key the PIN"
    for digit in "135":
        page.press(digit)
    assert page.text(".pin .dots") == "●●●"
    assert faint(page) == {}
    pictured(page, "pin en")

    page.press("7", Keys.ENTER)
    page.wait_for(lambda: page.text(".pin .why") == "This PIN is nobody's", "it was wrong")
    assert journaled(lane, MissedScanDismissed) == []
    for digit in "2468":
        page.one(f".pin .pad button:nth-child({(int(digit) or 11)})").click()
    page.one(".pin .confirm").click()
    page.wait_for(lambda: is_over(page), "no alert")

    (dismissed,) = journaled(lane, MissedScanDismissed)
    assert dismissed.approver == "Li"
    assert not page.one(".pin").is_displayed()
    assert all("403" in line for line in page.complaints())  # the two refusals, and nothing else


@pytest.mark.parametrize("rules", [ASKING], ids=["a supervisor is asked"])
def test_a_pin_may_be_given_up(page: Browser, lane: ScreenLane) -> None:
    alerted(page, lane)
    page.one("#continue").click()
    page.wait_for(lambda: page.one(".pin").is_displayed(), "the PIN is asked for")
    page.press("1", Keys.BACKSPACE, Keys.ESCAPE)
    page.wait_for(lambda: not page.one(".pin").is_displayed(), "no PIN")

    assert page.one("#alert").is_displayed()
    assert journaled(lane, MissedScanDismissed) == []
    assert all("403" in line for line in page.complaints())


@pytest.mark.parametrize("rules", [ShopRules(supervisor_from_minor=500)], ids=["a supervisor"])
def test_nobody_is_asked_for_a_pin_any_more_once_the_next_customer_is_here(
    page: Browser, lane: ScreenLane
) -> None:
    alerted(page, lane)
    page.press(Keys.F9)
    page.wait_for(lambda: page.one(".pin").is_displayed(), "the PIN is asked for")
    lane.scan(MILK)
    page.wait_for(lambda: is_over(page), "no alert")

    assert not page.one(".pin").is_displayed()
    assert all("403" in line for line in page.complaints())


@pytest.mark.parametrize("rules", [ShopRules(holds_pos=True)], ids=["the total is held"])
def test_a_held_basket_waits_for_the_missing_scan_and_says_so(
    page: Browser, lane: ScreenLane
) -> None:
    alerted(page, lane)
    assert journaled(lane, TransactionSettled) == []
    page.press(Keys.F8)
    page.wait_for(lambda: is_over(page), "no alert")
    assert page.text("#said") == "Scan the missing item, then send the total again"

    scanned(page, lane, TEA)
    assert page.text("#said") == ""

"""The lane screen in a real Chromium, on a real core: what it shows, and how it is used.

Pictures of each size and language are kept in build/screens.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.api import events, routes
from drivers.base import ScaleState, StableWeight
from tests.browser_kit import SIZES, Browser, Keys
from tests.screen_kit import (
    APPLES,
    BREAD,
    MILK,
    SOY,
    STRANGE,
    TEA,
    TISSUES,
    VITAMIN,
    ScreenLane,
    contrasts,
    faint,
    lines,
    link,
    opened,
    pictured,
    scanned,
)

BASKET = (MILK, BREAD, TEA, TEA, VITAMIN, APPLES, TISSUES, STRANGE, SOY)


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScreenLane]:
    lane = ScreenLane(tmp_path)
    with lane.running():
        for kind in ("scanner", "scale", "printer", "keypad"):
            lane.device(kind)
        yield lane


@pytest.fixture
def page(window: Browser, lane: ScreenLane) -> Iterator[Browser]:
    with opened(window, lane) as page:
        yield page


# --- the basket -----------------------------------------------------------------------------------


def test_an_empty_lane_is_ready_for_the_next_customer(page: Browser) -> None:
    assert page.text("#empty") == "Ready for the next customer"
    assert (page.text("#count"), page.text("#amount")) == ("0", "0.00")
    assert page.text("#bar .place") == "Acme Harbour Street · lane-1"
    pictured(page, "empty en")


def test_each_scan_is_a_line_with_its_price_and_the_sum_runs_along(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK, BREAD)

    assert lines(page) == [
        ["Pure milk 纯牛奶 1 l", "06901234567892", "12.50"],
        ["Whole grain bread 全麦面包", "04006381333931", "8.80"],
    ]
    assert (page.text("#count"), page.text("#amount")) == ("2", "21.30")


def test_the_newest_line_stays_in_sight_whatever_the_size(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, *BASKET)
    lane.say(StableWeight("scale", 845, False, b"", 1))
    page.wait_for(lambda: page.text("#scales .condition") == "Stable", "the weight")
    pictured(page, "basket en")
    for size in SIZES:
        page.resize(*size)
        page.wait_for(lambda: newest_is_in_sight(page), f"the newest line at {size}")


def newest_is_in_sight(page: Browser) -> bool:
    return page.run(
        "const row = document.querySelector('#lines li:last-child');"
        "const box = document.querySelector('#lines-box').getBoundingClientRect();"
        "const {top, bottom} = row.getBoundingClientRect();"
        "return row.classList.contains('newest') && top >= box.top - 1 && bottom <= box.bottom + 1"
    )


def test_what_has_no_price_says_why_and_the_sum_says_what_is_not_in_it(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK, STRANGE, APPLES)

    assert lines(page)[1:] == [
        ["05449000000996", "Not in the item master", "No price"],
        ["Apples 苹果", "Put it on the scale", ""],
    ]
    assert page.text("#amount-word") == "Amount without 2 lines"
    assert page.text("#amount") == "12.50"
    lane.say(StableWeight("scale", 1845, False, b"", 1))
    page.wait_for(lambda: lines(page)[2][1:] == ["× 9.80/kg", "1.845 kg"], "the line's weight")


def test_a_line_in_a_long_basket_costs_one_row_and_touches_no_other(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, *[MILK] * 60)
    page.run(
        "window.touched = [];"
        "new MutationObserver(list => touched.push(...list.map(m =>"
        " (m.target.closest('li')?.dataset.line ?? m.target.id) + ':' + m.type)))"
        ".observe(document.querySelector('#lines'), {childList: true, subtree: true,"
        " characterData: true})"
    )
    scanned(page, lane, BREAD)

    assert set(page.run("return touched")) == {"lines:childList"}


def test_a_name_with_markup_is_only_text(page: Browser, lane: ScreenLane) -> None:
    page.run(
        "import('/screen/basket.js').then(basket => basket.change({transaction_id: 't',"
        " is_whole: true, gone: [], item_count: 1, amount_minor: 1, lines: [{line_no: 1,"
        " gtin: '1', description: '<img src=x onerror=alert(1)>', quantity_milli: 3000,"
        " weight_g: null, price_minor: 1, sold_by: 'each', amount_minor: 3}]}))"
    )
    page.wait_for(lambda: page.all("#lines li"), "the line")

    assert lines(page) == [["<img src=x onerror=alert(1)>", "3 × 0.01", "0.03"]]
    assert page.all("#lines img") == []


def test_a_paid_basket_shows_what_was_paid_and_the_change_until_the_next_scan(
    page: Browser, lane: ScreenLane
) -> None:
    scanned(page, lane, MILK)
    lane.settle(
        item_count=1,
        amount_minor=1250,
        change_minor=750,
        tenders=[{"tender_type": "cash", "amount_minor": 2000}],
    )
    page.wait_for(lambda: page.text("#amount-word") == "Paid", "paid")
    assert (page.text("#amount"), page.text("#change")) == ("12.50", "7.50")
    assert len(lines(page)) == 1
    page.picture("paid en")
    page.press(Keys.F2)
    page.wait_for(lambda: page.text("#amount-word") == "已收款", "paid in Chinese")
    page.press(Keys.F2)
    page.wait_for(lambda: page.text("#amount-word") == "Paid", "paid in English")

    lane.scan(TEA)
    page.wait_for(lambda: [line[2] for line in lines(page)] == ["4.50"], "the next basket")
    assert page.text("#amount-word") == "Amount"
    assert not page.one("#change").is_displayed()


# --- weight and health ----------------------------------------------------------------------------


def test_the_weight_follows_the_scale(page: Browser, lane: ScreenLane) -> None:
    assert not page.one("#weights").is_displayed()

    for event, shown in (
        (StableWeight("scale", 412, False, b"", 1), ["Scale", "412g", "Stable"]),
        (ScaleState("scale", "motion", b"", 2), ["Scale", "412g", "Moving"]),
        (StableWeight("scale", 2412, False, b"", 3), ["Scale", "2.412kg", "Stable"]),
        (ScaleState("scale", "zero", b"", 4), ["Scale", "0g", "Empty"]),
        (ScaleState("scale", "over_capacity", b"", 5), ["Scale", "–g", "Too heavy"]),
    ):
        lane.say(event)
        page.wait_for(lambda shown=shown: page.texts("#scales span") == shown, f"{shown}")


def test_a_device_in_trouble_says_what_to_do(page: Browser, lane: ScreenLane) -> None:
    lane.device("printer", "lost", "no such device")
    page.wait_for(lambda: len(page.all("#parts [data-state=down]")) == 1, "the lost printer")

    assert page.texts("#parts [data-state=down] span") == [
        "Receipt printer",
        "Not reachable: check its cable and power",
    ]
    assert page.text("#parts li .name") == "Receipt printer", "trouble comes first"
    assert page.text("#said") == "printer is not reachable: no such device"
    lane.device("printer")
    page.wait_for(lambda: not page.all("#parts [data-state=down]"), "the printer again")


def test_what_went_wrong_with_a_scan_is_said(page: Browser, lane: ScreenLane) -> None:
    lane.scan("4006381333932")
    page.wait_for(lambda: page.text("#said"), "a word")

    assert page.text("#said") == "Misread (check digit): scan again"
    assert page.one("#said").get_attribute("class") == "bad"


# --- languages and keys ---------------------------------------------------------------------------


def test_the_whole_page_changes_its_language_and_keeps_it(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, *BASKET)
    page.press(Keys.F2)
    page.wait_for(lambda: page.text("#count-row dt") == "件数", "Chinese")
    page.wait_for(lambda: lines(page)[7][1] == "商品资料中没有", "the lines in Chinese")

    assert page.run("return document.documentElement.lang") == "zh-CN"
    device = "#parts [data-key=device-scanner] span"
    page.wait_for(lambda: page.texts(device) == ["扫描枪", "就绪"], "the device in Chinese")
    pictured(page, "basket zh")
    page.open(lane.address)
    page.wait_for(lambda: page.text("#count-row dt") == "件数", "Chinese again")
    page.one("#language").click()
    page.wait_for(lambda: page.text("#count-row dt") == "Items", "English")


def test_sound_is_off_until_somebody_wants_it(page: Browser, lane: ScreenLane) -> None:
    assert page.text("#sound").startswith("Sound off")
    page.press(Keys.F4)
    page.wait_for(lambda: page.text("#sound").startswith("Sound on"), "sound")
    assert page.one("#sound").get_attribute("aria-pressed") == "true"
    scanned(page, lane, MILK)  # heard, and nothing breaks
    page.press(Keys.F4)
    page.wait_for(lambda: page.text("#sound").startswith("Sound off"), "no sound")


def test_all_that_can_be_done_can_be_reached_by_tab(page: Browser) -> None:
    reached = []
    for _ in range(6):
        page.press(Keys.TAB)
        element = "document.activeElement"
        reached.append(page.run(f"return {element}.id || {element}.getAttribute('href')"))

    pages = ["/screen/", "/screen/backfill", "/screen/returns"]
    assert reached == [*pages, "sound", "language", "lines-box"]


# --- not connected --------------------------------------------------------------------------------


def test_a_lost_lane_is_said_and_what_happened_meanwhile_is_shown_when_it_is_back(
    window: Browser, lane: ScreenLane
) -> None:
    with lane.served():
        window.open(lane.address)
        window.wait_for(lambda: link(window) == "up", "connected")
        scanned(window, lane, MILK)
    window.wait_for(lambda: link(window) == "lost", "not connected")
    assert window.one("#link").is_displayed()
    assert window.text("#link").startswith("The screen is not connected to the lane")
    assert len(lines(window)) == 1  # what was last known stays
    pictured(window, "not connected en")

    lane.scan(BREAD)
    with lane.served():  # another run of the server: the page's token is worth nothing there
        window.wait_for(lambda: link(window) == "up", "connected again")
        window.wait_for(lambda: len(lines(window)) == 2, "the scan that it missed")
        assert not window.one("#link").is_displayed()


def test_a_stream_that_falls_silent_is_given_up_and_taken_up_again(
    window: Browser, lane: ScreenLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        routes, "stream", lambda hub, lane, say, _heartbeat_s: events.stream(hub, lane, say, 1e6)
    )
    with lane.served(heartbeat_ms=100):
        window.open(lane.address)
        window.wait_for(lambda: link(window) == "up", "connected")
        window.wait_for(lambda: link(window) == "lost", "silence noticed")
        window.wait_for(lambda: link(window) == "up", "connected again")


def test_the_token_is_nowhere_but_in_the_page(page: Browser) -> None:
    stored = page.run(
        "return JSON.stringify([location.href, document.cookie, {...localStorage},"
        " {...sessionStorage}, performance.getEntries().map(e => e.name),"
        " document.documentElement.outerHTML])"
    )
    token = page.driver.execute_async_script(
        "const done = arguments[0]; fetch('/v1/screen/session', {method: 'POST'})"
        ".then(r => r.json()).then(s => done(s.token))"
    )

    assert len(token) >= 40
    assert token not in stored


# --- for every eye ------------------------------------------------------------------------------


def test_every_text_stands_out_from_its_ground(page: Browser, lane: ScreenLane) -> None:
    scanned(page, lane, *BASKET)
    lane.device("printer", "lost", "unplugged")
    lane.say(StableWeight("scale", 845, False, b"", 1))
    page.wait_for(lambda: page.all("#parts [data-state=down]"), "the lost printer")

    assert len(contrasts(page)) > 30
    assert faint(page) == {}

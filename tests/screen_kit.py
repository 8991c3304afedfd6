"""A running core with its server, and its screen in a browser: scan, weigh, settle, look."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.api.server import serve
from agent.api.settings import ApiClient, ApiSettings, Shop
from agent.aside import Aside
from agent.core import Core
from agent.domain.items import Item
from agent.domain.shop import ShopRules
from agent.domain.transaction import StoreRules
from agent.i18n import LANGUAGES, translator
from agent.inbox import Inbox
from agent.inputs import CloseDay, CoreInput, DeviceHealthChanged
from agent.intake import emit_into
from agent.journal import Journal
from agent.journal.sales import JournalSales
from agent.shop import Approver, TillSettings, hashed
from agent.suggestions import Suggestions
from agent.totals.keypad import read_keyed
from drivers.base import DeviceEvent, ScanData
from tests.browser_kit import SIZES, Browser
from tests.silent import SilentOutlets

TOKEN = "pos-token-0123456"
USUAL = ShopRules()
SHOP = Shop("CNY", 2, "Acme Harbour Street", "lane-1")

APPROVER = Approver("Li", hashed("2468", bytes(16)))


def _good(gtin: str, description: str, category: str, price_minor: int, weight_g: int) -> Item:
    return Item(
        gtin,
        description,
        category,
        price_minor,
        weight_low_g=weight_g - 10,
        weight_high_g=weight_g + 10,
    )


#: GTIN-13 -> the item
GOODS = {
    item.gtin[1:]: item
    for item in (
        _good("06901234567892", "Pure milk 纯牛奶 1 l", "dairy", 1250, 1040),
        _good("04006381333931", "Whole grain bread 全麦面包", "bakery", 880, 410),
        _good("06920459905012", "Green tea 绿茶 500 ml", "beverages", 450, 530),
        _good("06902538005141", "Vitamin drink 维生素饮料", "beverages", 550, 640),
        _good("06922266454295", "Facial tissues 抽纸 3 packs", "household", 1290, 330),
        _good("06901028300056", "Soy sauce 生抽 750 ml", "seasoning", 1680, 1230),
        Item("02001234567893", "Apples 苹果", "fruit", 980, "weight"),
    )
}
MILK, BREAD, TEA, VITAMIN, TISSUES, SOY, APPLES = GOODS
STRANGE = "5449000000996"  #: a good GTIN that no item master has


class ScreenLane:
    """The lane's core runs for good; its server can go and come back at the same port."""

    def __init__(
        self, folder: Path, rules: ShopRules = USUAL, till: TillSettings | None = None
    ) -> None:
        self.journal = Journal(folder / "journal.db")
        self.journal.load_items(list(GOODS.values()), "digest")
        self.inbox: Inbox[CoreInput] = Inbox()
        self.aside = Aside()
        self.emit = self.aside.before(emit_into(self.inbox, bagging=frozenset({"bags"})))
        takes = till.rules(2) if till is not None else None
        store = StoreRules("L1", self.journal.epoch, "CNY", 900, shop=rules, till=takes)
        self.shop = replace(SHOP, till=till)
        self.core = Core(self.journal, self.inbox, store, SilentOutlets(), read_keyed)
        self.core.start("boot", "0")
        self.suggestions = Suggestions(self.journal.path)
        self.port = 0
        self._totals = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/screen/"

    def scan(self, *labels: str) -> None:
        for label in labels:
            self.emit(ScanData("scanner", label.encode(), "]E0", False, 0))

    def say(self, *events: DeviceEvent) -> None:
        for event in events:
            self.emit(event)

    def device(self, role: str, state: Any = "up", reason: str = "", kind: str = "") -> None:
        self.inbox.put(DeviceHealthChanged(role, kind or role, state, reason))

    def settle(self, **total: Any) -> dict[str, Any]:
        """A total from the POS, and its answer."""
        self._totals += 1
        body = {"total_id": f"t{self._totals}", **total}
        status, answer = self.ask("POST", "/v1/settlements", body)
        assert status < 300, answer
        return answer

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer of a request, as a POS makes it."""
        pos = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        content = None if body is None else json.dumps(body)
        pos.request(method, path, content, {"Authorization": f"Bearer {TOKEN}"})
        with pos.getresponse() as response:
            answer = json.loads(response.read())
        pos.close()
        return response.status, answer

    def sell(self, *gtins: str, **total: Any) -> None:
        """A basket that is scanned and settled."""
        self.scan(*gtins)
        while self.core.snapshot().item_count < len(gtins):
            pass
        self.settle(**total)

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        core = threading.Thread(target=self.core.run, args=(stop,))
        core.start()
        try:
            yield
        finally:
            stop.set()
            self.inbox.close()
            core.join(5)
            self.journal.close()
            assert not core.is_alive()

    @contextmanager
    def served(self, **changes: Any) -> Iterator[None]:
        """Its server, at the port of the first time."""
        options = {"port": self.port, "client": (ApiClient("pos", TOKEN),), **changes}
        stop = threading.Event()
        ports: queue.SimpleQueue[int] = queue.SimpleQueue()
        says = {language: translator(language) for language in LANGUAGES}
        server = threading.Thread(
            target=serve,
            args=(ApiSettings(**options), self.core, says, stop, ports.put),
            kwargs={
                "shop": self.shop,
                "approvers": (APPROVER,),
                "suggester": self.suggestions,
                "sales": JournalSales(self.journal.path),
                "scans": self.aside,
                "close_day": lambda by, reply: self.inbox.try_put(CloseDay(by, reply)),
            },
        )
        server.start()
        try:
            self.port = ports.get(timeout=5)
            yield
        finally:
            stop.set()
            server.join(5)
            assert not server.is_alive()


# --- its screen ----------------------------------------------------------------------------------


@contextmanager
def opened(window: Browser, lane: ScreenLane) -> Iterator[Browser]:
    """The page of a lane that is served, just opened by somebody who never chose anything.

    It must have had nothing to complain of at the end.
    """
    with lane.served():
        window.resize(1024, 600)
        window.open(lane.address)
        window.run("localStorage.clear()")
        window.open(lane.address)
        window.wait_for(lambda: link(window) == "up", "the page is connected")
        window.complaints()
        yield window
        assert window.complaints() == []


def link(page: Browser) -> str:
    return str(page.run("return document.body.dataset.link"))


def lines(page: Browser) -> list[list[str]]:
    """Name, how much and price of each line."""
    return page.run(
        "return [...document.querySelectorAll('#lines li')].map(row =>"
        " ['name', 'how', 'price'].map(part => row.querySelector('.' + part).textContent))"
    )


def scanned(page: Browser, lane: ScreenLane, *labels: str) -> None:
    count = len(lines(page)) + len(labels)
    lane.scan(*labels)
    page.wait_for(lambda: len(lines(page)) == count, f"{count} lines")


STANDS_STILL = """
return Promise.all(document.getAnimations().map(moving => moving.finished)).then(() => null);
"""


@contextmanager
def another(window: Browser, lane: ScreenLane, name: str) -> Iterator[Browser]:
    """Another page than the lane's own, opened as in `opened`, of a lane that is served. Refusals
    that a PIN mends are no complaints."""
    window.resize(1024, 600)
    window.open(lane.address)
    window.run("localStorage.clear()")
    window.open(lane.address + name)
    window.wait_for(lambda: link(window) == "up", "the page is connected")
    window.complaints()
    yield window
    assert [line for line in window.complaints() if "403" not in line] == []


def pictured(page: Browser, name: str) -> None:
    page.run(STANDS_STILL)
    for width, height in SIZES:
        page.resize(width, height)
        page.picture(f"{name} {width}x{height}")
        fits(page)
    page.resize(1024, 600)


def fits(page: Browser) -> None:
    """Nothing is cut off sideways, and what is to be touched can be touched."""
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    small = page.run(
        "return [...document.querySelectorAll('button, a')].filter(e => e.checkVisibility())"
        ".map(e => [e.id, e.getBoundingClientRect()])"
        ".filter(([id, box]) => box.height < 48 || box.width < 48 || box.bottom > innerHeight)"
        ".map(([id]) => id)"
    )
    assert small == []


CONTRASTS = """
const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const parse = text => text.match(/[0-9.]+/g).map(Number);
const ground = e => {
  for (; e; e = e.parentElement) {
    const colour = parse(getComputedStyle(e).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const found = {};
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.checkVisibility()) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  found[(e.id || e.className || e.tagName) + ' ' + e.textContent.slice(0, 12)] = ratio;
}
return found;
"""


def contrasts(page: Browser) -> dict[str, Any]:
    """Each text on the page with its contrast (WCAG 2.2, 1.4.3)."""
    return dict(page.run(CONTRASTS))


def faint(page: Browser) -> dict[str, float]:
    """The texts whose contrast is too low."""
    return {text: ratio for text, ratio in contrasts(page).items() if ratio < 4.5}

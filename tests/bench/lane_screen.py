"""From a scan in the inbox to the line on the screen, in a real Chromium, beside a bare page."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.domain.events import Scanned
from agent.domain.gs1 import read_label
from tests.bench.rig import baskets, items, percentile
from tests.browser_kit import CHROMIUM, Browser, chromium
from tests.screen_kit import ScreenLane

LINES = 100  #: of each basket: the longest that a lane sees
EVERY_S = 0.04

#: When each line came onto the page, and the frame that shows it, in ms of the wall clock.
WATCH = """
window.changed = [];
window.framed = [];
const now = () => performance.timeOrigin + performance.now();
new MutationObserver(changes => {
  const lines = changes.flatMap(change => [...change.addedNodes]);
  const at = now();
  lines.forEach(() => changed.push(at));
  requestAnimationFrame(() => { const at = now(); lines.forEach(() => framed.push(at)); });
}).observe(document.querySelector('#lines'), {childList: true});
"""

BARE_PAGE = """<!doctype html><title>bare</title><ol id="lines"></ol><script>
new EventSource('/events').onmessage = ({data}) => {
  const line = document.createElement('li');
  line.textContent = JSON.parse(data).description;
  document.querySelector('#lines').append(line);
};
</script>"""


def measure(folder: Path, quick: bool) -> list[dict[str, str]]:
    scans = LINES * (2 if quick else 10)
    if CHROMIUM is None:
        print("lane_screen is left out: sudo apt install chromium chromium-driver")
        return []
    lane = ScreenLane(folder)
    with lane.running(), lane.served(), chromium() as browser:
        browser.resize(1024, 600)
        browser.open(lane.address)
        up = "return document.body.dataset.link === 'up'"
        browser.wait_for(lambda: browser.run(up), "the page is connected")
        changed, framed = _watched(browser, _scanner(lane), scans)
    with _bare_server() as (port, listening, send), chromium() as browser:
        browser.open(f"http://127.0.0.1:{port}/")
        browser.wait_for(listening, "the bare page is connected")
        bare, bare_framed = _watched(browser, send, scans)
    return [
        _figure("line on the page", changed, bare, 0.5),
        _figure("line on the page", changed, bare, 0.99),
        _figure("frame that shows it", framed, bare_framed, 0.99),
    ]


def _scanner(lane: ScreenLane) -> Callable[[str], object]:
    """Scans one of the month's articles; each hundredth line begins another basket."""
    articles = [line for basket in baskets(400) for line in basket]
    lane.journal.load_items(items(baskets(400)), "bench")
    count = 0

    def scan(_: str) -> None:
        nonlocal count
        if count and count % LINES == 0:
            lane.settle(item_count=LINES, amount_minor=100_000)
        label = articles[count % len(articles)].gtin.encode()
        count += 1
        lane.inbox.put(Scanned(read_label(label, ""), label, "", "scanner", None))

    return scan


def _watched(
    browser: Browser, send: Callable[[str], object], count: int
) -> tuple[list[float], list[float]]:
    """Milliseconds from each sending to the line on the page, and to the frame that shows it."""
    browser.run(WATCH)
    sent_ms = []
    for number in range(count):
        time.sleep(EVERY_S)
        sent_ms.append(time.time() * 1000)
        send(str(number))
    browser.wait_for(lambda: browser.run("return framed.length") == count, "all lines")
    seen = browser.run("return [changed, framed]")
    changed, framed = ([at - t for at, t in zip(s, sent_ms, strict=True)] for s in seen)
    return changed, framed


@contextmanager
def _bare_server() -> Iterator[tuple[int, Callable[[], bool], Callable[[str], None]]]:
    """The least that can tell a page something: no HTTP library, no journal, no state.

    Gives its port, whether the page listens, and what tells it.
    """
    loop = asyncio.new_event_loop()
    pages: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        kind = b"text/event-stream" if path == b"/events" else b"text/html"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\nconnection: close\r\n\r\n" % kind
        writer.write(head + (b"" if path == b"/events" else BARE_PAGE.encode()))
        if path == b"/events":
            pages.append(writer)
        else:
            writer.close()

    def write(data: bytes) -> None:
        for writer in pages:
            writer.write(data)

    def send(text: str) -> None:
        loop.call_soon_threadsafe(write, b'data: {"description": "Item %s"}\n\n' % text.encode())

    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], lambda: bool(pages), send
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for writer in pages:
            writer.transport.abort()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def _figure(what: str, ours: list[float], bare: list[float], part: float) -> dict[str, str]:
    a, b = percentile(ours, part), percentile(bare, part)
    return {
        "figure": f"scan → {what} (p{part * 100:g})",
        "ours": f"{a:.1f} ms",
        "yardstick": f"{b:.1f} ms",
        "ratio": f"{a / b:.2f}",
        "target": "≤ 100 ms" if part == 0.99 else "",
        "how": f"{len(ours)} scans into baskets of {LINES}, Chromium / bare event to a bare page",
    }

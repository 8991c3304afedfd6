"""The next scan at the lane for who asks, such as the page that adds what was missed.

While a basket is open its scans are its own: nobody else gets one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.api.messages import Request, Response, answer, refuse
from agent.domain.gs1 import read_label
from agent.domain.gtin import TradeItem
from agent.domain.text import Text
from agent.domain.troubles import SCAN_TEXTS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from agent.api.answers import Say
    from agent.api.routes import Context
    from agent.aside import Label

PATIENCE_S = 12.0  #: no longer is a scan kept from the next customer's basket


class NextScanBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`stop`: nobody waits any more."""

    stop: bool = False


class NextScanAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was scanned; null if nothing was in time, or if it was not goods, and `detail` says why.
    A space before it says that the lane listens."""

    gtin: str | None
    detail: str = ""


class Scans(Protocol):
    """`agent.aside.Aside`, as far as the API asks it."""

    def next_scan(self, heard: Callable[[Label], None], /) -> Callable[[], None]: ...


class NoScans:
    """Of a lane without scanners."""

    def next_scan(self, _heard: Callable[[Label], None], /) -> Callable[[], None]:
        return lambda: None


async def next_scan(request: Request, context: Context) -> Response:
    try:
        body = msgspec.json.decode(request.body or b"{}", type=NextScanBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = NextScanBody(stop=True)
    if body.stop:
        context.scans.next_scan(lambda _: None)()
        return answer(200, NextScanAnswer(None))
    if context.lane.snapshot().transaction_id is not None:
        detail = Text("A basket is open: its scans are its own. Key the number instead")
        return refuse(409, "basket_open", detail, request.say)
    return Response(200, events=_answers(context.scans, request.say))


async def _answers(scans: Scans, say: Say) -> AsyncGenerator[bytes, None]:
    """A space as soon as the lane listens, which JSON may begin with; then the answer."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[Label] = loop.create_future()

    def resolve(label: Label) -> None:
        if not heard.done():
            heard.set_result(label)

    def tell(label: Label) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits
            loop.call_soon_threadsafe(resolve, label)

    give_up = scans.next_scan(tell)
    try:
        yield b" "
        async with asyncio.timeout(PATIENCE_S):
            found = _read(await heard, say)
    except TimeoutError:
        found = NextScanAnswer(None)
    finally:
        give_up()
    yield msgspec.json.encode(found)


def _read(label: Label, say: Say) -> NextScanAnswer:
    read = "lossy" if label.lossy else read_label(label.scan_data, label.symbology)
    if isinstance(read, TradeItem):
        return NextScanAnswer(read.gtin)
    return NextScanAnswer(None, say(SCAN_TEXTS[read]))

"""What the lane screen asks before it shows anything: who it is, and in which words it speaks.

A browser on this machine gets the screen's token by asking for it (`POST /v1/screen/session`); it
keeps it in the memory of its page and sends it as a client of the API does. The token is made anew
by each run of the agent, is worth something on this machine alone, and opens only what a screen
needs: whoever can open a browser on the box stands at the lane. A page of another origin cannot
get it: its request names its origin, and a name of its own that it makes point to this machine
stands in its Host header (DNS rebinding).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from agent.api import languages, pages
from agent.api.messages import Request, Response, answer, refuse
from agent.api.till import TillAnswer
from agent.api.words import screen_words
from agent.domain.text import Text

if TYPE_CHECKING:
    from agent.api.routes import Context
    from agent.shop import TillSettings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class SessionAnswer(msgspec.Struct, frozen=True):
    """`build` tells one version of the pages from another."""

    token: str
    build: str


class ScreenAnswer(msgspec.Struct, frozen=True):
    """How the pages speak and count."""

    language: str
    languages: tuple[str, ...]
    currency: str
    minor_digits: int
    store: str
    lane: str
    has_head_office: bool
    heartbeat_ms: int
    words: dict[str, str]
    till: TillAnswer | None  #: None: a POS takes the money


async def open_session(request: Request, context: Context) -> Response:
    if not _is_the_screens_own(request):
        detail = Text("The lane screen is shown by a browser on the lane's own machine only")
        return refuse(403, "not_the_screen", detail, request.say)
    return answer(200, SessionAnswer(context.screen_token, pages.build()))


def _is_the_screens_own(request: Request) -> bool:
    """Asked by a page of this server, under a name of this machine."""
    host = request.headers.get(b"host", b"").decode("latin-1")
    origin = request.headers.get(b"origin", b"").decode("latin-1")
    return (
        request.is_local
        and _name(host) in LOOPBACK_NAMES
        and origin in ("", f"http://{host}")
        and request.headers.get(b"sec-fetch-site", b"same-origin") == b"same-origin"
    )


def _name(host: str) -> str | None:
    """The name in a Host header, without its port; None for what is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _till(till: TillSettings | None) -> TillAnswer | None:
    if till is None:
        return None
    return TillAnswer(till.tenders, till.smallest_coin_minor, till.notes_minor)


async def show_screen(request: Request, context: Context) -> Response:
    accepted = request.headers.get(b"accept-language", b"").decode("latin-1")
    language = languages.best(accepted, context.translations)
    shop = context.shop
    return answer(
        200,
        ScreenAnswer(
            language,
            tuple(context.translations),
            shop.currency,
            shop.minor_digits,
            shop.store,
            shop.lane,
            shop.has_head_office,
            context.settings.heartbeat_ms,
            screen_words(context.translations[language]),
            _till(shop.till),
        ),
    )

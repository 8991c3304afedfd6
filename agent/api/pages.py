"""The pages of the lane screen: files of `agent/screen`, served to browsers on this machine.

`/screen/` is `index.html`, `/screen/NAME` is `NAME.html`, and all others have their own names. A
file is read when it is asked for: a browser that has it already is told so by its ETag.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from agent.api.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.api.routes import Context

FOLDER = Path(__file__).parents[1] / "screen"
PREFIX = "/screen/"

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: Nothing from elsewhere is loaded, no page is framed, none sends a form anywhere.
GUARDS = (
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
)


@cache
def files() -> Mapping[str, Path]:
    """Every file that is served, by its path on the server: no other can be reached."""
    served = [file for file in sorted(FOLDER.iterdir()) if file.suffix in MEDIA_TYPES]
    return {PREFIX + _name(file): file for file in served} | {
        PREFIX.rstrip("/"): FOLDER / "index.html"
    }


def _name(file: Path) -> str:
    page = file.stem if file.suffix == ".html" else file.name
    return "" if page == "index" else page


@cache
def build() -> str:
    """What tells these pages from those of another version: a page that is older loads anew."""
    digest = blake2b(digest_size=8)
    for file in files().values():
        digest.update(file.read_bytes())
    return digest.hexdigest()


async def to_screen(_request: Request, _context: Context) -> Response:
    """Whoever types the lane's bare address wants to see it."""
    return Response(303, headers=(("location", PREFIX),))


async def show_page(request: Request, _context: Context) -> Response:
    """One of `files`, or 304 for a browser that has it."""
    file = files()[request.path]
    body = file.read_bytes()
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = (*GUARDS, ("etag", tag))
    if request.headers.get(b"if-none-match", b"").decode("latin-1") == tag:
        return Response(304, headers=headers, cache_control="no-cache")
    media_type = MEDIA_TYPES[file.suffix]
    return Response(200, body, media_type, headers, cache_control="no-cache")

"""What is decided about a request from its head alone, before a byte of its body is read."""

from __future__ import annotations

import logging
from itertools import zip_longest
from typing import TYPE_CHECKING

from agent.api.auth import client_of
from agent.api.messages import Request, Response, refuse
from agent.api.routes import PAGES, ROUTES, Context, Route
from agent.api.settings import ApiClient
from agent.domain.text import Text

if TYPE_CHECKING:
    from agent.api.answers import Say

log = logging.getLogger("lanetally.api")


def admit(request: Request, context: Context) -> Route | Response:
    """The route of a request that may go on, or the refusal of one that may not."""
    routes = {
        route.method: route for route in (*ROUTES, *PAGES) if _leads(route.path, request.path)
    }
    if not routes:
        detail = Text("No such path; /openapi.json lists them all")
        return refuse(404, "not_found", detail, request.say)
    if request.method == "OPTIONS" and context.settings.cors_origin:
        return Response(204, headers=_preflight(routes))
    route = routes.get(request.method)
    if route is None:
        allow = ", ".join(routes)
        detail = Text("This path takes {methods} only", {"methods": allow})
        return refuse(405, "method_not_allowed", detail, request.say, headers=(("allow", allow),))
    if not (route.is_open and request.is_local) and not _is_known(request, route, context):
        detail = Text(
            "The request needs the header Authorization: Bearer, with a token of this lane"
        )
        challenge = (("www-authenticate", 'Bearer realm="lanetally"'),)
        return refuse(401, "token_invalid", detail, request.say, headers=challenge)
    if int(request.headers.get(b"content-length", b"0")) > context.settings.body_max_bytes:
        return too_large(request.say, context)
    return route


def _leads(path: str, asked: str) -> bool:
    """Whether a route's path is the one asked for; `{name}` stands for any one part of it."""
    if "{" not in path:
        return path == asked
    pairs = zip_longest(path.split("/"), asked.split("/"))
    return all(part == given or ((part or "").startswith("{") and given) for part, given in pairs)


def too_large(say: Say, context: Context) -> Response:
    limit = context.settings.body_max_bytes
    return refuse(413, "body_too_large", Text("The limit is {limit} bytes", {"limit": limit}), say)


def _is_known(request: Request, route: Route, context: Context) -> bool:
    authorization = request.headers.get(b"authorization", b"")
    clients = context.settings.client
    if route.for_screen and request.is_local:
        clients = (*clients, ApiClient("screen", context.screen_token))
    is_known = client_of(authorization, clients) is not None
    if authorization and not is_known:
        log.warning("a wrong token was refused: %s %s", request.method, request.path)
    return is_known


def _preflight(routes: dict[str, Route]) -> tuple[tuple[str, str], ...]:
    """What a browser asks before it lets a page of another origin send a token."""
    return (
        ("access-control-allow-methods", ", ".join(routes)),
        ("access-control-allow-headers", "authorization, content-type"),
        ("access-control-max-age", "600"),
    )

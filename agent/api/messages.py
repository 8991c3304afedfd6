"""A request as a handler gets it, and the response as it gives it back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

import msgspec

from agent.api.answers import ProblemAnswer, Refusal, Say
from agent.domain.text import Text

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
EVENT_STREAM = "text/event-stream"

#: The title of a refusal by its status; the code and the detail say the rest.
TITLES: dict[int, Text] = {
    400: Text("Request not understood"),
    401: Text("No valid token"),
    403: Text("Not allowed"),
    404: Text("Nothing is here"),
    405: Text("Not possible here"),
    408: Text("Request came too slowly"),
    409: Text("Not possible now"),
    413: Text("Request too large"),
    422: Text("Cashier total refused"),
    429: Text("Too many tries"),
    431: Text("Request headers too large"),
    500: Text("Fault in the lane's software"),
    503: Text("Lane busy"),
    504: Text("Lane did not answer in time"),
}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  #: without query
    headers: Mapping[bytes, bytes]  #: names in lower case
    say: Say  #: the language the client asked for
    is_local: bool  #: from this machine
    body: bytes = b""
    query: str = ""  #: what stands behind the "?", as it came


@dataclass(frozen=True, slots=True)
class Response:
    """`events`, where given, follows as the body for as long as it lasts."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    cache_control: str = "no-store"
    events: AsyncGenerator[bytes, None] | None = None


def answer(status: int, content: msgspec.Struct) -> Response:
    return Response(status, msgspec.json.encode(content))


def refuse(
    status: int,
    code: str,
    detail: Text,
    say: Say,
    *,
    path: str = "",
    problems: tuple[ProblemAnswer, ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """A problem document with a stable `code` and sentences in the client's language."""
    title = say(TITLES.get(status, TITLES[400]))
    refusal = Refusal(code, title, status, say(detail), path, problems)
    return Response(status, msgspec.json.encode(refusal), PROBLEM_JSON, headers)

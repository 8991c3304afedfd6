"""Who speaks: one bearer token per client."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.api.settings import ApiClient


def client_of(authorization: bytes, clients: Iterable[ApiClient]) -> ApiClient | None:
    """The client whose token an Authorization header bears (RFC 6750 §2.1), None if there is none.

    Every token is compared, each in constant time, so that the time taken tells nothing. A client
    without a token is nobody.
    """
    scheme, _, token = authorization.partition(b" ")
    bearer = token.strip() if scheme.lower() == b"bearer" else b""
    matches = [
        client
        for client in clients
        if hmac.compare_digest(client.token.encode(), bearer) and client.token
    ]
    return matches[0] if matches else None

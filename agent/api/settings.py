"""The `[api]` table: where the lane listens for the POS, and who may speak."""

from __future__ import annotations

from dataclasses import MISSING, dataclass

from agent.domain.settings import option
from agent.domain.shop import ROLES
from agent.shop import TillSettings


@dataclass(frozen=True, slots=True)
class ApiClient:
    """One `[[api.client]]`: a POS, a screen or a tool, with a token of its own to withdraw."""

    name: str = option(MISSING, "what the log calls this client")
    token: str = option(MISSING, "bearer token; take at least 16 random characters")
    role: str = option("cashier", "what this client's user may do", choices=ROLES)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The `[api]` table."""

    host: str = option("127.0.0.1", "address to listen on; empty for none (then set `socket`)")
    port: int = option(8460, "TCP port; 0 for any free one", low=0, high=65535)
    socket: str = option("", "path of a Unix socket to listen on as well; empty for none")
    client: tuple[ApiClient, ...] = option((), "who may use the API; nobody if empty")
    cors_origin: str = option("", "web origin whose pages may use the API; empty for none")
    body_max_bytes: int = option(
        256 * 1024, "largest request body", unit="B", low=1024, high=16 * 1024 * 1024
    )
    connections_max: int = option(64, "connections at one time", low=4, high=512)
    request_timeout_ms: int = option(
        10_000, "time for one request to arrive whole", unit="ms", low=500, high=120_000
    )
    idle_timeout_ms: int = option(
        75_000, "time a connection may lie idle between requests", unit="ms", low=500, high=600_000
    )
    answer_timeout_ms: int = option(
        5_000, "time the lane has to answer a settlement", unit="ms", low=100, high=60_000
    )
    heartbeat_ms: int = option(
        15_000, "silence on the event stream before a heartbeat", unit="ms", low=100, high=60_000
    )


@dataclass(frozen=True, slots=True)
class Shop:
    """What the pages of the lane screen show of the configuration."""

    currency: str = "CNY"
    minor_digits: int = 2
    store: str = ""
    lane: str = ""
    has_head_office: bool = True  #: False: nothing is sent anywhere
    till: TillSettings | None = None  #: None: a POS takes the money

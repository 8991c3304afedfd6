"""The lane's HTTP server on a real socket, a core that a thread plays, and a raw client."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from agent.api.server import serve
from agent.api.settings import ApiClient, ApiSettings, Shop
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, problems
from agent.handle import DeviceHealth, LaneNotice, LaneSnapshot, SnapshotLine

TOKEN = "pos-token-0123456"
AUTHORIZED = f"Authorization: Bearer {TOKEN}"
GOOD = json.dumps({"total_id": "a", "item_count": 3}).encode()
SHOP = Shop()
SETTLED = SettlementOutcome(
    "settled",
    Text("Settled: {receipt}", {"receipt": "L1-000007"}),
    transaction_id="e-000007",
    receipt_number="L1-000007",
)
SNAPSHOT = LaneSnapshot(
    "e-000008",
    (SnapshotLine(1, "04006381333931", "Milch 牛奶", "dairy", 1000, None, 199),),
    1,
    199,
    Text("{count} item(s) not scanned", {"count": 1}),
    (DeviceHealth("scale", "scale", "lost", "unplugged"),),
    12,
    10,
)
Answer = Callable[[CashierTotal], SettlementOutcome | None]


class Lane:
    """The core as the API sees it: one thread that answers, or stays silent for None."""

    def __init__(self, answer: Answer = lambda total: SETTLED) -> None:
        self.answer = answer
        self.seen: list[CashierTotal] = []
        self.unanswered: list[Callable[[SettlementOutcome], None]] = []
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            total, reply = waiting
            self.seen.append(total)
            outcome = self.answer(total)
            if outcome is None:
                self.unanswered.append(reply)
            else:
                reply(outcome)

    def submit_total(self, total: CashierTotal, reply: Callable[[SettlementOutcome], None]) -> None:
        self._waiting.put((total, reply))

    def snapshot(self) -> LaneSnapshot:
        return SNAPSHOT

    def subscribe(self, listener: Callable[[LaneNotice], None]) -> Callable[[], None]:
        return lambda: None

    def end(self) -> None:
        self._waiting.put(None)


def say_zh(text: Text) -> str:
    return f"中文 {text.english()}"


@contextlib.contextmanager
def serving(lane: Lane, *, shop: Shop = SHOP, **changes: Any) -> Iterator[int]:
    """A server on a free port; it must end when told to."""
    options = {"port": 0, "client": (ApiClient("pos", TOKEN),), **changes}
    stop = threading.Event()
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    says = {"en": Text.english, "zh_CN": say_zh}
    thread = threading.Thread(
        target=serve,
        args=(ApiSettings(**options), lane, says, stop, ports.put),
        kwargs={"shop": shop},
    )
    thread.start()
    try:
        yield ports.get(timeout=5)
    finally:
        stop.set()
        thread.join(5)
        lane.end()
        assert not thread.is_alive()


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A raw socket that reads one response at a time."""

    def __init__(self, address: int | str) -> None:
        family = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
        self.socket = socket.socket(family)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", address) if isinstance(address, int) else address)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, *, has_body: bool = True) -> Answered:
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0)) if has_body else 0
        return Answered(status, headers, self._file.read(length))

    def is_closed(self) -> bool:
        """True once the server ends the connection; waits for it."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def ask(self, request: bytes) -> Answered:
        self.send(request)
        return self.read()


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: lane", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def post(body: bytes, *headers: str) -> bytes:
    head = get(
        "/v1/settlements", AUTHORIZED, f"Content-Length: {len(body)}", *headers, method="POST"
    )
    return head + body


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    head = get("/v1/settlements", AUTHORIZED, "Transfer-Encoding: chunked", method="POST")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def asked(port: int | str, request: bytes) -> Answered:
    with Client(port) as client:
        return client.ask(request)


def is_well(port: int | str) -> bool:
    return asked(port, get("/v1/health")).json == {"status": "ok"}


def send_for_ever(client: Client, data: bytes) -> None:
    """Until the server cuts the connection: raises ConnectionError."""
    while True:
        client.send(data)


@contextlib.contextmanager
def usual_server() -> Iterator[int]:
    """A server for all tests that need nothing special of it; it must be well at the end."""

    def answer(total: CashierTotal) -> SettlementOutcome:
        found = problems(total)
        if found:
            return SettlementOutcome("rejected", found[0].text, found[0].code)
        return SETTLED

    with serving(Lane(answer), body_max_bytes=4096, request_timeout_ms=400) as port:
        yield port
        assert is_well(port)

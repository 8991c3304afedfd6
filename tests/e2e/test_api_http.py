"""The lane's HTTP server on real sockets, and every way in which a client can be wrong.

The core's side is played by a thread that answers totals; everything before it is real.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import connection
from agent.api.server import serve
from agent.api.settings import ApiClient, ApiSettings
from agent.domain.assessment import Finding
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal, problems
from agent.handle import DeviceHealth, LaneBusy, LaneNotice, LaneSnapshot, SnapshotLine

TOKEN = "pos-token-0123456"
AUTHORIZED = f"Authorization: Bearer {TOKEN}"
GOOD = json.dumps({"total_id": "a", "item_count": 3}).encode()
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
def serving(lane: Lane, **changes: Any) -> Iterator[int]:
    """A server on a free port; it must end when told to."""
    options = {"port": 0, "client": (ApiClient("pos", TOKEN),), **changes}
    stop = threading.Event()
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    says = {"en": Text.english, "zh_CN": say_zh}
    thread = threading.Thread(
        target=serve, args=(ApiSettings(**options), lane, says, stop, ports.put)
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


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """One server for all tests that need nothing special of it; it must be well after each."""

    def answer(total: CashierTotal) -> SettlementOutcome:
        found = problems(total)
        if found:
            return SettlementOutcome("rejected", found[0].text, found[0].code)
        return SETTLED

    with serving(Lane(answer), body_max_bytes=4096, request_timeout_ms=400) as port:
        yield port
        assert is_well(port)


# --- settlements -------------------------------------------------------------------------------


def test_a_settlement_is_answered_after_the_core_has_it() -> None:
    lane = Lane()
    with serving(lane) as port:
        answer = asked(port, post(GOOD))

    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "status": "settled",
        "transaction_id": "e-000007",
        "receipt_number": "L1-000007",
        "message": "Settled: L1-000007",
        "missed_count": 0,
        "findings": [],
    }
    assert lane.seen == [CashierTotal("a", "http", 3)]


@pytest.mark.parametrize(("status", "code"), [("settled", 201), ("held", 202), ("duplicate", 200)])
def test_the_status_tells_what_became_of_it(status: Any, code: int) -> None:
    reason = Text("{count} × {item} charged but not scanned", {"count": 1, "item": "Milch"})
    finding = Finding("missed_item", 1, "04006381333931", "dairy", 199, reason)
    outcome = SettlementOutcome(status, Text("ok"), missed_count=1, findings=(finding,))
    with serving(Lane(lambda total: outcome)) as port:
        answer = asked(port, post(GOOD, "Accept-Language: zh-CN"))

    assert (answer.status, answer.json["status"]) == (code, status)
    assert answer.json["missed_count"] == 1
    assert answer.json["findings"] == [
        {
            "kind": "missed_item",
            "count": 1,
            "gtin": "04006381333931",
            "category": "dairy",
            "value_minor": 199,
            "reason": "中文 1 × Milch charged but not scanned",
        }
    ]


@pytest.mark.parametrize("code", ["no_open_transaction", "total_id_reused", "price_unknown"])
def test_a_conflict_with_the_lane_is_409(code: str) -> None:
    with serving(Lane(lambda total: SettlementOutcome("rejected", Text("No"), code))) as port:
        answer = asked(port, post(GOOD))

    assert answer.status == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json == {
        "code": code,
        "title": "Not possible now",
        "status": 409,
        "detail": "No",
    }


def test_a_bad_total_reaches_the_core_and_all_its_problems_reach_the_client(port: int) -> None:
    body = json.dumps(
        {
            "total_id": "a",
            "item_count": 99999,
            "amount_minor": -5,
            "lines": [{"gtin": "4006381333932", "amount_minor": 1}],
        }
    ).encode()

    answer = asked(port, post(body))

    assert answer.status == 422
    assert answer.json["code"] == "item_count_absurd"
    assert answer.json["path"] == "item_count"
    assert [(p["code"], p["path"]) for p in answer.json["problems"]] == [
        ("item_count_absurd", "item_count"),
        ("amount_negative", "amount_minor"),
        ("gtin_invalid", "lines[0].gtin"),
        ("lines_do_not_match", "lines"),
        ("item_count_does_not_match", "item_count"),
    ]


def test_a_silent_core_is_a_504_that_says_how_to_go_on() -> None:
    lane = Lane(lambda total: None)
    with serving(lane, answer_timeout_ms=100) as port:
        answer = asked(port, post(GOOD))
        lane.unanswered[0](SETTLED)  # too late: no one waits, nothing breaks
        lane.answer = lambda total: SETTLED
        again = asked(port, post(GOOD))

    assert (answer.status, answer.json["code"]) == (504, "lane_silent")
    assert "same total_id" in answer.json["detail"]
    assert again.status == 201


def test_an_answer_after_the_servers_end_harms_nobody() -> None:
    lane = Lane(lambda total: None)
    with serving(lane, answer_timeout_ms=100) as port:
        asked(port, post(GOOD))

    lane.unanswered[0](SETTLED)


def test_a_busy_core_is_a_503_to_be_tried_again() -> None:
    class BusyLane(Lane):
        def submit_total(self, total: CashierTotal, reply: Any) -> None:
            raise LaneBusy

    with serving(BusyLane()) as port:
        answer = asked(port, post(GOOD))

    assert (answer.status, answer.json["code"]) == (503, "lane_busy")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("code", ["internal", "journal_unreadable"])
def test_a_fault_of_the_lane_itself_is_a_503_to_be_tried_again(code: str) -> None:
    with serving(Lane(lambda total: SettlementOutcome("rejected", Text("No"), code))) as port:
        answer = asked(port, post(GOOD))

    assert (answer.status, answer.json["code"]) == (503, code)
    assert answer.headers["retry-after"] == "1"


# --- bodies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"", 400, "json_malformed", "at byte 0"),
        (b'{"total_id":"a",', 400, "json_malformed", "at byte 16"),
        (b'{"total_id":"\xff"}', 400, "json_malformed", "not UTF-8"),
        (b"[1]", 422, "value_invalid", "expected object"),
        (b'{"total_id":"a","item_cuont":3}', 422, "field_unknown", "nearest name is item_count"),
    ],
)
def test_a_body_that_is_no_total_is_refused_with_the_place(
    port: int, body: bytes, status: int, code: str, words: str
) -> None:
    answer = asked(port, post(body))

    assert (answer.status, answer.json["code"]) == (status, code)
    assert words in answer.json["detail"]


def test_a_body_may_come_in_chunks(port: int) -> None:
    assert asked(port, chunked(GOOD, 5)).status == 201


def test_a_body_declared_too_large_is_refused_before_it_comes(port: int) -> None:
    head = get("/v1/settlements", AUTHORIZED, "Content-Length: 4097", method="POST")

    answer = asked(port, head)

    assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert answer.headers["connection"] == "close"


def test_a_client_that_sends_too_much_still_reads_why(port: int) -> None:
    with Client(port) as client:
        answer = client.ask(post(b" " * 1_000_000))

        assert answer.status == 413
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_closed()


def test_a_client_that_goes_on_sending_is_cut_off(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER_S", 0.1)
    with Client(port) as client:
        assert client.ask(post(b" " * 5_000)).status == 413
        with pytest.raises(ConnectionError):
            send_for_ever(client, b" " * 5_000)


def send_for_ever(client: Client, data: bytes) -> None:
    while True:
        client.send(data)


def test_a_chunked_body_is_cut_at_the_limit(port: int) -> None:
    assert asked(port, chunked(b" " * 5000, 1000)).status == 413


def test_a_client_that_asks_first_is_told_to_go_on(port: int) -> None:
    with Client(port) as client:
        client.send(post(GOOD, "Expect: 100-continue")[: -len(GOOD)])
        assert client.read().status == 100
        assert client.ask(GOOD).status == 201


@pytest.mark.parametrize(
    ("token", "length", "status"), [("wrong-token", "9", 401), (TOKEN, "99999", 413)]
)
def test_a_client_that_asks_first_is_told_if_it_need_not(
    port: int, token: str, length: str, status: int
) -> None:
    request = get(
        "/v1/settlements",
        f"Authorization: Bearer {token}",
        f"Content-Length: {length}",
        "Expect: 100-continue",
        method="POST",
    )

    assert asked(port, request).status == status


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["X: y", "Authorization: Bearer pos", "Authorization: Basic x"])
def test_nothing_is_settled_without_the_token(header: str) -> None:
    lane = Lane()
    with serving(lane) as port:
        request = get("/v1/settlements", header, f"Content-Length: {len(GOOD)}", method="POST")
        answer = asked(port, request + GOOD)

    assert (answer.status, answer.json["code"]) == (401, "token_invalid")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert lane.seen == []


def test_health_says_nothing_secret(port: int) -> None:
    answer = asked(port, get("/v1/health"))

    assert answer.json == {"status": "ok"}
    assert set(answer.headers) <= {"cache-control", "content-type", "content-length"}


def test_the_lane_is_shown_to_a_client_with_a_token(port: int) -> None:
    assert asked(port, get("/v1/lane")).status == 401
    answer = asked(port, get("/v1/lane?now", AUTHORIZED, "Accept-Language: zh"))

    assert answer.json == {
        "transaction_id": "e-000008",
        "lines": [
            {
                "line_no": 1,
                "gtin": "04006381333931",
                "description": "Milch 牛奶",
                "category": "dairy",
                "quantity_milli": 1000,
                "weight_g": None,
                "price_minor": 199,
            }
        ],
        "item_count": 1,
        "amount_minor": 199,
        "alert": "中文 1 item(s) not scanned",
        "devices": [{"role": "scale", "kind": "scale", "state": "lost", "reason": "unplugged"}],
        "journal_seq": 12,
        "acknowledged_seq": 10,
        "degraded": False,
    }


def test_refusals_are_in_the_language_of_the_client(port: int) -> None:
    answer = asked(port, get("/v1/lane", "Accept-Language: zh-CN,en;q=0.5"))

    assert answer.json["title"] == "中文 No valid token"


def test_pages_of_other_origins_may_only_if_configured(port: int) -> None:
    origin = "https://pos.example"
    with serving(Lane(), cors_origin=origin) as open_port:
        preflight = asked(open_port, get("/v1/settlements", method="OPTIONS"))
        answer = asked(open_port, post(GOOD))

    assert preflight.status == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert asked(port, get("/v1/settlements", method="OPTIONS")).status == 405
    assert "access-control-allow-origin" not in asked(port, post(GOOD)).headers


# --- the connection ----------------------------------------------------------------------------


def test_one_connection_serves_many_requests_refusals_among_them(port: int) -> None:
    with Client(port) as client:
        statuses = [
            client.ask(request).status
            for request in (
                post(GOOD),
                get("/nowhere"),
                get("/v1/lane"),
                post(b"{"),
                get("/openapi.json"),
                post(GOOD),
            )
        ]

    assert statuses == [201, 404, 401, 400, 200, 201]


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    with Client(port) as client:
        client.send(post(GOOD) + get("/v1/health") + post(b"[]") + post(GOOD))

        assert [client.read().status for _ in range(4)] == [201, 200, 422, 201]


def test_a_request_may_come_byte_by_byte() -> None:
    with serving(Lane()) as port, Client(port) as client:
        for byte in post(GOOD):
            client.send(bytes([byte]))

        assert client.read().status == 201


def test_http_1_0_is_answered_and_closed(port: int) -> None:
    with Client(port) as client:
        assert client.ask(b"GET /v1/health HTTP/1.0\r\n\r\n").status == 200
        assert client.is_closed()


def test_head_gets_no_body(port: int) -> None:
    with Client(port) as client:
        client.send(get("/v1/health", method="HEAD"))
        assert client.read(has_body=False).status == 405
        assert client.ask(get("/v1/health")).status == 200


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # a TLS hello
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST /v1/settlements HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /v1/settlements HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /" + b"a" * 80_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000, 431),
    ],
)
def test_what_is_not_http_is_refused_and_closed(port: int, garbage: bytes, status: int) -> None:
    with Client(port) as client:
        answer = client.ask(garbage)

        assert (answer.status, answer.json["code"]) == (status, "http_malformed")
        assert answer.headers["connection"] == "close"
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_closed()


def test_a_bad_chunk_is_refused(port: int) -> None:
    head = get("/v1/settlements", AUTHORIZED, "Transfer-Encoding: chunked", method="POST")

    assert asked(port, head + b"zz\r\n").json["code"] == "http_malformed"


@pytest.mark.parametrize("part", [b"G", post(GOOD)[:40], post(GOOD)[:-1]])
def test_a_request_that_does_not_come_whole_is_given_up(port: int, part: bytes) -> None:
    with Client(port) as client:
        answer = client.ask(part)

        assert (answer.status, answer.json["code"]) == (408, "request_timeout")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_closed()


def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    with Client(port) as client:
        assert client.is_closed()


def test_an_idle_connection_is_closed_after_its_time() -> None:
    with serving(Lane(), idle_timeout_ms=100) as port, Client(port) as client:
        assert client.ask(post(GOOD)).status == 201
        assert client.is_closed()


@pytest.mark.parametrize("part", [b"", b"GET", post(GOOD)[:-1], post(GOOD)])
def test_a_client_may_vanish_at_any_point(port: int, part: bytes) -> None:
    for linger in (b"", struct.pack("ii", 1, 0)):  # closed in order; reset
        client = Client(port)
        client.send(part)
        if linger:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        client.__exit__()

    assert is_well(port)


def test_a_client_that_takes_no_answers_loses_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "SEND_TIMEOUT_S", 0.2)
    with serving(Lane()) as port, Client(port) as client:
        with pytest.raises(ConnectionError):
            send_for_ever(client, get("/openapi.json") * 50)
        assert is_well(port)


def test_dripping_clients_cannot_keep_the_pos_out() -> None:
    with serving(Lane(), connections_max=4) as port, contextlib.ExitStack() as stack:
        dripping = [stack.enter_context(Client(port)) for _ in range(12)]
        for client in dripping:
            with contextlib.suppress(ConnectionError):
                client.send(b"POST")

        assert asked(port, post(GOOD)).status == 201


def test_beyond_the_limit_of_requests_at_work_a_newcomer_is_sent_away() -> None:
    lane = Lane(lambda total: None)
    with serving(lane, connections_max=4) as port, contextlib.ExitStack() as stack:
        at_work = [stack.enter_context(Client(port)) for _ in range(4)]
        for client in at_work:
            client.send(post(GOOD))
        while len(lane.unanswered) < 4:
            threading.Event().wait(0.005)

        assert asked(port, get("/v1/health")).status == 503
        for reply in lane.unanswered:
            reply(SETTLED)
        assert [client.read().status for client in at_work] == [201] * 4
        assert is_well(port)


def test_a_fault_in_the_lane_costs_one_request_only(caplog: pytest.LogCaptureFixture) -> None:
    class BrokenLane(Lane):
        def submit_total(self, total: CashierTotal, reply: Any) -> None:
            raise ZeroDivisionError

    with serving(BrokenLane()) as port:
        answer = asked(port, post(GOOD))
        assert is_well(port)

    assert (answer.status, answer.json["code"]) == (500, "broken_off")
    assert "ZeroDivisionError" in caplog.text


def test_at_the_servers_end_a_waiting_client_is_told() -> None:
    lane = Lane(lambda total: None)
    with contextlib.ExitStack() as stack:
        with serving(lane) as port:
            client = stack.enter_context(Client(port))
            client.send(post(GOOD))
            while not lane.unanswered:
                threading.Event().wait(0.005)
        answer = client.read()

    assert (answer.status, answer.json["code"]) == (500, "broken_off")


# --- where it listens --------------------------------------------------------------------------


def test_a_unix_socket_serves_the_same(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with serving(Lane(), host="", socket=str(path)) as port:
        assert port == 0
        assert path.stat().st_mode & 0o777 == 0o660
        assert is_well(str(path))
        assert asked(str(path), post(GOOD)).status == 201

    assert not path.exists()


def test_tcp_and_a_unix_socket_are_served_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "api.sock")
    with serving(Lane(), socket=path) as port:
        assert is_well(path)
        assert is_well(port)


def test_ipv6_is_served_where_the_machine_has_it() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with serving(Lane(), host="::1") as port, socket.create_connection(("::1", port)) as client:
        client.sendall(get("/v1/health"))
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("taken", ["port", "file"])
def test_an_address_in_use_is_named(tmp_path: Path, taken: str) -> None:
    file = tmp_path / "not-a-socket"
    file.write_text("mine")
    with serving(Lane()) as port:
        where = {"port": port} if taken == "port" else {"port": 0, "socket": str(file)}
        with pytest.raises(OSError, match=str(port) if taken == "port" else str(file)):
            serve(ApiSettings(**where), Lane(), {"en": Text.english}, threading.Event())

    assert file.read_text() == "mine"


# --- anything at all ---------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300))
def test_any_bytes_as_a_body_are_refused_and_not_fatal(port: int, body: bytes) -> None:
    assert 400 <= asked(port, post(body)).status < 500


fragments = st.sampled_from(
    [
        b"GET /v1/health HTTP/1.1\r\n",
        b"POST /v1/settlements HTTP/1.1\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"Host: x\r\n",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
        b"Connection: close\r\n",
        b"Content-Length: 4\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        AUTHORIZED.encode() + b"\r\n",
        b"4\r\nnull\r\n",
        b"0\r\n\r\n",
        b"null",
        b"\r\n",
    ]
)


@settings(max_examples=120, deadline=None)
@given(parts=st.lists(fragments | st.binary(max_size=20), max_size=10))
def test_any_bytes_on_the_socket_end_with_a_server_that_is_well(
    port: int, parts: list[bytes]
) -> None:
    with Client(port) as client:
        client.send(b"".join(parts))
        client.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while client.socket.recv(65536):
                pass

    assert is_well(port)

"""Connections to the lane's HTTP server: slow, broken, hostile or too many of them.

The core's side is played by a thread that answers totals; everything before it is real.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import connection
from agent.api.server import serve
from agent.api.settings import ApiSettings
from agent.domain.text import Text
from agent.domain.totals import CashierTotal
from tests.api_kit import (
    AUTHORIZED,
    GOOD,
    SETTLED,
    Client,
    Lane,
    asked,
    get,
    is_well,
    post,
    send_for_ever,
    serving,
    usual_server,
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with usual_server() as port:
        yield port


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


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "json_malformed"), (b'{"total_id": "a", "amount_minor": 1e30}', "value_invalid")],
)
def test_a_total_that_nobody_can_read_is_in_the_log(
    port: int, body: bytes, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Client(port) as client:
        client.ask(post(body))

    assert f'a request was refused: {{"code":"{code}"' in caplog.text


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

"""The event stream on real sockets: whole, in order, and never at the core's expense."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from agent.api import connection, events
from agent.api.server import serve
from agent.api.settings import ApiClient, ApiSettings
from agent.domain.outcome import SettlementOutcome
from agent.domain.text import Text
from agent.domain.totals import CashierTotal
from agent.handle import LaneNotice, LaneSnapshot

TOKEN = "screen-token-01234"


class Lane:
    """The core's side of the stream: who listens, and a way to tell them."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[LaneNotice], None]] = []

    def submit_total(self, total: CashierTotal, reply: Callable[[SettlementOutcome], None]) -> None:
        raise NotImplementedError

    def snapshot(self) -> LaneSnapshot:
        return LaneSnapshot("e-000001", item_count=2)

    def subscribe(self, listener: Callable[[LaneNotice], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, kind: str, text: Text | None = None, **data: Any) -> None:
        for listener in self.listeners:
            listener(LaneNotice(kind, data, text))


def say_zh(text: Text) -> str:
    return f"中文 {text.english()}"


@contextlib.contextmanager
def serving(
    lane: Lane, says: Mapping[str, Callable[[Text], str]] | None = None, **changes: Any
) -> Iterator[int]:
    options = {"port": 0, "client": (ApiClient("screen", TOKEN),), **changes}
    stop = threading.Event()
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    says = says or {"en": Text.english, "zh_CN": say_zh}
    thread = threading.Thread(
        target=serve, args=(ApiSettings(**options), lane, says, stop, ports.put)
    )
    thread.start()
    try:
        yield ports.get(timeout=5)
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


class Stream:
    """A client of the stream, from its first byte on."""

    def __init__(self, port: int, language: str = "en", receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(5)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            b"GET /v1/events HTTP/1.1\r\nHost: lane\r\nAuthorization: Bearer %s\r\n"
            b"Accept-Language: %s\r\n\r\n" % (TOKEN.encode(), language.encode())
        )
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = [line.strip().lower() for line in iter(self._file.readline, b"\r\n")]
        self.messages = self._messages()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _lines(self) -> Iterator[str]:
        """The lines of the stream, freed from its chunks, to its end."""
        while size := int(self._file.readline() or b"0", 16):
            lines = self._file.read(size).decode().splitlines()
            self._file.readline()
            yield from lines

    def _messages(self) -> Iterator[dict[str, str]]:
        """One dict for each message; a comment has the name ""."""
        message: dict[str, str] = {}
        for line in self._lines():
            if line:
                name, _, value = line.partition(": ")
                message[name] = value
            else:
                yield message
                message = {}


@pytest.fixture
def lane() -> Lane:
    return Lane()


def opened(stack: contextlib.ExitStack, port: int, **options: Any) -> Stream:
    """A stream that has got its greeting: whatever is told from now on must reach it."""
    stream = stack.enter_context(contextlib.closing(Stream(port, **options)))
    if stream.status == 200:
        assert next(stream.messages) == {"retry": "2000"}
        assert next(stream.messages)["event"] == "lane"
    return stream


def test_a_new_client_gets_the_whole_lane_first(lane: Lane) -> None:
    with serving(lane) as port, contextlib.closing(Stream(port)) as stream:
        next(stream.messages)
        first = next(stream.messages)

    assert b"content-type: text/event-stream" in stream.headers
    assert first["event"] == "lane"
    assert json.loads(first["data"])["transaction_id"] == "e-000001"
    assert "id" not in first


def test_events_come_in_order_with_running_numbers_in_the_clients_language(lane: Lane) -> None:
    with serving(lane) as port, contextlib.ExitStack() as stack:
        english = opened(stack, port)
        chinese = opened(stack, port, language="zh-CN")
        lane.tell("line_item_added", Text("{item}", {"item": "牛\n奶"}), line_no=1)
        lane.tell("device", role="scale")
        received = [[next(s.messages), next(s.messages)] for s in (english, chinese)]

    assert [message["event"] for message in received[0]] == ["line_item_added", "device"]
    assert [message["id"] for message in received[0]] == ["1", "2"]
    assert json.loads(received[0][0]["data"]) == {
        "kind": "line_item_added",
        "text": "牛\n奶",
        "data": {"line_no": 1},
    }
    assert json.loads(received[1][0]["data"])["text"] == "中文 牛\n奶"
    assert json.loads(received[1][1]["data"])["text"] is None


def test_silence_is_broken_by_heartbeats(lane: Lane) -> None:
    with serving(lane, heartbeat_ms=50) as port, contextlib.ExitStack() as stack:
        messages = opened(stack, port).messages

        assert [next(messages) for _ in range(2)] == [{"": "still here"}] * 2


def test_the_stream_needs_a_token(lane: Lane) -> None:
    others = (ApiClient("other", "another-token"),)
    with serving(lane, client=others) as port, contextlib.closing(Stream(port)) as stream:
        assert stream.status == 401


def test_a_slow_client_loses_its_stream_and_the_others_lose_nothing(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(events, "QUEUE_MAX", 300)
    count = 4000
    with serving(lane) as port, contextlib.ExitStack() as stack:
        slow = opened(stack, port, receive_buffer=4096)
        quick = opened(stack, port).messages
        numbers = []
        for _ in range(count // 100):
            for _ in range(100):
                lane.tell("line_item_added", description="x" * 4096)
            numbers += [int(next(quick)["id"]) for _ in range(100)]
        with contextlib.suppress(ConnectionResetError, ValueError):
            assert len(list(slow.messages)) < count

    assert numbers == list(range(1, count + 1))


def test_a_client_that_falls_behind_its_queue_is_ended_in_order(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "QUEUE_MAX", 10)
    entered, released = threading.Event(), threading.Event()

    def say_when_released(text: Text) -> str:
        entered.set()
        released.wait(5)
        return text.english()

    with serving(lane, says={"en": say_when_released}) as port, contextlib.ExitStack() as stack:
        stream = opened(stack, port)
        lane.tell("line_item_added", Text("first"))
        assert entered.wait(5)
        for _ in range(50):
            lane.tell("line_item_added")
        released.set()
        received = list(stream.messages)

    assert [int(message["id"]) for message in received] == list(range(1, len(received) + 1))
    assert len(received) <= 12


def test_a_client_that_leaves_makes_room(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAMS_MAX", 2)
    with serving(lane) as port, contextlib.ExitStack() as stack:
        leaving = opened(stack, port)
        opened(stack, port)
        assert opened(stack, port).status == 503
        leaving.close()
        while (stream := opened(stack, port)).status == 503:
            pass

        assert stream.status == 200


def test_what_a_client_says_on_its_stream_is_ignored(lane: Lane) -> None:
    with serving(lane) as port, contextlib.ExitStack() as stack:
        stream = opened(stack, port)
        stream.socket.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n\x00garbage")
        lane.tell("device")

        assert next(stream.messages)["event"] == "device"


def test_the_servers_end_ends_the_stream_and_the_subscription(lane: Lane) -> None:
    with contextlib.ExitStack() as stack:
        with serving(lane) as port:
            stream = opened(stack, port)
            listeners = list(lane.listeners)
        with contextlib.suppress(ConnectionResetError, ValueError):
            assert list(stream.messages) == []

    assert lane.listeners == []
    listeners[0](LaneNotice("device"))  # the core may just be at it: nobody is harmed

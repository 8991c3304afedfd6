"""The demo's lane screen, fed by an event stream as the lane sends it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agent.cli.demo.till import Pos, Screen, following

TOKEN = "token-of-the-test"
EMPTY = {"transaction_id": None, "item_count": 0, "lines": []}

#: (kind, data) of each event; a list of them for each connection, then the stream breaks off
Script = list[list[tuple[str, dict[str, object]]]]


def event(kind: str, **data: object) -> tuple[str, dict[str, object]]:
    return kind, {"kind": kind, "text": f"text of {kind}", "data": data}


def added(transaction_id: str, line_no: int) -> tuple[str, dict[str, object]]:
    return event("line_item_added", transaction_id=transaction_id, line_no=line_no)


class _Lane(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script
    hold: threading.Event

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for kind, data in self.script.pop(0):
            self.wfile.write(
                f": still here\n\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
            )
        self.wfile.flush()
        if not self.script:
            self.hold.wait(10)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def screen_of() -> Iterator[Callable[[Script], Screen]]:
    """A screen that follows a lane which plays a script."""
    hold = threading.Event()
    servers: list[ThreadingHTTPServer] = []

    def begin(script: Script) -> Screen:
        handler = type("Lane", (_Lane,), {"script": script, "hold": hold})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return Screen(server.server_address[1], TOKEN)

    yield begin
    hold.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_screen_counts_items_and_weights(screen_of: Callable[[Script], Screen]):
    events = [
        ("lane", EMPTY),
        added("t1", 1),
        added("t1", 2),
        event("line_item_weighed", transaction_id="t1", line_no=2, weight_g=500),
    ]
    with following(screen_of([events])) as screen:
        assert screen.wait_until(lambda: screen.weighed_count == 1, 5)
        assert (screen.transaction_id, screen.item_count) == ("t1", 2)


def test_a_sale_clears_the_screen(screen_of: Callable[[Script], Screen]):
    events = [("lane", EMPTY), added("t1", 1), event("settled"), added("t2", 1), event("settled")]
    with following(screen_of([[*events, event("total_rejected")]])) as screen:
        assert screen.wait_until(lambda: screen.complaint == "text of total_rejected", 5)
        assert (screen.transaction_id, screen.item_count, screen.weighed_count) == (None, 0, 0)


def test_the_lane_holds_until_something_is_scanned(screen_of: Callable[[Script], Screen]):
    events = [("lane", EMPTY), added("t1", 1), event("missed_scan_suspected"), event("held")]
    with following(screen_of([events])) as screen:
        assert screen.wait_until(lambda: screen.held, 5)
        assert screen.alerts == 1
    with following(screen_of([[*events, added("t1", 2)]])) as screen:
        assert screen.wait_until(lambda: screen.item_count == 2, 5)
        assert not screen.held


def test_a_broken_stream_begins_again_with_the_whole_lane(screen_of: Callable[[Script], Screen]):
    lines = [{"weight_g": None}, {"weight_g": 300}]
    now = {"transaction_id": "t7", "item_count": 2, "lines": lines}
    with following(screen_of([[("lane", EMPTY), added("t7", 1)], [("lane", now)]])) as screen:
        assert screen.wait_until(lambda: screen.item_count == 2, 5)
        assert (screen.transaction_id, screen.weighed_count) == ("t7", 1)


def test_a_closed_screen_stops_following(screen_of: Callable[[Script], Screen]):
    screen = screen_of([[("lane", EMPTY), added("t1", 1)]])
    thread = threading.Thread(target=screen.follow)
    thread.start()
    assert screen.wait_until(lambda: screen.item_count == 1, 5)
    screen.close()
    thread.join(5)
    assert not thread.is_alive()


def test_what_does_not_come_is_not_waited_for_for_ever():
    assert not Screen(1, TOKEN).wait_until(lambda: False, 0.01)


def test_a_lane_that_is_not_there_is_an_os_error():
    with closing(Pos(1, TOKEN)) as pos, pytest.raises(OSError, match="refused"):
        pos.lane()

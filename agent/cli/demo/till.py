"""The cashier's till: the POS that posts totals, and the lane screen that follows events."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

ANSWER_S = 30.0
RETRY_S = 0.1
JOIN_S = 2.0


class Pos:
    """One connection to the lane's HTTP API. Belongs to one thread."""

    def __init__(self, port: int, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
        self._line: socket.socket | None = None  # of the event stream

    def settle(self, total: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """(HTTP status, answer)."""
        return self._ask("POST", "/v1/settlements", json.dumps(total))

    def lane(self) -> dict[str, Any]:
        """The lane now. Raises OSError while it is not there."""
        try:
            return self._ask("GET", "/v1/lane")[1]
        except OSError:  # the lane hung up on an idle connection
            return self._ask("GET", "/v1/lane")[1]

    def events(self) -> http.client.HTTPResponse:
        """The stream of events, as it comes."""
        self._connection.connect()
        self._line = self._connection.sock
        self._connection.request("GET", "/v1/events", headers=self._headers)
        return self._connection.getresponse()

    def hang_up(self) -> None:
        """From any thread: whoever reads the events finds their end."""
        if self._line is not None:
            with suppress(OSError):  # gone already
                self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, dict[str, Any]]:
        try:
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request connects again
            raise


class Screen:
    """What the cashier sees of the open transaction, from the lane's event stream."""

    def __init__(self, port: int, token: str) -> None:
        self._pos = Pos(port, token)
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self.transaction_id: str | None = None  #: None: nothing is open
        self.item_count = 0
        self.weighed_count = 0
        self.held = False  #: the lane asks to scan what is missing
        self.alerts = 0  #: missed scans suspected, since the beginning
        self.complaint = ""  #: what the lane refused last

    def wait_until(self, seen: Callable[[], bool], patience_s: float) -> bool:
        """Wait for the screen to show something; False if it does not in time."""
        with self._changed:
            return self._changed.wait_for(seen, patience_s)

    def follow(self) -> None:
        """Read events until `close`; a broken stream begins again with the whole lane."""
        while not self._stop.is_set():
            with suppress(OSError, http.client.HTTPException):
                for kind, data in _read_events(self._pos.events()):
                    self._take(kind, data)
            self._pos.close()
            self._stop.wait(RETRY_S)

    def close(self) -> None:
        self._stop.set()
        self._pos.hang_up()

    def _take(self, kind: str, data: dict[str, Any]) -> None:
        show = _SHOWN.get(kind)
        if show is not None:
            with self._changed:
                show(self, data)
                self._changed.notify_all()


@contextmanager
def following(screen: Screen) -> Iterator[Screen]:
    """Run the screen's thread for the length of a `with` block."""
    thread = threading.Thread(target=screen.follow, name="lane-screen", daemon=True)
    thread.start()
    try:
        yield screen
    finally:
        screen.close()
        thread.join(JOIN_S)


def _read_events(stream: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, data) of each server-sent event; the lane's have one line of data."""
    kind = ""
    while line := stream.readline():
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            kind = value
        elif field == "data":
            yield kind, json.loads(value)


# --- what each event changes on the screen -------------------------------------------------------


def _whole_lane(screen: Screen, lane: dict[str, Any]) -> None:
    """The first event of a stream: `GET /v1/lane`."""
    screen.transaction_id = lane["transaction_id"]
    screen.item_count = lane["item_count"]
    screen.weighed_count = sum(line["weight_g"] is not None for line in lane["lines"])


def _line_added(screen: Screen, event: dict[str, Any]) -> None:
    if event["data"]["transaction_id"] != screen.transaction_id:
        screen.weighed_count = 0
    screen.transaction_id = event["data"]["transaction_id"]
    screen.item_count = event["data"]["line_no"]  # every line of a scanner is one piece
    screen.held = False


def _line_weighed(screen: Screen, _: dict[str, Any]) -> None:
    screen.weighed_count += 1


def _alerted(screen: Screen, _: dict[str, Any]) -> None:
    screen.alerts += 1


def _held(screen: Screen, _: dict[str, Any]) -> None:
    screen.held = True


def _settled(screen: Screen, _: dict[str, Any]) -> None:
    screen.transaction_id, screen.item_count, screen.weighed_count = None, 0, 0
    screen.held = False


def _refused(screen: Screen, event: dict[str, Any]) -> None:
    screen.complaint = event["text"] or event["kind"]


_SHOWN: dict[str, Callable[[Screen, dict[str, Any]], None]] = {
    "lane": _whole_lane,
    "line_item_added": _line_added,
    "line_item_weighed": _line_weighed,
    "missed_scan_suspected": _alerted,
    "held": _held,
    "settled": _settled,
    "scan_rejected": _refused,
    "total_rejected": _refused,
}

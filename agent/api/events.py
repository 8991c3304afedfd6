"""The lane's events as server-sent events: a bounded queue per client, and a slow client loses it.

`id:` is a running number within this run of the agent. A client that connects, or comes back, first
gets an event `lane` with the whole state (as `GET /v1/lane`), so that nothing needs to be replayed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from agent.api.answers import Say, event_answer, lane_answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from agent.handle import LaneHandle, LaneNotice

STREAMS_MAX = 16
QUEUE_MAX = 2_048  #: notices that wait for one client: a burst of one commit is not slowness
RECONNECT_MS = 2_000  #: how long a browser waits before it comes back


class Listener:
    """One client's queue. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[int, LaneNotice]] = asyncio.Queue(QUEUE_MAX)
        self.overrun = False

    def put(self, number: int, notice: LaneNotice) -> None:
        try:
            self.queue.put_nowait((number, notice))
        except asyncio.QueueFull:
            self.overrun = True


class EventHub:
    """Takes notices from the core's thread and hands them to every listener."""

    def __init__(self, lane: LaneHandle) -> None:
        self._lane = lane
        self._loop = asyncio.get_running_loop()
        self._listeners: set[Listener] = set()
        self._number = 0
        self._unsubscribe = lane.subscribe(self._take)

    def close(self) -> None:
        self._unsubscribe()

    @property
    def full(self) -> bool:
        return len(self._listeners) >= STREAMS_MAX

    @contextlib.contextmanager
    def listening(self) -> Iterator[Listener]:
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _take(self, notice: LaneNotice) -> None:
        """In the core's thread: pass on, wait for nothing."""
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody listens
            self._loop.call_soon_threadsafe(self._spread, notice)

    def _spread(self, notice: LaneNotice) -> None:
        self._number += 1
        for listener in self._listeners:
            listener.put(self._number, notice)


async def stream(
    hub: EventHub, lane: LaneHandle, say: Say, heartbeat_s: float
) -> AsyncGenerator[bytes, None]:
    """The body of an event stream, until the client is too slow."""
    with hub.listening() as listener:
        yield b"retry: %d\n\n" % RECONNECT_MS
        yield b"event: lane\ndata: %s\n\n" % msgspec.json.encode(lane_answer(lane.snapshot(), say))
        while not listener.overrun:
            try:
                async with asyncio.timeout(heartbeat_s):
                    number, notice = await listener.queue.get()
            except TimeoutError:
                yield b": still here\n\n"
            else:
                yield _event(number, notice, say)


def _event(number: int, notice: LaneNotice, say: Say) -> bytes:
    """JSON holds no line break, so one `data:` line is enough."""
    data = msgspec.json.encode(event_answer(notice, say))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, notice.kind.encode(), data)

"""The lane's events as server-sent events: a bounded queue per client, and a slow client loses it.

A client that connects, or comes back, first gets an event `lane` with the whole state (as
`GET /v1/lane`), so that nothing needs to be replayed. Then come two sorts of events: what happened,
one for each of the lane's notices, with a running number of this run of the agent as `id:`; and
what follows for who shows the lane: `basket`, `alert` and `status`, with what changed since.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from agent.api.answers import Say, event_answer
from agent.api.changes import Told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from agent.handle import LaneHandle, LaneNotice

STREAMS_MAX = 16
QUEUE_MAX = 2_048  #: notices that wait for one client: a burst of one commit is not slowness
BATCH_MAX = 64  #: notices that go out in one piece
LOOK_S = 1.0  #: how often the lane is looked at while it has nothing to say
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

    async def heard(self, patience_s: float) -> list[tuple[int, LaneNotice]]:
        """What waits, as much as goes out in one piece; [] if nothing comes in time."""
        try:
            async with asyncio.timeout(patience_s):
                heard = [await self.queue.get()]
        except TimeoutError:
            return []
        while not self.queue.empty() and len(heard) < BATCH_MAX:
            heard.append(self.queue.get_nowait())
        return heard


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
    clock = asyncio.get_running_loop().time
    with hub.listening() as listener:
        told = Told(lane.snapshot(), say, clock())
        yield b"retry: %d\n\n" % RECONNECT_MS
        yield told.whole()
        spoke_s = clock()
        while not listener.overrun:
            notices = await listener.heard(min(LOOK_S, heartbeat_s))
            events = [_event(number, notice, say) for number, notice in notices]
            events += told.changes(lane.snapshot(), clock())
            if not events and clock() - spoke_s >= heartbeat_s:
                events = [b": still here\n\n"]
            if events:
                spoke_s = clock()
                yield b"".join(events)


def _event(number: int, notice: LaneNotice, say: Say) -> bytes:
    """JSON holds no line break, so one `data:` line is enough."""
    data = msgspec.json.encode(event_answer(notice, say))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, notice.kind.encode(), data)

"""The lane's local HTTP server: one thread, one event loop, a few sockets.

This package is the only place where the agent uses asyncio: a lane screen and several POS clients
are many sockets that mostly wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from agent.api.aside import NoScans
from agent.api.connection import Connection
from agent.api.day import DayCloser, no_days
from agent.api.events import EventHub
from agent.api.routes import Context
from agent.api.settings import Shop
from agent.api.suggest import NoSuggestions
from agent.sales import NoSales

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from agent.api.answers import Say
    from agent.api.aside import Scans
    from agent.api.settings import ApiSettings
    from agent.api.suggest import Suggester
    from agent.handle import LaneHandle
    from agent.sales import Sales
    from agent.shop import Approver

log = logging.getLogger("lanetally.api")

STOP_POLL_S = 0.1
RETRY_S = 5.0  #: between two tries at an address that somebody else has
NO_SHOP = Shop()
NO_SUGGESTIONS = NoSuggestions()
NO_SALES = NoSales()
NO_SCANS = NoScans()
FAREWELL_S = 0.5  #: for answers on their way when the server stops

BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"retry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)


def serve(
    settings: ApiSettings,
    lane: LaneHandle,
    translations: Mapping[str, Say],
    stop: threading.Event,
    ready: Callable[[int], None] = lambda port: None,  # noqa: ARG005  a reader of one argument
    shop: Shop = NO_SHOP,
    approvers: tuple[Approver, ...] = (),
    suggester: Suggester = NO_SUGGESTIONS,
    sales: Sales = NO_SALES,
    scans: Scans = NO_SCANS,
    close_day: DayCloser = no_days,
) -> None:
    """Serve until `stop` is set; then end within a second. Runs in the thread that calls it.

    `translations` maps languages ("en", "zh_CN") to translators; the first is what a client gets
    that asks for none. `ready` is called with the TCP port once connections are accepted, 0 if
    there is none. `approvers` may approve with a PIN. Raises OSError if an address cannot be used.
    """
    asyncio.run(
        _serve(
            settings,
            lane,
            translations,
            stop,
            ready,
            shop,
            approvers,
            suggester,
            sales,
            scans,
            close_day,
        )
    )


def keep_serving(serves: Callable[[threading.Event], None], stop: threading.Event) -> None:
    """`serves` until `stop` is set; while its address cannot be used, say so once and try again."""
    said = ""
    while not stop.is_set():
        try:
            serves(stop)
            break
        except OSError as error:
            if said != (said := str(error.strerror)):
                log.error("%s; it is tried again every %g s", said, RETRY_S)  # noqa: TRY400  no fault of the program's
            stop.wait(RETRY_S)


async def _serve(
    settings: ApiSettings,
    lane: LaneHandle,
    translations: Mapping[str, Say],
    stop: threading.Event,
    ready: Callable[[int], None],
    shop: Shop,
    approvers: tuple[Approver, ...],
    suggester: Suggester,
    sales: Sales,
    scans: Scans,
    close_day: DayCloser,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        hub = stack.enter_context(contextlib.closing(EventHub(lane)))
        context = Context(
            settings,
            lane,
            hub,
            translations,
            shop,
            approvers=approvers,
            suggester=suggester,
            sales=sales,
            scans=scans,
            close_day=close_day,
        )
        reception = Reception(context)
        stack.push_async_callback(reception.close)
        port = 0
        if settings.host:
            listener = _tcp_listener(settings.host, settings.port)
            port = listener.getsockname()[1]
            server = await asyncio.start_server(reception.accept, sock=listener)
            stack.callback(server.close)
        if settings.socket:
            local = _unix_listener(settings.socket)
            stack.callback(Path(settings.socket).unlink, missing_ok=True)
            server = await asyncio.start_unix_server(reception.accept, sock=local)
            stack.callback(server.close)
        ready(port)
        while not stop.is_set():
            await asyncio.sleep(STOP_POLL_S)


class Reception:
    """Takes connections in, at most so many, and sees them off at the end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._connections: dict[asyncio.Task[None], Connection] = {}

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (
            len(self._connections) >= self._context.settings.connections_max
            and not self._made_room()
        ):
            writer.write(BUSY)
            writer.close()
            return
        writer.transport.set_write_buffer_limits(0)  # drained means handed to the kernel
        connection = Connection(reader, writer, self._context, is_local=_is_local(writer))
        task = asyncio.create_task(connection.run())
        self._connections[task] = connection
        task.add_done_callback(self._ended)

    def _made_room(self) -> bool:
        """Cut the connection that has waited longest for its client to say something.

        Idle or dripping clients, however many, cannot keep a POS out.
        """
        waiting = [c for c in self._connections.values() if c.waits_since is not None]
        if waiting:
            min(waiting, key=lambda c: c.waits_since or 0.0).abort()
        return bool(waiting)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._connections[task]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a request met a fault", exc_info=error)

    async def close(self) -> None:
        """Break off what is going on; each client gets an answer if it takes it."""
        connections = dict(self._connections)
        for task in connections:
            task.cancel()
        if connections:
            await asyncio.wait(connections, timeout=FAREWELL_S)
        for connection in connections.values():
            connection.abort()
        await asyncio.sleep(0)  # the event loop closes aborted sockets in its next turn


def _is_local(writer: asyncio.StreamWriter) -> bool:
    """True for a Unix socket and for a peer on this machine."""
    peer = writer.get_extra_info("peername")
    return isinstance(peer, str) or (bool(peer) and ipaddress.ip_address(peer[0]).is_loopback)


def _tcp_listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            error.errno, f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}"
        ) from error


def _unix_listener(path: str) -> socket.socket:
    """A socket for this user and group. One that an earlier run left behind is replaced."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(Path(path).stat().st_mode):
            Path(path).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        Path(path).chmod(0o660)
        listener.listen()
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {path}: {error.strerror}") from error
    return listener

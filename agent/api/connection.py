"""One HTTP/1.1 connection: h11 reads and writes the protocol, this file moves the bytes in time.

A client has `request_timeout_ms` for a whole request, however slowly it drips. A client that takes
nothing of an answer for `SEND_TIMEOUT_S` loses its connection.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

from agent.api import languages
from agent.api.gate import admit, too_large
from agent.api.messages import Request, Response, refuse
from agent.domain.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agent.api.routes import Context, Route

log = logging.getLogger("lanetally.api")

#: What the journal has no fact of, for nobody can read it; the technician finds it in the log.
NOT_UNDERSTOOD = frozenset((400, 408, 413, 422, 431))
HEAD_BYTES_MAX = 16 * 1024
READ_BYTES = 64 * 1024
REASON_CHARS_MAX = 120
LOGGED_CHARS_MAX = 400
SEND_TIMEOUT_S = 5.0
LINGER_S = 1.0


class Connection:
    """Belongs to one task. `waits_since` is loop time; None while a request is being answered."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: Context,
        *,
        is_local: bool,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.waits_since: float | None = self._loop.time()
        self._reader = reader
        self._writer = writer
        self._context = context
        self._is_local = is_local
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._say = languages.choose("", context.translations)
        self._is_head = False

    def abort(self) -> None:
        self.waits_since = None
        self._writer.transport.abort()

    async def run(self) -> None:
        """Serve requests until the client, the protocol or a time-out ends it."""
        patience_ms = self._context.settings.request_timeout_ms
        try:
            while await self._has_bytes(patience_ms / 1000) and await self._exchange():
                self.waits_since = self._loop.time()
                patience_ms = self._context.settings.idle_timeout_ms
        except (OSError, TimeoutError):
            self.abort()  # the client is gone, or takes nothing
        finally:
            self._apologise()
            self._writer.close()

    async def _has_bytes(self, patience_s: float) -> bool:
        """Wait for the first bytes of a request, unless they came along with the last one."""
        if self._h11.trailing_data[0]:
            return True
        try:
            async with asyncio.timeout(patience_s):
                data = await self._reader.read(READ_BYTES)
        except TimeoutError:
            return False
        if data:
            self._h11.receive_data(data)
        return bool(data)

    async def _exchange(self) -> bool:
        """One request and its answer. True if another may follow."""
        received = await self._received_in_time()
        self.waits_since = None
        if isinstance(received, Response):
            response = received
        else:
            route, request = received
            response = await route.handler(request, self._context)
        if response.status in NOT_UNDERSTOOD:
            log.warning("a request was refused: %.*s", LOGGED_CHARS_MAX, response.body.decode())
        await self._send(response)
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
            return True
        if self._more_may_come:
            await self._linger()
        return False

    # --- reading -------------------------------------------------------------------------------

    async def _received_in_time(self) -> tuple[Route, Request] | Response:
        """A whole request that may pass, or the refusal of one."""
        try:
            async with asyncio.timeout(self._context.settings.request_timeout_ms / 1000):
                return await self._receive()
        except TimeoutError:
            detail = Text("The request did not arrive whole in time")
            return refuse(408, "request_timeout", detail, self._say)
        except h11.RemoteProtocolError as error:
            detail = Text("Not HTTP: {reason}", {"reason": str(error)[:REASON_CHARS_MAX]})
            return refuse(error.error_status_hint, "http_malformed", detail, self._say)

    async def _receive(self) -> tuple[Route, Request] | Response:
        head = await self._event()
        assert isinstance(head, h11.Request)  # bytes that begin no request raise
        request = self._request(head)
        admitted = admit(request, self._context)
        if not isinstance(admitted, Response):
            body = await self._body()
            if body is None:
                return too_large(request.say, self._context)
            return admitted, replace(request, body=body)
        if not self._h11.they_are_waiting_for_100_continue:
            self._h11.next_event()  # if there is no body to come, the connection can go on
        return admitted

    def _request(self, head: h11.Request) -> Request:
        headers = dict(head.headers)
        accepted = headers.get(b"accept-language", b"").decode("latin-1")
        self._say = languages.choose(accepted, self._context.translations)
        self._is_head = head.method == b"HEAD"
        path, _, query = head.target.decode("latin-1").partition("?")
        return Request(head.method.decode(), path, headers, self._say, self._is_local, query=query)

    async def _body(self) -> bytes | None:
        """None if it is too large: no more of it is read then."""
        if self._h11.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self._write(self._h11.send(go_on))
        body = bytearray()
        while isinstance(event := await self._event(), h11.Data):
            body += event.data
            if len(body) > self._context.settings.body_max_bytes:
                return None
        return bytes(body)

    async def _event(self) -> h11.Event:
        """The next part of a request. Raises RemoteProtocolError for what is none."""
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Event):
                return event
            self._h11.receive_data(await self._reader.read(READ_BYTES))

    # --- writing -------------------------------------------------------------------------------

    async def _send(self, response: Response) -> None:
        if response.events is None:
            self._write_whole(response)
        else:
            self._write(self._h11.send(self._head(response)))
            await self._send_events(response.events)
            self._write(self._h11.send(h11.EndOfMessage()))
        await self._drain()

    def _write_whole(self, response: Response) -> None:
        """Head and body in one piece: one packet, no wait for an acknowledgement between them."""
        data = self._h11.send(self._head(response)) or b""
        if not self._is_head:
            data += self._h11.send(h11.Data(data=response.body)) or b""
        data += self._h11.send(h11.EndOfMessage()) or b""
        self._write(data)

    def _head(self, response: Response) -> h11.Response:
        headers = [("cache-control", response.cache_control), *response.headers]
        if response.body:
            headers += [
                ("content-type", response.media_type),
                ("content-length", str(len(response.body))),
            ]
        elif response.events is not None:
            headers.append(("content-type", response.media_type))
        if origin := self._context.settings.cors_origin:
            headers += [("access-control-allow-origin", origin), ("vary", "origin")]
        if self._more_may_come or response.events is not None:
            headers.append(("connection", "close"))
        phrase = HTTPStatus(response.status).phrase
        return h11.Response(status_code=response.status, headers=headers, reason=phrase.encode())

    async def _send_events(self, events: AsyncGenerator[bytes, None]) -> None:
        """Until the stream ends, or the client does."""
        pump = asyncio.create_task(self._pump(events))
        gone = asyncio.create_task(self._until_gone())
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            pump.cancel()
            await asyncio.wait({pump, gone})
        if not pump.cancelled():
            pump.result()

    async def _pump(self, events: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(events):
            async for data in events:
                self._write(self._h11.send(h11.Data(data=data)))
                await self._drain()

    async def _until_gone(self) -> None:
        while await self._reader.read(READ_BYTES):
            pass  # nothing that a client says now means anything

    async def _drain(self) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self._writer.drain()

    def _write(self, data: bytes | None) -> None:
        self._writer.write(data or b"")

    # --- ending --------------------------------------------------------------------------------

    @property
    def _more_may_come(self) -> bool:
        """True if the request being answered was not read to its end."""
        return self._h11.their_state in (h11.IDLE, h11.SEND_BODY, h11.ERROR)

    async def _linger(self) -> None:
        """Take what the client still sends: closed over it, the socket would be reset, and the
        answer lost on its way (RFC 9112 §9.6)."""
        self._writer.write_eof()
        try:
            async with asyncio.timeout(LINGER_S):
                await self._until_gone()
        except TimeoutError:
            self.abort()

    def _apologise(self) -> None:
        """A request that a fault or the lane's end broke off gets an answer all the same."""
        if self._h11.our_state is not h11.SEND_RESPONSE or self._writer.is_closing():
            return
        detail = Text(
            "The request was broken off. A settlement may be sent again with the same total_id:"
            " it is settled only once"
        )
        self._write_whole(refuse(500, "broken_off", detail, self._say))

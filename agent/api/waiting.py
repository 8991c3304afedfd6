"""How a request waits for the answer that the core gives in its own thread, after the commit."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def answered(submit: Callable[[Callable[[T], None]], None], timeout_ms: int) -> T:
    """What `submit` is answered with, once. Raises what it raises, or TimeoutError."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def resolve(result: T) -> None:
        if not outcome.done():  # too late: the client has been told
            outcome.set_result(result)

    def reply(result: T) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits
            loop.call_soon_threadsafe(resolve, result)

    async with asyncio.timeout(timeout_ms / 1000):
        submit(reply)
        return await outcome

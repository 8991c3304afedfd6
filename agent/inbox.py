"""The one bounded queue between everything that happens and the core.

Scans, totals, keyed numbers and job results are never dropped: when the queue is full, their sender
waits and the lane says so. States and cursors carry a key: only the latest of each key is kept.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

log = logging.getLogger("lanetally.inbox")

T = TypeVar("T")

CAPACITY = 4096


class Inbox(Generic[T]):
    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._latest: dict[Hashable, T] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._behind = False

    def put(self, item: T) -> None:
        """Add an item that must not be lost; wait while the queue is full."""
        with self._changed:
            if len(self._items) >= self._capacity and not self._closed:
                if not self._behind:
                    self._behind = True  # said once, until it has caught up
                    log.warning("the lane is behind: %d events wait", len(self._items))
                self._changed.wait_for(lambda: len(self._items) < self._capacity or self._closed)
            self._items.append(item)
            self._changed.notify_all()

    def try_put(self, item: T) -> bool:
        """As `put`, but False instead of waiting: the sender can be told to try again."""
        with self._changed:
            if len(self._items) >= self._capacity:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def put_latest(self, key: Hashable, item: T) -> None:
        """Add an item that replaces an older one of the same key. Never waits."""
        with self._changed:
            self._latest[key] = item
            self._changed.notify_all()

    def take(self, timeout_s: float, most: int) -> list[T]:
        """Up to `most` items in order of arrival, then the latest of each key; [] on time-out."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._items or self._latest or self._closed, timeout=timeout_s
            )
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            taken.extend(self._latest.values())
            self._latest.clear()
            self._behind = self._behind and bool(self._items)
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Wake everybody: the daemon is stopping."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

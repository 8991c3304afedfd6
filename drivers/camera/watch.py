"""Whether pictures still come, and still change. No clock: time is passed in."""

from __future__ import annotations


class PictureWatch:
    """A sensor's noise makes each picture differ: the same one again and again is no camera."""

    def __init__(self, limit_ns: int, now_ns: int) -> None:
        self._limit_ns = limit_ns
        self._seen_ns = self._changed_ns = now_ns
        self._digest: int | None = None

    def saw(self, digest: int, now_ns: int) -> None:
        """A picture with this digest came."""
        self._seen_ns = now_ns
        if digest != self._digest:
            self._digest, self._changed_ns = digest, now_ns

    def trouble(self, now_ns: int) -> str:
        """What is wrong, in words; "" if nothing."""
        if now_ns - self._seen_ns > self._limit_ns:
            return "no picture comes"
        if now_ns - self._changed_ns > self._limit_ns:
            return "frozen: the picture stands still"
        return ""

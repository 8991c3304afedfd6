"""Commands that are not answered yet, and so not confirmed to the broker. No I/O.

The broker keeps for a lane that is away what it has not confirmed. A command is confirmed once its
answer is durable: whatever happens before, the broker brings it again. Each id is carried out once,
so asking twice does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.mqtt import WINDOW, Incoming

#: So many at most, for the broker sends no acknowledgement either once its window is full.
HELD_MAX = WINDOW // 2
AGAIN_S = 5.0  #: one that the core could not take, or not write, is asked again


@dataclass(slots=True)
class _Held:
    leaf: str
    messages: list[Incoming]
    asked_s: float


class Unanswered:
    """The messages of one connection."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}  # by "NAME/ID"

    def hold(self, leaf: str, message: Incoming, now_s: float) -> bool:
        """False if it is to be confirmed at once: there are too many."""
        if sum(len(held.messages) for held in self._held.values()) >= HELD_MAX:
            return False
        held = self._held.setdefault(_named(leaf), _Held(leaf, [], now_s))
        held.messages.append(message)
        return True

    def answered(self, leaf: str) -> list[Incoming]:
        """What may be confirmed, now that something was said on `leaf`."""
        held = self._held.pop(_named(leaf), None) if leaf.startswith("res/") else None
        return held.messages if held else []

    def due(self, now_s: float) -> list[tuple[str, bytes]]:
        """Leaf and payload of each that waits for long, counted from now on anew."""
        late = [held for held in self._held.values() if now_s - held.asked_s >= AGAIN_S]
        for held in late:
            held.asked_s = now_s
        return [(held.leaf, held.messages[-1].payload) for held in late]

    def forget(self) -> None:
        """The connection is gone: the broker brings them again on the next."""
        self._held.clear()


def _named(leaf: str) -> str:
    return leaf.partition("/")[2]

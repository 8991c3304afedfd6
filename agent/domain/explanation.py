"""What may have happened at the lane, and how well it fits all that was witnessed.

An explanation is a handful of events: a piece missed, scanned twice, swapped and so on. Its score
is how likely such events are, plus how likely each witness then says what it said. Events of this
module know no evidence; `case.py` holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.domain.evidence_weight import NOTHING, WeightChange
from agent.domain.finding import FindingKind
from agent.domain.likelihood import ln_permille

#: keyed_quantity: one piece scanned, its number keyed: right, if not as we like it.
EventKind: TypeAlias = FindingKind | Literal["keyed_quantity"]

HONEST_KINDS: frozenset[EventKind] = frozenset({"keyed_quantity"})

#: Of all events that are not as they should be, in thousandths. A missed piece slips by unseen, or
#: the cashier sees it and charges it by hand.
KIND_PERMILLE: dict[EventKind, int] = {
    "missed_item": 600,
    "scanned_not_charged": 100,
    "double_scan": 80,
    "swap": 80,
    "walk_around": 70,
    "voided_kept": 70,
    "keyed_quantity": 1000,
}
ONE_EVENT = ln_permille(900)  #: baskets with one such event, of those with any …
ONE_MORE = ln_permille(100)  #: … and each further one


@dataclass(frozen=True, slots=True)
class Event:
    kind: EventKind
    prior: int
    gtin: str | None = None  #: of the piece meant; None: not known
    scanned: str | None = None  #: swap: what was scanned for it
    count: int = 1
    change: WeightChange = NOTHING
    passed: int = 0  #: pieces that passed beyond the scanned ones
    counted: int = 0  #: pieces that the cashier counted beyond the scanned ones
    tags: tuple[tuple[str, int], ...] = ()  #: GTINs of which more, or fewer, pieces passed


@dataclass(frozen=True, slots=True)
class Explanation:
    """Several events at once; none of them: all is as it should be."""

    events: tuple[Event, ...] = ()
    change: WeightChange = NOTHING
    passed: int = 0
    counted: int = 0

    def with_event(self, event: Event) -> Explanation:
        ours, its = self.change, event.change
        return Explanation(
            (*self.events, event),
            WeightChange(
                ours.grams + its.grams,
                ours.variance + its.variance,
                ours.added + its.added,
                ours.removed + its.removed,
                ours.unknown + its.unknown,
            ),
            self.passed + event.passed,
            self.counted + event.counted,
        )

    @property
    def is_honest(self) -> bool:
        return all(event.kind in HONEST_KINDS for event in self.events)

    @property
    def prior(self) -> int:
        odd = sum(event.count for event in self.events if event.kind not in HONEST_KINDS)
        how_many = ONE_EVENT + ONE_MORE * (odd - 1) if odd else 0
        return how_many + sum(event.prior for event in self.events)

    @property
    def tags(self) -> dict[str, int]:
        """GTIN -> how many more pieces of it passed than were scanned."""
        changed: dict[str, int] = {}
        for event in self.events:
            for gtin, n in event.tags:
                changed[gtin] = changed.get(gtin, 0) + n
        return changed

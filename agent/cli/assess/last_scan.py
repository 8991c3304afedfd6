"""The last-scan rule, restated to be run beside ours: each weight is compared with the last scan.

After the description of the archived "RTSF at Checkout" reconciler of Intel (event-reconciler,
state of 2025-01), in whole grams instead of binary floats: its 0.01 is taken for 5 g.

1. Each change of the plate counts, but for |change| ≤ 0.01.
2. Less weight takes one suspect of that weight away.
3. More weight is a suspect, and is compared with the last scanned line alone: pieces are weights
   from quantity × least to quantity × most, less what the line has already. A weight below the
   least of one piece stays a suspect; else the suspects are walked back, and those that fit are
   given to the line until it has its least.
4. If the line is over-full by a piece, its last weight is a suspect again. Weighed goods are never
   given a weight: with a sum of zero they count as confirmed.
5. A scan by itself compares nothing; scans of the same item in a row are one line; a void takes no
   weight off a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.cli.assess.baskets import Moment
from agent.domain.evidence import KnownItem

SMALL_G = 5


@dataclass(slots=True)
class _Line:
    gtin: str
    quantity: int
    least_g: int
    most_g: int
    given_g: list[int] = field(default_factory=list)

    @property
    def open_least_g(self) -> int:
        return self.quantity * self.least_g - sum(self.given_g)

    @property
    def open_most_g(self) -> int:
        return self.quantity * self.most_g - sum(self.given_g)


def suspects(moments: Iterable[Moment], items: Mapping[str, KnownItem]) -> list[int]:
    """The weights, in grams, that the rule would report at payment."""
    found: list[int] = []
    line: _Line | None = None
    for moment in moments:
        if moment.kind == "scan":
            line = _scanned(line, moment, items)
        elif moment.kind == "weight" and abs(moment.weight_g or 0) > SMALL_G:
            _weighed(found, line, moment.weight_g or 0)
    return found


def _scanned(line: _Line | None, moment: Moment, items: Mapping[str, KnownItem]) -> _Line:
    if line is not None and line.gtin == moment.gtin:
        line.quantity += moment.quantity
        return line
    item = items.get(moment.gtin)
    weight = item.weight if item else None
    least_g, most_g = (weight.low_g, weight.high_g) if weight else (0, 0)
    return _Line(moment.gtin, moment.quantity, least_g, most_g)


def _weighed(found: list[int], line: _Line | None, change_g: int) -> None:
    if change_g < 0:
        same = next((g for g in found if abs(g + change_g) < SMALL_G), None)
        if same is not None:
            found.remove(same)
        return
    found.append(change_g)
    if line is None or line.most_g == 0 or change_g * line.quantity < line.open_least_g:
        return
    for weight_g in reversed(found.copy()):
        if line.open_least_g <= 0:
            break
        if weight_g <= line.open_most_g:
            found.remove(weight_g)
            line.given_g.append(weight_g)
    if line.given_g and line.open_least_g <= -line.least_g:
        found.append(line.given_g.pop())

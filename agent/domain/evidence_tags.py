"""RFID tags at the lane against the items that passed it.

Not every piece carries a tag, not every tag is read, and tags of a neighbour's goods come through,
weakly. Each piece that passed shows a tag by chance (binomial); each tag too many is a neighbour's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from agent.domain.evidence import Tag
from agent.domain.likelihood import ln, ln_permille

READ_PERMILLE = 970  #: tags in the field that are read until settlement
#: Neighbours' tags a basket, in a million, by strength: the lane's own are read at -60 dBm and
#: above. A reader that tells no strength is trusted to keep neighbours out by power and antennas.
_STRAYS_PPM = ((-55, 20), (-62, 200))
_STRAYS_WEAK_PPM = 50_000
_STRAYS_UNTOLD_PPM = 50


@dataclass(frozen=True, slots=True)
class TagView:
    """The tags of a basket, and how many are to be expected, by GTIN."""

    seen: Mapping[str, tuple[int, ...]]  #: the score of each tag as a stray, least likely first
    tagged: Mapping[str, int]  #: tagged pieces in a thousand, where the item master knows
    usual_permille: int  #: of the others, by what this basket shows


def tag_view(
    tags: tuple[Tag, ...], scanned: Mapping[str, int], tagged: Mapping[str, int]
) -> TagView:
    """The tags by GTIN; the same serial seen twice is one tag."""
    once: dict[tuple[str, str | int], Tag] = {}
    for n, tag in enumerate(sorted(tags, key=_by_strength)):
        once[tag.gtin, n if tag.serial is None else tag.serial] = tag
    seen: dict[str, list[int]] = {}
    for tag in once.values():
        seen.setdefault(tag.gtin, []).append(_stray(tag))
    matched = sum(min(n, len(seen.get(gtin, ()))) for gtin, n in scanned.items())
    # Laplace's rule of succession: without any piece, half of them
    usual = 1000 * (matched + 1) // (sum(scanned.values()) + 2)
    return TagView({g: tuple(sorted(s)) for g, s in seen.items()}, tagged, usual)


def _by_strength(tag: Tag) -> tuple[str, int]:
    return tag.gtin, tag.rssi_dbm or 0


def _stray(tag: Tag) -> int:
    dbm = tag.rssi_dbm
    if dbm is None:
        return ln(_STRAYS_UNTOLD_PPM) - ln(1_000_000)
    stronger = (ppm for least_dbm, ppm in _STRAYS_PPM if dbm >= least_dbm)
    return ln(next(stronger, _STRAYS_WEAK_PPM)) - ln(1_000_000)


def score(view: TagView, passed: Mapping[str, int], gtin: str, change: int = 0) -> int:
    """How well the tags of one GTIN fit, if `change` more pieces than scanned passed."""
    pieces = max(passed.get(gtin, 0) + change, 0)
    tagged = view.tagged.get(gtin, view.usual_permille)
    return _score(view.seen.get(gtin, ()), pieces, tagged)


@lru_cache(maxsize=1 << 12)
def _score(strays: tuple[int, ...], pieces: int, tagged_permille: int) -> int:
    own = min(len(strays), pieces)
    shown = tagged_permille * READ_PERMILLE // 1000
    return (
        ln_choose(pieces, own)
        + own * ln_permille(max(shown, 1))
        + (pieces - own) * ln_permille(1000 - shown)
        + sum(strays[own:])  # the weakest are the neighbour's
    )


def ln_choose(n: int, k: int) -> int:
    """1000 · ln of the ways to choose k of n."""
    return sum(ln(n - i) - ln(i + 1) for i in range(k))


def surplus(view: TagView, scanned: Mapping[str, int]) -> dict[str, int]:
    """GTIN -> tags beyond the scanned pieces."""
    return {
        gtin: len(strays) - scanned.get(gtin, 0)
        for gtin, strays in sorted(view.seen.items())
        if len(strays) > scanned.get(gtin, 0)
    }

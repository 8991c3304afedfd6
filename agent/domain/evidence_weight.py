"""A scale's increments against what the scanned items weigh, whoever was put down when.

Items are matched to increments as a whole: first one to one (as many as ever possible), then
groups that were put down at once. What is left of both is compared by its sum. Taken back, moved,
or a hand on the plate: an increment and its opposite, which cancel.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import combinations
from math import isqrt

from agent.domain.evidence import Catalogue, ScaleEvidence, WeightRange
from agent.domain.likelihood import NEVER, ln, ln_permille, normal

#: A stable reading is off by a division or so, and a change by two readings' errors: 3 g rms holds
#: for plates of 5 g divisions (5/√12 · √2 = 2.0 g) and some drift.
NOISE_G2 = 9
MATCH_G = 6  #: two sigma: what a single match may be outside the item's own range
ANY_WEIGHT = WeightRange(5, 3_000)  #: of an item that nobody ever weighed
GROUPS_OF = (16, 9, 6)  #: among so many items pairs, threes and fours are looked for: 219 in all

_OWN_BAG = ln_permille(100)  #: baskets that begin with the customer's bag put down …
_NO_BAG = ln_permille(900)
_BAG_G = (10, 500)  #: … which weighs this much
_CARRIED_AWAY = ln_permille(200)  #: baskets from which goods are carried off before the total comes
_MISMATCHED_PERMILLE, _MISMATCHED_MAX = 10, 500  #: a piece: the sum is right and the pairs are not
_STRANGE = ln(1) - ln(20_000) - ln(5_000)  #: 1 in 20,000 baskets: a thing of 0 to 5 kg, no goods
_UNEXPLAINED = -4_000  #: an increment that no item is there for; e^-4 = 2 in 100
_LUMP = -ln(500)  #: a further increment that no item is there for, anywhere within 500 g
LUMPS_MAX = 6  #: beyond these, unknown pieces are not told apart
_GROUPED = ln_permille(150)  #: pieces put down together with another one

_LIGHTEST_G, _HEAVIEST_G = 5, 5_000  #: pieces of which nothing is known: 1/w between these
_STRANGERS = 3  #: so many of them are added to the known items;
_STRANGERS_NEAR = 18  #: within ±20 % of a weight are 3 · ln(1.2 / 0.8) / ln(1000), in hundredths


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the scale."""

    prior: int  #: its score, with that of the increments which items explain
    loose_g: int  #: unmatched increments less unmatched items
    loose_variance: int
    total_g: int  #: all that lies there less all scanned items
    total_variance: int
    loose_increments: tuple[int, ...]
    lumps: tuple[tuple[int, int], ...]  #: the positive ones: (grams, score as an unknown piece)
    first: int  #: score of: what was missed is the first increment, which is like a bag
    first_g: int  #: that increment; 0 if it is matched, or taken for a bag
    loose_items: tuple[str, ...]  #: GTINs without an increment
    mismatched: int  #: score of: some pairs are wrong …
    matched: int  #: … and of: none is
    middles_g: tuple[int, ...]  #: of all items that could lie there besides


@dataclass(frozen=True, slots=True)
class _Piece:
    gtin: str
    low_g: int
    high_g: int
    middle_g: int
    variance: int


def readings(
    scale: ScaleEvidence, pieces: Sequence[tuple[str, WeightRange]], catalogue: Catalogue
) -> tuple[Reading, ...]:
    """The ways to read the scale if the scanned `pieces`, and no others, were put down."""
    increments = list(scale.increments_g)
    unseen_g = scale.total_g - sum(increments)
    if abs(unseen_g) > MATCH_G:  # a change that was never stable
        increments.append(unseen_g)
    items = [
        _Piece(gtin, weight.low_g, weight.high_g, weight.middle_g, weight.variance_g2)
        for gtin, weight in pieces
    ]
    ways = _with_and_without_bag(0, increments, items, catalogue)
    put_down = [d for d in increments if d >= 0]  # whatever left, and whenever: carried off
    if len(put_down) == len(increments):
        return ways
    return (*ways, *_with_and_without_bag(_CARRIED_AWAY, put_down, items, catalogue))


def _with_and_without_bag(
    prior: int, increments: list[int], items: list[_Piece], catalogue: Catalogue
) -> tuple[Reading, ...]:
    plain = _reading(prior + _NO_BAG, increments, items, catalogue)
    first = increments[0] if increments else 0
    if not _BAG_G[0] <= first <= _BAG_G[1]:
        return (plain,)
    bag = prior + _OWN_BAG - ln(_BAG_G[1] - _BAG_G[0])
    return (plain, _reading(bag, increments[1:], items, catalogue, has_bag=True))


def _reading(
    prior: int,
    increments: list[int],
    items: list[_Piece],
    catalogue: Catalogue,
    *,
    has_bag: bool = False,
) -> Reading:
    left = _cancelled(increments)
    pairs, loose, unmatched = _matched(left, items)
    explained = sum(_pair_score(piece) for _, piece in pairs)
    if loose and len(unmatched) > 1:
        groups = _Groups(unmatched)
        loose = _regrouped(pairs, loose, groups)
        explained += groups.explained
        unmatched = list(groups.left.values())
    variance = NOISE_G2 * (1 + len(loose)) + sum(piece.variance for piece in unmatched)
    wrong_permille = min(_MISMATCHED_PERMILLE * (1 + len(items)), _MISMATCHED_MAX)
    return Reading(
        prior + explained,
        sum(loose) - sum(piece.middle_g for piece in unmatched),
        variance,
        sum(increments) - sum(piece.middle_g for piece in items),
        NOISE_G2 + sum(piece.variance for piece in items),
        tuple(sorted(loose)),
        tuple((d, unknown_weight(d, catalogue.middles_g)) for d in sorted(loose) if d > 0),
        -ln(max(len(increments), 1)),
        increments[0] if increments and increments[0] in loose and not has_bag else 0,
        tuple(piece.gtin for piece in unmatched),
        ln_permille(wrong_permille),
        ln_permille(1000 - wrong_permille),
        catalogue.middles_g,
    )


def _cancelled(increments: list[int]) -> list[int]:
    """The increments without those that were undone: taken back, moved, a hand that rested."""
    left = sorted(d for d in increments if d > 0)
    undone = sorted(d for d in increments if d < 0)
    over = []
    for minus in undone:
        nearest = min(left, key=lambda plus: (abs(plus + minus), plus), default=None)
        if nearest is not None and abs(nearest + minus) <= MATCH_G:
            left.remove(nearest)
        else:
            over.append(minus)
    return [*over, *left]


def _matched(
    increments: list[int], items: list[_Piece]
) -> tuple[list[tuple[int, _Piece]], list[int], list[_Piece]]:
    """(pairs, increments left, items left), with as many pairs of increment and item as can be.

    Each increment, lightest first, takes the item that ends soonest among those that began
    (Glover 1967: maximum matching in a convex bipartite graph).
    """
    waiting = sorted(items, key=lambda piece: (piece.low_g, piece.gtin))
    begun: list[tuple[int, int]] = []  # (high_g, index in waiting)
    pairs, loose, used, n = [], [], set(), 0
    for increment in sorted(increments):
        while n < len(waiting) and waiting[n].low_g - MATCH_G <= increment:
            heappush(begun, (waiting[n].high_g, n))
            n += 1
        while begun and begun[0][0] + MATCH_G < increment:
            heappop(begun)
        if begun:
            index = heappop(begun)[1]
            used.add(index)
            pairs.append((increment, waiting[index]))
        else:
            loose.append(increment)
    return pairs, loose, [piece for index, piece in enumerate(waiting) if index not in used]


class _Groups:
    """All small groups of the items left over, to be found by what they weigh together."""

    def __init__(self, items: list[_Piece]) -> None:
        self.left = dict(enumerate(items))
        self.explained = 0  #: score of the increments that groups were given to
        layer: list[tuple[int, int, tuple[int, ...]]]
        layer = [(piece.middle_g, piece.variance, (n,)) for n, piece in enumerate(items)]
        groups = []
        for among in GROUPS_OF:
            most = min(among, len(items))
            layer = [
                (middle_g + items[n].middle_g, variance + items[n].variance, (*numbers, n))
                for middle_g, variance, numbers in layer
                if numbers[-1] < most
                for n in range(numbers[-1] + 1, most)
            ]
            groups += layer
        self._groups = sorted(groups)
        self._reach_g = 3 * isqrt(NOISE_G2 + max((v for _, v, _ in self._groups), default=0)) + 3

    def take(self, increment: int) -> bool:
        """Use up the group that weighs `increment` most nearly, within three sigma, if any does."""
        start = bisect_left(self._groups, (increment - self._reach_g,))
        best: tuple[int, ...] = ()
        best_score, nearest = 0, 9_000  # three sigma, squared, in thousandths
        for middle_g, variance, numbers in self._groups[start:]:
            off_g = increment - middle_g
            if off_g < -self._reach_g:
                break
            distance = 1_000 * off_g * off_g // (NOISE_G2 + variance)
            if distance < nearest and all(number in self.left for number in numbers):
                best, nearest = numbers, distance
                best_score = normal(off_g, NOISE_G2 + variance)
        if not best:
            return False
        for number in best:
            del self.left[number]
        self.explained += best_score
        return True


def _pair_score(piece: _Piece) -> int:
    """Of an increment anywhere within a piece's range, or a little outside."""
    return -ln(piece.high_g - piece.low_g + MATCH_G)


def _regrouped(pairs: list[tuple[int, _Piece]], loose: list[int], groups: _Groups) -> list[int]:
    """The increments left after giving them whole groups of items.

    Then pairs that stole are undone: a group's increment was taken for one item's, whose own
    increment is now left over.
    """
    still = [d for d in sorted(loose, reverse=True) if d <= 0 or not groups.take(d)]
    return [
        d
        for d in sorted(still)
        if not any(
            piece.low_g - MATCH_G <= d <= piece.high_g + MATCH_G and groups.take(paired)
            for paired, piece in pairs
        )
    ]


# --- scores --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WeightChange:
    """What an explanation adds to the plate, beyond the scanned items."""

    grams: int = 0
    variance: int = 0
    added: int = 0  #: pieces that lie there besides
    removed: int = 0  #: scanned pieces that do not lie there
    unknown: int = 0  #: of the added ones, those of which no weight is known


NOTHING = WeightChange()


def score(ways: tuple[Reading, ...], change: WeightChange) -> int:
    """How well the best way to read the scale fits the scanned items with this change."""
    return max(_score(way, change) for way in ways)


def ceiling(ways: tuple[Reading, ...]) -> int:
    """What no explanation can exceed: a perfect fit of the best way."""
    return max(way.prior + normal(0, NOISE_G2) for way in ways)


def _score(way: Reading, change: WeightChange) -> int:
    lumps = len(way.lumps)
    crowd = 0
    expected = change.added + max(len(way.loose_items) - change.removed, 0)
    if lumps > expected:
        crowd += _UNEXPLAINED * (lumps - expected)
    fit = max(
        way.matched + _density(way, way.loose_g - change.grams, way.loose_variance, change),
        way.mismatched + _density(way, way.total_g - change.grams, way.total_variance, change),
        _STRANGE,
    )
    # a swapped piece has the increment of the other one
    if len(way.loose_items) > change.removed or change.added - change.removed > lumps:
        fit += _GROUPED * change.added
    if lumps > 1:
        fit += _LUMP * (lumps - 1)
        if change.added:
            fit = max(fit, _apart(way, change))
    elif lumps and change.added and way.lumps[0][0] == way.first_g:
        fit += way.first
    return way.prior + crowd + fit


def _apart(way: Reading, change: WeightChange) -> int:
    """The score if each added piece is an increment of its own."""
    lumps = way.lumps
    if change.added > len(lumps) or len(lumps) > LUMPS_MAX:
        return NEVER
    rest_g = way.loose_g - change.grams
    if not change.unknown:
        own_g = min((grams for grams, _ in lumps), key=lambda grams: abs(grams - change.grams))
        best = normal(own_g - change.grams, NOISE_G2 + change.variance)
        best += normal(rest_g, way.loose_variance) + way.first * (own_g == way.first_g)
        return way.matched + best + _LUMP * (len(lumps) - 2)
    best, variance = NEVER, way.loose_variance + change.variance
    for own in combinations(lumps, change.unknown):
        score = normal(rest_g - sum(grams for grams, _ in own), variance)
        for grams, unknown in own:
            score += unknown + way.first * (grams == way.first_g)
        best = max(best, score)
    return way.matched + best + _LUMP * max(len(lumps) - change.unknown - 1, 0)


def _density(way: Reading, rest_g: int, variance: int, change: WeightChange) -> int:
    variance += change.variance
    if not change.unknown:
        return normal(rest_g, variance)
    least_g, most_g = _LIGHTEST_G * change.unknown, _HEAVIEST_G * change.unknown
    inside_g = min(max(rest_g, least_g), most_g)
    outside = -500 * (rest_g - inside_g) ** 2 // variance
    middles_g = way.middles_g if change.unknown == 1 else ()
    return max(outside + unknown_weight(inside_g, middles_g), NEVER)


def unknown_weight(grams: int, middles_g: Sequence[int]) -> int:
    """The score, per gram, of one unknown piece: by how many items of about that weight there are.

    To the known items come some strangers, as many in each doubling of the weight.
    """
    low_g, high_g = grams * 4 // 5, max(grams * 6 // 5, grams * 4 // 5 + 1)
    known = bisect_right(middles_g, high_g) - bisect_left(middles_g, low_g)
    among = ln(100 * known + _STRANGERS_NEAR) - ln(100 * (len(middles_g) + _STRANGERS))
    return among - ln(high_g - low_g)


def best_way(ways: tuple[Reading, ...], change: WeightChange) -> Reading:
    """The way to read the scale that fits best."""
    return max(ways, key=lambda way: _score(way, change))

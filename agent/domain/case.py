"""One basket, laid out for judging: what each witness saw, and how well an explanation fits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from agent.domain import evidence_camera, evidence_tags, evidence_weight
from agent.domain.evidence import Evidence, KnownItem, Pieces, WeightRange, by_gtin
from agent.domain.evidence_cashier import missing_count
from agent.domain.evidence_tags import TagView
from agent.domain.evidence_weight import ANY_WEIGHT, Reading, WeightChange
from agent.domain.explanation import ONE_MORE, Explanation
from agent.domain.likelihood import NEVER, ln

PIECES_MAX = 300  #: beyond these a basket's weight tells nothing of a single piece

#: A person who counts and keys is off by one in a thousand baskets; so by two in a million.
_MISCOUNTED = ln(1) - ln(2_000)
#: The same serial number on two labels: printed twice, 1 in 50,000 baskets; else scanned twice.
_SAME_SERIAL = ln(1) - ln(50_000)


@dataclass(frozen=True, slots=True)
class Case:
    evidence: Evidence
    scanned: Mapping[str, int]  #: GTIN -> pieces
    pieces: int  #: all that were scanned
    weights: Mapping[str, WeightRange]  #: of one piece of each scanned GTIN, that of weighed goods
    #: which comes nearest to what the plate lacks
    missing: int  #: what the cashier counted above these
    ways: tuple[Reading, ...]  #: to read the scale; none without one
    tags: TagView | None
    labels: tuple[str, ...]  #: read by the camera, never scanned
    repeated: tuple[str, ...]  #: GTINs of which one label was scanned twice
    odd_tags: tuple[str, ...]  #: GTINs with more or fewer tags than scanned pieces
    odd_tags_score: int  #: of these tags, if just the scanned pieces passed
    tags_room: int  #: by how much better other pieces could explain them, at most

    def item(self, gtin: str) -> KnownItem:
        return self.evidence.item(gtin)

    def weight(self, gtin: str) -> WeightRange | None:
        """Of one piece; None if nobody knows."""
        found = self.weights.get(gtin)
        return self.item(gtin).weight if found in (None, ANY_WEIGHT) else found

    def added(self, gtin: str | None, n: int = 1) -> WeightChange:
        """`n` more pieces on the plate."""
        weight = None if gtin is None else self.weight(gtin)
        if weight is None:
            return WeightChange(added=n, unknown=n)
        return WeightChange(n * weight.middle_g, n * weight.variance_g2, added=n)

    def removed(self, gtin: str, n: int = 1) -> WeightChange:
        """`n` scanned pieces not on the plate."""
        weight = self.weight(gtin) or ANY_WEIGHT
        return WeightChange(-n * weight.middle_g, 0, removed=n)


def lay_out(evidence: Evidence) -> Case:
    scanned = by_gtin(evidence.scanned)
    pieces = sum(scanned.values())
    weighed = [(p, _weight(p, evidence.catalogue.items)) for p in evidence.scanned]
    ways: tuple[Reading, ...] = ()
    if evidence.scale is not None and pieces <= PIECES_MAX:
        each = [(p.gtin, weight) for p, weight in weighed for _ in range(p.count)]
        ways = evidence_weight.readings(evidence.scale, each, evidence.catalogue)
    tags = None
    if evidence.tags is not None:
        tags = evidence_tags.tag_view(evidence.tags, scanned, _tagged(evidence))
    labels: tuple[str, ...] = ()
    if evidence.camera is not None:
        known = {*scanned, *(p.gtin for p in evidence.voided)}
        labels = evidence_camera.unscanned_labels(evidence.camera, known)
    serials = Counter((p.gtin, p.serial) for p in evidence.scanned if p.serial is not None)
    repeated = tuple(sorted(gtin for (gtin, _), n in serials.items() if n > 1))
    lacking_g = max((-way.loose_g for way in ways), default=0)
    by_likeness = sorted(weighed, key=lambda pair: -abs(pair[1].middle_g - lacking_g))
    weights = {p.gtin: weight for p, weight in by_likeness}
    odd, odd_score, tags_room = _odd_tags(tags, scanned)
    return Case(
        evidence,
        scanned,
        pieces,
        weights,
        missing_count(evidence),
        ways,
        tags,
        labels,
        repeated,
        odd,
        odd_score,
        tags_room,
    )


def _odd_tags(tags: TagView | None, scanned: Mapping[str, int]) -> tuple[tuple[str, ...], int, int]:
    """GTINs whose tags are out of step, the score of these, and how much better it could be."""
    if tags is None:
        return (), 0, 0
    odd = tuple(
        gtin
        for gtin in sorted(set(scanned) | set(tags.seen))
        if len(tags.seen.get(gtin, ())) != scanned.get(gtin, 0)
    )
    scores = {gtin: evidence_tags.score(tags, scanned, gtin) for gtin in odd}
    in_step = {gtin: len(tags.seen.get(gtin, ())) - scanned.get(gtin, 0) for gtin in odd}
    gains = [
        evidence_tags.score(tags, scanned, gtin, change) - scores[gtin]
        for gtin, change in in_step.items()
    ]
    room = max(gains, default=0) + sum(max(gain + ONE_MORE, 0) for gain in gains)
    return odd, sum(scores.values()), room


def _weight(pieces: Pieces, items: Mapping[str, KnownItem]) -> WeightRange:
    if pieces.weight_g is not None:
        margin_g = max(pieces.weight_g // 50, 5)  # another scale, a bag around it: 2 %
        return WeightRange(pieces.weight_g - margin_g, pieces.weight_g + margin_g)
    item = items.get(pieces.gtin)
    return item.weight if item is not None and item.weight is not None else ANY_WEIGHT


def _tagged(evidence: Evidence) -> dict[str, int]:
    gtins = {p.gtin for p in evidence.scanned} | {tag.gtin for tag in evidence.tags or ()}
    known = (evidence.catalogue.items.get(gtin) for gtin in gtins)
    return {k.gtin: k.tagged_permille for k in known if k and k.tagged_permille is not None}


# --- how well it fits ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fit:
    """Scores by witness."""

    scale: int
    camera: int
    cashier: int
    tags: int
    labels: int
    serials: int

    @property
    def total(self) -> int:
        return self.scale + self.camera + self.cashier + self.tags + self.labels + self.serials


def fit(case: Case, explanation: Explanation) -> Fit:
    """How well all witnesses fit if this is what happened."""
    changed = explanation.tags
    return Fit(
        evidence_weight.score(case.ways, explanation.change) if case.ways else 0,
        _camera(case, explanation.passed),
        _cashier(case, explanation.counted),
        _tags(case, changed),
        sum(evidence_camera.score_label(passed=changed.get(gtin, 0) > 0) for gtin in case.labels),
        _serials(case, explanation),
    )


def _camera(case: Case, passed: int) -> int:
    camera = case.evidence.camera
    return 0 if camera is None else evidence_camera.score_count(camera, case.pieces + passed)


def _cashier(case: Case, counted: int) -> int:
    """Lines need no score: they are taken as they are."""
    off = 0 if case.evidence.charged is not None else abs(case.missing - counted)
    # where nobody else watched, nothing speaks for a slip of the cashier's
    can_err = case.evidence.count_keyed and case.evidence.has_witness
    return off * (_MISCOUNTED if can_err else NEVER)


def _tags(case: Case, changed: Mapping[str, int]) -> int:
    if case.tags is None:
        return 0
    return case.odd_tags_score + sum(
        evidence_tags.score(case.tags, case.scanned, gtin, n)
        - evidence_tags.score(case.tags, case.scanned, gtin)
        for gtin, n in changed.items()
    )


def _serials(case: Case, explanation: Explanation) -> int:
    doubled = {event.gtin for event in explanation.events if event.kind == "double_scan"}
    return sum(_SAME_SERIAL for gtin in case.repeated if gtin not in doubled)


def room(case: Case, fitting: Fit) -> int:
    """By how much better one more event, and those that pay for themselves, could fit at most."""
    best_scale = evidence_weight.ceiling(case.ways) if case.ways else 0
    return best_scale + case.tags_room - (fitting.total - fitting.tags)


def nearest_scanned(case: Case, most: int) -> tuple[str, ...]:
    """Scanned GTINs that may not lie on the plate, likeliest first: by what the plate lacks."""
    found: dict[str, None] = {}
    for way in case.ways:
        found |= dict.fromkeys(way.loose_items[:most])
        lacking_g = -way.loose_g
        if lacking_g > 0:
            near = sorted(
                case.weights, key=lambda g: (abs(case.weights[g].middle_g - lacking_g), g)
            )
            found |= dict.fromkeys(near[:most])
    return tuple(found)[: 2 * most]

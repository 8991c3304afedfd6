"""From a journal's facts to the evidence of each basket.

Facts of several transactions may be mixed, if each names its own. What a sensor saw while no
transaction was open (the customer's own bag, an item put down before it is scanned) belongs to the
next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import biip

from agent.domain import facts
from agent.domain.evidence import (
    CameraEvidence,
    Catalogue,
    Evidence,
    KnownItem,
    Pieces,
    ScaleEvidence,
    Tag,
    WeightRange,
)
from agent.domain.facts import FactBody
from agent.domain.gs1 import GS1_SYMBOLOGIES
from agent.domain.totals import CashierTotal, ChargedLine


def by_transaction(stream: Iterable[FactBody]) -> dict[str, list[FactBody]]:
    """The facts of each transaction, in the order in which the transactions first appear."""
    found: dict[str, list[FactBody]] = {}
    waiting: list[FactBody] = []
    current: str | None = None
    for fact in stream:
        named = getattr(fact, "transaction_id", None)
        if named is None and not isinstance(fact, facts.Observation):
            continue
        if named is not None:
            current = named
        if current is None:
            waiting.append(fact)
            continue
        found.setdefault(current, []).extend((*waiting, fact))
        waiting.clear()
        if isinstance(fact, facts.TransactionSettled):
            current = None
    return found


def known_items(stream: Iterable[FactBody]) -> dict[str, KnownItem]:
    """What the facts say of items: the last description, else what a scan said."""
    scanned: dict[str, KnownItem] = {}
    described: dict[str, KnownItem] = {}
    for fact in stream:
        if isinstance(fact, facts.ItemDescribed):
            described[fact.gtin] = _described(fact)
        elif isinstance(fact, facts.LineItemAdded):
            scanned[fact.gtin] = KnownItem(
                fact.gtin, fact.description, fact.category, fact.price_minor
            )
    return scanned | described


def _described(fact: facts.ItemDescribed) -> KnownItem:
    low_g, high_g = fact.weight_low_g, fact.weight_high_g
    known = low_g is not None and high_g is not None and fact.sold_by == "each"
    return KnownItem(
        fact.gtin,
        fact.description,
        fact.category,
        fact.price_minor,
        WeightRange(low_g, high_g) if known and low_g is not None and high_g is not None else None,
        fact.tagged_permille,
    )


def evidence_of(basket: Iterable[FactBody], catalogue: Catalogue) -> Evidence:
    """All that one transaction's facts tell."""
    told = tuple(basket)
    taken_back = {fact.line_no for fact in _of(told, facts.LineItemVoided)}
    weights = {fact.line_no: fact.weight_g for fact in _of(told, facts.LineItemWeighed)}
    prices = {fact.line_no: fact.price_minor for fact in _of(told, facts.LineItemOverridden)}
    scans = [
        (line.line_no in taken_back, _scanned(line, weights, prices, catalogue.items))
        for line in _of(told, facts.LineItemAdded)
    ]
    totals = [fact.total for fact in _of(told, facts.CashierTotalReceived)]
    total = totals[-1] if totals else None
    return Evidence(
        scanned=tuple(pieces for voided, pieces in scans if not voided),
        charged_count=total.item_count if total else None,
        charged_minor=total.amount_minor if total else None,
        charged=_charged(total, catalogue.items) if total else None,
        count_keyed=total is not None and total.source == "keypad",
        voided=tuple(pieces for voided, pieces in scans if voided),
        scale=_scale(tuple(_of(told, facts.BagWeightChanged))),
        tags=_tags(tuple(_of(told, facts.TagObserved))),
        camera=_camera(
            tuple(_of(told, facts.CrossingObserved)), tuple(_of(told, facts.LabelObserved))
        ),
        catalogue=catalogue,
    )


F = TypeVar("F", bound=FactBody)


def _of(told: Iterable[FactBody], cls: type[F]) -> Iterator[F]:
    return (fact for fact in told if isinstance(fact, cls))


# --- scans and the cashier's lines ---------------------------------------------------------------


def _scanned(
    line: facts.LineItemAdded,
    weights: Mapping[int, int],
    prices: Mapping[int, int],
    items: Mapping[str, KnownItem],
) -> Pieces:
    by_weight = line.sold_by == "weight"
    item = items.get(line.gtin) or KnownItem(line.gtin)
    usual = item.price_minor if line.price_minor is None else line.price_minor
    price_minor = prices.get(line.line_no, usual)
    unpriced = by_weight or price_minor is None
    return Pieces(
        line.gtin,
        1 if by_weight else line.quantity_milli // 1000,
        None if unpriced else (price_minor or 0) * line.quantity_milli // 1000,
        line.description or item.description,
        line.category or item.category,
        weights.get(line.line_no),
        serial_of(line.scan_label, line.symbology),
    )


def serial_of(scan_label: str, symbology: str) -> str | None:
    """The serial number (AI 21) of a label that carries one."""
    if symbology not in GS1_SYMBOLOGIES:
        return None
    message = biip.parse(symbology + scan_label).gs1_message
    found = message.element_strings.get(ai="21") if message is not None else None
    return found.value if found is not None else None


def _charged(total: CashierTotal, items: Mapping[str, KnownItem]) -> tuple[Pieces, ...] | None:
    if total.lines is None:
        return None
    return tuple(_charged_pieces(line, items.get(line.gtin)) for line in total.lines)


def _charged_pieces(line: ChargedLine, item: KnownItem | None) -> Pieces:
    known = item or KnownItem(line.gtin)
    description = line.description or known.description
    return Pieces(line.gtin, line.pieces, line.amount_minor, description, known.category)


# --- what the sensors saw ------------------------------------------------------------------------


def _scale(changes: tuple[facts.BagWeightChanged, ...]) -> ScaleEvidence | None:
    """All scales together; what lay there before the basket counts for nothing."""
    if not changes:
        return None
    increments = tuple(change.delta_g for change in changes if change.delta_g)
    total_g = 0
    for role in sorted({change.role for change in changes}):
        mine = [change for change in changes if change.role == role]
        first, last = mine[0], mine[-1]
        if first.total_g is None or last.total_g is None:
            total_g += sum(change.delta_g for change in mine)
        else:
            total_g += last.total_g - (first.total_g - first.delta_g)
    return ScaleEvidence(increments, total_g)


def _tags(edges: tuple[facts.TagObserved, ...]) -> tuple[Tag, ...] | None:
    """The tags that came and did not leave. Tags of another kind than SGTIN tell nothing."""
    if not edges:
        return None
    present: dict[str, facts.TagObserved] = {}
    for number, edge in enumerate(edges):
        name = edge.epc or f"{edge.gtin} {number if edge.serial is None else edge.serial}"
        if edge.present:
            present[name] = edge
        else:
            present.pop(name, None)
    return tuple(
        Tag(edge.gtin, name, edge.rssi_dbm)
        for name, edge in present.items()
        if edge.gtin is not None
    )


def _camera(
    crossings: tuple[facts.CrossingObserved, ...], labels: tuple[facts.LabelObserved, ...]
) -> CameraEvidence | None:
    read = tuple(label.gtin for label in labels)
    if not crossings:
        return CameraEvidence(None, labels=read) if read else None
    weights = [max(abs(crossing.count), 1) for crossing in crossings]
    sure = sum(c.confidence_pct * w for c, w in zip(crossings, weights, strict=True))
    crossed = sum(crossing.count for crossing in crossings)
    return CameraEvidence(crossed, sure // sum(weights), read)

"""From what happened at a lane to the evidence of each basket.

A lane that settles and a journal that is read afterwards come here with the same lines and the same
words of the sensors: they judge the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import biip

from agent.domain import evidence_seen, facts
from agent.domain.evidence import Catalogue, Evidence, KnownItem, Pieces
from agent.domain.facts import CashierTotalReceived, FactBody, TransactionSettled
from agent.domain.items import NamedItem
from agent.domain.seen import Seen, seen_after, waiting_after
from agent.domain.totals import CashierTotal, ChargedLine
from agent.domain.transaction import OpenLine, open_line, overridden, weighed


def by_transaction(stream: Iterable[FactBody]) -> dict[str, list[FactBody]]:
    """The facts of each transaction, in the order in which the transactions first appear.

    Facts of several may be mixed, if each names its own. What a sensor saw while no transaction was
    open (the customer's own bag, an item put down before it is scanned) belongs to the next one.
    """
    found: dict[str, list[FactBody]] = {}
    waiting: tuple[facts.Observation, ...] = ()
    current: str | None = None
    settled: set[str] = set()
    for fact in stream:
        named = getattr(fact, "transaction_id", None)
        if named in settled:  # a receipt that was printed, a suspicion that was answered
            found[named].append(fact)
            continue
        if isinstance(fact, facts.TransactionDiscarded):
            current = None if named == current else current
            continue
        current = named or current
        if current is None:
            if isinstance(fact, Seen):
                waiting = waiting_after(waiting, fact)
            continue
        if named is None and not isinstance(fact, Seen):
            continue
        found.setdefault(current, []).extend((*waiting, fact))
        waiting = ()
        if isinstance(fact, TransactionSettled):
            settled.add(current)
            current = None
        elif isinstance(fact, facts.TransactionSuspended):
            current = None
    return found


def evidence_of(basket: Iterable[FactBody], catalogue: Catalogue) -> Evidence:
    """All that one transaction's recorded facts tell."""
    told = tuple(basket)
    changes = [fact for fact in told if isinstance(fact, Change)]
    lines = [_changed(open_line(fact), changes) for fact in _of(told, facts.LineItemAdded)]
    taken_back = {fact.line_no for fact in _of(told, facts.LineItemVoided)}
    seen: tuple[Seen, ...] = ()
    for word in told:
        if isinstance(word, Seen):
            seen = seen_after(seen, word)
    if any(_of(told, facts.TransactionSuspended)):  # nobody knows what was done with its goods
        seen = ()
    totals = [*_of(told, CashierTotalReceived)]
    return evidence_from(
        [line for line in lines if line.line_no not in taken_back],
        [line for line in lines if line.line_no in taken_back],
        totals[-1] if totals else None,
        seen,
        catalogue,
    )


Change = facts.LineItemWeighed | facts.LineItemOverridden


def _changed(line: OpenLine, changes: Iterable[Change]) -> OpenLine:
    # by number, not in a table of numbers: in a file written by hand all lines may have the same
    for change in changes:
        if change.line_no != line.line_no:
            continue
        if isinstance(change, facts.LineItemWeighed):
            line = weighed(line, change)
        else:
            line = overridden(line, change)
    return line


F = TypeVar("F", bound=FactBody)


def _of(told: Iterable[FactBody], cls: type[F]) -> Iterator[F]:
    return (fact for fact in told if isinstance(fact, cls))


def evidence_from(
    lines: Sequence[OpenLine],
    voided: Sequence[OpenLine],
    received: CashierTotalReceived | None,
    seen: tuple[Seen, ...],
    catalogue: Catalogue,
) -> Evidence:
    """The evidence of one basket, from its lines and from all that was told of it."""
    scanned = _scanned(lines, catalogue)
    taken_back = _scanned(voided, catalogue)
    named = _named((*scanned, *taken_back), () if received is None else received.named)
    charged, total = None, None if received is None else received.total
    if total is not None and total.lines is not None:
        charged = tuple([_charged(line, catalogue, named) for line in total.lines])
    return Evidence(
        scanned=scanned,
        charged_count=None if total is None else total.item_count,
        charged_minor=None if total is None else total.amount_minor,
        charged=charged,
        gap_categories=() if received is None else received.gap_categories,
        count_keyed=total is not None and total.source == "keypad",
        voided=taken_back,
        scale=evidence_seen.scale(seen),
        tags=evidence_seen.tags(seen),
        camera=evidence_seen.camera(seen),
        catalogue=catalogue,
        named=named,
    )


def is_plain(
    lines: Sequence[OpenLine],
    voided: Sequence[OpenLine],
    total: CashierTotal,
    seen: Sequence[Seen],
) -> bool:
    """Whether the evidence will be plain (`assessment.is_plain`), told before it is made: half of
    what a sale costs. False where that takes a closer look."""
    if total.lines is None or seen or voided or any(line.gs1_label for line in lines):
        return False
    return _counted(lines) == _counted(total.lines)


def _counted(lines: Iterable[OpenLine | ChargedLine]) -> dict[str, int]:
    """How many pieces of each GTIN."""
    counted: dict[str, int] = {}
    for line in lines:
        counted[line.gtin] = counted.get(line.gtin, 0) + line.pieces
    return counted


UNKNOWN = KnownItem("")  #: nobody has described it


# --- scans and the cashier's lines ---------------------------------------------------------------


def _scanned(lines: Sequence[OpenLine], catalogue: Catalogue) -> tuple[Pieces, ...]:
    labelled = [line.gtin for line in lines if line.gs1_label]
    often = Counter(labelled) if labelled else {}
    return tuple([_pieces(line, catalogue, again=often.get(line.gtin, 0) > 1) for line in lines])


def _pieces(line: OpenLine, catalogue: Catalogue, *, again: bool) -> Pieces:
    """`again`: the GTIN was scanned more than once, so that its serial numbers tell something."""
    item = catalogue.items.get(line.gtin, UNKNOWN)
    if line.price_minor is None and item.price_minor is not None:
        line = replace(line, price_minor=item.price_minor)
    return Pieces(
        line.gtin,
        line.pieces,
        line.amount_minor,
        line.description or item.description,
        line.category or item.category,
        line.weight_g,
        serial_of(line.gs1_label) if again else None,
    )


def serial_of(gs1_label: str) -> str | None:
    """The serial number (AI 21) of a label behind its AIM identifier, if it carries one."""
    try:
        message = biip.parse(gs1_label).gs1_message
    except (biip.ParseError, ValueError, IndexError):  # as in gs1.py
        return None
    found = message.element_strings.get(ai="21") if message is not None else None
    return found.value if found is not None else None


def _named(pieces: Iterable[Pieces], others: Iterable[NamedItem]) -> dict[str, KnownItem]:
    found = {n.gtin: KnownItem(n.gtin, n.description, n.category, n.price_minor) for n in others}
    for some in pieces:
        price_minor = None
        if some.amount_minor is not None:
            price_minor = some.amount_minor // max(some.count, 1)
        found[some.gtin] = KnownItem(some.gtin, some.description, some.category, price_minor)
    return found


def _charged(line: ChargedLine, catalogue: Catalogue, named: dict[str, KnownItem]) -> Pieces:
    item = catalogue.items.get(line.gtin) or named.get(line.gtin) or UNKNOWN
    description = line.description or item.description
    return Pieces(line.gtin, line.pieces, line.amount_minor, description, item.category)

"""Proposes a rule from sample receipts: tries layouts and words, and lets arithmetic judge.

A receipt checks itself: its items add up to its total, its tenders less the change to what was due.
The layout that makes most samples agree with themselves is proposed; of several that do, the one
that tells most (barcodes first) with the fewest layouts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, product

from agent.totals.amounts import amount_minor, quantity_milli
from agent.totals.layouts import LAYOUTS, VOID
from agent.totals.reading import Match, Origin, Reading, Result, Unread, read
from agent.totals.rule import BASE, GROUPS, Rule, TenderRule, base_rule, compiled

ORIGIN = Origin("printer_tap", "sample")
#: Words before an amount that are in no list: tried as the total's and the tenders' own.
STRANGE_MAX = 12
LAYOUTS_MAX = 2

#: "Summe 12,00", "TO PAY: EUR 12.00": words, then an amount with decimals, and nothing else.
_WORDS_AND_AMOUNT = re.compile(
    r"(?P<words>\D*?[^\W\d_])[\s:.]*[^\w\s]?\s*-?[0-9][0-9.,]*[.,][0-9]{2}\D?"
)
_AMOUNT = r"[\s:.]*(?P<amount>-?(?:[A-Z]{0,3}[¥$€£₩]?\s?)[0-9][0-9.,]*-?)\s*\D{0,3}"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was found out."""

    rule: Rule
    layouts: tuple[str, ...]  #: names of `LAYOUTS`
    results: tuple[Result, ...]  #: one for each sample

    @property
    def read_count(self) -> int:
        return sum(not isinstance(result, Unread) for result in self.results)


def learn(samples: Sequence[Sequence[str]], name: str, minor_digits: int) -> Learnt:
    """The best rule for samples whose lines are `cleaned`; `results` says how good it is."""
    strange = _strange_words(samples)
    best = _best(_by_layout(samples, minor_digits, _grammars(name, samples, strange), 1), samples)
    for size in range(2, LAYOUTS_MAX + 1):
        if best.read_count < len(samples) or _unexplained(best, samples):
            grammars = (replace(best.rule, item=(), void=()),)
            best = _best(chain([best], _by_layout(samples, minor_digits, grammars, size)), samples)
    return _with_tenders(best, samples, minor_digits, strange)


def _grammars(
    name: str, samples: Sequence[Sequence[str]], strange: Sequence[str]
) -> Iterator[Rule]:
    """How numbers are spelt and the total is called; everything but the items."""
    plain = Rule(name, base=BASE, fraction_is_kg=True)
    known = compiled(plain).patterns["total"]
    if all(any(e.fullmatch(line) for line in lines for e, _ in known) for lines in samples):
        totals: tuple[tuple[str, ...], ...] = ((),)
    else:
        totals = tuple((_word_pattern(words),) for words in strange) or ((),)
    for total in totals:
        for mark in (".", ","):
            for count_of in ("pieces", "lines"):
                for tax_added in (False, True):
                    yield replace(
                        plain,
                        total=total,
                        decimal_mark=mark,
                        count_of=count_of,
                        tax_added=tax_added,
                    )


def _by_layout(
    samples: Sequence[Sequence[str]], minor_digits: int, grammars: Iterable[Rule], size: int
) -> Iterator[Learnt]:
    """Every layout (or so many together) in every grammar, until a grammar reads all samples."""
    voids = any(re.match(VOID, line) for lines in samples for line in lines)
    for grammar in grammars:
        complete = False
        for layouts in combinations(LAYOUTS, size):
            item = tuple(chain.from_iterable(LAYOUTS[layout] for layout in layouts))
            void = tuple(f"{VOID}{pattern}" for pattern in item) if voids else ()
            rule = replace(grammar, item=item, void=void)
            learnt = _tried(rule, layouts, samples, minor_digits, with_tenders=False)
            complete = complete or learnt.read_count == len(samples)
            yield learnt
        if complete:
            return


def _with_tenders(
    found: Learnt, samples: Sequence[Sequence[str]], minor_digits: int, strange: Sequence[str]
) -> Learnt:
    """The words that pay and give change, too: those that are known, else one strange one each."""

    def tried(rule: Rule) -> Learnt:
        return _tried(rule, found.layouts, samples, minor_digits, with_tenders=True)

    known = tried(found.rule)
    if known.read_count >= found.read_count:
        return known
    tender = base_rule().tender
    change = base_rule().change
    learnt = [known]
    for pays, gives_back in product(strange, ("", *strange)):
        kind = "cash" if gives_back else "other"  # only cash has change
        more = (*tender, TenderRule(kind, (_word_pattern(pays),)))
        rule = replace(found.rule, tender=more)
        if gives_back:
            rule = replace(rule, change=(*change, _word_pattern(gives_back)))
        learnt.append(tried(rule))
    return _best(learnt, samples)


def _tried(
    rule: Rule,
    layouts: tuple[str, ...],
    samples: Sequence[Sequence[str]],
    minor_digits: int,
    *,
    with_tenders: bool,
) -> Learnt:
    ready = compiled(rule)
    if not with_tenders:
        # change without cash is no receipt
        ready = replace(ready, patterns={**ready.patterns, "change": ()}, tenders=())
    results = tuple(read(ready, lines, minor_digits, ORIGIN) for lines in samples)
    return Learnt(rule, layouts, results)


def _best(learnt: Iterable[Learnt], samples: Sequence[Sequence[str]]) -> Learnt:
    return max(learnt, key=lambda one: _worth(one, samples))


def _worth(learnt: Learnt, samples: Sequence[Sequence[str]]) -> tuple[int, ...]:
    read_well = [result for result in learnt.results if isinstance(result, Reading)]
    items = [m for result in read_well for m in result.matches if m.key in {"item", "void"}]
    return (
        learnt.read_count,
        -_unexplained(learnt, samples) - sum(_disagrees(learnt.rule, match) for match in items),
        sum(result.total.lines is not None for result in read_well),
        sum(len(match.groups) for match in items),
        -len(learnt.layouts),
        -len(learnt.rule.tender),
        -len(learnt.rule.change),
    )


def _disagrees(rule: Rule, match: Match) -> bool:
    """Whether an item's quantity times its price is not its amount: a line of another item."""
    notation = rule.notation(2)
    quantity = quantity_milli(match.groups.get("quantity", "1"), notation)
    price, amount = (amount_minor(match.groups.get(g, ""), notation) for g in ("price", "amount"))
    if quantity is None or price is None or amount is None or "weight" in match.groups:
        return False
    return abs(abs(quantity * price) - abs(amount) * 1000) > 1000


def _unexplained(learnt: Learnt, samples: Sequence[Sequence[str]]) -> int:
    """Lines with numbers among the items that were taken for nothing: quantities, perhaps."""
    return sum(
        len(unexplained(result, lines))
        for result, lines in zip(learnt.results, samples, strict=True)
    )


def unexplained(result: Result, lines: Sequence[str]) -> tuple[int, ...]:
    """Numbers (from 1) of the lines from a line before the first item to the last one that hold
    digits and were taken for nothing."""
    spans = {m.line_no: m.pattern_lines if m.key in {"item", "void"} else 1 for m in result.matches}
    items = [m.line_no for m in result.matches if m.key in {"item", "void"}]
    if not items:
        return ()
    taken = {first + n for first, span in spans.items() for n in range(span)}
    return tuple(
        number
        for number in range(max(1, min(items) - 1), max(items) + 1)
        if number not in taken and re.search(r"[0-9]", lines[number - 1])
    )


def _strange_words(samples: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What stands before amounts and no known key explains; what most samples have comes first."""
    known = compiled(Rule("words", base=BASE))
    expressions = [
        expression
        for key in GROUPS
        for expression, span in known.patterns[key]
        if key not in {"item", "void"} and span == 1
    ] + [expression for _, patterns in known.tenders for expression, _ in patterns]
    counts: dict[str, int] = {}
    for lines in samples:
        for words in {w for line in lines if (w := _words_of(line))}:
            counts[words] = counts.get(words, 0) + 1
    strange = [
        words
        for words in sorted(counts, key=lambda words: (-counts[words], words))
        if not any(expression.fullmatch(f"{words} 1.00") for expression in expressions)
    ]
    return tuple(strange[:STRANGE_MAX])


def _words_of(line: str) -> str:
    found = _WORDS_AND_AMOUNT.fullmatch(line)
    return found["words"].strip() if found else ""


def _word_pattern(words: str) -> str:
    return rf"(?i){re.escape(words)}{_AMOUNT}"

"""A ranking as suggestions, each with its reasons in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from agent.domain.text import Text
from agent.suggest import fit
from agent.suggest.memory import Memory
from agent.suggest.question import Question, Suggestion
from agent.suggest.rank import Ranking
from agent.suggest.sources import LIFT_ONE

REASONS_MAX = 3
OFTEN = 2 * LIFT_ONE  #: categories that are bought together twice as often as by chance
AT_HOUR = 1250  #: thousandths: a quarter more than at other hours


def answer(memory: Memory, question: Question, ranking: Ranking) -> tuple[Suggestion, ...]:
    return tuple(
        Suggestion(
            f"{memory.gtins[number]:014}",
            probability_ppm,
            tuple(islice(_reasons(memory, question, ranking, number), REASONS_MAX)),
        )
        for number, probability_ppm in ranking.best
    )


def _reasons(memory: Memory, question: Question, ranking: Ranking, number: int) -> Iterator[Text]:
    """The gap first, then the customer, then the basket, then the hour."""
    gap, sources, category = question.gap, ranking.sources, ranking.category[number]
    if fit.weighs_so(memory, number, gap):
        weight_g = (memory.low_g[number] + memory.high_g[number]) // 2
        yield Text("weighs {weight_g} g, as is missing", {"weight_g": weight_g})
    if fit.costs_so(memory, number, gap):
        yield Text("costs what was charged above the scans")
    if memory.companions.names[category] in gap.categories:
        yield Text("is of the category that is missing")
    if number in sources.bought:
        yield Text("this customer has bought it before")
    if number in sources.alike[0]:
        yield Text("comes from a maker of what is in the basket")
    if number in sources.together or sources.goes_with[category] >= OFTEN:
        yield Text("is bought with what is in the basket")
    if sources.at_hour[category] >= AT_HOUR:
        yield Text("sells at this hour")
    yield Text("sells well these days")

"""The model: what it remembers, and how items sell as of a short while ago."""

from __future__ import annotations

from agent.domain.evidence import WeightRange
from agent.suggest.answer import answer
from agent.suggest.memory import Memory
from agent.suggest.question import Question, SoldBasket, Suggestion, WeightOf
from agent.suggest.rank import rank
from agent.suggest.shares import Shares

STALE = 64  #: baskets


class Model:
    """Belongs to one thread at a time."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._shares = Shares(self._memory)

    def learn(self, basket: SoldBasket, weight_of: WeightOf = lambda _gtin: None) -> None:
        """One settled sale, in its turn. `weight_of` is asked of items that were not known."""
        self._memory.learn(basket, weight_of)

    def weigh(self, gtin: str, weight: WeightRange | None) -> None:
        """What a piece weighs, as is known now."""
        self._memory.weigh(gtin, weight)

    def refresh(self) -> None:
        """Weigh up how items sell, if much was learned since; a request does it otherwise."""
        memory, shares = self._memory, self._shares
        if memory.baskets - shares.baskets >= STALE or memory.day > shares.day:
            self._shares = Shares(memory)

    def suggest(self, question: Question) -> tuple[Suggestion, ...]:
        """What the missing item may be, the likeliest first; nothing where nothing was sold."""
        self.refresh()
        return answer(self._memory, question, rank(self._memory, self._shares, question))

"""How something that is done by hand is answered: done, not allowed, or not possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.domain.effects import AnswerAct, Effect, Show
from agent.domain.outcome import ActOutcome
from agent.domain.text import Text
from agent.domain.transaction import LaneState, Step, advance

if TYPE_CHECKING:
    from agent.domain.facts import FactBody
    from agent.domain.shop import Role

NEEDED_TEXTS: dict[Role, Text] = {
    "cashier": Text("A cashier may do this"),
    "supervisor": Text("A supervisor is asked for this: let one key the PIN"),
    "manager": Text("The manager is asked for this: let them key the PIN"),
}


def done(state: LaneState, new: tuple[FactBody, ...], transaction_id: str, show: Show) -> Step:
    outcome = ActOutcome(show.text, transaction_id=transaction_id)
    effects: tuple[Effect, ...] = (show, AnswerAct(outcome))
    return advance(state, new, *effects)


def not_allowed(state: LaneState, least: Role) -> Step:
    return refused(state, ActOutcome(NEEDED_TEXTS[least], f"{least}_needed"))


def refused(state: LaneState, outcome: ActOutcome) -> Step:
    """Nothing was done, and only who asked is told."""
    return Step(state, effects=(AnswerAct(outcome),))

"""What is to be done once the facts are durable: data, carried out by the core."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from agent.domain.text import Text

if TYPE_CHECKING:
    from agent.domain.facts import MissedScanSuspected, Receipted
    from agent.domain.outcome import ActOutcome, SettlementOutcome


@dataclass(frozen=True, slots=True)
class Show:
    """Something for the lane screen: a kind for machines, a sentence for people."""

    kind: str
    text: Text
    data: dict[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SoundBeep:
    tone: Literal["good", "bad"]


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """To the lane screen and, at once, to head office: the customer is still there."""

    suspected: MissedScanSuspected
    text: Text
    quiet: bool = False  #: to head office alone


@dataclass(frozen=True, slots=True)
class PrintReceipt:
    job_id: str
    settled: Receipted


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a cashier total, for whoever sent it."""

    outcome: SettlementOutcome


@dataclass(frozen=True, slots=True)
class AnswerAct:
    """The outcome of something done by hand, for whoever did it."""

    outcome: ActOutcome


Effect: TypeAlias = Show | SoundBeep | RaiseAlert | PrintReceipt | Answer | AnswerAct


PROMISED_KINDS = frozenset(("settled", "goods_returned", "stock_not_deducted"))  #: of what is shown


def is_promise(effect: Effect) -> bool:
    """True for what tells somebody that a sale stands: it never goes before the commit. The rest
    are words about what just happened, which the lane owes the cashier even if the disk fails: so
    is that an act was refused."""
    match effect:
        case Show():
            return effect.kind in PROMISED_KINDS
        case AnswerAct():
            return not effect.outcome.code
        case _:
            return type(effect) in _PROMISES


_PROMISES = frozenset((Answer, PrintReceipt))

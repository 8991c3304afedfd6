"""Scales on which the goods stay until settlement: from rest to rest, and their last words."""

from __future__ import annotations

from dataclasses import replace

from agent.domain.events import BagMoves, BagRests
from agent.domain.facts import BagWeightChanged
from agent.domain.transaction import LaneState, OpenTransaction, Step, advance

STEP_G = 5  #: their division; less than that is drift, which adds up until it is more


def bag_told(state: LaneState, event: BagRests | BagMoves) -> Step:
    around, role = state.around, event.role
    if isinstance(event, BagMoves):
        return Step(replace(state, around=replace(around, moving=around.moving | {role})))
    if role in around.moving:
        state = replace(state, around=replace(around, moving=around.moving - {role}))
    before_g = dict(around.bags).get(role)
    total_g = before_g if event.total_g is None else event.total_g
    delta_g = 0 if total_g is None or before_g is None else total_g - before_g
    if total_g is None or (before_g is not None and abs(delta_g) < STEP_G):
        return Step(state)
    transaction_id = state.transaction.transaction_id if state.transaction else None
    return advance(state, (BagWeightChanged(transaction_id, delta_g, total_g, role),))


def last_words(state: LaneState, transaction: OpenTransaction) -> tuple[BagWeightChanged, ...]:
    """What each scale says at settlement, unless it is what it said last: that it watched, though
    nothing was put down; that something still moves, so that it tells nothing."""
    if transaction.was_aside:
        return ()
    said = {fact.role: fact for fact in transaction.seen if isinstance(fact, BagWeightChanged)}
    words = []
    for role, total_g in sorted(state.around.bags):
        steady = role not in state.around.moving
        last = said.get(role)
        if last is None or last.steady is not steady:
            told_g = total_g if steady else None
            words.append(
                BagWeightChanged(transaction.transaction_id, 0, told_g, role, steady=steady)
            )
    return tuple(words)
